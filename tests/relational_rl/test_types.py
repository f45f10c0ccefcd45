"""The type checker sees through Sonnet: what a module does not have is an error."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SNIPPET = """
from relational_rl.agents.entity import EntityAgent
from relational_rl.nn.relational import RelationalModule
def use(agent: EntityAgent) -> None:
    agent.no_such_method()
    agent.num_parameters() + len(agent.trainable_variables)
    agent.num_parameters().no_such_attribute
    RelationalModule(num_blocks="two")
"""


def test_a_method_that_no_agent_has_is_refused(tmp_path):
    """Each wrong line is, and no other."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET)
    result = subprocess.run(
        [sys.executable, "-m", "mypy", str(snippet)], cwd=ROOT, capture_output=True, text=True
    )
    found = [line.partition("snippet.py:") for line in result.stdout.splitlines()]
    mine = [line for _, name, line in found if name]
    assert result.returncode == 1, result.stdout + result.stderr
    assert mine == [
        '5: error: "EntityAgent" has no attribute "no_such_method"  [attr-defined]',
        '7: error: "int" has no attribute "no_such_attribute"  [attr-defined]',
        '8: error: Argument "num_blocks" to "RelationalModule" has incompatible type '
        '"str"; expected "int"  [arg-type]',
    ]
