"""The named experiments: each can be built, and the published one is the published one."""

import pytest

from experiments import configs
from relational_rl.agents import make_agent
from relational_rl.config import Config, from_dict, to_dict
from relational_rl.run.trainer import environment_spec


def test_the_names_are_those_of_the_modules():
    assert {"boxworld_easy", "boxworld_paper"} <= set(configs.names())
    assert configs.names() == sorted(configs.names())


def test_an_unknown_name_is_answered_with_the_known_ones():
    message = f"config must be one of {', '.join(configs.names())}, got 'chess'"
    with pytest.raises(ValueError, match=message):
        configs.load("chess")


@pytest.mark.parametrize("name", configs.names())
def test_every_config_says_what_it_is_for_and_survives_its_file(name):
    module = __import__(f"experiments.configs.{name}", fromlist=["config"])
    assert module.__doc__
    config = configs.load(name)
    assert isinstance(config, Config)
    assert to_dict(from_dict(to_dict(config))) == to_dict(config)


@pytest.mark.parametrize(
    "name", [name for name in configs.names() if configs.load(name).env_id.startswith("boxworld")]
)
def test_every_config_can_be_built(name):
    config = configs.load(name)
    agent = make_agent(config, environment_spec(config))
    assert agent.num_parameters() > 0


# Zambaldi et al. 2018, sections 3 and 4.1, and what it takes from Espeholt et al. 2018.
PUBLISHED = {
    "env_id": "boxworld:BoxWorld-v0",
    "env_kwargs": {},
    "curriculum": (),
    "agent": "relational",
    "stem": "conv",
    "conv_channels": (12, 24),
    "entities": "all",
    "num_references": 0,
    "share_weights": True,
    "policy_clip": 0.0,
    "normalize_advantages": False,
    "num_passes": 1,
    "unroll_length": 40,
    "batch_size": 32,
    "discount_factor": 0.99,
    "entropy_cost": 0.005,
    "entropy_schedule": "constant",
    "optimizer": "rmsprop",
    "rmsprop_decay": 0.99,
    "rmsprop_epsilon": 0.1,
    "learning_rate_schedule": "constant",
    "reduction": "sum",
    "trace_decay": 1.0,
    "reward_scale": 1.0,
    # Ours, where the papers are silent; PAPER values of IMPALA where it is the source.
    "conv_padding": "SAME",
    "baseline_cost": 0.5,
    "clip_rho_threshold": 1.0,
    "clip_pg_rho_threshold": 1.0,
    "max_gradient_norm": 40.0,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_experiment_has_the_published_value(name):
    assert getattr(configs.load("boxworld_paper"), name) == PUBLISHED[name]


def test_the_published_experiment_is_within_the_published_ranges():
    config = configs.load("boxworld_paper")
    assert 1e-5 <= config.learning_rate <= 2e-4
    assert 2 <= config.num_heads <= 4
    assert config.num_heads * config.head_size == 64 or config.head_size == 64
    assert 1 <= config.num_blocks <= 4
    assert 3 <= config.control_blocks <= 6
    assert len(config.mlp) == 4
    assert len(set(config.mlp)) == 1


def test_the_published_experiment_plays_the_published_game():
    spec = environment_spec(configs.load("boxworld_paper"))
    assert spec.image_shape == (14, 14, 3)
    assert spec.num_actions == 4
