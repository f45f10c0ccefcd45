"""The named experiments: each can be built, and the published one is the published one."""

import pytest

from experiments import configs
from relational_rl.config import Control, Experiment, from_dict, to_dict
from relational_rl.config.tree import paths
from relational_rl.run.spec import environment_spec


def test_the_names_are_those_of_the_modules():
    assert {"boxworld_easy", "boxworld_paper"} <= set(configs.names())
    assert configs.names() == sorted(configs.names())


def test_an_unknown_name_is_answered_with_the_known_ones():
    message = f"config must be one of {', '.join(configs.names())}, or the path of a .py file"
    with pytest.raises(ValueError, match=message):
        configs.load("chess")


@pytest.mark.parametrize("name", configs.names())
def test_every_preset_says_what_it_is_for_and_survives_its_file(name):
    assert configs.about(name)
    experiment = configs.load(name)
    assert isinstance(experiment, Experiment)
    assert from_dict(to_dict(experiment)) == experiment


def test_every_preset_of_box_world_can_be_built():
    """Networks and environments that several presets share are built once."""
    presets = [configs.load(name) for name in configs.names()]
    distinct = {
        repr((preset.env.name, preset.env.kwargs, preset.agent)): preset
        for preset in presets
        if preset.env.id.startswith("boxworld")
    }
    assert len(distinct) >= 5
    for preset in distinct.values():
        assert preset.agent.build(environment_spec(preset)).num_parameters() > 0


# Zambaldi et al. 2018, sections 3 and 4.1, and what it takes from Espeholt et al. 2018.
PUBLISHED = {
    "env.id": "boxworld:BoxWorld-v0",
    "env.kwargs": {},
    "curriculum": None,
    "agent": "relational",
    "agent.encoder": "cells",
    "agent.encoder.stem": "conv",
    "agent.encoder.stem.channels": (12, 24),
    "agent.encoder.max_entities": None,
    "agent.encoder.references": None,
    "agent.share_weights": True,
    "agent.memory": None,
    "learner": "vtrace",
    "learner.policy_clip": 0.0,
    "learner.min_advantage_deviation": None,
    "learner.num_passes": 1,
    "source.unroll_length": 40,
    "learner.batch_size": 32,
    "learner.discount_factor": 0.99,
    "learner.entropy_cost": 0.005,
    "learner.entropy_schedule": "constant",
    "learner.optimizer": "rmsprop",
    "learner.optimizer.decay": 0.99,
    "learner.optimizer.epsilon": 0.1,
    "learner.learning_rate_schedule": "constant",
    "learner.reduction": "sum",
    "learner.trace_decay": 1.0,
    "learner.reward_scale": 1.0,
    # Ours, where the papers are silent; PAPER values of IMPALA where it is the source.
    "agent.encoder.stem.padding": "SAME",
    "learner.baseline_cost": 0.5,
    "learner.clip_rho_threshold": 1.0,
    "learner.clip_pg_rho_threshold": 1.0,
    "learner.max_gradient_norm": 40.0,
}


@pytest.mark.parametrize("path", PUBLISHED)
def test_the_published_experiment_has_the_published_value(path):
    assert paths(configs.load("boxworld_paper"))[path] == PUBLISHED[path]


def test_the_published_experiment_is_within_the_published_ranges():
    experiment = configs.load("boxworld_paper")
    agent = experiment.agent
    assert 1e-5 <= experiment.learner.learning_rate <= 2e-4
    assert 2 <= agent.num_heads <= 4
    assert agent.num_heads * agent.head_size == 64 or agent.head_size == 64
    assert 1 <= agent.num_blocks <= 4
    assert 3 <= Control().residual_blocks <= 6
    assert len(agent.mlp) == 4
    assert len(set(agent.mlp)) == 1


def test_the_published_experiment_plays_the_published_game():
    spec = environment_spec(configs.load("boxworld_paper"))
    assert spec.image_shape == (14, 14, 3)
    assert spec.num_actions == 4
