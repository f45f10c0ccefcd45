"""relational-rl attention: draws what an agent attends to."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.cli.shared import add_agent, add_playing, agent_of, env_of, whole
from relational_rl.errors import UsageError

if TYPE_CHECKING:
    from relational_rl.trained import TrainedAgent

HELP = (
    "Play an episode and draw what the agent attends to, as pictures and as a page to explore; "
    "`attention measure` tells, over many levels, what each head attends to and what is needed."
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of the command."""
    parser.add_argument(
        "action",
        nargs="?",
        default="draw",
        choices=("draw", "measure"),
        help="draw an episode (the default), or measure over many levels of Box-World",
    )
    add_agent(parser)
    parser.add_argument("--env_id", help="default: what the run was trained for")
    parser.add_argument(
        "--level_seed",
        type=whole,
        metavar="K",
        help="default: a solved level of Box-World that shows much; 0 of another game",
    )
    add_playing(parser)
    parser.add_argument(
        "--episodes",
        type=whole,
        metavar="N",
        help="take the summary over N levels from K on (default 1); measure: over so many levels "
        "from 0 on (default 1000)",
    )
    parser.add_argument(
        "--played",
        type=whole,
        metavar="N",
        help="measure: play N levels under each intervention (default 300; 0 plays none)",
    )
    parser.add_argument(
        "--every",
        type=whole,
        default=10,
        metavar="N",
        help="of a game other than Box-World: draw every N-th step (default 10)",
    )
    parser.add_argument(
        "--all_pairs",
        action="store_true",
        help="arrows from distractors too, not only from the objects of the solution path",
    )


def run(flags: argparse.Namespace) -> int:
    """Draws, or measures."""
    trained, out = agent_of(flags)
    print(trained.description)
    if flags.action == "measure":
        return _measure(flags, trained, out)
    if flags.played is not None:
        raise UsageError("--played is for `attention measure`")
    from experiments.attention.command import draw

    flags.episodes = 1 if flags.episodes is None else flags.episodes
    print(draw(flags, trained, env_of(flags, trained), out / "attention"))
    return 0


def _measure(flags: argparse.Namespace, trained: "TrainedAgent", out: Path) -> int:
    if flags.policy != "sampled" or flags.all_pairs:
        raise UsageError("`attention measure` plays the sampled policy and draws no arrows")
    from experiments.attention.measuring.measure import measure
    from experiments.attention.measuring.report import FIGURE, NUMBERS, PAGE, write

    measured = measure(
        trained,
        env_of(flags, trained),
        1000 if flags.episodes is None else flags.episodes,
        300 if flags.played is None else flags.played,
        flags.level_seed or 0,
        seed=flags.seed,
        progress=True,
    )
    print(write(measured, out))
    print("written to " + ", ".join(str(out / name) for name in (PAGE, NUMBERS, FIGURE)))
    return 0
