"""What is kept of training: a run, an experiment of several, and whose network it is."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments import configs
from experiments.games import display_name, game_of, mini_game_of
from relational_rl.agents.encoding import default_encoder
from relational_rl.config import Experiment, kind_of, replace
from relational_rl.config.tree import paths
from relational_rl.run.spec import environment_spec

# Whose network it is: the paper's, with additions that know nothing of the game, with some that do.
ADDITIONS = ("published", "generic", "special")
# The presets of the published networks, of section 2 and of section 4.
_PUBLISHED = "boxworld_paper"
_PUBLISHED_SPATIAL = "sc2_movetobeacon"
# What may differ from them in the published network: the paper leaves it open, or it changes how
# the network is computed and not what it is.
_OPEN = {
    "encoder.stem.padding",
    "num_blocks",
    "num_heads",
    "head_size",
    "residual_blocks",
    "mlp",
    "implementation",
    "policy_scale",
    "initialization",
    "initialization.gain",
}


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
    config: Experiment
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
        return len(self.config.stages) - 1

    @property
    def main_evaluation(self) -> dict[str, Any] | None:
        """The evaluation of the sampled policy on the training game; None without one."""
        first = self.evaluations[0] if self.evaluations else None
        return first if first and is_main(self.config, first) else None

    @property
    def scores(self) -> tuple[dict[str, Any], ...]:
        """Of that evaluation, as `mini_games.to_dict` has them; () where it is of no mini-game.

        The agent's first, then those it was compared with on the game that it was trained on.
        """
        env = self.config.final_env
        if mini_game_of(env) is None or self.main_evaluation is None:
            return ()
        found = self.main_evaluation.get("scores", ())
        return tuple(score for score in found if score["game"] == display_name(game_of(env)))


@dataclasses.dataclass(frozen=True)
class KeptExperiment:
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
    def config(self) -> Experiment:
        """That of the first run."""
        return self.runs[0].config


def is_main(config: Experiment, evaluation: Mapping[str, Any]) -> bool:
    """Returns whether an evaluation is of the sampled policy on what the run was trained for."""
    env = config.final_env
    kwargs = json.loads(json.dumps(env.kwargs))
    played = (evaluation["environment"], evaluation["env_kwargs"], evaluation["policy"])
    return played == (env.name, kwargs, "sampled")


def additions_of(config: Experiment) -> str:
    """Returns "published" if the network is the paper's, relational or control, else "generic".

    Nothing in a configuration says that an addition is special to a game; whoever adds such a run
    does.
    """
    agent = config.agent
    kind = kind_of(agent)
    if ":" in kind:  # a user's own class
        return "generic"
    if getattr(agent, "encoder", agent) is None:
        encoder = default_encoder(environment_spec(config))
        agent = replace(config, {"agent.encoder": encoder}).agent
    published = configs.load(_PUBLISHED_SPATIAL if agent.spatial else _PUBLISHED)
    theirs, ours = paths(replace(published, {"agent": kind}).agent), paths(agent)
    names = theirs.keys() | ours.keys()
    different = {name for name in names if theirs.get(name) != ours.get(name)}
    return "published" if different <= _OPEN else "generic"


def mean_scores(runs: Sequence[Run]) -> dict[str, float]:
    """Returns the mean scores on a mini-game by player, each a mean over the runs' evaluations."""
    means: dict[str, list[float]] = {}
    for run in runs:
        for score in run.scores:
            if score["mean"] is not None:
                means.setdefault(score["player"], []).append(score["mean"])
    return {player: sum(values) / len(values) for player, values in means.items()}
