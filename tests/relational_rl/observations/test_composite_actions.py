"""Actions as the environment counts them, their arguments, and the entries that go with them."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import ArgumentSpec, EnvironmentSpec

IMAGE = spaces.Box(0, 255, (4, 5, 3), np.uint8)


class Layers(spaces.Box):
    """An image that tells which of its channels are categories."""

    def __init__(self, shape, categories):
        super().__init__(0, 9, shape, np.int16)
        self.categories = categories


def with_attributes(space, **attributes):
    """Returns an action space that tells which type takes which argument, and so on."""
    for name, value in attributes.items():
        setattr(space, name, value)
    return space


def calls(sizes, **attributes):
    return with_attributes(spaces.MultiDiscrete(sizes), **attributes)


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
    spec = EnvironmentSpec.from_spaces(MAPS, calls([3, 20, 2, 6], **CALLS))
    assert spec.images == {
        "image": ImageSpec("minimap", (2, 3, 1), "int16", scale=9.0),
        "image_1": ImageSpec("screen", (4, 5, 2), "int16", (0, 7), 9.0, name="image_1"),
    }
    assert (spec.num_actions, spec.action_shape, spec.vector_size) == (3, (4,), 2)
    assert (spec.mask_key, spec.last_action_key) == ("available", "last")
    assert spec.arguments == ArgumentSpec(
        (20, 2, 6), ((), (0, 1), (2,)), ("image_1", None, "image")
    )
    np.testing.assert_array_equal(spec.arguments.table(), CALLS["argument_mask"])
    chosen = ("screen", "available", "last")
    fewer = dict(CALLS, argument_images=("screen", None, None))
    spec = EnvironmentSpec.from_spaces(MAPS, calls([3, 20, 2, 6], **fewer), chosen)
    assert list(spec.images) == ["image"]
    assert spec.arguments.images == ("image", None, None)
    assert spec.vector_size == 0


def test_observations_of_such_an_environment_are_brought_to_the_agents_form():
    spec = EnvironmentSpec.from_spaces(MAPS, calls([3, 20, 2, 6], **CALLS))
    observations = batch_space(MAPS, 5).sample()
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
    actions = np.array([[1, 4], [0, 0]], np.int32)
    assert spec.to_environment(actions) is actions


@pytest.mark.parametrize("start", [-3, 0, 2])
def test_agents_count_discrete_actions_from_0(start):
    space = spaces.Discrete(4, start=start)
    spec = EnvironmentSpec.from_spaces(IMAGE, space)
    assert (spec.num_actions, spec.action_start) == (4, start)
    sent = spec.to_environment(np.arange(4, dtype=np.int32))
    assert sent.dtype == np.int32
    assert [int(action) for action in sent] == [start, start + 1, start + 2, start + 3]
    assert all(space.contains(action) for action in sent)
    assert spec == EnvironmentSpec.from_spaces(IMAGE, space)
    assert spec != EnvironmentSpec.from_spaces(IMAGE, spaces.Discrete(4, start=start + 1))


@pytest.mark.parametrize("last", [spaces.Discrete(4, start=2), spaces.Box(2, 5, (1,), np.int64)])
def test_the_last_action_is_counted_as_agents_count(last):
    actions = with_attributes(spaces.Discrete(4, start=2), mask_key="can", last_action_key="last")
    space = spaces.Dict({"view": IMAGE, "can": spaces.MultiBinary(4), "last": last})
    spec = EnvironmentSpec.from_spaces(space, actions)
    given = np.array([2, 5, 3]).reshape(3, *last.shape)
    view, can = np.zeros((3, 4, 5, 3), np.uint8), np.ones((3, 4), np.int8)
    selected = spec.select({"view": view, "can": can, "last": given})
    np.testing.assert_array_equal(selected["last_action"], [[0], [3], [1]])
    assert selected["last_action"].dtype == np.int32
    assert spec.vector_size == 0


@pytest.mark.parametrize(
    ("sizes", "attributes", "message"),
    [
        ([3, 20, 2, 6], {"argument_mask": np.ones((2, 3))}, r"\(3, 3\), got \(2, 3\)"),
        ([3, 20, 2, 6], {"argument_images": ("screen",)}, r"must be 3 keys or None, got"),
        (
            [3, 20, 2, 6],
            {"argument_images": ("player", None, None)},
            r"must name images among \['minimap', 'screen'\], got 'player'",
        ),
        ([3, 20, 2, 7], {}, r"an argument on 'minimap' must have 2 \* 3 values, got 7"),
        ([3, 20, 2, 6], {"mask_key": "legal"}, r"mask_key must be among .* got 'legal'"),
        (
            [3, 20, 2, 6],
            {"mask_key": "player"},
            r"mask_key must name an entry of the shape \(3,\), got 'player': Box",
        ),
        (
            [3, 20, 2, 6],
            {"last_action_key": "available"},
            r"last_action_key must name an entry of the shape \(4,\), got 'available': Multi",
        ),
        ([[3, 20], [2, 6]], {}, r"must be a MultiDiscrete \[1 \+ K\] that starts at 0"),
    ],
)
def test_attributes_that_do_not_fit_are_named(sizes, attributes, message):
    with pytest.raises(ValueError, match=message):
        EnvironmentSpec.from_spaces(MAPS, calls(sizes, **{**CALLS, **attributes}))
