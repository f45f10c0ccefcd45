"""Images, sets of objects, and kinds of a user's own."""

import dataclasses
import logging
from typing import ClassVar

import numpy as np
import pytest
from gymnasium import spaces

from relational_rl.observations import image, registry
from relational_rl.observations.choices import ChoicesSpec
from relational_rl.observations.entry import Kind
from relational_rl.observations.image import ImageSpec, is_channels_first
from relational_rl.observations.objects import ObjectsSpec
from relational_rl.observations.spec import EnvironmentSpec

ACTIONS = spaces.Discrete(6)
FIRST = spaces.Box(0, 255, (3, 5, 6), np.uint8)
UNITS = spaces.Box(-1.0, 1.0, (3, 2), np.float64)
NAN = np.nan


class Marked(spaces.Box):
    """A Box with attributes."""

    def __init__(self, low, high, shape, dtype, **attributes):
        super().__init__(low, high, shape, dtype)
        for name, value in attributes.items():
            setattr(self, name, value)


def read(space, keys=()):
    return EnvironmentSpec.from_spaces(space, ACTIONS, keys)


@pytest.mark.parametrize(
    ("space", "dtype", "scale"),
    [
        (spaces.Box(0, 255, (3, 3, 2), np.uint8), "uint8", 255.0),
        (spaces.Box(0.0, 1.0, (3, 3, 2), np.float32), "float32", 1.0),
        (spaces.Box(0, 10, (3, 3, 2), np.int64), "int64", 10.0),
        (spaces.Box(-np.inf, np.inf, (3, 3, 2), np.float32), "float32", 1.0),
        (spaces.Box(-1.0, 0.5, (3, 3, 2), np.float32), "float32", 1.0),
    ],
)
def test_scale_is_the_largest_value_where_there_is_one(space, dtype, scale):
    spec = read(space)
    assert (spec.image_shape, spec.image_dtype, spec.image_scale) == ((3, 3, 2), dtype, scale)


def test_an_image_is_the_environments_array():
    images = np.zeros((7, 4, 5, 3), np.uint8)
    assert read(spaces.Box(0, 255, (4, 5, 3), np.uint8)).select(images)["image"] is images


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((3, 64, 64), True),
        ((1, 84, 84), True),
        ((4, 84, 84), True),
        ((3, 4, 5), True),
        ((64, 64, 3), False),
        ((14, 14, 3), False),
        ((2, 64, 64), False),  # not a usual number of channels
        ((3, 3, 8), False),  # 3 rows of 3 cells
        ((4, 5, 4), False),
        ((1, 64, 1), False),
        ((3, 5, 3), False),
    ],
)
def test_channels_first_is_seen_by_the_shape(shape, first):
    assert is_channels_first(shape) == first
    assert read(spaces.Box(0, 255, shape, np.uint8)).images["image"].channels_first == first


def test_an_image_with_its_channels_first_is_transposed_and_said_so_once(caplog):
    image._say_channels_first.cache_clear()
    with caplog.at_level(logging.INFO, "relational_rl"):
        spec = read(spaces.Dict({"view": FIRST}))
        assert read(spaces.Dict({"view": FIRST})) == spec
    assert spec.images["image"] == ImageSpec(
        "view", (5, 6, 3), "uint8", scale=255.0, channels_first=True
    )
    (record,) = caplog.records
    assert record.getMessage().startswith(
        "observation entry 'view' has the shape (3, 5, 6): taken as channels first, an image "
        "(5, 6, 3)"
    )
    images = np.random.default_rng(0).integers(256, size=(2, 3, 5, 6), dtype=np.uint8)
    selected = spec.select({"view": images})["image"]
    assert selected.shape == (2, 5, 6, 3)
    for channel in range(3):
        np.testing.assert_array_equal(selected[..., channel], images[:, channel])


@pytest.mark.parametrize(
    ("shape", "told", "taken"), [((3, 5, 6), False, (3, 5, 6)), ((2, 5, 6), True, (5, 6, 2))]
)
def test_a_space_may_say_where_its_channels_are(shape, told, taken, caplog):
    image._say_channels_first.cache_clear()
    with caplog.at_level(logging.INFO, "relational_rl"):
        spec = read(Marked(0, 255, shape, np.uint8, channels_first=told))
    assert spec.image_shape == taken
    assert spec.select(np.zeros((2, *shape), np.uint8))["image"].shape == (2, *taken)
    assert not caplog.records


def test_categories_go_by_channel_wherever_the_channels_are():
    assert read(Marked(0, 9, (4, 5, 2), np.int16, categories=[0, 7])).images[
        "image"
    ].categories == (0, 7)
    assert not read(Marked(0, 9, (4, 5, 2), np.int16, categories=[0, 0])).images["image"].categories
    assert read(Marked(0, 9, (3, 5, 6), np.int16, categories=[0, 7, 0])).images[
        "image"
    ].categories == (0, 7, 0)
    with pytest.raises(ValueError, match=r"categories must be 2 integers >= 0, .* got \(7,\)"):
        read(Marked(0, 9, (4, 5, 2), np.int16, categories=[7]))


def test_rows_of_nan_are_absent_objects():
    spec = read(UNITS)
    assert spec.entries == (ObjectsSpec(None, (3, 2)),)
    selected = spec.select(np.array([[[1.0, 2.0], [NAN, NAN], [0.0, 0.0]], [[NAN, NAN]] * 3]))
    np.testing.assert_array_equal(selected["objects_mask"], [[1, 0, 1], [0, 0, 0]])
    np.testing.assert_array_equal(
        selected["objects"], [[[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], np.zeros((3, 2))]
    )
    assert selected["objects"].dtype == np.float32


@pytest.mark.parametrize(
    "mask", [spaces.MultiBinary(3), spaces.Box(0, 1, (3,), np.int8), spaces.MultiDiscrete([2] * 3)]
)
@pytest.mark.parametrize("name", ["units_mask", "alive", "zombies"])
def test_a_mask_tells_which_objects_are_there(mask, name):
    units = UNITS if name == "units_mask" else Marked(-1, 1, (3, 2), np.float64, mask_key=name)
    space = spaces.Dict({"units": units, name: mask})
    spec = read(space)
    assert spec.entries == (ObjectsSpec("units", (3, 2), name),)
    assert read(space, ("units",)) == spec == read(space, (name, "units"))
    rows = np.array([[[5.0, 2.0], [3.0, 4.0], [NAN, NAN]]])
    selected = spec.select({"units": rows, name: np.array([[0, 1, 1]], np.int8)})
    np.testing.assert_array_equal(selected["objects_mask"], [[False, True, False]])
    np.testing.assert_array_equal(selected["objects"], [[[0, 0], [3, 4], [0, 0]]])


def test_several_sets_are_numbered_and_each_has_its_mask():
    space = spaces.Dict(
        {
            "a": spaces.Box(-1.0, 1.0, (2, 1)),
            "b": UNITS,
            "b_mask": spaces.MultiBinary(3),
            "c": spaces.Box(-1.0, 1.0, (4,)),
        }
    )
    zeros = read(space).zeros((5,))
    assert {name: array.shape for name, array in zeros.items()} == {
        "objects": (5, 2, 1),
        "objects_mask": (5, 2),
        "objects_1": (5, 3, 2),
        "objects_1_mask": (5, 3),
        "vector": (5, 4),
    }
    assert not zeros["objects_1_mask"].any()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            spaces.Dict({"units": UNITS, "units_mask": spaces.MultiBinary(4)}),
            r"observation entry 'units_mask' must have the shape \(3,\) to be the mask of "
            r"'units', got MultiBinary\(4\)",
        ),
        (
            spaces.Dict({"units": Marked(-1, 1, (3, 2), np.float32, mask_key="alive")}),
            r"mask_key of observation entry 'units' must be among \['units'\], .* got 'alive'",
        ),
        (
            Marked(-1, 1, (3, 2), np.float32, mask_key="alive"),
            r"mask_key of the observation space must be among \[\], .* got 'alive'",
        ),
    ],
)
def test_masks_that_do_not_fit_are_named(space, message):
    with pytest.raises(ValueError, match=message):
        read(space)


@dataclasses.dataclass(frozen=True)
class Switches:
    """An entry of a user's own."""

    kind: ClassVar[str] = "switches"
    key: str | None
    size: int
    name: str = "vector"

    def select(self, value):
        return {self.name: np.asarray(value, np.float32)}

    def zeros(self, leading):
        return {self.name: np.zeros((*leading, self.size), np.float32)}


def switches(name="switches"):
    return Kind(
        name,
        "a MultiBinary",
        lambda space: isinstance(space, spaces.MultiBinary),
        lambda key, place, space, others: Switches(key, space.n),
    )


@pytest.fixture
def kinds(monkeypatch):
    """Undoes what is registered."""
    monkeypatch.setattr(registry, "_KINDS", list(registry._KINDS))
    return registry


def test_a_kind_of_ones_own_is_registered(kinds):
    space = spaces.Dict({"lights": spaces.MultiBinary(2), "speed": spaces.Box(-1.0, 1.0, (1,))})
    assert read(space).entries[0] == ChoicesSpec("lights", (2,), (2, 2))
    kinds.register(switches())
    spec = read(space)
    assert spec.entries[0] == Switches("lights", 2)
    selected = spec.select({"lights": np.array([[0, 1]], np.int8), "speed": np.array([[0.5]])})
    np.testing.assert_array_equal(selected["vector"], [[0, 1, 0.5]])
    assert read(spaces.MultiBinary(2)).kind == "switches"
    with pytest.raises(ValueError, match=r"must be a MultiBinary, a Box image .* got OneOf"):
        read(spaces.OneOf([spaces.Discrete(2)]))


def test_a_kind_registered_again_takes_the_place_of_the_former(kinds):
    kinds.register(switches())
    kinds.register(switches()._replace(described="a MultiBinary of lights"))
    kinds.register(switches("vector"))  # of the library: now no numbers are read
    with pytest.raises(
        ValueError,
        match=r"must be a MultiBinary, a MultiBinary of lights, a Box image \(height, width, "
        r"channels\) or a stack of such, a Box set .* or a Dict or Tuple of these, got Discrete",
    ):
        read(spaces.Discrete(3))
