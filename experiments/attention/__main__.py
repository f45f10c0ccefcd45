"""Draw what an agent attends to: python -m experiments.attention --run_dir=DIR.

Plays an episode on a level that training never draws. Into DIR/attention/ENVIRONMENT_level_K_POLICY
go a picture of every step, an animation, a page to explore (index.html) and a table of the mean
attention between kinds of objects (attention_summary.csv).

--pretrained=NAME instead of --run_dir takes an agent that ships with the project; its files go to
runs/pretrained_NAME, or to --out.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from experiments.attention.episode import AttentiveAgent, Episode
from experiments.attention.figure import draw_step
from experiments.attention.page import make_page
from experiments.attention.summary import Row, digest, summarise, to_csv
from experiments.chosen import add_arguments, load_chosen
from experiments.games import Game, check_levels, other_game, training_game
from experiments.gif import write_gif
from experiments.launch import UsageError
from experiments.playing import POLICIES, PlayedEpisode, Player, attempts_of
from experiments.trained import COMMAND_ERRORS, TrainedAgent, fit_to_game
from relational_rl.files import write_atomically

PAGE, ANIMATION, TABLE = "index.html", "episode.gif", "attention_summary.csv"

# Among how many levels one is looked for that is worth drawing.
_LEVELS_TRIED = 64
_SECONDS_PER_STEP = 0.45


class Maps(NamedTuple):
    """What was drawn.

    Attributes:
      directory: where everything is.
      episode: the one drawn.
      rows: the summary.
      level_seeds: the levels that the summary is over.
    """

    directory: Path
    episode: Episode
    rows: list[Row]
    level_seeds: range

    @property
    def over(self) -> str:
        """What the summary is over, in words."""
        first, last = self.level_seeds[0], self.level_seeds[-1]
        return f"levels {first}..{last}" if last > first else "this episode"


def draw_attention(
    trained: TrainedAgent,
    directory: Path,
    game: Game | None = None,
    level_seed: int | None = None,
    policy: str = "sampled",
    seed: int = 0,
    num_episodes: int = 1,
    all_objects: bool = False,
    progress: bool = False,
) -> Maps:
    """Plays an episode and draws what the agent attended to.

    Args:
      trained: a relational agent.
      directory: gets a folder for the episode; made if it does not exist.
      game: a Box-World; None is the one the agent was trained for.
      level_seed: which level; None chooses one, see `choose_level`.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      num_episodes: the summary is over so many levels, from `level_seed` on.
      all_objects: whether distractors attend too, or only the objects of the solution path.
      progress: whether to show a progress bar.

    Raises:
      UsageError: the agent does not attend, or an argument is wrong.
      OSError: a file cannot be written.
    """
    if num_episodes < 1:
        raise UsageError(f"episodes must be at least 1, got {num_episodes}")
    game = game or training_game(trained.config)
    trained = fit_to_game(trained, game)
    agent = AttentiveAgent(trained)
    if level_seed is None:
        level_seed = choose_level(trained, game, policy, seed)
    check_levels(level_seed, num_episodes)
    level_seeds = range(level_seed, level_seed + num_episodes)
    episodes = [agent.play(game, level, policy, seed) for level in level_seeds]
    rows = summarise(episodes, all_objects)
    name = game.name.replace("/", "-")
    directory = directory / f"{name}_level_{level_seed}_{policy}"
    maps = Maps(directory, episodes[0], rows, level_seeds)
    _write(maps, all_objects, progress)
    return maps


def choose_level(trained: TrainedAgent, game: Game, policy: str = "sampled", seed: int = 0) -> int:
    """Returns a level that shows much: solved, with a long solution path and many branches.

    The first of the best among the level seeds 0..63; where none is solved, of all of them.
    """
    player = Player(trained.agent, trained.spec, _LEVELS_TRIED)
    episodes = player.play(game, attempts_of(range(_LEVELS_TRIED)), policy, seed)

    def interest(episode: PlayedEpisode) -> tuple[int, ...]:
        info = episode.info
        difficulty = (info.get("solution_length", 0), info.get("num_branches", 0))
        return bool(episode.is_success), *difficulty

    return max(episodes, key=interest).attempt.level_seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    known = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        trained, out = load_chosen(known)
        game = other_game(trained.config, known.env_id) if known.env_id else None
        maps = draw_attention(
            trained,
            out / "attention",
            game,
            known.level_seed,
            known.policy,
            known.seed,
            known.episodes,
            known.all_pairs,
            progress=True,
        )
    except COMMAND_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(trained.description)
    print(describe(maps))
    return 0


def describe(maps: Maps) -> str:
    """Returns what was drawn and the summary's main rows as text for a terminal."""
    episode = maps.episode
    outcome = "solved" if episode.solved else "not solved"
    return (
        f"{episode.environment}, level {episode.level_seed}, {episode.policy} policy: "
        f"{outcome} in {len(episode.steps)} steps\n\n{digest(maps.rows)}\n(over {maps.over})\n\n"
        f"page to explore  {maps.directory / PAGE}\n"
        f"animation        {maps.directory / ANIMATION}\n"
        f"pictures         {maps.directory / 'step_*.png'}\n"
        f"all pairs        {maps.directory / TABLE}"
    )


def _write(maps: Maps, all_objects: bool, progress: bool) -> None:
    """Writes the pictures of an episode, its animation, its page and the summary."""
    directory, episode = maps.directory, maps.episode
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("step_*.png"):
        stale.unlink()
    pictures, frames = [], []
    for index in tqdm(range(len(episode.steps)), unit="step", disable=None if progress else True):
        frames.append(draw_step(episode, index, all_objects))
        pictures.append(f"step_{index + 1:03d}.png")
        write_atomically(directory / pictures[-1], _png(frames[-1]))
    write_gif(directory / ANIMATION, frames, _SECONDS_PER_STEP, last_seconds=2.5)
    write_atomically(directory / TABLE, to_csv(maps.rows))
    page = make_page(episode, maps.rows, maps.over, pictures, ANIMATION, TABLE)
    write_atomically(directory / PAGE, page)


def _png(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")
    return content.getvalue()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.attention",
        description="Play an episode and draw what the agent attends to.",
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.add_argument("--env_id", help="default: what the run was trained for")
    parser.add_argument(
        "--level_seed", type=int, metavar="K", help="default: a solved level that shows much"
    )
    parser.add_argument(
        "--policy", default="sampled", help=f"{' or '.join(POLICIES)} (default sampled)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sampled actions (default 0)")
    parser.add_argument(
        "--episodes",
        type=int,
        default=1,
        metavar="N",
        help="take the summary over N levels from K on (default 1)",
    )
    parser.add_argument(
        "--all_pairs",
        action="store_true",
        help="arrows from distractors too, not only from the objects of the solution path",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
