"""Learning for real: the whole product on problems that are small enough to be learned here."""

import csv

import pytest
import tensorflow as tf

from experiments import launch
from relational_rl.acting.actor import Actor, make_vector_environment
from relational_rl.agents import make_agent
from relational_rl.config import AgentConfig, Config
from relational_rl.run.trainer import Trainer

# Five by five cells, the key and the gem's box. In 20 steps a random walk solves few levels.
TINY = Config(
    env_id="boxworld:BoxWorld-v0",
    env_kwargs={
        "room_size": 5,
        "num_colors": 4,
        "solution_length": 1,
        "num_branches": 0,
        "max_steps": 20,
    },
    envs_per_actor=64,
    curriculum_window=500,
    stem="patch",
    entities="occupied",
    max_entities=6,
    entity_size=32,
    num_frequencies=16,
    num_references=2,
    match_size=8,
    num_blocks=1,
    head_size=16,
    mlp=(64,),
    unroll_length=16,
    batch_size=32,
    num_passes=2,
    policy_clip=0.2,
    normalize_advantages=True,
    trace_decay=0.95,
    reward_scale=0.5,
    reduction="mean",
    optimizer="adam",
    learning_rate=3e-3,
    entropy_cost=0.01,
    max_gradient_norm=1.0,
    total_frames=200_000,
    stop_at_solved=0.9,
    metrics_seconds=1.0,
)


def solved(agent, spec, parameters):
    """Returns the share of episodes that an agent solves on levels of another seed."""
    actor = Actor(
        lambda _: make_vector_environment(TINY.env_id, 200, TINY.env_kwargs),
        agent,
        spec,
        unroll_length=200,
        seed=1_000_003,
    )
    actor.set_parameters(parameters, 0)
    actor.set_stage(0, {})
    episodes = actor.unroll().episodes
    actor.close()
    assert len(episodes) > 1000
    return sum(episode.is_success for episode in episodes) / len(episodes)


def test_a_tiny_boxworld_is_learned(tmp_path):
    trainer = Trainer(TINY, tmp_path)
    summary = trainer.run()
    assert summary.reason == "solved", f"not within {summary.frames} frames"
    trained = solved(make_agent(TINY, trainer.spec), trainer.spec, trainer.learner.parameters())
    random = solved(make_agent(AgentConfig(agent="random"), trainer.spec), trainer.spec, [])
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
                "--config.envs_per_actor=64",
                "--config.batch_size=64",
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
