"""The configuration of an experiment: names, types, ranges, texts."""

import dataclasses
import json
import re

import pytest

from relational_rl.config import (
    AgentConfig,
    Config,
    EnvironmentConfig,
    LearnerConfig,
    RunConfig,
    from_dict,
    override,
    to_dict,
)

PARTS = (EnvironmentConfig, AgentConfig, LearnerConfig, RunConfig)
NAMES = [field.name for field in dataclasses.fields(Config)]


def test_the_parts_are_the_whole():
    names = [field.name for part in PARTS for field in dataclasses.fields(part)]
    assert len(names) == len(set(names))
    assert set(names) == set(NAMES)


def test_a_part_is_checked_without_the_others():
    with pytest.raises(ValueError, match="num_heads must be at least 1, got 0"):
        AgentConfig(num_heads=0)


# For every field another value, as the command line says it and as the config holds it.
OVERRIDES = {
    "env_id": ("MiniGrid-Empty-8x8-v0", "MiniGrid-Empty-8x8-v0"),
    "env_kwargs": ("{'room_size': 6, 'levels': [0, 5]}", {"room_size": 6, "levels": [0, 5]}),
    "observation_keys": ("['image', 'direction']", ("image", "direction")),
    "num_actors": ("3", 3),
    "envs_per_actor": ("64", 64),
    "vectorization": ("async", "async"),
    "curriculum": ("[{'solution_length': [1, 2]}, {}]", ({"solution_length": [1, 2]}, {})),
    "curriculum_threshold": ("1", 1.0),
    "curriculum_window": ("20", 20),
    "agent": ("control", "control"),
    "network": ("spatial", "spatial"),
    "memory": ("convlstm", "convlstm"),
    "memory_size": ("32", 32),
    "stem": ("patch", "patch"),
    "conv_channels": ("(8,)", (8,)),
    "conv_padding": ("VALID", "VALID"),
    "patch": ("(3, 1)", (3, 1)),
    "num_frequencies": ("0", 0),
    "frequency_scale": ("1.5", 1.5),
    "place_scale": ("1.5", 1.5),
    "entity_size": ("16", 16),
    "entities": ("occupied", "occupied"),
    "max_entities": ("5", 5),
    "memory_shortcut": ("true", True),
    "num_references": ("2", 2),
    "match_size": ("4", 4),
    "likeness": ("true", True),
    "num_blocks": ("1", 1),
    "num_heads": ("4", 4),
    "head_size": ("8", 8),
    "share_weights": ("false", False),
    "block_mlp": ("(384, 384)", (384, 384)),
    "control_blocks": ("6", 6),
    "control_convolutions": ("3", 3),
    "control_channels": ("32", 32),
    "mlp": ("[]", ()),
    "map_size": ("4", 4),
    "map_channels": ("16", 16),
    "embedding_size": ("3", 3),
    "vector_mlp": ("()", ()),
    "head_mlp": ("()", ()),
    "action_embedding": ("4", 4),
    "argument_channels": ("8", 8),
    "argument_entropy": ("exact", "exact"),
    "argument_pixels": ("True", True),
    "implementation": ("plain", "plain"),
    "policy_scale": ("1", 1.0),
    "unroll_length": ("7", 7),
    "batch_size": ("16", 16),
    "num_passes": ("2", 2),
    "discount_factor": ("0", 0.0),
    "baseline_cost": ("1", 1.0),
    "entropy_cost": ("1e-3", 1e-3),
    "entropy_schedule": ("linear", "linear"),
    "clip_rho_threshold": ("2", 2.0),
    "clip_pg_rho_threshold": ("0.5", 0.5),
    "trace_decay": ("0.9", 0.9),
    "policy_clip": ("0.2", 0.2),
    "normalize_advantages": ("True", True),
    "min_advantage_deviation": ("0.01", 0.01),
    "reward_scale": ("0.5", 0.5),
    "reduction": ("mean", "mean"),
    "optimizer": ("adam", "adam"),
    "learning_rate": ("2e-4", 2e-4),
    "learning_rate_schedule": ("linear", "linear"),
    "rmsprop_decay": ("0.9", 0.9),
    "rmsprop_epsilon": ("1e-5", 1e-5),
    "adam_epsilon": ("1e-5", 1e-5),
    "max_gradient_norm": ("1", 1.0),
    "seed": ("3", 3),
    "total_frames": ("1_000", 1000),
    "max_minutes": ("0.5", 0.5),
    "stop_at_solved": ("0.9", 0.9),
    "queue_size": ("3", 3),
    "metrics_seconds": ("0", 0.0),
    "checkpoint_seconds": ("5", 5.0),
    "checkpoints_kept": ("1", 1),
}


def test_every_field_has_a_text():
    assert set(OVERRIDES) == set(NAMES)


@pytest.mark.parametrize("name", OVERRIDES)
def test_a_text_replaces_one_value(name):
    text, value = OVERRIDES[name]
    before = Config(queue_size=8, network="spatial" if name == "memory" else "entities")
    config = override(before, {name: text})
    assert getattr(config, name) == value
    assert type(getattr(config, name)) is type(getattr(before, name))
    assert getattr(before, name) != value
    assert dataclasses.replace(config, **{name: getattr(before, name)}) == before


def test_texts_replace_several_values_at_once():
    # Neither alone would be legal: 32 is no multiple of 24.
    config = override(Config(), {"batch_size": "24", "envs_per_actor": "48"})
    assert (config.batch_size, config.envs_per_actor) == (24, 48)
    everything = override(Config(), {name: text for name, (text, _) in OVERRIDES.items()})
    assert all(getattr(everything, name) == value for name, (_, value) in OVERRIDES.items())


def test_a_name_of_the_environments_arguments_replaces_that_argument():
    before = Config(env_kwargs={"game": "chess", "size": 8})
    config = override(before, {"game": "go", "size": "19", "seed": "3"})
    assert config == Config(env_kwargs={"game": "go", "size": 19}, seed=3)
    assert before.env_kwargs == {"game": "chess", "size": 8}
    with pytest.raises(ValueError, match=r"config\.colour is unknown"):
        override(before, {"colour": "1"})


def test_each_network_has_its_own_memory():
    with pytest.raises(ValueError, match="memory must be one of none, convlstm with network=spati"):
        Config(network="spatial", memory="lstm")
    assert Config(network="spatial", memory="convlstm").memory == "convlstm"


def test_round_trip_through_json():
    everything = override(Config(), {name: text for name, (text, _) in OVERRIDES.items()})
    for config in (Config(), everything):
        values = json.loads(json.dumps(to_dict(config)))
        assert from_dict(values) == config
        assert set(values) == set(NAMES)


def test_missing_names_take_their_default():
    assert from_dict({"seed": 5}) == Config(seed=5)


@pytest.mark.parametrize("make", [from_dict, lambda values: override(Config(), values)])
def test_unknown_names_are_answered_with_the_known_ones(make):
    with pytest.raises(
        ValueError, match=r"config\.learning_rte is unknown; the names are "
    ) as info:
        make({"learning_rte": "1"})
    listed = str(info.value).partition("the names are ")[2].split(", ")
    assert listed == sorted(NAMES)


@pytest.mark.parametrize(
    ("name", "value", "type_name"),
    [
        ("env_id", 5, "str"),
        ("agent", None, "str"),
        ("num_blocks", 1.5, "int"),
        ("num_blocks", True, "int"),
        ("num_blocks", "2", "int"),
        ("learning_rate", "small", "float"),
        ("learning_rate", False, "float"),
        ("share_weights", 1, "bool"),
        ("mlp", 256, "tuple[int, ...]"),
        ("mlp", [256, "256"], "tuple[int, ...]"),
        ("mlp", [True], "tuple[int, ...]"),
        ("mlp", [2.0], "tuple[int, ...]"),
        ("observation_keys", "image", "tuple[str, ...]"),
        ("observation_keys", [1], "tuple[str, ...]"),
        ("env_kwargs", [], "dict[str, typing.Any]"),
        ("curriculum", {}, "tuple[dict[str, typing.Any], ...]"),
        ("curriculum", [1], "tuple[dict[str, typing.Any], ...]"),
    ],
)
def test_a_wrong_type_is_named(name, value, type_name):
    message = f"config.{name} must be of type {type_name}, got {value!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        from_dict({name: value})


@pytest.mark.parametrize("text", ["relational", "[1, 2", "1 2", "import os", ""])
def test_a_text_that_is_no_value_is_named(text):
    message = f"config.num_blocks must be a Python value, got {text!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        override(Config(), {"num_blocks": text})


ONE_OR_MORE = [
    *("num_actors", "envs_per_actor", "curriculum_window"),
    *("entity_size", "max_entities", "match_size", "num_blocks", "num_heads", "head_size"),
    *("control_blocks", "unroll_length", "batch_size", "num_passes"),
    *("memory_size", "control_convolutions", "map_size", "map_channels", "embedding_size"),
    *("action_embedding", "argument_channels"),
    *("total_frames", "queue_size", "checkpoints_kept"),
]
ZERO_OR_MORE = [
    *("num_references", "num_frequencies", "seed", "control_channels"),
    *("baseline_cost", "entropy_cost", "policy_clip"),
    *("max_minutes", "metrics_seconds", "checkpoint_seconds"),
]
POSITIVE = [
    *("learning_rate", "max_gradient_norm", "reward_scale", "policy_scale", "frequency_scale"),
    "place_scale",
    *("clip_rho_threshold", "clip_pg_rho_threshold", "min_advantage_deviation"),
    *("rmsprop_epsilon", "adam_epsilon"),
]
CHOICES = {
    "agent": "relational, control, random",
    "network": "entities, spatial",
    "memory": "none, lstm, convlstm",
    "argument_entropy": "sampled, exact",
    "vectorization": "auto, sync, async",
    "stem": "conv, patch",
    "conv_padding": "SAME, VALID",
    "entities": "all, occupied",
    "implementation": "auto, packed, plain",
    "optimizer": "rmsprop, adam",
    "reduction": "sum, mean",
    "entropy_schedule": "constant, linear",
    "learning_rate_schedule": "constant, linear",
}
WRONG = [
    *((name, 0, "at least 1") for name in ONE_OR_MORE),
    *((name, -1, "at least 0") for name in ZERO_OR_MORE),
    *((name, 0.0, "positive") for name in POSITIVE),
    *((name, float("nan"), "positive") for name in POSITIVE),
    *((name, "best", f"one of {choices}") for name, choices in CHOICES.items()),
    ("learning_rate", float("inf"), "positive and finite"),
    ("max_gradient_norm", float("inf"), "positive and finite"),
    ("reward_scale", float("inf"), "positive and finite"),
    ("policy_scale", float("inf"), "positive and finite"),
    ("env_id", "", "a Gymnasium id"),
    ("env_kwargs", {"colours": {1, 2}}, "JSON values"),
    ("curriculum", ({}, {"colours": {1, 2}}), "JSON values"),
    ("curriculum_threshold", 0.0, "in (0, 1]"),
    ("curriculum_threshold", 1.1, "in (0, 1]"),
    ("patch", (1, 3, 3), "two odd positive numbers"),
    ("patch", (1, 2), "two odd positive numbers"),
    ("patch", (-1, 3), "two odd positive numbers"),
    *(
        (name, (16, 0), "of numbers that are at least 1")
        for name in ("mlp", "block_mlp", "vector_mlp", "head_mlp")
    ),
    ("memory", "convlstm", "one of none, lstm with network=entities"),
    ("conv_channels", (0,), "of numbers that are at least 1"),
    ("conv_channels", (), "not empty"),
    ("discount_factor", 1.01, "in [0, 1]"),
    ("discount_factor", -0.1, "in [0, 1]"),
    ("trace_decay", 1.5, "in [0, 1]"),
    ("rmsprop_decay", 1.0, "in [0, 1)"),
    ("stop_at_solved", 1.5, "in [0, 1]"),
    ("batch_size", 24, "a divisor of envs_per_actor=32"),
]


@pytest.mark.parametrize(("name", "value", "rule"), WRONG)
def test_a_value_out_of_range_names_thing_rule_and_value(name, value, rule):
    with pytest.raises(ValueError, match=f"^{name} must be ") as info:
        Config(**{name: value})
    assert rule in str(info.value)
    assert str(info.value).endswith(f", got {value!r}")


def test_every_actor_has_room_in_the_queue():
    with pytest.raises(ValueError, match="queue_size must be at least num_actors=3, got 2"):
        Config(num_actors=3, queue_size=2)
    assert Config(num_actors=3, queue_size=3).queue_size == 3


def test_every_field_with_a_range_has_been_tried():
    # The others are flags and texts that only the environment can judge.
    free = {"observation_keys", "share_weights", "normalize_advantages"}
    free |= {"likeness", "argument_pixels", "memory_shortcut"}
    assert set(NAMES) - {name for name, _, _ in WRONG} == free


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("discount_factor", 0.0),
        ("discount_factor", 1.0),
        ("trace_decay", 0.0),
        ("curriculum_threshold", 1.0),
        ("policy_clip", 0.0),
        ("num_frequencies", 0),
        ("batch_size", 32),
        ("batch_size", 1),
        ("mlp", ()),
    ],
)
def test_the_ends_of_the_ranges_are_legal(name, value):
    assert getattr(Config(**{name: value}), name) == value
