"""Dealt levels: what each must be, over thousands of seeds, and how they are distributed."""

import hashlib
from collections import Counter

import numpy as np
import pytest

import boxworld
from boxworld import BoxWorldEnv, Level, LevelSpec, generate_level
from boxworld.dynamics import BRANCH_LENGTH, LEVEL_SEED, NUM_BRANCHES, NUM_COLUMNS, SOLUTION_LENGTH
from boxworld.generator import deal, draw_level_seeds, spec_array
from boxworld.withheld import withheld_table

TRAINING = LevelSpec()
BRANCH3 = LevelSpec(branch_length=3)
DENSEST_PUBLISHED = LevelSpec(solution_length=4, num_branches=4, branch_length=3)
FULL = LevelSpec(solution_length=3, num_branches=4, branch_length=5)  # 24 objects of 24
SPECS = {
    "training": TRAINING,
    "branch3": BRANCH3,
    "path10": LevelSpec(solution_length=10),
    "densest published": DENSEST_PUBLISHED,
    "full": FULL,
    "full, odd room": LevelSpec(solution_length=2, num_branches=4, branch_length=3, room_size=9),
    "smallest": LevelSpec(solution_length=1, num_branches=0, room_size=3),
    "shared colours": LevelSpec((1, 4), (0, 6), branch_length=1, num_colors=5),
    "largest": LevelSpec(solution_length=(1, 10), num_branches=(0, 50), room_size=60),
}


def deal_many(spec, level_seeds):
    """Deals a batch; returns (boards, slots)."""
    count, size = len(level_seeds), spec.room_size + 2
    boards = np.zeros((count, size, size), np.uint8)
    slots = np.zeros((count, NUM_COLUMNS), np.int64)
    slots[:, LEVEL_SEED] = level_seeds
    deal(np.arange(count), spec_array(spec), withheld_table(spec.num_colors), boards, slots)
    return boards, slots


def parts(level):
    """The loose keys and boxes as {left cell: text}, read from the text alone."""
    found = {}
    for row, line in enumerate(level.to_text().split("\n")):
        for column, cell in enumerate(line):
            if cell in ".@":
                continue
            if cell.isupper():
                found[(row, column - 1)] = line[column - 1 : column + 1]
            elif (*line, ".")[column + 1] in ".@":
                found[(row, column)] = cell
    return found


def check_level(level, spec):
    objects = parts(level)
    loose = [text for text in objects.values() if len(text) == 1]
    boxes = [text for text in objects.values() if len(text) == 2]
    assert len(loose) == 1
    assert level.to_text().count("@") == 1
    assert level.room_size == spec.room_size

    # Every object has a free cell around it, so none walls another off.
    cells = {
        (row, column + right): name
        for name, ((row, column), text) in enumerate(objects.items())
        for right in range(len(text))
    }
    for (row, column), name in cells.items():
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                assert cells.get((row + down, column + right), name) == name

    # Forwards along the path: each key opens one box that is not a distractor's.
    distractor_keys = {chr(ord("a") + box.key) for box in level.distractors}
    path = []
    key = loose[0]
    while key != "*":
        path.append(key)
        (key,) = (
            text[0]
            for text in boxes
            if text[1].lower() == path[-1] and text[0] not in distractor_keys
        )
    length = len(path)
    assert length == level.solution_length == len(set(path))
    assert not set(path) & distractor_keys

    # Branches: chains of the same length that start at a key of the path.
    others = [text for text in boxes if text[0] in distractor_keys]
    assert len(others) == len(boxes) - length
    roots = [text for text in others if text[1].lower() in path]
    assert len(roots) * spec.branch_length == len(others)
    assert level.num_branches == len(roots)
    spare = spec.num_colors - length
    if len(others) <= spare:  # the colours last, so all differ and chains can be followed
        assert len({text[0] for text in others}) == len(others)
        for root in roots:
            chain = [root]
            while nexts := [text for text in others if text[1].lower() == chain[-1][0]]:
                (text,) = nexts
                chain.append(text)
            assert len(chain) == spec.branch_length
    else:
        assert len({text[0] for text in others}) == spare
    assert all(text[0] != text[1].lower() for text in boxes)
    assert spec.solution_lengths[0] <= length <= spec.solution_lengths[1]
    assert spec.branch_counts[0] <= len(roots) <= spec.branch_counts[1]
    assert level.num_colors <= spec.num_colors


@pytest.mark.parametrize("name", SPECS)
def test_every_level_is_as_the_spec_says(name):
    spec = SPECS[name]
    for level_seed in range(100 if spec.room_size > 20 else 1500):
        check_level(generate_level(spec, level_seed), spec)


def test_a_dealt_level_is_this_drawing():
    assert generate_level(TRAINING, 0) == Level.from_text(GOLDEN_DRAWING)


@pytest.mark.parametrize("name", boxworld.ENVIRONMENTS)
def test_no_level_has_changed(name):
    # A change here changes every published number: bump the version of the ids.
    spec = BoxWorldEnv(**boxworld.ENVIRONMENTS[name]).level_spec
    digest = hashlib.sha256()
    for level_seed in (*range(200), 2**32, 2**62 + 12345, 2**63 - 1):
        digest.update(generate_level(spec, level_seed).to_text().encode())
    assert digest.hexdigest()[:16] == GOLDEN_DIGESTS[name]


GOLDEN_DRAWING = """
    .........@..
    .......aD...
    .*D.........
    ..........d.
    .....pD.....
    ............
    ............
    ............
    ..cD........
    ............
    ............
    ............
"""
GOLDEN_DIGESTS = {
    "BoxWorld-v0": "075e48d33887cdfd",
    "BoxWorld-Branch3-v0": "c5196d1ea74eed01",
    "BoxWorld-Easy-v0": "66b2a4917c58d371",
    "BoxWorld-Path6-v0": "49a40dcaa94cbcdb",
    "BoxWorld-Path8-v0": "9f39ca4791aa64ac",
    "BoxWorld-Path10-v0": "d2df5483e8919410",
    "BoxWorld-WithheldTrain-v0": "f9ef62c27e3ffeff",
    "BoxWorld-WithheldTest-v0": "a5014b4a8a259dd1",
}


@pytest.mark.parametrize("name", ["training", "branch3", "densest published", "full"])
def test_a_level_is_the_same_in_every_batch(name):
    spec = SPECS[name]
    seeds = np.array([5, 2**40 + 1, 0, 2**63 - 1, 17, 5])
    boards, slots = deal_many(spec, seeds)
    for size in (1, 2, 5):
        some, some_slots = deal_many(spec, seeds[-size:])
        np.testing.assert_array_equal(some, boards[-size:])
        np.testing.assert_array_equal(some_slots, slots[-size:])
    for index, level_seed in enumerate(seeds.tolist()):
        level = generate_level(spec, level_seed)
        np.testing.assert_array_equal(level.board(), boards[index])
        assert slots[index, SOLUTION_LENGTH] == level.solution_length
        assert slots[index, NUM_BRANCHES] == level.num_branches
        assert slots[index, BRANCH_LENGTH] == level.branch_length
    np.testing.assert_array_equal(boards[0], boards[-1])


def chi_square(counts, expected):
    counts = np.asarray(counts, float)
    return float(np.sum((counts - expected) ** 2 / expected))


@pytest.mark.parametrize(
    "spec",
    [
        TRAINING,
        BRANCH3,
        LevelSpec((1, 4), withheld="train"),
        LevelSpec((1, 4), (0, 4), branch_length=4, room_size=12),
    ],
)
def test_difficulties_come_out_exactly_as_asked(spec):
    # Also where the hardest levels are hard to place: the published generator thins those out.
    count = 40_000
    _, slots = deal_many(spec, np.arange(count))
    seen = Counter(map(tuple, slots[:, [SOLUTION_LENGTH, NUM_BRANCHES]].tolist()))
    assert len(seen) == 20
    # p < 0.0001 for 19 degrees of freedom is 50; thinning 4 branches by a tenth gives 80.
    assert chi_square(list(seen.values()), count / 20) < 50


def test_colors_are_a_random_permutation():
    levels = [generate_level(LevelSpec(3, 2), level_seed) for level_seed in range(3000)]
    for colors in (
        [level.solution[0].lock for level in levels],
        [level.solution[-1].lock for level in levels],
        [level.distractors[0].key for level in levels],
    ):
        assert chi_square(np.bincount(colors, minlength=20), 150) < 50
    pairs = Counter((level.solution[0].lock, level.solution[0].key) for level in levels)
    assert len(pairs) > 370
    # Each of the three solution keys starts a branch equally often.
    starts = Counter()
    for level in levels:
        keys = [box.lock for box in level.solution]
        starts.update(keys.index(box.lock) for box in level.distractors)
    assert chi_square([starts[i] for i in range(3)], 2000) < 20


def test_objects_stand_off_the_wall_where_they_fit():
    boards, _ = deal_many(TRAINING, np.arange(2000))
    inside = boards[:, 2:-2, 2:-2]
    everywhere = (boards > 1).sum()
    assert (inside > 1).sum() == everywhere
    # ... and use all of what is left.
    used = (inside > 1).mean(axis=0)
    assert used.min() > 0.05
    dense, _ = deal_many(DENSEST_PUBLISHED, np.arange(200))
    assert (dense[:, 1:-1, 1:-1] > 1).any(axis=0).all()


def test_the_agent_starts_on_any_free_cell():
    boards, slots = deal_many(TRAINING, np.arange(20_000))
    rows, columns = slots[:, 0], slots[:, 1]
    assert (boards[np.arange(20_000), rows, columns] == 0).all()
    counts = np.bincount((rows - 1) * 12 + columns - 1, minlength=144).reshape(12, 12)
    assert counts.min() > 80
    # Cells along the wall hold no objects, so each is free in every level.
    assert counts[0].mean() > counts[5].mean()


@pytest.mark.parametrize("name", ["densest published", "full", "full, odd room"])
def test_packed_levels_differ(name):
    boards, _ = deal_many(SPECS[name], np.arange(500))
    places = {(board > 1).tobytes() for board in boards}
    assert len(places) >= (100 if name == "densest published" else 40)


def counter_before(output):
    """The counter whose next number is `output`: SplitMix64 run backwards."""
    mask = 2**64 - 1
    z = output ^ (output >> 31) ^ (output >> 62)
    z = z * pow(0x94D049BB133111EB, -1, 2**64) & mask
    z = z ^ (z >> 27) ^ (z >> 54)
    z = z * pow(0xBF58476D1CE4E5B9, -1, 2**64) & mask
    z = z ^ (z >> 30) ^ (z >> 60)
    return (z - 0x9E3779B97F4A7C15) & mask


def test_endless_level_seeds_start_where_ranges_end():
    def drawn(output, first=0, count=0):
        streams = np.array([[counter_before(output)]], np.uint64)
        slots = np.zeros((1, NUM_COLUMNS), np.int64)
        draw_level_seeds(np.zeros(1, np.int64), streams, first, count, slots)
        return int(slots[0, LEVEL_SEED])

    assert drawn(2**64 - 1) == 2**63 - 1
    assert drawn(2 * 2**32) == 2**32
    assert drawn(2 * 2**32 - 1) > 2**32  # thrown away, and the next one taken
    assert drawn(0) > 2**32
    assert drawn(0, first=7, count=2**32 - 7) >= 7
    assert drawn(2**64 - 1, first=7, count=2**32 - 7) == 2**32 - 1


@pytest.mark.parametrize(
    ("level_seed", "error", "message"),
    [
        (-1, ValueError, "level_seed must be in [0, 2**63), got -1"),
        (2**63, ValueError, "level_seed must be in [0, 2**63), got 9223372036854775808"),
        (1.0, TypeError, "level_seed must be an integer, got 1.0"),
        ("7", TypeError, "level_seed must be an integer, got '7'"),
        (None, TypeError, "level_seed must be an integer, got None"),
    ],
)
def test_a_bad_level_seed_is_named(level_seed, error, message):
    with pytest.raises(error) as caught:
        generate_level(TRAINING, level_seed)
    assert str(caught.value) == message
