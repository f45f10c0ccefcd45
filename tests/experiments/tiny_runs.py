"""Tiny run directories: what training leaves behind, without the training."""

import json

import numpy as np
import pytest

from experiments import configs
from relational_rl.config import (
    Cells,
    EnvSpec,
    Experiment,
    Patch,
    Relational,
    override,
    replace,
    to_dict,
)
from relational_rl.playing.player import Player
from relational_rl.run.checkpoint import CheckpointStore
from relational_rl.run.directory import CHECKPOINTS
from relational_rl.run.spec import environment_spec
from relational_rl.trained import load_run

TINY = Experiment(
    env=EnvSpec(id="boxworld:BoxWorld-Easy-v0", kwargs={"max_steps": 6}),
    agent=Relational(
        encoder=Cells(stem=Patch(size=16, num_frequencies=4), max_entities=8),
        num_blocks=2,
        num_heads=3,
        head_size=4,
        mlp=(16,),
        # A policy that is far from uniform, so that a wrong action would be noticed.
        policy_scale=2.0,
    ),
)

# What makes a run of sc2_movetobeacon_small tiny, as on a command line: episodes of 8 steps.
TINY_MINI_GAME = {
    "env_kwargs": "{'game': 'standin', 'screen_size': 8, 'minimap_size': 8, 'max_game_loops': 64}",
    "vectorization": "sync",
    "envs_per_actor": "2",
    "batch_size": "2",
    "unroll_length": "6",
    "map_size": "4",
    "map_channels": "4",
    "embedding_size": "2",
    "memory_size": "4",
    "head_size": "4",
    "mlp": "(8,)",
    "metrics_seconds": "0",
}


def empty_room(shape):
    """What the background of a Box-World is: a grey room in a black border."""
    room = np.zeros(shape, np.uint8)
    room[1:-1, 1:-1] = 204
    return room


def save_run(run_dir, experiment):
    """Writes a run directory with the checkpoint of an untrained agent; returns the agent."""
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / "config.json").write_text(json.dumps(to_dict(experiment)))
    spec = environment_spec(experiment)
    agent = experiment.agent.build(spec)
    if getattr(getattr(agent, "encoder", None), "needs_background", False):
        agent.encoder.background.assign(empty_room(spec.image_shape))
    state = {"frames": 12_345, "minutes": 1.5, "curriculum": {"stage": 0, "recent": []}}
    CheckpointStore(run_dir / CHECKPOINTS, agent=agent).save(7, state)
    return agent


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """The directory of a relational agent over occupied cells; its episodes last 6 steps."""
    run_dir = tmp_path_factory.mktemp("runs") / "tiny"
    save_run(run_dir, TINY)
    return run_dir


@pytest.fixture(scope="session")
def tiny_agent(tiny_run):
    """The agent of that run, loaded."""
    return load_run(tiny_run)


@pytest.fixture(scope="session")
def tiny_player(tiny_agent):
    """Plays four episodes of that agent at a time."""
    return Player(tiny_agent.agent, tiny_agent.spec, num_slots=4)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory):
    """The directory of a run that is over, of a game that chance solves now and then."""
    run_dir = tmp_path_factory.mktemp("runs") / "finished"
    room = {"room_size": 6, "num_colors": 4, "solution_length": 1, "num_branches": 0}
    experiment = replace(
        TINY,
        {
            "env.kwargs": {**room, "max_steps": 200},
            "agent.head_size": 16,  # as the packed network asks
            "agent.policy_scale": 0.01,
            "run.total_frames": 12_000,
            "run.seed": 5,
        },
    )
    save_run(run_dir, experiment)
    sessions = [{"started": "2026-11-24T10:00:00Z", "commit": "c0ffee", "machine": "a laptop"}]
    (run_dir / "machine.json").write_text(json.dumps(sessions))
    return run_dir


@pytest.fixture(scope="session")
def control_run(tmp_path_factory):
    """The directory of a control agent."""
    run_dir = tmp_path_factory.mktemp("runs") / "control"
    save_run(
        run_dir,
        replace(
            TINY,
            {"agent": "control", "agent.encoder.stem": "conv", "agent.residual_blocks": 1},
        ),
    )
    return run_dir


@pytest.fixture(scope="session")
def mini_game_run(tmp_path_factory):
    """The directory of an agent for MoveToBeacon on the stand-in, of two blocks and two heads."""
    pytest.importorskip("pysc2")
    run_dir = tmp_path_factory.mktemp("runs") / "mini_game"
    more = {"num_blocks": "2", "num_heads": "2", "reward_scale": "0.5"}
    save_run(run_dir, override(configs.load("sc2_movetobeacon_small"), {**TINY_MINI_GAME, **more}))
    return run_dir
