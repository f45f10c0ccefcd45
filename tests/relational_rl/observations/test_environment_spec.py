"""What an agent reads from spaces, and how it brings batches of observations to its form."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from relational_rl.observations.spec import ArgumentSpec, EnvironmentSpec, ImageSpec

IMAGE = spaces.Box(0, 255, (4, 5, 3), np.uint8)
ACTIONS = spaces.Discrete(6)
DICT = spaces.Dict(
    {
        "direction": spaces.Discrete(3, start=2),
        "view": IMAGE,
        "speed": spaces.Box(-1.0, 1.0, (2,), np.float64),
        "mission": spaces.Text(10),
    }
)
CHOSEN = ("view", "speed", "direction")


def test_an_image_needs_nothing_else():
    spec = EnvironmentSpec.from_spaces(IMAGE, ACTIONS)
    assert spec == EnvironmentSpec((4, 5, 3), "uint8", 255.0, 6)
    assert spec.vector_size == 0
    images = np.random.default_rng(0).integers(256, size=(7, 4, 5, 3), dtype=np.uint8)
    selected = spec.select(images)
    assert selected.keys() == {"image"}
    assert selected["image"] is images


@pytest.mark.parametrize(
    ("space", "dtype", "scale"),
    [
        (spaces.Box(0.0, 1.0, (3, 3, 2), np.float32), "float32", 1.0),
        (spaces.Box(0, 10, (3, 3, 2), np.int64), "int64", 10.0),
        (spaces.Box(-np.inf, np.inf, (3, 3, 2), np.float32), "float32", 1.0),
        (spaces.Box(-1.0, 0.5, (3, 3, 2), np.float32), "float32", 1.0),
    ],
)
def test_scale_is_the_largest_value_where_there_is_one(space, dtype, scale):
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    assert (spec.image_shape, spec.image_dtype, spec.image_scale) == ((3, 3, 2), dtype, scale)


def test_a_dict_gives_image_and_vector_in_the_order_asked_for():
    spec = EnvironmentSpec.from_spaces(DICT, ACTIONS, CHOSEN)
    assert spec.image_key == "view"
    assert spec.vector_keys == ("speed", "direction")
    assert spec.vector_sizes == (2, 3)
    assert spec.vector_size == 5
    observations = {
        "view": np.arange(2 * 60, dtype=np.uint8).reshape(2, 4, 5, 3),
        "speed": np.array([[0.5, -0.5], [0.25, 1.0]]),
        "direction": np.array([4, 2]),
        "mission": ("go", "stop"),
    }
    selected = spec.select(observations)
    assert selected["image"] is observations["view"]
    assert selected["vector"].dtype == np.float32
    # Discrete(3, start=2): 4 is the last of the three, 2 the first.
    np.testing.assert_array_equal(selected["vector"], [[0.5, -0.5, 0, 0, 1], [0.25, 1.0, 1, 0, 0]])


def test_all_entries_of_a_dict_are_used_unless_chosen():
    space = spaces.Dict({name: DICT[name] for name in CHOSEN})
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    assert set(spec.vector_keys) == {"speed", "direction"}
    only_image = EnvironmentSpec.from_spaces(DICT, ACTIONS, ("view",))
    assert (only_image.image_key, only_image.vector_size) == ("view", 0)
    assert only_image.select({"view": np.zeros((1, 4, 5, 3))}).keys() == {"image"}


class DictEnv(gymnasium.Env):
    """Shows random entries of DICT."""

    observation_space = spaces.Dict({name: DICT[name] for name in CHOSEN})
    action_space = ACTIONS

    def reset(self, *, seed=None, options=None):
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}


def test_selects_what_a_vector_environment_gives():
    environment = gymnasium.vector.SyncVectorEnv([DictEnv] * 3)
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    observations, _ = environment.reset(seed=1)
    selected = spec.select(observations)
    zeros = spec.zeros((3,))
    assert {key: value.shape for key, value in selected.items()} == {
        "image": (3, 4, 5, 3),
        "vector": (3, 5),
    }
    assert {key: (value.shape, value.dtype) for key, value in selected.items()} == {
        key: (value.shape, value.dtype) for key, value in zeros.items()
    }
    start = sum(spec.vector_sizes[: spec.vector_keys.index("direction")])
    one_hot = selected["vector"][:, start : start + 3]
    np.testing.assert_array_equal(one_hot.argmax(axis=1) + 2, observations["direction"])
    environment.close()


def test_zeros_have_the_leading_dimensions_asked_for():
    zeros = EnvironmentSpec.from_spaces(DICT, ACTIONS, CHOSEN).zeros((5, 2))
    assert zeros["image"].shape == (5, 2, 4, 5, 3)
    assert zeros["image"].dtype == np.uint8
    assert zeros["vector"].shape == (5, 2, 5)
    assert not any(value.any() for value in zeros.values())


@pytest.mark.parametrize(
    ("observation_space", "action_space", "keys", "message"),
    [
        (
            IMAGE,
            spaces.Box(-1.0, 1.0, (2,)),
            (),
            r"action_space must be a Discrete space starting at 0, got Box\(-1.0, 1.0, \(2,\)",
        ),
        (
            IMAGE,
            spaces.Discrete(4, start=1),
            (),
            r"action_space must be a Discrete space starting at 0, got Discrete\(4, start=1\)",
        ),
        (
            spaces.Box(0, 255, (16,), np.uint8),
            ACTIONS,
            (),
            r"observation_space must be a Box image \(height, width, channels\) or a Dict with "
            r"one, got Box\(0, 255, \(16,\), uint8\)",
        ),
        (
            IMAGE,
            ACTIONS,
            ("view",),
            r"observation_keys must be empty for an observation that is no Dict, got \('view',\)",
        ),
        (
            DICT,
            ACTIONS,
            ("view", "sound"),
            r"observation_keys must be among \['direction', 'mission', 'speed', 'view'\], "
            r"got \['sound'\]",
        ),
        (
            DICT,
            ACTIONS,
            (),
            r"observation entry 'mission' must be a Discrete or a one-dimensional Box space, "
            r"got Text\(.*; leave it out with observation_keys",
        ),
        (
            DICT,
            ACTIONS,
            ("speed", "direction"),
            r"exactly one Box image .* among \['direction', 'speed'\], got \[\]; choose with "
            r"observation_keys",
        ),
        (
            spaces.Dict({"left": IMAGE, "right": IMAGE}),
            ACTIONS,
            (),
            r"exactly one Box image .* among \['left', 'right'\], got \['left', 'right'\]",
        ),
    ],
)
def test_errors_name_thing_rule_and_value(observation_space, action_space, keys, message):
    with pytest.raises(ValueError, match=message):
        EnvironmentSpec.from_spaces(observation_space, action_space, keys)


def test_observations_of_a_dict_must_be_a_mapping():
    spec = EnvironmentSpec.from_spaces(DICT, ACTIONS, ("view",))
    with pytest.raises(ValueError, match="observations must be a mapping, got ndarray"):
        spec.select(np.zeros((1, 4, 5, 3)))


class Layers(spaces.Box):
    """An image that tells which of its channels are categories."""

    def __init__(self, shape, categories):
        super().__init__(0, 9, shape, np.int16)
        self.categories = categories


class Calls(spaces.MultiDiscrete):
    """Actions with arguments that tell which type takes which, and where."""

    def __init__(self, sizes, **attributes):
        super().__init__(sizes)
        for name, value in attributes.items():
            setattr(self, name, value)


MAPS = spaces.Dict(
    {
        "available": spaces.MultiBinary(3),
        "last": spaces.MultiDiscrete([3, 20, 2, 6]),
        "minimap": Layers((2, 3, 1), [0]),
        "player": spaces.Box(0, 100, (2,), np.int32),
        "screen": Layers((4, 5, 2), [0, 7]),
    }
)
CALLS = {
    "argument_mask": np.array([[0, 0, 0], [1, 1, 0], [0, 0, 1]], bool),
    "argument_images": ("screen", None, "minimap"),
    "mask_key": "available",
    "last_action_key": "last",
}


def test_actions_with_arguments_are_read_with_what_they_refer_to():
    spec = EnvironmentSpec.from_spaces(MAPS, Calls([3, 20, 2, 6], **CALLS))
    assert spec.images == {
        "image": ImageSpec("minimap", (2, 3, 1), "int16"),
        "image_1": ImageSpec("screen", (4, 5, 2), "int16", (0, 7)),
    }
    assert spec.num_actions == 3
    assert spec.action_shape == (4,)
    assert spec.arguments == ArgumentSpec(
        (20, 2, 6), ((), (0, 1), (2,)), ("image_1", None, "image")
    )
    np.testing.assert_array_equal(spec.arguments.table(), CALLS["argument_mask"])
    assert spec.vector_keys == ("player",)
    chosen = ("screen", "available", "last")
    fewer = dict(CALLS, argument_images=("screen", None, None))
    spec = EnvironmentSpec.from_spaces(MAPS, Calls([3, 20, 2, 6], **fewer), chosen)
    assert list(spec.images) == ["image"]
    assert spec.arguments.images == ("image", None, None)
    assert spec.vector_size == 0


def test_observations_of_such_an_environment_are_brought_to_the_agents_form():
    spec = EnvironmentSpec.from_spaces(MAPS, Calls([3, 20, 2, 6], **CALLS))
    batch = [MAPS.sample() for _ in range(5)]
    observations = {key: np.stack([each[key] for each in batch]) for key in MAPS}
    selected = spec.select(observations)
    assert selected["image"] is observations["minimap"]
    assert selected["image_1"] is observations["screen"]
    np.testing.assert_array_equal(selected["vector"], observations["player"])
    np.testing.assert_array_equal(selected["mask"], observations["available"] == 1)
    np.testing.assert_array_equal(selected["last_action"], observations["last"])
    zeros = spec.zeros((5,))
    assert {key: (value.shape, value.dtype) for key, value in selected.items()} == {
        key: (value.shape, value.dtype) for key, value in zeros.items()
    }


def test_without_attributes_every_type_takes_every_argument():
    spec = EnvironmentSpec.from_spaces(IMAGE, spaces.MultiDiscrete([2, 5]))
    assert spec.arguments == ArgumentSpec((5,), ((0,), (0,)), (None,))
    assert (spec.mask_key, spec.last_action_key) == (None, None)


@pytest.mark.parametrize(
    ("observation_space", "sizes", "attributes", "message"),
    [
        (MAPS, [3, 20, 2, 6], {"argument_mask": np.ones((2, 3))}, r"\(3, 3\), got \(2, 3\)"),
        (MAPS, [3, 20, 2, 6], {"argument_images": ("screen",)}, r"must be 3 keys or None, got"),
        (
            MAPS,
            [3, 20, 2, 6],
            {"argument_images": ("player", None, None)},
            r"must name images among \['minimap', 'screen'\], got 'player'",
        ),
        (
            MAPS,
            [3, 20, 2, 7],
            {},
            r"an argument on 'minimap' must have 2 \* 3 values, got 7",
        ),
        (MAPS, [3, 20, 2, 6], {"mask_key": "legal"}, r"mask_key must be among .* got 'legal'"),
        (MAPS, [[3, 20], [2, 6]], {}, r"must be a MultiDiscrete \[1 \+ K\] that starts at 0"),
        (
            Layers((4, 5, 2), [7]),
            [2, 5],
            {"argument_images": (None,)},
            r"categories must be 2 numbers that are at least 0, one a channel, got \(7,\)",
        ),
    ],
)
def test_attributes_that_do_not_fit_are_named(observation_space, sizes, attributes, message):
    calls = Calls(sizes, **{**CALLS, **attributes})
    if not isinstance(observation_space, spaces.Dict):
        calls = Calls(sizes)
    with pytest.raises(ValueError, match=message):
        EnvironmentSpec.from_spaces(observation_space, calls)
