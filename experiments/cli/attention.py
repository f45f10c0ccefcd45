"""relational-rl attention: draws what an agent attends to."""

import argparse

from experiments.cli.shared import add_agent, add_playing, agent_of, env_of, whole

HELP = "Play an episode and draw what the agent attends to, as pictures and as a page to explore."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_agent(parser)
    parser.add_argument("--env_id", help="default: what the run was trained for")
    parser.add_argument(
        "--level_seed",
        type=whole,
        metavar="K",
        help="default: a solved level that shows much; 0 of a mini-game",
    )
    add_playing(parser)
    parser.add_argument(
        "--episodes",
        type=whole,
        default=1,
        metavar="N",
        help="take the summary over N levels from K on (default 1)",
    )
    parser.add_argument(
        "--every",
        type=whole,
        default=10,
        metavar="N",
        help="of a mini-game: draw every N-th step (default 10)",
    )
    parser.add_argument(
        "--all_pairs",
        action="store_true",
        help="arrows from distractors too, not only from the objects of the solution path",
    )


def run(flags: argparse.Namespace) -> int:
    """Draws."""
    from experiments.attention.command import draw

    trained, out = agent_of(flags)
    print(trained.description)
    print(draw(flags, trained, env_of(flags, trained), out / "attention"))
    return 0
