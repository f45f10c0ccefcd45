"""The withheld key-lock combinations."""

import numpy as np
import pytest

from boxworld import LevelSpec, generate_level, withheld_pairs
from boxworld.withheld import withheld_table


def test_a_fifth_of_all_pairs_is_withheld():
    pairs = withheld_pairs()
    assert len(pairs) == 76
    assert all(lock != key and 0 <= lock < 20 and 0 <= key < 20 for lock, key in pairs)
    # Every colour is withheld as a lock and as a key, and none always: it can be learned.
    for side in (0, 1):
        counts = np.bincount([pair[side] for pair in pairs], minlength=20)
        assert counts.min() >= 1
        assert counts.max() <= 9


def test_the_set_is_fixed():
    assert sorted(withheld_pairs())[:6] == GOLDEN_FIRST_PAIRS
    assert sum(20 * lock + key * key for lock, key in withheld_pairs()) == GOLDEN_SUM


GOLDEN_FIRST_PAIRS = [(0, 5), (0, 18), (1, 0), (2, 0), (2, 4), (2, 11)]
GOLDEN_SUM = 24200


@pytest.mark.parametrize("num_colors", range(3, 21))
def test_every_number_of_colors_has_its_set(num_colors):
    pairs = withheld_pairs(num_colors)
    assert len(pairs) == num_colors * (num_colors - 1) // 5 >= 1
    assert max(max(pair) for pair in pairs) < num_colors
    table = withheld_table(num_colors)
    assert {(int(lock), int(key)) for lock, key in np.argwhere(table)} == pairs


@pytest.mark.parametrize("num_colors", [1, 21])
def test_a_bad_number_of_colors_is_named(num_colors):
    with pytest.raises(ValueError, match=rf"num_colors must be in \[2, 20\], got {num_colors}"):
        withheld_pairs(num_colors)


def needed_pairs(level):
    """The (lock colour, content colour) pairs on the solution path."""
    return {(box.lock, box.key) for box in level.solution if box.key is not None}


@pytest.mark.parametrize("length", [(2, 4), (6, 6), (19, 19)])
def test_training_levels_never_need_a_withheld_pair_and_test_levels_do(length):
    branches = (0, 4) if length[1] < 19 else 0
    pairs = withheld_pairs()
    train = LevelSpec(length, branches, withheld="train", room_size=12)
    test = LevelSpec(length, branches, withheld="test", room_size=12)
    neither = LevelSpec(length, branches, room_size=12)
    hits = 0
    for level_seed in range(1000):
        assert not needed_pairs(generate_level(train, level_seed)) & pairs
        assert needed_pairs(generate_level(test, level_seed)) & pairs
        hits += bool(needed_pairs(generate_level(neither, level_seed)) & pairs)
    assert 200 < hits <= 1000  # so that the two splits differ from the plain levels


def test_training_levels_may_hold_withheld_pairs_on_distractors():
    spec = LevelSpec(withheld="train")
    pairs = withheld_pairs()
    levels = [generate_level(spec, level_seed) for level_seed in range(300)]
    found = [(box.lock, box.key) in pairs for level in levels for box in level.distractors]
    assert 0.1 < np.mean(found) < 0.3


@pytest.mark.parametrize("num_colors", range(3, 21))
@pytest.mark.parametrize("withheld", ["train", "test"])
def test_the_longest_path_can_be_dealt_with_any_number_of_colors(num_colors, withheld):
    spec = LevelSpec(num_colors - 1, 0, num_colors=num_colors, withheld=withheld)
    for level_seed in range(20):
        found = bool(needed_pairs(generate_level(spec, level_seed)) & withheld_pairs(num_colors))
        assert found == (withheld == "test")


def test_difficulty_does_not_depend_on_the_split():
    # Only the colours are drawn again: the same seed has the same difficulty in each split.
    specs = [LevelSpec((2, 4), withheld=withheld) for withheld in (None, "train", "test")]
    for level_seed in range(200):
        levels = [generate_level(spec, level_seed) for spec in specs]
        assert len({(level.solution_length, level.num_branches) for level in levels}) == 1
