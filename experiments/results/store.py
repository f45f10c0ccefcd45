"""The folder of results: an experiment a folder, a seed a folder in it.

    NAME/experiment.json   its title and whose network it is, see `Experiment`
    NAME/seedS/            config.json, machine.json, metrics.csv (thinned), evaluation_*.json,
                           generalisation.json; of one and the same agent

Whoever adds a run adds a folder; nothing else lists the runs.
"""

import csv
import dataclasses
import io
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import configs
from experiments.games import training_game
from experiments.launch import (
    CONFIG_FILE,
    MACHINE_FILE,
    UsageError,
    check_learned_by_reinforcement,
    load_run_config,
)
from experiments.mini_games import game_of, name_of
from relational_rl.config import AgentConfig, Config
from relational_rl.files import write_atomically
from relational_rl.run.metrics import METRICS_FILE, read_metrics

EXPERIMENT_FILE = "experiment.json"
GENERALISATION_FILE = "generalisation.json"
MAX_ROWS = 300

# Whose network it is: the paper's, with additions that know nothing of the game, with some that do.
ADDITIONS = ("published", "generic", "special")
# Whose config is the published network of section 4; that of section 2 is `Config`'s defaults.
_PUBLISHED_SPATIAL = "sc2_movetobeacon"
# What may differ from them in the published network: the paper leaves it open, or it changes how
# the network is computed and not what it is. "agent" may: the control is published too.
_OPEN = {
    "agent",
    "conv_padding",
    "num_blocks",
    "num_heads",
    "head_size",
    "control_blocks",
    "mlp",
    "implementation",
    "policy_scale",
}
# What may differ between the runs of an experiment: the seed, and what leaves the training alone.
_FREE = {"seed", "metrics_seconds", "checkpoint_seconds", "checkpoints_kept"}
# What is counted as the run goes on, and so is that of the last row of those thinned to one.
_RUNNING = ("frames", "minutes", "updates", "curriculum_stage")
_REQUIRED = {"frames", "minutes", "solved", "episode_return", "curriculum_stage"}
# What is a mean over episodes.
_OF_EPISODES = ("episode_return", "episode_length", "solved")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run as it is kept.

    Attributes:
      directory: where.
      config: the run's.
      sessions: what it says of machine and commit, once for each start; () if it says nothing.
      metrics: float64 [rows] by column.
      evaluations: as `Evaluation.to_dict` has them, that of the training game first.
      generalisation: as `generalisation.to_json` has it; () without one.
    """

    directory: Path
    config: Config
    sessions: tuple[dict[str, Any], ...]
    metrics: dict[str, np.ndarray]
    evaluations: tuple[dict[str, Any], ...]
    generalisation: tuple[dict[str, Any], ...]

    @property
    def frames(self) -> int:
        """Transitions learned from."""
        return int(self.metrics["frames"][-1])

    @property
    def minutes(self) -> float:
        """Of training."""
        return float(self.metrics["minutes"][-1])

    @property
    def stage(self) -> int:
        """Which stage of the curriculum the last row is of, 0 the first."""
        return int(self.metrics["curriculum_stage"][-1])

    @property
    def last_stage(self) -> int:
        """Which stage of the curriculum is the last, 0 the first."""
        return max(len(self.config.curriculum), 1) - 1

    @property
    def main_evaluation(self) -> dict[str, Any] | None:
        """The evaluation of the sampled policy on the training game; None without one."""
        first = self.evaluations[0] if self.evaluations else None
        return first if first and _is_main(self.config, first) else None

    @property
    def scores(self) -> tuple[dict[str, Any], ...]:
        """Of that evaluation, as `mini_games.to_dict` has them; () where it is of no mini-game.

        The agent's first, then those it was compared with on the game that it was trained on.
        """
        game = training_game(self.config)
        if game.mini_game is None or self.main_evaluation is None:
            return ()
        found = self.main_evaluation.get("scores", ())
        return tuple(score for score in found if score["game"] == name_of(game_of(game)))


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Runs that differ in nothing but the seed.

    Attributes:
      name: of its folder.
      title: for figures and tables.
      additions: whose network it is, one of ADDITIONS.
      runs: by seed.
    """

    name: str
    title: str
    additions: str
    runs: tuple[Run, ...]

    @property
    def config(self) -> Config:
        """That of the first run."""
        return self.runs[0].config


def additions_of(config: Config) -> str:
    """Returns "published" if the network is the paper's, else "generic".

    Nothing in a config says that an addition is special to a game; whoever adds such a run does.
    """
    published = configs.load(_PUBLISHED_SPATIAL) if config.network == "spatial" else Config()
    for field in dataclasses.fields(AgentConfig):
        name = field.name
        if name not in _OPEN and getattr(config, name) != getattr(published, name):
            return "generic"
    return "published"


def mean_scores(runs: Sequence[Run]) -> dict[str, float]:
    """Returns the mean scores on a mini-game by player, each a mean over the runs' evaluations."""
    means: dict[str, list[float]] = {}
    for run in runs:
        for score in run.scores:
            if score["mean"] is not None:
                means.setdefault(score["player"], []).append(score["mean"])
    return {player: sum(values) / len(values) for player, values in means.items()}


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
      run_dir: of the run, evaluated by `experiments.evaluate`.
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
    config = load_run_config(run_dir)
    check_learned_by_reinforcement(run_dir)
    frames = _evaluated_frames(run_dir, config)
    experiment = _described(results_dir / name, config, title, additions)
    directory = results_dir / name / f"seed{config.seed}"
    if directory.exists():
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    for path in (run_dir / CONFIG_FILE, run_dir / MACHINE_FILE, *_evidence(run_dir)):
        if path.exists():
            shutil.copyfile(path, directory / path.name)
    metrics = thin(until(read_metrics(run_dir / METRICS_FILE), frames))
    write_atomically(directory / METRICS_FILE, _table(metrics))
    write_atomically(results_dir / name / EXPERIMENT_FILE, json.dumps(experiment, indent=1) + "\n")
    return directory


def load_results(results_dir: Path) -> list[Experiment]:
    """Returns the experiments of a folder of results, by name.

    Raises:
      UsageError: a folder is not one that `add_run` makes.
    """
    experiments = []
    names = sorted({path.parents[1].name for path in results_dir.glob(f"*/seed*/{METRICS_FILE}")})
    for name in names:
        directory = results_dir / name
        seeds = sorted(directory.glob("seed*"), key=lambda path: int(path.name[len("seed") :]))
        runs = tuple(load_run(seed) for seed in seeds)
        about = _read_json(directory / EXPERIMENT_FILE, {})
        experiments.append(
            Experiment(
                name,
                about.get("title", name),
                about.get("additions", additions_of(runs[0].config)),
                runs,
            )
        )
    return experiments


def load_run(directory: Path) -> Run:
    """Returns a run of the results.

    Raises:
      UsageError: a file is missing or damaged.
    """
    config = load_run_config(directory)
    try:
        metrics = read_metrics(directory / METRICS_FILE)
    except OSError as error:
        raise UsageError(f"{directory} is no run of the results: {error}") from error
    missing = _REQUIRED - metrics.keys()
    if missing or not metrics["frames"].size:
        got = f"no column {min(missing)}" if missing else "none"
        raise UsageError(
            f"{directory / METRICS_FILE} must have rows of "
            f"{', '.join(sorted(_REQUIRED))}, got {got}"
        )
    evaluations = [_read_json(path, None) for path in sorted(directory.glob("evaluation_*.json"))]
    evaluations.sort(key=lambda evaluation: not _is_main(config, evaluation))
    return Run(
        directory,
        config,
        tuple(_read_json(directory / MACHINE_FILE, [])),
        metrics,
        tuple(evaluations),
        tuple(_read_json(directory / GENERALISATION_FILE, [])),
    )


def until(metrics: Mapping[str, np.ndarray], frames: int) -> dict[str, np.ndarray]:
    """Returns the rows up to a number of frames."""
    kept = metrics["frames"] <= frames
    return {name: values[kept] for name, values in metrics.items()}


def thin(metrics: Mapping[str, np.ndarray], max_rows: int = MAX_ROWS) -> dict[str, np.ndarray]:
    """Returns metrics in at most so many rows, each of them as many successive ones in one.

    Episodes are added up, what is a mean over episodes is weighted by them, other numbers are
    averaged, and frames and minutes are those of the last row. Rows of different stages of the
    curriculum are never mixed, so there are at least as many rows as stages.
    """
    rows = metrics["frames"].size
    stages = metrics.get("curriculum_stage", np.zeros(rows))
    changes = np.flatnonzero(np.diff(stages)) + 1
    segments = list(zip([0, *changes], [*changes, rows], strict=True))
    size = 1
    while sum(-(-(end - first) // size) for first, end in segments) > max_rows and size < rows:
        size += 1
    groups = [
        slice(start, min(start + size, end))
        for first, end in segments
        for start in range(first, end, size)
    ]
    return {name: np.array([_merged(metrics, name, group) for group in groups]) for name in metrics}


def _merged(metrics: Mapping[str, np.ndarray], name: str, group: slice) -> float:
    """Returns the number that stands for a group of rows in column `name`."""
    values = metrics[name][group]
    if name in _RUNNING:
        return values[-1]
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    if name == "episodes":
        return values[known].sum()
    weights = np.ones(values.size)
    if name in _OF_EPISODES and "episodes" in metrics:
        weights = metrics["episodes"][group]
    return float(np.average(values[known], weights=weights[known]))


def _evidence(run_dir: Path) -> list[Path]:
    return [*sorted(run_dir.glob("evaluation_*.json")), run_dir / GENERALISATION_FILE]


def _evaluated_frames(run_dir: Path, config: Config) -> int:
    """Returns how many frames the evaluated agent has learned from."""
    found: dict[int, Path] = {}
    main = False
    for path in _evidence(run_dir):
        content = _read_json(path, [])
        for evaluation in content if isinstance(content, list) else [content]:
            found.setdefault(evaluation["frames"], path)
            main = main or (content is evaluation and _is_main(config, evaluation))
    if not main:
        raise UsageError(
            f"{run_dir} has no evaluation of what it was trained for; first: "
            f"python -m experiments.evaluate --run_dir={run_dir}"
        )
    if len(found) > 1:
        ages = ", ".join(f"{path.name} after {frames:,}" for frames, path in found.items())
        raise UsageError(
            f"the evaluations in {run_dir} must be of one agent, got {ages} frames; "
            "run the commands again once the training is over"
        )
    return next(iter(found))


def _is_main(config: Config, evaluation: Mapping[str, Any]) -> bool:
    """Returns whether an evaluation is of the sampled policy on what the run was trained for."""
    game = training_game(config)
    kwargs = json.loads(json.dumps(dict(game.env_kwargs)))
    played = (evaluation["environment"], evaluation["env_kwargs"], evaluation["policy"])
    return played == (game.env_id, kwargs, "sampled")


def _described(
    directory: Path, config: Config, title: str | None, additions: str | None
) -> dict[str, str]:
    """Returns an experiment's description after a run of this config has been added to it."""
    for seed in sorted(directory.glob("seed*")):
        mine, others = vars(config), vars(load_run_config(seed))
        differing = [name for name in mine if name not in _FREE and mine[name] != others[name]]
        if differing and seed.name != f"seed{config.seed}":
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


def _table(metrics: Mapping[str, np.ndarray]) -> str:
    """Returns metrics as a table like that of a run; whole numbers exactly, others to 6 digits."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(metrics)
    for row in zip(*metrics.values(), strict=True):
        writer.writerow(
            "" if np.isnan(x) else str(int(x)) if float(x).is_integer() else f"{x:.6g}" for x in row
        )
    return text.getvalue()
