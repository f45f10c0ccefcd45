"""relational-rl evaluate: plays levels that training never draws, and counts the solved ones."""

import argparse

from experiments.cli.shared import add_agent, add_playing, agent_of, env_of, whole

HELP = "Play levels that training never draws, each once, and count the solved ones."


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    add_agent(parser)
    parser.add_argument("--env_id", help="default: what the run was trained for")
    parser.add_argument(
        "--levels", type=whole, help="how many (default 5000; 30 episodes of a mini-game)"
    )
    parser.add_argument("--first_level", type=whole, default=0, help="first level seed (default 0)")
    add_playing(parser)
    parser.add_argument(
        "--tries", type=whole, default=1, metavar="K", help="also the share solved in up to K tries"
    )
    parser.add_argument("--video", action="store_true", help="draw a few episodes as animated GIFs")


def run(flags: argparse.Namespace) -> int:
    """Evaluates."""
    from experiments.evaluation.command import evaluate_and_write

    trained, out = agent_of(flags)
    evaluate_and_write(
        trained,
        env_of(flags, trained),
        out,
        flags.levels,
        flags.first_level,
        flags.policy,
        flags.seed,
        flags.tries,
        flags.video,
    )
    return 0
