"""The folder of results: an experiment a folder, a seed a folder in it.

    NAME/experiment.json   its title and whose network it is, see `KeptExperiment`
    NAME/seedS/            config.json, machine.json, metrics.csv (thinned), evaluation_*.json,
                           generalisation.json; of one and the same agent

Whoever adds a run adds a folder; nothing else lists the runs.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from experiments.results.kept import ADDITIONS, KeptExperiment, Run, additions_of, is_main
from experiments.results.thinning import thin, to_csv, until
from experiments.training import check_learned_by_reinforcement
from relational_rl.config import Experiment, from_dict, to_dict
from relational_rl.config.tree import paths
from relational_rl.errors import UsageError
from relational_rl.files import write_atomically
from relational_rl.run.directory import CONFIG, MACHINE, METRICS, read_experiment
from relational_rl.run.table import read_metrics

EXPERIMENT_FILE = "experiment.json"
GENERALISATION_FILE = "generalisation.json"
# What may differ between the runs of an experiment: the seed, and what leaves the training alone.
_FREE = {"run.seed", "run.metrics_seconds", "run.checkpoint_seconds", "run.checkpoints_kept"}
_REQUIRED = {"frames", "minutes", "solved", "episode_return", "curriculum_stage"}


def add_run(
    run_dir: Path,
    results_dir: Path,
    name: str,
    title: str | None = None,
    additions: str | None = None,
) -> Path:
    """Copies what is evidence from a run directory into the results.

    A run of the same seed is replaced. Rows of metrics beyond the agent that was evaluated are
    left out: the record ends with the agent that the numbers are of.

    Args:
      run_dir: of the run, evaluated by `relational-rl evaluate`.
      results_dir: the folder of results; made if it does not exist.
      name: of the experiment.
      title: of the experiment; None keeps what is there, at first the name.
      additions: likewise; None is what the config says.

    Returns:
      The folder of the run.

    Raises:
      UsageError: the run has not been evaluated, its evaluations are of different agents, it does
        not belong to the experiment, it is one of imitation, or an argument is wrong.
      OSError: a file cannot be read or written.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", name):
        raise UsageError(f"name must be of lower-case letters, digits and '_', got {name!r}")
    config = read_experiment(run_dir)
    check_learned_by_reinforcement(run_dir)
    frames = _evaluated_frames(run_dir, config)
    experiment = _described(results_dir / name, config, title, additions)
    directory = results_dir / name / f"seed{config.run.seed}"
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    for path in (run_dir / CONFIG, run_dir / MACHINE, *_evidence(run_dir)):
        if path.exists():
            shutil.copyfile(path, directory / path.name)
    metrics = thin(until(read_metrics(run_dir / METRICS), frames))
    write_atomically(directory / METRICS, to_csv(metrics))
    write_atomically(results_dir / name / EXPERIMENT_FILE, json.dumps(experiment, indent=1) + "\n")
    return directory


def load_results(results_dir: Path) -> list[KeptExperiment]:
    """Returns the experiments of a folder of results, by name.

    Raises:
      UsageError: a folder is not one that `add_run` makes.
    """
    experiments = []
    names = sorted({path.parents[1].name for path in results_dir.glob(f"*/seed*/{METRICS}")})
    for name in names:
        directory = results_dir / name
        seeds = sorted(directory.glob("seed*"), key=lambda path: int(path.name[len("seed") :]))
        runs = tuple(load_run(seed) for seed in seeds)
        about = _read_json(directory / EXPERIMENT_FILE, {})
        additions = about.get("additions") or additions_of(runs[0].config)
        experiments.append(KeptExperiment(name, about.get("title", name), additions, runs))
    return experiments


def load_run(directory: Path) -> Run:
    """Returns a run of the results.

    Raises:
      UsageError: a file is missing or damaged.
    """
    config = read_experiment(directory)
    try:
        metrics = read_metrics(directory / METRICS)
    except OSError as error:
        raise UsageError(f"{directory} is no run of the results: {error}") from error
    missing = _REQUIRED - metrics.keys()
    if missing or not metrics["frames"].size:
        got = f"no column {min(missing)}" if missing else "none"
        raise UsageError(
            f"{directory / METRICS} must have rows of {', '.join(sorted(_REQUIRED))}, got {got}"
        )
    evaluations = [_read_json(path, None) for path in sorted(directory.glob("evaluation_*.json"))]
    evaluations.sort(key=lambda evaluation: not is_main(config, evaluation))
    return Run(
        directory,
        config,
        tuple(_read_json(directory / MACHINE, [])),
        metrics,
        tuple(evaluations),
        tuple(_read_json(directory / GENERALISATION_FILE, [])),
    )


def _evidence(run_dir: Path) -> list[Path]:
    return [*sorted(run_dir.glob("evaluation_*.json")), run_dir / GENERALISATION_FILE]


def _evaluated_frames(run_dir: Path, config: Experiment) -> int:
    """Returns how many frames the evaluated agent has learned from."""
    found: dict[int, Path] = {}
    main = False
    for path in _evidence(run_dir):
        content = _read_json(path, [])
        for evaluation in content if isinstance(content, list) else [content]:
            found.setdefault(evaluation["frames"], path)
            main = main or (content is evaluation and is_main(config, evaluation))
    if not main:
        raise UsageError(
            f"{run_dir} has no evaluation of what it was trained for; first: "
            f"relational-rl evaluate --run_dir={run_dir}"
        )
    if len(found) > 1:
        ages = ", ".join(f"{path.name} after {frames:,}" for frames, path in found.items())
        raise UsageError(
            f"the evaluations in {run_dir} must be of one agent, got {ages} frames; "
            "run the commands again once the training is over"
        )
    return next(iter(found))


def _described(
    directory: Path, config: Experiment, title: str | None, additions: str | None
) -> dict[str, str]:
    """Returns an experiment's description after a run of this config has been added to it."""
    for seed in sorted(directory.glob("seed*")):
        differing = _differing(config, read_experiment(seed))
        if differing and seed.name != f"seed{config.run.seed}":
            raise UsageError(
                f"the runs of {directory} must differ in the seed only, got another "
                f"config.{differing[0]} than in {seed.name}; choose another --name"
            )
    derived = additions_of(config)
    before = _read_json(directory / EXPERIMENT_FILE, {})
    additions = additions or before.get("additions", derived)
    if additions not in ADDITIONS:
        raise UsageError(f"additions must be one of {', '.join(ADDITIONS)}, got {additions!r}")
    if additions == "published" and derived != "published":
        raise UsageError(
            "additions must be generic or special for a network that is not the published one, "
            "got 'published'"
        )
    return {"title": title or before.get("title", directory.name), "additions": additions}


def _differing(config: Experiment, other: Experiment) -> list[str]:
    """Returns the values that differ and may not, by path."""
    mine, others = (paths(from_dict(to_dict(each))) for each in (config, other))
    names = (mine.keys() | others.keys()) - _FREE
    return sorted(name for name in names if mine.get(name) != others.get(name))


def _read_json(path: Path, default: Any) -> Any:
    """Returns what a file holds, the default if there is none.

    Raises:
      UsageError: it is no JSON.
    """
    if not path.exists():
        return default
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path} is no JSON: {error}") from error
