"""The command `relational-rl evaluate`: what it prints, and the files it writes."""

import json
from pathlib import Path

from experiments.evaluation import mini_games
from experiments.evaluation.evaluate import LEVELS, evaluate, write_videos
from experiments.evaluation.report import format_evaluation
from experiments.games import mini_game_of, name_of
from relational_rl.config import EnvSpec
from relational_rl.files import write_atomically
from relational_rl.trained import TrainedAgent


def evaluate_and_write(
    trained: TrainedAgent,
    env: EnvSpec,
    out: Path,
    levels: int | None = None,
    first_level: int = 0,
    policy: str = "sampled",
    seed: int = 0,
    tries: int = 1,
    video: bool = False,
) -> Path:
    """Evaluates an agent, prints what was found and writes it to a file; returns its path.

    Args:
      trained: the agent.
      env: where it plays.
      out: the folder for the files.
      levels: how many; None for 5000, or 30 episodes of a mini-game.
      first_level: the first level seed.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      tries: see `evaluate`.
      video: whether to draw a few episodes.
    """
    map_name = mini_game_of(env)
    num_levels = levels if levels is not None else mini_games.EPISODES if map_name else LEVELS
    evaluation, episodes = evaluate(
        trained, env, num_levels, first_level, policy, seed, tries, progress=True
    )
    print(format_evaluation(evaluation))
    content = evaluation.to_dict()
    if map_name:
        seeds = range(first_level, first_level + num_levels)
        scores = [
            mini_games.score_of(
                f"{trained.experiment.agent.label} agent", episodes, mini_games.screen_of(env)
            ),
            *mini_games.play_baselines(trained, env, seeds, seed, progress=True),
        ]
        print(f"\n{mini_games.format_scores(map_name, scores)}")
        content |= mini_games.to_dict(map_name, scores)
    path = evaluation_file(out, env, policy)
    write_atomically(path, json.dumps(content, indent=1, allow_nan=False))
    print(f"\nwritten to {path}")
    if video:
        for drawn in write_videos(env, episodes, out / "episodes"):
            print(f"drawn in {drawn}")
    return path


def evaluation_file(directory: Path, env: EnvSpec, policy: str) -> Path:
    """Returns where the evaluation of an environment goes."""
    return directory / f"evaluation_{name_of(env).replace('/', '-')}_{policy}.json"
