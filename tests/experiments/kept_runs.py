"""Made-up runs to keep in results, on Box-World and on a mini-game, without any training."""

import json

import numpy as np
from tiny_runs import TINY

from experiments import configs
from experiments.evaluation import mini_games
from experiments.games import mini_game_of
from experiments.published import RANDOM, SCRIPTED
from experiments.results import store
from experiments.results.kept import Run
from experiments.results.store import load_results
from experiments.statistics import mean_of, wilson_share
from relational_rl.config import replace, to_dict

STAGES = ({"num_branches": 0}, {})
CONFIG = replace(TINY, {"env.kwargs": {}, "curriculum.stages": STAGES})
BEACON = configs.load("sc2_movetobeacon_small")
COLUMNS = "frames,minutes,updates,episodes,episode_return,solved,curriculum_stage,loss"


def evaluation_of(config, frames, solved, **changes):
    """What `relational-rl evaluate` writes, as far as the results read it."""
    return {
        "frames": frames,
        "environment": config.env.id,
        "env_kwargs": {},
        "policy": "sampled",
        "seed": 0,
        "first_level": 0,
        "num_levels": 200,
        "mean_return": 7.25,
        "solved": wilson_share(solved, 200).to_dict(),
        "solved_in_tries": {"1": {}},
    } | changes


def make_run(run_dir, config=CONFIG, solved=180, last_frames=4000, lines=None):
    """Writes a run directory with four rows of metrics and an evaluation."""
    run_dir.mkdir()
    lines = lines or [
        "1000,1,10,50,1.5,0.2,0,0.5",
        "2000,2,20,0,,,0,0.25",
        "3000,3,30,30,6.5,0.5,1,0.125",
        f"{last_frames},4,40,10,10.5,0.9,1,1",
    ]
    (run_dir / "metrics.csv").write_text("\n".join([COLUMNS, *lines, ""]))
    (run_dir / "config.json").write_text(json.dumps(to_dict(config)))
    sessions = [
        {"started": "2026-11-24T10:00:00Z", "machine": "laptop", "commit": "c0ffee"},
        {"started": "2026-11-24T11:00:00Z", "machine": "laptop", "commit": "beef"},
    ]
    (run_dir / "machine.json").write_text(json.dumps(sessions))
    evaluation = evaluation_of(config, last_frames, solved)
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    path.write_text(json.dumps(evaluation))
    return run_dir


def make_mini_game_run(
    run_dir, config=BEACON, agent=(20, 22, 24), others=None, game="stand-in", crashed=0
):
    """Likewise of a mini-game: nothing says what is solved, and scores are compared."""
    lines = ["1000,1,10,0,,,0,0.5", "2000,2,20,30,1,,0,0.5", "4000,4,40,10,5,,0,0.25"]
    make_run(run_dir, config, lines=lines)
    others = {RANDOM: (0, 1, 2), SCRIPTED: (24, 25, 26)} if others is None else others
    scores = [
        mini_games.Score(player, game, mean_of(values), max(values), crashed)
        for player, values in {f"{config.agent.label} agent": agent, **others}.items()
    ]
    changes = {"env_kwargs": config.env.kwargs, "num_levels": 30, "solved": None}
    changes |= mini_games.to_dict(mini_game_of(config.env), scores)
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path.rename(run_dir / "evaluation_SC2-MoveToBeacon-v0_sampled.json").parent


def keep_mini_game(tmp_path, name="beacon", config=BEACON, **arguments):
    """Keeps such a run; returns all that is kept."""
    run_dir = make_mini_game_run(tmp_path / f"{name}{config.run.seed}", config, **arguments)
    store.add_run(run_dir, tmp_path / "results", name)
    return load_results(tmp_path / "results")


def on_starcraft(config):
    return replace(config, {"env.kwargs.game": "starcraft"})


def cells(table, row=0):
    """Returns a row of a table by the heads of its columns."""
    head, _, *rows = [line[2:-2].split(" | ") for line in table.splitlines()]
    return dict(zip(head, rows[row], strict=True))


def scripted_run(x, solved, stages, episodes=None, minutes=None, config=CONFIG):
    metrics = {
        "frames": x,
        "minutes": x if minutes is None else minutes,
        "solved": solved,
        "curriculum_stage": stages,
        "episodes": np.ones(len(x)) if episodes is None else episodes,
    }
    metrics = {name: np.asarray(values, np.float64) for name, values in metrics.items()}
    return Run(None, config, (), metrics, (), ())
