"""Texts, sequences, graphs, choices, stacked frames, and spaces within spaces."""

import numpy as np
import pytest
from gymnasium import spaces

from relational_rl.observations.choices import ChoicesSpec
from relational_rl.observations.nested import flatten, value_of
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.text import TextSpec

ACTIONS = spaces.Discrete(2)


def read(space, keys=()):
    return EnvironmentSpec.from_spaces(space, ACTIONS, keys)


def marked(space, **attributes):
    for name, value in attributes.items():
        setattr(space, name, value)
    return space


class Mission(spaces.Space):
    """A space of texts that Gymnasium does not know, as MiniGrid has."""

    def __init__(self):
        super().__init__(dtype=str)


def test_choices_are_one_hot_and_switches_are_numbers():
    space = spaces.MultiDiscrete([3, 2], start=[1, -1])
    spec = read(space)
    assert (spec.kind, spec.vector_size, spec.vector_groups) == ("vector", 5, (3, 2))
    selected = spec.select(np.array([[1, -1], [3, 0]]))["vector"]
    np.testing.assert_array_equal(selected, [[1, 0, 0, 1, 0], [0, 0, 1, 0, 1]])
    assert selected.dtype == np.float32
    switches = read(spaces.MultiBinary((2, 2)))
    assert switches.vector_groups == (1, 1, 1, 1)
    selected = switches.select(np.array([[[0, 1], [1, 1]]], np.int8))["vector"]
    np.testing.assert_array_equal(selected, [[0, 1, 1, 1]])
    assert read(spaces.MultiBinary(3)).entries == (ChoicesSpec(None, (3,), (2, 2, 2)),)


def test_each_number_is_an_entity_unless_there_are_many():
    assert read(spaces.Box(-1, 1, (3,))).vector_groups == (1, 1, 1)
    assert read(spaces.Box(-1, 1, ())).vector_groups == (1,)
    assert read(spaces.Box(-1, 1, (65,))).vector_groups == (65,)
    assert read(spaces.Discrete(7)).vector_groups == (7,)


def test_words_are_lower_case_words_and_marks_in_their_order():
    spec = read(Mission())
    assert spec.entries == (TextSpec(None, 32, None),)
    selected = spec.select(("Go to the red box, 2x!", "go to the", ""))
    assert forms(selected) == forms(spec.zeros((3,)))
    words, there = selected["text"], selected["text_mask"]
    assert there.sum(axis=1).tolist() == [8, 3, 0]
    np.testing.assert_array_equal(words[0, :3], words[1, :3])
    assert len(set(words[0, :8].tolist())) == 8
    assert (words[0, :8] >= 0).all() and not words[2].any()


def test_texts_without_blanks_are_read_by_character():
    spec = read(spaces.Text(4, charset="cab"))
    characters = spec.entries[0].known
    selected = spec.select(["abba", "c"])
    letters = [characters[number] for number in selected["text"][0]]
    assert "".join(letters) == "abba"
    np.testing.assert_array_equal(selected["text_mask"], [[1, 1, 1, 1], [1, 0, 0, 0]])
    by_word = read(marked(spaces.Text(4, charset="cab"), tokens="words"))
    assert by_word.select(["abba"])["text_mask"].sum() == 1


def test_a_vocabulary_lists_the_words_that_there_are():
    spec = read(marked(Mission(), vocabulary=("red", "green"), max_tokens=3))
    selected = spec.select(["Green red"])
    np.testing.assert_array_equal(selected["text"], [[1, 0, 0]])
    with pytest.raises(ValueError, match="must be made of the vocabulary of its space, got 'blue'"):
        spec.select(["blue"])


@pytest.mark.parametrize("stack", [True, False])
def test_sequences_are_sets_of_any_number(stack):
    space = marked(spaces.Sequence(spaces.Box(-1, 1, (2,)), stack=stack), max_length=3)
    spec = read(spaces.Dict({"seen": space}))
    rows = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    selected = spec.select({"seen": (rows if stack else tuple(rows), rows[:0] if stack else ())})
    np.testing.assert_array_equal(selected["sequence"][0], [[1, 2], [3, 4], [0, 0]])
    np.testing.assert_array_equal(selected["sequence_mask"], [[1, 1, 0], [0, 0, 0]])
    assert forms(selected) == forms(spec.zeros((2,)))
    with pytest.raises(
        ValueError,
        match=r"'seen' must have at most 3 values \(attribute max_length of its space\), got 4",
    ):
        spec.select({"seen": [np.zeros((4, 2), np.float32)]})


def test_nodes_are_objects_and_edges_go_both_ways():
    space = marked(spaces.Graph(spaces.Discrete(3), spaces.Box(-9, 9, (1,))), max_nodes=4)
    spec = read(space)
    graph = spaces.GraphInstance(
        nodes=np.array([2, 0, 1]),
        edges=np.array([[5.0], [7.0], [0.5]], np.float32),
        edge_links=np.array([[0, 1], [2, 0], [0, 1]]),
    )
    empty = spaces.GraphInstance(np.zeros(0, int), None, None)
    selected = spec.select((graph, empty))
    assert forms(selected) == forms(spec.zeros((2,)))
    np.testing.assert_array_equal(
        selected["graph"][0], [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    )
    np.testing.assert_array_equal(selected["graph_mask"], [[1, 1, 1, 0], [0, 0, 0, 0]])
    edges = selected["graph_edges"]
    expected = np.zeros((2, 4, 4, 4), np.float32)
    expected[0, 0, 1, :2] = expected[0, 1, 0, 2:] = [2, 5.5]  # two edges between the same nodes
    expected[0, 2, 0, :2] = expected[0, 0, 2, 2:] = [1, 7]
    np.testing.assert_array_equal(edges, expected)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ((np.zeros((5, 1)), None, None), r"at most 4 nodes \(attribute max_nodes .* got 5"),
        ((np.zeros((2, 2)), None, None), r"must have the shape \(1\) .* got \(2,\)"),
        ((np.zeros((2, 1)), None, np.array([[0, 2]])), r"must be in \[0, 1\], got 2"),
    ],
)
def test_graphs_that_their_space_denies_are_named(graph, message):
    spec = read(marked(spaces.Graph(spaces.Box(-1, 1, (1,)), None), max_nodes=4))
    with pytest.raises(ValueError, match=message):
        spec.select([spaces.GraphInstance(*graph)])


def test_stacked_frames_are_the_channels_of_an_image():
    frames = np.random.default_rng(0).integers(256, size=(2, 4, 5, 6, 3), dtype=np.uint8)
    spec = read(spaces.Box(0, 255, (4, 5, 6, 3), np.uint8))
    assert spec.image_shape == (5, 6, 12)
    selected = spec.select(frames)["image"]
    np.testing.assert_array_equal(selected[..., 3:6], frames[:, 1])
    first = read(spaces.Box(0, 255, (4, 3, 5, 6), np.uint8))
    assert first.image_shape == (5, 6, 12)
    again = first.select(np.moveaxis(frames, -1, 2))["image"]
    np.testing.assert_array_equal(again, selected)


NESTED = spaces.Dict(
    {
        "a.b": spaces.Discrete(2),
        "robot": spaces.Tuple([spaces.Box(-1, 1, (3, 2)), spaces.Dict({"x": spaces.Discrete(3)})]),
    }
)


def test_entries_of_entries_are_read_by_their_way():
    assert list(flatten(NESTED)) == ["a.b", "robot.0", "robot.1.x"]
    rows = np.ones((1, 3, 2), np.float32)
    given = {"a.b": np.array([1]), "robot": (rows, {"x": np.array([2])})}
    selected = read(NESTED).select(given)
    np.testing.assert_array_equal(selected["objects"], rows)
    np.testing.assert_array_equal(selected["vector"], [[0, 1, 0, 0, 1]])
    assert [entry.key for entry in read(NESTED, ("robot",)).entries] == ["robot.0", "robot.1.x"]
    assert [entry.key for entry in read(NESTED, ("robot.1",)).entries] == ["robot.1.x"]
    one = {"a.b": 1, "robot": (rows[0], {"x": 2})}
    again = read(NESTED).select(read(NESTED).batch_of_one(one))
    for name, array in selected.items():
        np.testing.assert_array_equal(again[name], array)
    with pytest.raises(ValueError, match=r"must differ from each other, got \('robot', 'robot.0'"):
        read(NESTED, ("robot", "robot.0"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"robot": (0,)}, r"must have the entry 'robot.1.x', got 1 entries"),
        ({"arm": 0}, r"must have the entry 'robot.1.x', got \['arm'\]"),
        ({"robot": np.zeros(3)}, "must be a tuple, got ndarray"),
        (np.zeros(3), "must be a mapping, got ndarray"),
    ],
)
def test_entries_that_are_missing_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        value_of(given, "robot.1.x")


def forms(arrays):
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}
