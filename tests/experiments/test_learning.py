"""Learning for real: the whole product on problems that are small enough to be learned here."""

import csv

import pytest
import tensorflow as tf

from experiments import launch
from experiments.configs import boxworld_easy
from relational_rl.acting.actor import ActorDescription
from relational_rl.config import EnvSpec, Online, Random, References, Run, StopAt, replace
from relational_rl.run.trainer import Trainer

# Five by five cells, the key and the gem's box. In 20 steps a random walk solves few levels.
TINY = replace(
    boxworld_easy.experiment,
    {
        "env": EnvSpec(
            id="boxworld:BoxWorld-v0",
            kwargs={
                "room_size": 5,
                "num_colors": 4,
                "solution_length": 1,
                "num_branches": 0,
                "max_steps": 20,
            },
        ),
        "curriculum": None,
        "agent.encoder.max_entities": 6,
        "agent.encoder.references": References(count=2, match_size=8),
        "agent.num_blocks": 1,
        "agent.mlp": (64,),
        "learner.learning_rate": 3e-3,
        "source": Online(envs_per_actor=64, unroll_length=16),
        "run": Run(
            total_frames=200_000, stop_at=StopAt(solved=0.9, window=500), metrics_seconds=1.0
        ),
    },
)


def solved(agent, spec, parameters):
    """Returns the share of episodes that an agent solves on levels of another seed."""
    actor = ActorDescription(
        env=TINY.env, agent=agent, spec=spec, num_envs=200, unroll_length=200, index=0, seed=10**6
    ).build()
    actor.set_parameters(parameters, 0)
    actor.set_stage(0, TINY.env.kwargs)
    episodes = actor.unroll().episodes
    actor.close()
    assert len(episodes) > 1000
    return sum(episode.is_success for episode in episodes) / len(episodes)


def test_a_tiny_boxworld_is_learned(tmp_path):
    trainer = Trainer(TINY, tmp_path)
    summary = trainer.run()
    assert summary.reason == "solved", f"not within {summary.frames} frames"
    trained = solved(TINY.agent, trainer.spec, trainer.learner.parameters())
    random = solved(Random(), trainer.spec, [])
    assert random < 0.1
    assert trained > 0.8


def test_another_game_trains_through_the_same_launcher(tmp_path):
    pytest.importorskip("minigrid")
    tf.config.run_functions_eagerly(True)  # compiling would take longer than the run
    try:
        status = launch.main(
            [
                "--config=boxworld_easy",
                f"--run_dir={tmp_path}",
                "--config.env_id=minigrid:MiniGrid-Empty-5x5-v0",
                "--config.observation_keys=['image', 'direction']",
                "--config.curriculum=[]",
                "--config.entities=all",
                "--config.entity_size=16",
                "--config.num_blocks=1",
                "--config.num_references=0",
                "--config.num_passes=1",
                "--config.envs_per_actor=16",
                "--config.batch_size=16",
                "--config.unroll_length=16",
                "--config.total_frames=3_000",
                "--config.metrics_seconds=0",
            ]
        )
    finally:
        tf.config.run_functions_eagerly(False)
    assert status == 0
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert float(rows[-1]["frames"]) >= 3_000
    assert sum(float(row["episodes"]) for row in rows) > 0
    assert 0 < max(float(row["episode_return"] or 0) for row in rows) < 1
