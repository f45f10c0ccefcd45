"""The knobs of the generator: what they accept, and what they say when they refuse."""

import dataclasses
import pickle

import numpy as np
import pytest

from boxworld import LevelSpec
from boxworld.spec import room_capacity


def test_defaults_are_the_papers_training_distribution():
    spec = LevelSpec()
    assert spec.solution_length == (1, 4)
    assert spec.num_branches == (0, 4)
    assert (spec.branch_length, spec.room_size, spec.num_colors) == (1, 12, 20)
    assert spec.withheld is None


@pytest.mark.parametrize("given", [3, (3, 3), [3, 3], np.int64(3), np.array([3, 3]).tolist()])
def test_an_integer_is_the_pair_of_it(given):
    spec = LevelSpec(solution_length=given)
    assert spec.solution_length == (3, 3)
    assert type(spec.solution_length[0]) is int
    assert spec == LevelSpec(solution_length=(3, 3))
    assert hash(spec) == hash(LevelSpec(solution_length=3))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_spec_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LevelSpec().room_size = 13


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"solution_length": 25}, "solution_length must be in [1, 19] for num_colors=20, got 25"),
        ({"solution_length": 0}, "solution_length must be in [1, 19] for num_colors=20, got 0"),
        (
            {"solution_length": (0, 3)},
            "solution_length must be in [1, 19] for num_colors=20, got 0",
        ),
        (
            {"solution_length": (1, 5), "num_colors": 5},
            "solution_length must be in [1, 4] for num_colors=5, got 5",
        ),
        ({"solution_length": (4, 1)}, "solution_length must have low <= high, got (4, 1)"),
        (
            {"solution_length": (1, 2, 3)},
            "solution_length must be an integer or a (low, high) pair, got (1, 2, 3)",
        ),
        ({"num_branches": -1}, "num_branches must be at least 0, got -1"),
        ({"num_branches": (-2, 1)}, "num_branches must be at least 0, got -2"),
        (
            {"branch_length": 0},
            "branch_length must be in [1, 16] for num_colors=20 and solution_length=4, got 0",
        ),
        (
            {"branch_length": 17},
            "branch_length must be in [1, 16] for num_colors=20 and solution_length=4, got 17",
        ),
        ({"num_colors": 21}, "num_colors must be in [2, 20], got 21"),
        ({"num_colors": 1}, "num_colors must be in [2, 20], got 1"),
        ({"room_size": 2}, "room_size must be in [3, 60], got 2"),
        ({"room_size": 61}, "room_size must be in [3, 60], got 61"),
        (
            {"branch_length": 5, "num_branches": (0, 4)},
            "room_size must be at least 13 for 25 objects (a loose key, solution_length=4, "
            "num_branches=4 of branch_length=5), got 12",
        ),
        (
            {"room_size": 5, "num_branches": 2},
            "room_size must be at least 7 for 7 objects (a loose key, solution_length=4, "
            "num_branches=2 of branch_length=1), got 5",
        ),
        (
            {"num_branches": 10_000},
            "num_branches must be less for 10005 objects (a loose key, solution_length=4, "
            "num_branches=10000 of branch_length=1): room_size=60, the largest, holds 600",
        ),
        ({"withheld": "both"}, "withheld must be None, 'train' or 'test', got 'both'"),
        (
            {"withheld": "train", "num_colors": 2, "solution_length": 1},
            "num_colors must be at least 3 for withheld='train', got 2",
        ),
        (
            {"withheld": "test"},
            "solution_length must be at least 2 for withheld='test', as a path of one box needs no "
            "key from a box, got 1",
        ),
    ],
)
def test_a_value_out_of_range_is_named(knobs, message):
    with pytest.raises(ValueError) as error:
        LevelSpec(**knobs)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (
            {"solution_length": 1.5},
            "solution_length must be an integer or a (low, high) pair, got 1.5",
        ),
        (
            {"solution_length": (1, "4")},
            "solution_length must be an integer or a pair of integers, got '4'",
        ),
        (
            {"num_branches": None},
            "num_branches must be an integer or a (low, high) pair, got None",
        ),
        ({"num_branches": True}, "num_branches must be an integer or a (low, high) pair, got True"),
        ({"branch_length": (1, 3)}, "branch_length must be an integer, got (1, 3)"),
        ({"room_size": float("nan")}, "room_size must be an integer, got nan"),
        ({"num_colors": "20"}, "num_colors must be an integer, got '20'"),
    ],
)
def test_a_wrong_type_is_named(knobs, message):
    with pytest.raises(TypeError) as error:
        LevelSpec(**knobs)
    assert str(error.value) == message


def test_the_fullest_room_is_accepted_and_one_object_more_is_not():
    assert room_capacity(12) == 24
    LevelSpec(solution_length=3, num_branches=4, branch_length=5)  # 24 objects
    LevelSpec(solution_length=4, num_branches=4, branch_length=3)  # the paper's densest: 17
    with pytest.raises(ValueError, match="room_size must be at least 13"):
        LevelSpec(solution_length=(1, 4), num_branches=(0, 4), branch_length=5)
