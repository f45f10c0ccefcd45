"""Observations that their space denies are named, and nothing is clipped."""

import logging

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space
from hypothesis import given, settings
from hypothesis import strategies as st

from relational_rl.errors import ObservationError
from relational_rl.observations import check
from relational_rl.observations.spec import EnvironmentSpec

ACTIONS = spaces.Discrete(2)
NAN = np.nan
SPACES = {
    "image": spaces.Box(0, 9, (4, 5, 2), np.uint8),
    "picture": spaces.Box(0.0, 1.0, (4, 5, 2)),
    "units": spaces.Box(-1.0, 1.0, (3, 2)),
    "speed": spaces.Box(-1.0, 1.0, (3,)),
    "side": spaces.Discrete(3, start=2),
    "cards": spaces.MultiDiscrete([3, 4]),
    "lights": spaces.MultiBinary(3),
}


def read(space):
    return EnvironmentSpec.from_spaces(space, ACTIONS)


def shape(value):
    return value[..., :1] if value.ndim > 1 else np.stack([value, value], axis=1)


def dtype(value):
    return np.full(value.shape, "x")


def missing(value):
    return value[0] if value.ndim > 1 else value[0, np.newaxis, np.newaxis]


def not_a_number(value):
    broken = value.astype(np.float64)
    broken[(1,) + (0,) * (value.ndim - 1)] = NAN
    return broken


def beyond(value):
    broken = value.astype(np.int64)
    broken[(1,) + (0,) * (value.ndim - 1)] = 99
    return broken


CASES = [
    *((name, how) for name in SPACES for how in (shape, dtype, missing)),
    *((name, not_a_number) for name in ("picture", "units", "speed", "image")),
    *((name, beyond) for name in ("side", "cards", "lights")),
]


@given(st.sampled_from(CASES), st.integers(0, 2**31 - 1))
@settings(max_examples=80, deadline=None)
def test_whatever_is_wrong_with_an_entry_it_is_named(case, seed):
    name, how = case
    space = spaces.Dict({"other": spaces.Discrete(2), name: SPACES[name]})
    batch = batch_space(space, 2)
    batch.seed(seed)
    spec, observations = read(space), batch.sample()
    kept = {key: value.copy() for key, value in observations.items()}
    spec.select(observations)
    for key, value in kept.items():
        np.testing.assert_array_equal(observations[key], value)  # looking changes nothing
    with pytest.raises(ObservationError, match=f"^observation entry '{name}' must"):
        spec.select({**observations, name: how(observations[name])})


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (
            SPACES["picture"],
            np.full((2, 4, 5, 2), NAN),
            r"the observation must be finite, got nan at \(0, 0, 0\) of environment 0",
        ),
        (
            SPACES["speed"],
            np.array([[0, 0, 0], [0, np.inf, 0]]),
            r"must be finite, got inf at \(1,\) of environment 1",
        ),
        (
            SPACES["units"],
            np.array([[[NAN, 1.0], [NAN, NAN], [0, 0]]]),
            r"must be finite, got nan at \(0, 0\) of environment 0",
        ),
        (
            SPACES["image"],
            np.zeros((2, 4, 5, 2)),
            "must be uint8 as its space says, got float64",
        ),
        (
            SPACES["image"],
            np.zeros((2, 4, 5, 3), np.uint8),
            r"must have the shape \(any, any, 2\) that its space says, got \(4, 5, 3\)",
        ),
        (
            SPACES["speed"],
            np.zeros((2, 4)),
            r"must have the shape \(3\) that its space says, got \(4,\)",
        ),
        (SPACES["side"], np.array([2, 5]), r"must be in \[2, 4\], got 5 of environment 1"),
        (
            SPACES["cards"],
            np.array([[0, 4]]),
            r"must be in \[0, 3\], got 4 at \(1,\) of environment 0",
        ),
        (spaces.Text(2, charset="ab"), ["abb"], r"at most 2 characters .* got 3: 'abb'"),
        (spaces.Text(2, charset="ab"), ["c"], "made of the characters of its space, got 'c'"),
        (spaces.Text(2, charset="ab"), [3], "must be a text, got 3"),
    ],
)
def test_errors_say_what_where_and_the_rule(space, value, message):
    with pytest.raises(ObservationError, match=message):
        read(space).select(value)


def test_amounts_outside_their_bounds_are_used_and_said_once(caplog):
    check._told.cache_clear()
    spec = read(spaces.Dict({"speed": SPACES["speed"], "view": SPACES["picture"]}))
    given = {"speed": np.array([[0.0, -3.0, 0.5]]), "view": np.full((1, 4, 5, 2), 2.0)}
    with caplog.at_level(logging.WARNING, "relational_rl"):
        for _ in range(3):
            selected = spec.select(given)
    np.testing.assert_array_equal(selected["vector"], given["speed"])
    np.testing.assert_array_equal(selected["image"], given["view"])
    assert [record.getMessage() for record in caplog.records] == [
        "observation entry 'speed' should be in [-1, 1] as its space says, got -3; "
        "it is used as it is",
        "observation entry 'view' should be in [0, 1] as its space says, got 2; "
        "it is used as it is",
    ]


def test_large_amounts_are_not_taken_for_infinite_ones():
    value = np.full((1, 3), 3e38, np.float32)
    space = spaces.Box(-np.inf, np.inf, (3,))
    np.testing.assert_array_equal(read(space).select(value)["vector"], value)


def with_mask(space, size):
    space.mask_key = "can"
    seen = spaces.Dict({"x": spaces.Discrete(2), "can": spaces.MultiBinary(size)})
    return EnvironmentSpec.from_spaces(seen, space)


@pytest.mark.parametrize(
    ("actions", "masks", "legal"),
    [
        (spaces.Discrete(2), [[1, 0], [0, 0]], [True, False]),
        (spaces.MultiDiscrete([2, 3]), [[1, 0, 0, 1, 0], [1, 1, 0, 0, 0]], [True, False]),
        (spaces.MultiDiscrete([2, 3]), [[1, 0], [0, 0]], [True, False]),
        (spaces.Dict({"a": spaces.Discrete(2), "b": spaces.Box(0, 1, (1,))}), [[0, 0]], [False]),
    ],
)
def test_a_mask_that_allows_nothing_is_named_where_it_matters(actions, masks, legal):
    spec = with_mask(actions, len(masks[0]))
    selected = spec.select({"x": np.zeros(len(masks), int), "can": np.array(masks)})
    spec.check_legal(selected, np.array(legal))  # whoever does not act needs no action
    first = legal.index(False)
    with pytest.raises(
        ObservationError,
        match=f"the action mask 'can' must allow .* got none in environment {first}",
    ):
        spec.check_legal(selected)
