"""relational-rl configs: lists the presets, or every value of one with its meaning."""

import argparse
import json

HELP = "List the presets, or every value of one with its meaning."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument("name", nargs="?", help="a preset, or the path of a .py file")


def run(flags: argparse.Namespace) -> int:
    """Prints the list."""
    from experiments import configs

    if flags.name is None:
        width = max(map(len, configs.names()))
        for name in configs.names():
            print(f"{name:{width}}  {configs.about(name)}")
        return 0
    from relational_rl.config import describe

    values = describe(configs.load(flags.name))
    rows = [(each.path, _shown(each.value), each.meaning) for each in values]
    path_width = max(len(path) for path, _, _ in rows)
    for path, shown, meaning in rows:
        print(f"{path:{path_width}}  {shown:24}  {meaning}")
    return 0


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
