"""The command `relational-rl attention`: an episode, drawn.

Plays an episode on a level that training never draws. Into DIR/attention/ENVIRONMENT_level_K_POLICY
go a page to explore (index.html), a picture of every step, an animation, and a table of the mean
attention between kinds of objects (attention_summary.csv). Of any other game there is no table, and
a picture of every tenth step; of a StarCraft II mini-game it is the attention to cells of the
screen.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.attention.episode import AttentiveAgent, Episode
from experiments.attention.figure import draw_step
from experiments.attention.game import GameEpisode, play_game
from experiments.attention.game_figure import draw_game_step
from experiments.attention.game_page import make_game_page
from experiments.attention.output import picture_names, write_output
from experiments.attention.page import make_page
from experiments.attention.screen import ScreenEpisode, play_screens
from experiments.attention.screen_figure import draw_screen_step
from experiments.attention.screen_page import make_screen_page
from experiments.attention.summary import NOTE, Row, digest, summarise, to_csv
from experiments.games import boxworld_of, check_levels, fit, mini_game_of, name_of
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.playing.player import PlayedEpisode, Player, attempts_of
from relational_rl.trained import TrainedAgent

PAGE, ANIMATION, TABLE = "index.html", "episode.gif", "attention_summary.csv"

# Among how many levels one is looked for that is worth drawing.
_LEVELS_TRIED = 64
_EVERY = 10


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
    env: EnvSpec | None = None,
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
      env: a Box-World; None is the one the agent was trained for.
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
    env = env or trained.env
    trained = fit(trained, env)
    agent = AttentiveAgent(trained)
    if level_seed is None:
        level_seed = choose_level(trained, env, policy, seed)
    check_levels(level_seed, num_episodes)
    level_seeds = range(level_seed, level_seed + num_episodes)
    episodes = [agent.play(env, level, policy, seed) for level in level_seeds]
    rows = summarise(episodes, all_objects)
    directory = _folder(directory, env, level_seed, policy)
    maps = Maps(directory, episodes[0], rows, level_seeds)
    _write(maps, all_objects, progress)
    return maps


class _Drawing(NamedTuple):
    """How the episodes of a kind of game are played, drawn, and put on a page."""

    play: Callable[..., Any]
    page: Callable[..., str]
    draw: Callable[..., np.ndarray]


_SCREENS = _Drawing(play_screens, make_screen_page, draw_screen_step)
_GAMES = _Drawing(play_game, make_game_page, draw_game_step)


def draw_steps(
    trained: TrainedAgent,
    directory: Path,
    env: EnvSpec | None = None,
    level_seed: int = 0,
    every: int = _EVERY,
    progress: bool = False,
    **how: Any,
) -> tuple[Path, ScreenEpisode | GameEpisode]:
    """Plays an episode of any game and draws what the agent attended to.

    Of a StarCraft II mini-game, played by an agent of maps, it is drawn on the screen.

    Args:
      trained: a relational agent.
      directory: gets a folder for the episode; made if it does not exist.
      env: what to play; None is the game that the agent was trained for.
      level_seed: seed of the reset.
      every: every so many steps are drawn.
      progress: whether to show a progress bar.
      **how: `policy`, "sampled" or "greedy", and `seed` of the sampled actions.

    Returns:
      Where everything is, and the episode.

    Raises:
      UsageError: the agent does not attend, or an argument is wrong.
      OSError: a file cannot be written.
    """
    if every < 1:
        raise UsageError(f"every must be at least 1, got {every}")
    env = env or trained.env
    check_levels(level_seed, 1)
    drawing = _SCREENS if mini_game_of(env) and trained.experiment.agent.spatial else _GAMES
    episode = drawing.play(fit(trained, env), env, level_seed, every=every, **how)
    directory = _folder(directory, env, level_seed, episode.policy)
    pictures = picture_names(len(episode.steps))
    texts = {PAGE: drawing.page(episode, pictures, ANIMATION)}
    write_output(directory, texts, pictures, partial(drawing.draw, episode), ANIMATION, progress)
    return directory, episode


def choose_level(
    trained: TrainedAgent, env: EnvSpec, policy: str = "sampled", seed: int = 0
) -> int:
    """Returns a level that shows much: solved, with a long solution path and many branches.

    The first of the best among the level seeds 0..63; where none is solved, of all of them.
    """
    player = Player(trained.agent, trained.spec, _LEVELS_TRIED)
    episodes = player.play(env, attempts_of(range(_LEVELS_TRIED)), policy, seed)

    def interest(episode: PlayedEpisode) -> tuple[int, ...]:
        info = episode.info
        difficulty = (info.get("solution_length", 0), info.get("num_branches", 0))
        return bool(episode.is_success), *difficulty

    return max(episodes, key=interest).attempt.level_seed


def draw(flags: argparse.Namespace, trained: TrainedAgent, env: EnvSpec, directory: Path) -> str:
    """Draws what the command line asks for; returns what was drawn as text for a terminal."""
    if mini_game_of(env) or boxworld_of(env) is None:
        return _draw_steps(flags, trained, directory, env)
    maps = draw_attention(
        trained,
        directory,
        env,
        flags.level_seed,
        flags.policy,
        flags.seed,
        flags.episodes,
        flags.all_pairs,
        progress=True,
    )
    return describe(maps)


def describe(maps: Maps) -> str:
    """Returns what was drawn and the summary's main rows as text for a terminal."""
    episode = maps.episode
    outcome = "solved" if episode.solved else "not solved"
    return (
        f"{episode.environment}, level {episode.level_seed}, {episode.policy} policy: "
        f"{outcome} in {len(episode.steps)} steps\n\n{digest(maps.rows)}\n"
        f"(over {maps.over})\n{NOTE}\n\n"
        f"{_places(maps.directory)}\n"
        f"all pairs        {maps.directory / TABLE}"
    )


def _draw_steps(
    flags: argparse.Namespace, trained: TrainedAgent, directory: Path, env: EnvSpec
) -> str:
    """Draws what the command line asks for; returns what was drawn as text for a terminal."""
    if flags.episodes != 1 or flags.all_pairs:
        raise UsageError(f"episodes and all_pairs are of Box-World's summary, got env={env.name!r}")
    level_seed, how = flags.level_seed or 0, {"policy": flags.policy, "seed": flags.seed}
    directory, episode = draw_steps(
        trained, directory, env, level_seed, flags.every, progress=True, **how
    )
    played_on = f" ({episode.game})" if isinstance(episode, ScreenEpisode) else ""
    return (
        f"{episode.environment}{played_on}, episode {episode.level_seed}, {episode.policy} policy: "
        f"score {episode.score:g} in {episode.num_steps} steps, of which {len(episode.steps)} are "
        f"drawn\n\n{_places(directory)}"
    )


def _folder(directory: Path, env: EnvSpec, level_seed: int, policy: str) -> Path:
    name = name_of(env).replace("/", "-")
    return directory / f"{name}_level_{level_seed}_{policy}"


def _places(directory: Path) -> str:
    return (
        f"page to explore  {directory / PAGE}\n"
        f"animation        {directory / ANIMATION}\n"
        f"pictures         {directory / 'step_*.png'}"
    )


def _write(maps: Maps, all_objects: bool, progress: bool) -> None:
    """Writes the page of an episode, the summary, its pictures and its animation."""
    directory, episode = maps.directory, maps.episode
    pictures = picture_names(len(episode.steps))
    texts = {
        PAGE: make_page(episode, maps.rows, maps.over, pictures, ANIMATION, TABLE),
        TABLE: to_csv(maps.rows),
    }
    write_output(
        directory,
        texts,
        pictures,
        lambda i: draw_step(episode, i, all_objects),
        ANIMATION,
        progress,
    )
