"""A tiny training run over a scripted backend, and what it leaves behind."""

import csv
import dataclasses
import io
import json
import math

import numpy as np
from flat import TINY_NETWORK
from flat import flat as config
from scripted import GO_ON, NUM_ACTIONS, TERMINATED, Linear

from relational_rl.acting.unroll import Episode, Unroll
from relational_rl.config.old_names import from_flat
from relational_rl.run.hooks import Curve, Progress, standard_hooks
from relational_rl.run.trainer import Trainer

T, B = 3, 4
RELATIONAL = config(
    env_id="Scripted-v0",
    env_kwargs={"episodes": [[[1.0, GO_ON], [1.0, TERMINATED]]]},
    envs_per_actor=B,
    batch_size=2,
    unroll_length=T,
    **TINY_NETWORK,
    implementation="plain",
    total_frames=10**9,
    metrics_seconds=0.0,
    checkpoint_seconds=0.0,
)
# The loop is the same for any agent, and fastest for this one.
CONFIG = dataclasses.replace(RELATIONAL, agent=Linear())
STAGES = ({"tells_success": True}, {"tells_success": True, "episodes": [[[2.0, TERMINATED]]]})
SOLVED, FAILED = Episode(1.0, 2, 1.0), Episode(0.0, 2, 0.0)


def make_unroll(number=0, version=0, stage=0, episodes=(), dead=0):
    """The unroll of a number: always the same, with `dead` dead steps."""
    random = np.random.default_rng(number)
    weights = np.ones((T, B), np.float32)
    weights.ravel()[:dead] = 0.0
    return Unroll(
        observations={"image": random.integers(0, 256, (T + 1, B, 2, 2, 1), np.uint8)},
        actions=random.integers(NUM_ACTIONS, size=(T, B)).astype(np.int32),
        behaviour_log_probs=np.full((T, B), -math.log(NUM_ACTIONS), np.float32),
        rewards=random.normal(size=(T, B)).astype(np.float32),
        not_terminated=np.ones((T, B), np.float32),
        weights=weights,
        initial_state=(),
        version=version,
        stage=stage,
        episodes=tuple(episodes),
    )


class FakeBackend:
    """Deals unrolls (or calls functions, or raises) one after the other; notes what it is told."""

    def __init__(self, *unrolls):
        self._unrolls = list(unrolls)
        self.published = []
        self.stages = []
        self.log = []

    def publish(self, parameters, version):
        self.published.append((version, [value.copy() for value in parameters]))
        self.log.append(f"publish {version}")

    def set_stage(self, stage, env_kwargs):
        self.stages.append((stage, dict(env_kwargs)))
        self.log.append(f"stage {stage}")

    def start(self):
        self.log.append("start")

    def get(self, timeout):
        assert timeout > 0
        assert self._unrolls, "the loop went on"
        unroll = self._unrolls.pop(0)
        if isinstance(unroll, Exception):
            raise unroll
        return unroll() if callable(unroll) else unroll

    def stop(self):
        self.log.append("stop")


def train(run_dir, *unrolls, **changes):
    """Runs a new trainer; returns it, its summary, its backend and what it wrote."""
    backend, stream = FakeBackend(*unrolls), io.StringIO()
    trainer = make_trainer(run_dir, backend, stream, **changes)
    summary = trainer.run()
    return trainer, summary, backend, stream.getvalue()


def make_trainer(run_dir, backend, stream=None, hooks=(), **changes):
    """Makes a trainer on a backend, with changes by their flat names; it draws no curve."""
    standard = [Progress(stream) if type(h) is Progress else h for h in standard_hooks()]
    standard = [hook for hook in standard if type(hook) is not Curve]
    return Trainer(changed(**changes), run_dir, lambda *_: backend, [*hooks, *standard])


def changed(start=CONFIG, **changes):
    return from_flat(changes, start)


def rows(run_dir):
    with open(run_dir / "metrics.csv") as file:
        return [
            {name: float(cell or "nan") for name, cell in row.items()}
            for row in csv.DictReader(file)
        ]


def states(run_dir):
    """Returns what the checkpoints on the disk say, the oldest first."""
    paths = sorted((run_dir / "checkpoints").glob("step-*"))
    return [json.loads((path / "state.json").read_text())["state"] for path in paths]


def flat(values):
    return np.concatenate([np.asarray(value).ravel() for value in values])
