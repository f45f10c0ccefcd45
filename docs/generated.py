"""What the documentation takes from the code, as a hook of MkDocs.

A page says `<!-- generated: NAME -->` where the text of the function NAME below belongs, and
`<!-- file: PATH -->` where a file of the project does.
"""

import argparse
import dataclasses
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments import configs
from experiments.cli.main import COMMANDS, parser
from relational_rl import config
from relational_rl.config import learners, old_names

_ROOT = Path(__file__).parents[1]
_GENERATED = re.compile(r"<!-- generated: (\w+) -->")
_FILE = re.compile(r"<!-- file: (\S+) -->")
_PARTS = (config.Experiment, config.EnvSpec, config.Curriculum, config.Run, config.StopAt)
_FAMILIES = {
    "agent": config.AgentConfig,
    "agent.encoder": config.Encoder,
    "agent.encoder.stem": config.Stem,
    "agent.encoder.references": config.References,
    "agent.memory": config.Memory,
    "agent.initialization": config.Initialization,
    "learner": config.LearnerConfig,
    "learner.optimizer": learners.Optimizer,
    "source": config.SourceConfig,
    "source.backend": config.BackendConfig,
}


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Puts the generated texts and the files into a page."""
    del kwargs
    markdown = _FILE.sub(lambda found: _listing(found.group(1)), markdown)
    return _GENERATED.sub(lambda found: GENERATED[found.group(1)](), markdown)


def presets() -> str:
    """Returns a table of the presets."""
    return _table(
        ("preset", "what it is"), [(f"`{name}`", configs.about(name)) for name in configs.names()]
    )


def commands() -> str:
    """Returns the help of every command."""
    whole = parser()
    subparsers = next(
        action for action in whole._actions if isinstance(action, argparse._SubParsersAction)
    )
    texts = []
    for name in COMMANDS:
        flags = [
            (f"`{action.option_strings[0] if action.option_strings else action.dest}`", action.help)
            for action in subparsers.choices[name]._actions
            if not isinstance(action, argparse._HelpAction)
        ]
        about = subparsers.choices[name].description
        texts.append(f"## {name}\n\n{about}\n\n{_table(('flag', 'meaning'), flags)}")
    return "\n\n".join(texts)


def configuration() -> str:
    """Returns a table for every part of the configuration, with all its values and defaults."""
    texts = [_part(part, part.__name__) for part in _PARTS]
    for where, family in _FAMILIES.items():
        texts.append(f"## {where}\n\n{_about(family)}")
        for kind, choice in family.kinds().items():
            texts.append(_part(choice, f"{where}={kind}", "###"))
    return "\n\n".join(texts)


def old() -> str:
    """Returns a table of the flat names of version 0.1 and where their values are now."""
    rows = [
        (f"`{name}`", " or ".join(f"`{place}`" for place in places))
        for name, places in old_names.MOVED.items()
    ]
    return _table(("0.1", "now"), rows)


GENERATED = {each.__name__: each for each in (presets, commands, configuration, old)}


def _listing(path: str) -> str:
    """Returns a Python file of the project as a block of code."""
    return f'```python title="{path}"\n{(_ROOT / path).read_text(encoding="utf-8")}```'


def _part(part: type, title: str, level: str = "##") -> str:
    names = {field.name for field in dataclasses.fields(part)}  # type: ignore[arg-type]
    rows = [
        (f"`{row.path}`", f"`{_shown(row.value)}`", row.meaning)
        for row in config.describe(part())
        if row.path in names
    ]
    table = _table(("value", "default", "meaning"), rows) if rows else "It has no values."
    return f"{level} {title}\n\n{_about(part)}\n\n{table}"


def _about(cls: type) -> str:
    """Returns the first sentence or paragraph of a docstring."""
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split())


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
