"""What an agent reads from spaces, and how it brings batches of observations to its form."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from hypothesis import given, settings
from hypothesis import strategies as st

from relational_rl.observations.image import ImageSpec
from relational_rl.observations.objects import ObjectsSpec
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.vector import VectorSpec

IMAGE = spaces.Box(0, 255, (4, 5, 3), np.uint8)
UNITS = spaces.Box(-1.0, 1.0, (4, 3), np.float32)
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


def forms(arrays):
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


@st.composite
def kinds_of_space(draw):
    """Draws a space that is supported."""
    side = st.integers(1, 4)
    kind = draw(st.sampled_from(["image", "channels first", "objects", "numbers", "discrete"]))
    if kind == "image":
        dtype = draw(st.sampled_from([np.uint8, np.int16, np.float32]))
        return spaces.Box(0, 9, (draw(side), draw(side), draw(side)), dtype)
    if kind == "channels first":
        return spaces.Box(0.0, 1.0, (draw(st.sampled_from([1, 3, 4])), 5, 6), np.float32)
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    if kind == "objects":
        return spaces.Box(-1.0, 1.0, (draw(side), draw(side)), dtype)
    if kind == "numbers":
        return spaces.Box(-1.0, 1.0, (draw(side),), dtype)
    return spaces.Discrete(draw(side), start=draw(st.integers(-9, 9)))


@given(
    st.one_of(kinds_of_space(), st.lists(kinds_of_space(), min_size=1, max_size=5)),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_is_selected_of_any_batch_has_the_form_of_zeros(space, batch):
    if isinstance(space, list):
        space = spaces.Dict({f"entry{place}": each for place, each in enumerate(space)})
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    selected = spec.select(batch_space(space, batch).sample())
    assert forms(selected) == forms(spec.zeros((batch,)))
    assert spec == EnvironmentSpec.from_spaces(space, ACTIONS)
    assert hash(spec) == hash(EnvironmentSpec.from_spaces(space, ACTIONS))
    assert spec != EnvironmentSpec.from_spaces(space, spaces.Discrete(7))


def test_a_dict_gives_what_is_chosen_in_that_order():
    spec = EnvironmentSpec.from_spaces(DICT, ACTIONS, CHOSEN)
    assert spec.entries == (
        ImageSpec("view", (4, 5, 3), "uint8", scale=255.0),
        VectorSpec("speed", 2),
        VectorSpec("direction", 3, 2),
    )
    assert (spec.vector_size, spec.num_actions, spec.action_shape) == (5, 6, ())
    observations = {
        "view": np.arange(2 * 60, dtype=np.uint8).reshape(2, 4, 5, 3),
        "speed": np.array([[0.5, -0.5], [0.25, 1.0]]),
        "direction": np.array([4, 2]),
        "mission": ("go", "stop"),
    }
    selected = spec.select(observations)
    assert selected["image"] is observations["view"]
    # Discrete(3, start=2): 4 is the last of the three, 2 the first.
    np.testing.assert_array_equal(selected["vector"], [[0.5, -0.5, 0, 0, 1], [0.25, 1.0, 1, 0, 0]])


def test_all_entries_of_a_dict_are_used_unless_chosen():
    space = spaces.Dict({name: DICT[name] for name in CHOSEN})
    assert {e.key for e in EnvironmentSpec.from_spaces(space, ACTIONS).entries} == set(CHOSEN)
    only_image = EnvironmentSpec.from_spaces(DICT, ACTIONS, ("view",))
    assert only_image.vector_size == 0
    assert only_image.select({"view": np.zeros((1, 4, 5, 3), np.uint8)}).keys() == {"image"}


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
    assert forms(selected) == forms(spec.zeros((3,)))
    start = 0 if spec.entries[0].key == "direction" else spec.vector_size - 3
    one_hot = selected["vector"][:, start : start + 3]
    np.testing.assert_array_equal(one_hot.argmax(axis=1) + 2, observations["direction"])
    environment.close()


def test_zeros_have_the_leading_dimensions_asked_for():
    zeros = EnvironmentSpec.from_spaces(DICT, ACTIONS, CHOSEN).zeros((5, 2))
    assert forms(zeros) == {
        "image": ((5, 2, 4, 5, 3), np.uint8),
        "vector": ((5, 2, 5), np.float32),
    }
    assert not any(value.any() for value in zeros.values())


@pytest.mark.parametrize(
    ("space", "kind"),
    [
        (IMAGE, "image"),
        (UNITS, "objects"),
        (spaces.Discrete(16), "vector"),
        (spaces.Box(-1.0, 1.0, (2,)), "vector"),
        (spaces.Dict({"a": spaces.Discrete(2), "b": UNITS, "c": IMAGE}), "image"),
        (spaces.Dict({"a": spaces.Discrete(2), "b": UNITS}), "objects"),
    ],
)
def test_entities_are_of_the_image_else_of_objects_else_of_numbers(space, kind):
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    assert spec.kind == kind
    assert bool(spec.images) == (kind == "image")


def test_without_an_image_its_shape_is_an_error_that_says_what_there_is():
    space = spaces.Dict({"place": spaces.Discrete(2), "units": UNITS})
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    for name in ("image_shape", "image_dtype", "image_scale"):
        with pytest.raises(
            ValueError, match=r"must have an image, got vector \(vector\), objects \(objects\)"
        ):
            getattr(spec, name)


def test_an_eight_bit_discrete_entry_is_read_over_all_of_its_range():
    space = spaces.Discrete(255, start=-128)
    spec = EnvironmentSpec.from_spaces(space, ACTIONS)
    selected = spec.select(np.array([-128, 126], np.int8))["vector"]
    np.testing.assert_array_equal(selected.argmax(axis=1), [0, 254])
    np.testing.assert_array_equal(selected.sum(axis=1), 1)


def test_images_take_the_height_and_width_of_those_of_another_spec():
    large = spaces.Dict({"view": spaces.Box(0, 255, (8, 9, 3), np.uint8), "units": UNITS})
    small = spaces.Dict({"view": IMAGE, "units": UNITS})
    spec, other = (EnvironmentSpec.from_spaces(space, ACTIONS) for space in (small, large))
    assert spec != other
    assert spec.resized(other) == other
    assert EnvironmentSpec.from_spaces(UNITS, ACTIONS).resized(other).entries == (
        ObjectsSpec(None, (4, 3)),
    )


@pytest.mark.parametrize(
    ("observation_space", "action_space", "keys", "message"),
    [
        (
            IMAGE,
            spaces.Box(-1, 1, (2,), np.int8),
            (),
            r"action_space must be Discrete, MultiDiscrete, MultiBinary, a Box of floats whose "
            r"low is below its high, or a Dict or Tuple of these, got Box\(-1, 1, \(2,\), int8",
        ),
        (
            spaces.OneOf([spaces.Discrete(2), IMAGE]),
            ACTIONS,
            (),
            r"observation_space must be a Box image \(height, width, channels\) or a stack of "
            r"such, a Box set of objects \(objects, features\) of floats, a Sequence of a "
            r"one-dimensional Box or of a Discrete, a Graph, a Text, a Discrete, a "
            r"MultiDiscrete, a MultiBinary, a Box of at most one dimension or a Dict or Tuple of "
            r"these, got OneOf",
        ),
        # An image in grey without channels is no set of 84 objects.
        (spaces.Box(0, 255, (84, 84), np.uint8), ACTIONS, (), r"got Box\(0, 255, \(84, 84\)"),
        (
            IMAGE,
            ACTIONS,
            ("view",),
            r"observation_keys must be empty for an observation that is no Dict or Tuple, "
            r"got \('view',\)",
        ),
        (
            DICT,
            ACTIONS,
            ("view", "sound"),
            r"observation_keys must be among \['direction', 'mission', 'speed', 'view'\], "
            r"got \['sound'\]",
        ),
        (DICT, ACTIONS, ("view", "view"), r"observation_keys must differ from each other, got"),
        (
            spaces.Dict({"view": IMAGE, "grey": spaces.Box(0, 255, (4, 5), np.uint8)}),
            ACTIONS,
            (),
            r"observation entry 'grey' must be a Box image .* or a Box of at most one dimension, "
            r"got Box\(.*; leave it out with observation_keys",
        ),
        (spaces.Dict(), ACTIONS, (), r"observation_keys must leave something to see, got \(\)"),
    ],
)
def test_errors_name_thing_rule_and_value(observation_space, action_space, keys, message):
    with pytest.raises(ValueError, match=message):
        EnvironmentSpec.from_spaces(observation_space, action_space, keys)


def test_observations_of_a_dict_must_be_a_mapping():
    spec = EnvironmentSpec.from_spaces(DICT, ACTIONS, ("view",))
    with pytest.raises(ValueError, match="observations must be a mapping, got ndarray"):
        spec.select(np.zeros((1, 4, 5, 3)))
