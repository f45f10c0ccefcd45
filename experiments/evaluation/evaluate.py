"""Plays levels that training never draws, each once, and counts the solved ones."""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments.evaluation.report import Evaluation
from experiments.games import (
    boxworld_of,
    check_levels,
    fit,
    levels_trained_on,
    name_of,
    num_slots,
)
from experiments.gif import write_gif
from experiments.statistics import Share, mean_pass_at_k, share_of
from relational_rl.config import EnvSpec, Random
from relational_rl.errors import UsageError
from relational_rl.playing.levels import make_for_levels
from relational_rl.playing.player import (
    PlayedEpisode,
    Player,
    attempts_of,
    check_policy,
    replay,
)
from relational_rl.trained import TrainedAgent

LEVELS = 5000
# Tries played for each try allowed: more of them make the estimate steadier.
_TRIES_PLAYED = 2
_EPISODES_DRAWN = 4


def evaluate(
    trained: TrainedAgent,
    env: EnvSpec | None = None,
    num_levels: int = LEVELS,
    first_level: int = 0,
    policy: str = "sampled",
    seed: int = 0,
    tries: int = 1,
    baseline: bool = True,
    player: Player | None = None,
    progress: bool = False,
) -> tuple[Evaluation, list[PlayedEpisode]]:
    """Plays each level of a range once and counts.

    Args:
      trained: the agent.
      env: where to play; None is what it was trained for.
      num_levels: how many levels.
      first_level: the first level seed.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      tries: K; above 1 each level is played 2 K times, for the share that is solved when up to K
        tries are allowed.
      baseline: whether the random policy plays the same levels (only on Box-World).
      player: plays, of an agent that fits the game; None makes one, which takes seconds.
      progress: whether to show a progress bar.

    Returns:
      The counts, and the first episode of every level in order.

    Raises:
      UsageError: an argument is wrong or the game cannot be played.
    """
    env = env or trained.env
    check_levels(first_level, num_levels)
    check_policy(policy)
    if tries < 1:
        raise UsageError(f"tries must be at least 1, got {tries}")
    if tries > 1 and policy == "greedy":
        raise UsageError(
            "tries needs policy=sampled, because the greedy policy plays a level the same way "
            "every time"
        )
    levels = range(first_level, first_level + num_levels)
    tries_played = _TRIES_PLAYED * tries if tries > 1 else 1
    boxworld = boxworld_of(env)
    with contextlib.ExitStack() as stack:
        more: dict[str, Any] = {}
        if player is None:
            trained = fit(trained, env)
            slots = num_slots(env, num_levels)
            player = Player(trained.agent, trained.spec, slots)
            # Both policies play in the same environments.
            more["environment"] = stack.enter_context(
                contextlib.closing(make_for_levels(env, slots))
            )
        attempts = attempts_of(levels, tries_played)
        with tqdm(total=len(attempts), unit="episode", disable=None if progress else True) as bar:
            played = player.play(env, attempts, policy, seed, lambda _: bar.update(), **more)
        random = None
        if baseline and boxworld is not None:
            agent = Random().build(trained.spec)
            other = Player(agent, trained.spec, num_slots(env, num_levels))
            random = other.play(env, attempts_of(levels), "sampled", seed, **more)
    if boxworld is not None:
        played = [_with_difficulty(episode, boxworld.level_spec) for episode in played]
    known = all(episode.is_success is not None for episode in played)
    episodes = played[::tries_played]
    seen = levels_trained_on(trained.experiment, first_level, num_levels)
    evaluation = Evaluation(
        agent=trained.description,
        frames=trained.frames,
        environment=env.name,
        env_kwargs=dict(env.kwargs),
        policy=policy,
        seed=seed,
        first_level=first_level,
        num_levels=num_levels,
        levels_trained_on=seen if env == trained.env else 0,
        max_entities=trained.max_entities,
        random_solved=None if random is None else share_of(bool(e.is_success) for e in random),
        tries_played=tries_played,
        solved_in_tries=_solved_in_tries(played, tries_played, tries) if known else {},
        **_counts(episodes, known, boxworld),
        max_steps=None if boxworld is None else _step_cap(env, boxworld),
    )
    return evaluation, episodes


def _counts(episodes: Sequence[PlayedEpisode], known: bool, boxworld: Any) -> dict[str, Any]:
    """Returns the fields of an `Evaluation` that are counts of its episodes."""
    counted = [e for e in episodes if e.is_success] if known else episodes
    return {
        "solved": share_of(bool(e.is_success) for e in episodes) if known else None,
        "mean_return": _mean(e.episode_return for e in episodes),
        "mean_steps": _mean(len(e.actions) for e in counted),
        "shortest_steps": None if boxworld is None else _shortest(counted, boxworld.level_spec),
        "by_solution_length": _by(episodes, "solution_length"),
        "by_num_branches": _by(episodes, "num_branches"),
        "failed_levels": [e.attempt.level_seed for e in episodes if e.is_success is False],
    }


def _step_cap(env: EnvSpec, boxworld: Any) -> int:
    """Returns the most actions of an episode: of the game or of a shorter time limit about it."""
    limit = env.kwargs.get("max_episode_steps") or -1
    return min(boxworld.max_steps, limit) if limit > 0 else boxworld.max_steps


def write_videos(env: EnvSpec, episodes: Sequence[PlayedEpisode], directory: Path) -> list[Path]:
    """Draws the first few solved and the first few failed episodes as animated GIFs.

    Raises:
      UsageError: the environment cannot draw itself.
      OSError: a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    failed = [episode for episode in episodes if episode.is_success is False]
    others = [episode for episode in episodes if episode.is_success is not False]
    paths = []
    for episode in others[:_EPISODES_DRAWN] + failed[:_EPISODES_DRAWN]:
        outcome = {True: "_solved", False: "_failed", None: ""}[episode.is_success]
        name = f"{name_of(env).replace('/', '-')}_level_{episode.attempt.level_seed}{outcome}.gif"
        write_gif(directory / name, replay(env, episode))
        paths.append(directory / name)
    return paths


def _shortest(episodes: Sequence[PlayedEpisode], level_spec: Any) -> float:
    """Returns the mean length of the shortest solutions of the episodes' levels."""
    from boxworld.solver import solution_steps

    seeds = np.array([episode.attempt.level_seed for episode in episodes], np.int64)
    return _mean(solution_steps(level_spec, seeds))


def _with_difficulty(episode: PlayedEpisode, level_spec: Any) -> PlayedEpisode:
    """Adds what the level is to the info of an episode that a time limit cut."""
    if "solution_length" in episode.info:
        return episode
    from boxworld import generate_level

    level = generate_level(level_spec, episode.attempt.level_seed)
    names = ("solution_length", "num_branches", "branch_length")
    return episode._replace(info={name: getattr(level, name) for name in names} | episode.info)


def _by(episodes: Sequence[PlayedEpisode], name: str) -> dict[int, Share]:
    """Returns the solved share by a value of the info; {} where the info lacks it."""
    outcomes: dict[int, list[bool]] = {}
    for episode in episodes:
        if name in episode.info and episode.is_success is not None:
            outcomes.setdefault(int(episode.info[name]), []).append(episode.is_success)
    return {value: share_of(outcomes[value]) for value in sorted(outcomes)}


def _solved_in_tries(
    played: Sequence[PlayedEpisode], tries_played: int, tries: int
) -> dict[int, Share]:
    """Returns pass@k for k = 1, 2, 4, ... and `tries`; `played` is level by level."""
    solved = np.array([bool(episode.is_success) for episode in played])
    counts = solved.reshape(-1, tries_played).sum(axis=1).tolist()
    allowed = sorted({2**i for i in range(tries.bit_length())} | {tries})
    return {k: mean_pass_at_k(tries_played, counts, k) for k in allowed}


def _mean(values: Any) -> float:
    values = list(values)
    return float(np.mean(values)) if values else math.nan
