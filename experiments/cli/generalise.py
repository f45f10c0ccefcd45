"""relational-rl generalise: plays what the published agents were tested on, and compares."""

import argparse

from experiments.cli.shared import add_agent, add_playing, agent_of, whole

HELP = "Play what the published Box-World agents were tested on, and compare."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_agent(parser)
    parser.add_argument("--levels", type=whole, default=1000, help="per condition (default 1000)")
    parser.add_argument("--first_level", type=whole, default=0, help="first level seed (default 0)")
    add_playing(parser)


def run(flags: argparse.Namespace) -> int:
    """Plays and compares."""
    from experiments.evaluation.generalise import generalise, to_json, to_markdown
    from relational_rl.files import write_atomically

    trained, out = agent_of(flags)
    results = generalise(
        trained, flags.levels, flags.first_level, flags.policy, flags.seed, progress=True
    )
    text = to_markdown(results, trained.max_entities)
    print(text)
    write_atomically(out / "generalisation.md", text)
    write_atomically(out / "generalisation.json", to_json(results))
    print(f"written to {out / 'generalisation.md'} and .json")
    return 0
