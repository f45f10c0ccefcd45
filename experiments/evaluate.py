"""Evaluate a trained agent: python -m experiments.evaluate --run_dir=DIR.

Plays levels that training never draws, each exactly once, and prints the solved share with its
interval, in all and by difficulty. The numbers also go to DIR/evaluation_ENVIRONMENT_POLICY.json.

On a StarCraft II mini-game it plays 30 episodes and prints mean and maximum of their scores beside
those of the random policy, of PySC2's scripted agent and of the paper, each with the game it was
played on.

--pretrained=NAME instead of --run_dir takes an agent that ships with the project; its files go to
runs/pretrained_NAME, or to --out.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from boxworld.solver import solution_steps
from experiments import mini_games
from experiments.chosen import add_arguments, load_chosen
from experiments.evaluation import Evaluation, format_evaluation
from experiments.games import (
    Game,
    check_levels,
    is_boxworld,
    levels_trained_on,
    other_game,
    training_game,
)
from experiments.gif import write_gif
from experiments.launch import UsageError
from experiments.playing import (
    POLICIES,
    PlayedEpisode,
    Player,
    attempts_of,
    check_policy,
    num_slots,
    replay,
)
from experiments.statistics import Share, mean_pass_at_k, share_of
from experiments.trained import COMMAND_ERRORS, TrainedAgent, fit_to_game
from relational_rl.agents.agent import RandomAgent
from relational_rl.run.files import write_atomically

# Tries played for each try allowed: more of them make the estimate steadier.
_TRIES_PLAYED = 2
_EPISODES_DRAWN = 4
_LEVELS = 5000


def evaluate(
    trained: TrainedAgent,
    game: Game | None = None,
    num_levels: int = _LEVELS,
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
      game: where to play; None is the game it was trained for.
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
    game = game or training_game(trained.config)
    check_levels(first_level, num_levels)
    check_policy(policy)
    if tries < 1:
        raise UsageError(f"tries must be at least 1, got {tries}")
    if tries > 1 and policy == "greedy":
        raise UsageError(
            "tries needs policy=sampled, because the greedy policy plays a level the same way "
            "every time"
        )
    if player is None:
        trained = fit_to_game(trained, game)
        player = Player(trained.agent, trained.spec, num_slots(game, num_levels))
    levels = range(first_level, first_level + num_levels)
    tries_played = _TRIES_PLAYED * tries if tries > 1 else 1
    attempts = attempts_of(levels, tries_played)
    with tqdm(total=len(attempts), unit="episode", disable=None if progress else True) as bar:
        played = player.play(game, attempts, policy, seed, lambda _: bar.update())
    episodes = played[::tries_played]
    known = all(episode.is_success is not None for episode in played)
    counted = [e for e in episodes if e.is_success] if known else episodes
    max_steps, shortest_steps = _boxworld_facts(game, counted)
    evaluation = Evaluation(
        agent=trained.description,
        frames=trained.frames,
        environment=game.env_id,
        env_kwargs=dict(game.env_kwargs),
        policy=policy,
        seed=seed,
        first_level=first_level,
        num_levels=num_levels,
        levels_trained_on=(
            levels_trained_on(trained.config, first_level, num_levels)
            if game == training_game(trained.config)
            else 0
        ),
        max_steps=max_steps,
        max_entities=trained.max_entities,
        solved=share_of(bool(e.is_success) for e in episodes) if known else None,
        random_solved=(
            _random_solved(trained, game, levels, seed) if baseline and max_steps else None
        ),
        mean_return=_mean(e.episode_return for e in episodes),
        mean_steps=_mean(len(e.actions) for e in counted),
        shortest_steps=shortest_steps,
        by_solution_length=_by(episodes, "solution_length"),
        by_num_branches=_by(episodes, "num_branches"),
        failed_levels=[e.attempt.level_seed for e in episodes if e.is_success is False],
        tries_played=tries_played,
        solved_in_tries=_solved_in_tries(played, tries_played, tries) if known else {},
    )
    return evaluation, episodes


def write_videos(game: Game, episodes: Sequence[PlayedEpisode], directory: Path) -> list[Path]:
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
        name = f"{_file_name(game.name)}_level_{episode.attempt.level_seed}{outcome}.gif"
        write_gif(directory / name, replay(game, episode))
        paths.append(directory / name)
    return paths


def evaluation_file(directory: Path, game: Game, policy: str) -> Path:
    """Returns where the evaluation of a game goes."""
    return directory / f"evaluation_{_file_name(game.name)}_{policy}.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    known = _parse(sys.argv[1:] if arguments is None else arguments)
    try:
        trained, out = load_chosen(known)
        config = trained.config
        game = other_game(config, known.env_id) if known.env_id else training_game(config)
        map_name = game.mini_game
        usual = mini_games.EPISODES if map_name else _LEVELS
        num_levels = usual if known.levels is None else known.levels
        evaluation, episodes = evaluate(
            trained,
            game,
            num_levels,
            known.first_level,
            known.policy,
            known.seed,
            known.tries,
            progress=True,
        )
        print(format_evaluation(evaluation))
        content = evaluation.to_dict()
        if map_name:
            levels = range(known.first_level, known.first_level + num_levels)
            scores = [
                mini_games.score_of(f"{config.agent} agent", episodes),
                *mini_games.play_baselines(trained, game, levels, known.seed, progress=True),
            ]
            print(f"\n{mini_games.format_scores(map_name, scores)}")
            content |= mini_games.to_dict(map_name, scores)
        path = evaluation_file(out, game, known.policy)
        write_atomically(path, json.dumps(content, indent=1, allow_nan=False))
        print(f"\nwritten to {path}")
        if known.video:
            for path in write_videos(game, episodes, out / "episodes"):
                print(f"drawn in {path}")
    except COMMAND_ERRORS as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.evaluate",
        description="Play levels that training never draws, each once, and count the solved ones.",
        allow_abbrev=False,
    )
    add_arguments(parser)
    parser.add_argument("--env_id", help="default: what the run was trained for")
    parser.add_argument(
        "--levels",
        type=int,
        help=f"how many (default {_LEVELS}; {mini_games.EPISODES} episodes of a mini-game)",
    )
    parser.add_argument("--first_level", type=int, default=0, help="first level seed (default 0)")
    parser.add_argument(
        "--policy", default="sampled", help=f"{' or '.join(POLICIES)} (default sampled)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sampled actions (default 0)")
    parser.add_argument(
        "--tries", type=int, default=1, metavar="K", help="also the share solved in up to K tries"
    )
    parser.add_argument("--video", action="store_true", help="draw a few episodes as animated GIFs")
    return parser.parse_args(arguments)


def _boxworld_facts(
    game: Game, episodes: Sequence[PlayedEpisode]
) -> tuple[int | None, float | None]:
    """Returns Box-World's step cap and the mean shortest solution of the episodes' levels."""
    environment = game.make()
    try:
        if not is_boxworld(environment):
            return None, None
        boxworld: Any = environment.unwrapped
        seeds = np.array([episode.attempt.level_seed for episode in episodes], np.int64)
        return boxworld.max_steps, _mean(solution_steps(boxworld.level_spec, seeds))
    finally:
        environment.close()


def _random_solved(trained: TrainedAgent, game: Game, levels: range, seed: int) -> Share:
    agent = RandomAgent(trained.spec.num_actions)
    player = Player(agent, trained.spec, num_slots(game, len(levels)))
    episodes = player.play(game, attempts_of(levels), "sampled", seed)
    return share_of(bool(episode.is_success) for episode in episodes)


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


def _file_name(name: str) -> str:
    return name.replace("/", "-")


if __name__ == "__main__":
    sys.exit(main())
