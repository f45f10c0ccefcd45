"""Who may know whom: the packages depend on one another in one direction only."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"boxworld", "relational_rl", "sc2_minigames", "experiments"}
ALLOWED = {
    "boxworld": {"boxworld", "numpy", "numba", "gymnasium", "llvmlite", "pygame"},
    "relational_rl": {
        *("relational_rl", "numpy", "numba", "llvmlite", "gymnasium", "tensorflow", "sonnet"),
        *("matplotlib", "tqdm", "threadpoolctl"),
    },
    "sc2_minigames": {
        *("sc2_minigames", "numpy", "gymnasium", "pysc2", "s2clientprotocol", "google", "absl"),
        *("websocket", "portpicker"),
    },
    "experiments": {
        *("experiments", "boxworld", "relational_rl", "numpy", "gymnasium", "tensorflow"),
        *("matplotlib", "PIL", "tqdm", "llvmlite", "minigrid", "envpool"),
    },
}


def _imports(path):
    """Yields the top-level package of every import in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0]


@pytest.mark.parametrize("package", sorted(OURS))
def test_a_package_imports_only_what_it_may(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        found = set(_imports(path)) - set(sys.stdlib_module_names)
        assert found <= ALLOWED[package], path


def test_box_world_needs_no_tensorflow():
    code = (
        "import boxworld, sys; print('tensorflow' in sys.modules, 'relational_rl' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert result.stdout.split() == ["False", "False"], result.stderr


def test_the_agent_names_no_environment():
    for path in (ROOT / "relational_rl").rglob("*.py"):
        code = ast.parse(path.read_text(encoding="utf-8"))
        strings = {
            node.value
            for node in ast.walk(code)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        named = {text for text in strings if text.startswith(("boxworld:", "SC2/"))}
        # The published experiment is the default of the config, and nothing else names a game.
        assert named <= ({"boxworld:BoxWorld-v0"} if path.name == "config.py" else set()), path
