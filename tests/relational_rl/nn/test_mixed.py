"""Entities of everything that is seen; edges bias attention; pointing heads."""

import by_hand
import numpy as np
import pytest
import tensorflow as tf

from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import Entities, all_cells
from relational_rl.nn.mixed import Cells, MixedEncoder, Rows, Words
from relational_rl.nn.objects import VectorEncoder
from relational_rl.nn.pointer import PointerHeads
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.stems import ConvStem

B, E = 2, 5
RNG = np.random.default_rng(0)
SEEN = {
    "image": RNG.integers(256, size=(B, 2, 3, 3), dtype=np.uint8),
    "graph": RNG.normal(size=(B, 3, 2)).astype(np.float32),
    "graph_mask": np.array([[1, 1, 0], [1, 1, 1]], bool),
    "graph_edges": RNG.normal(size=(B, 3, 3, 4)).astype(np.float32),
    "objects": RNG.normal(size=(B, 2, 4)).astype(np.float32),
    "objects_mask": np.array([[1, 0], [0, 0]], bool),
    "text": np.array([[2, 0, 1, 0], [1, 1, 0, 0]], np.int32),
    "text_mask": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], bool),
    "vector": RNG.normal(size=(B, 6)).astype(np.float32),
}


def encoder():
    stem = ConvStem((3, 4))
    cells = Cells(EntityEncoder(stem, (2, 3, 3), "uint8", 255.0), E)
    made = MixedEncoder(
        [("image", cells), ("graph", Rows(E)), ("objects", Rows(E)), ("text", Words(E, 4, 3))]
    )
    made(SEEN)
    by_hand.randomize(made)
    return made


def test_all_that_is_seen_lies_side_by_side():
    made = encoder()
    entities = made(SEEN)
    assert made.ranges == {"image": (0, 6), "graph": (6, 9), "objects": (9, 11), "text": (11, 15)}
    assert entities.features.shape == (B, 15, E)
    masks = [np.ones((B, 6), bool)] + [SEEN[f"{n}_mask"] for n in ("graph", "objects", "text")]
    np.testing.assert_array_equal(entities.mask, np.concatenate(masks, axis=1))
    expected = np.zeros((B, 15, 15, 4), np.float32)
    expected[:, 6:9, 6:9] = SEEN["graph_edges"]
    np.testing.assert_array_equal(entities.edges, expected)


@pytest.mark.parametrize("name", ["image", "graph", "objects", "text"])
def test_each_part_is_felt_in_its_own_place_alone(name):
    made = encoder()
    before = made(SEEN).features.numpy()
    other = dict(SEEN, **{name: SEEN[name][::-1].copy()})
    after = made(other).features.numpy()
    first, last = made.ranges[name]
    assert (before != after)[:, first:last].any()
    np.testing.assert_array_equal(
        np.delete(before, np.s_[first:last], axis=1), np.delete(after, np.s_[first:last], axis=1)
    )


def test_words_are_a_row_of_the_table_and_their_place():
    words = Words(E, 4, 3)
    table, places = words._tables[0].numpy(), words._places.numpy()
    found = words(SEEN, "text").features.numpy()
    np.testing.assert_allclose(found, np.maximum(table[SEEN["text"]] + places, 0), atol=1e-6)


def test_hashed_words_are_told_apart_unless_both_digits_agree():
    words = Words(E, 1, None, rows=4)
    numbers = np.arange(64, dtype=np.int32)[:, np.newaxis]
    found = words({"text": numbers, "text_mask": numbers > 0}, "text").features.numpy()[:, 0]
    for a in range(64):
        for b in range(a):
            assert np.array_equal(found[a], found[b]) == (a % 16 == b % 16) or not found[a].any()


def test_groups_of_numbers_become_one_entity_each():
    made = VectorEncoder(E, groups=(1, 3, 1, 1))
    made(SEEN)
    by_hand.randomize(made)
    entities = made(SEEN)
    assert entities.features.shape == (B, 4, E)
    group, single = made._embed_groups[0], made._embed
    vector = SEEN["vector"]
    np.testing.assert_allclose(
        entities.features[:, 1],
        np.maximum(vector[:, 1:4] @ group.w.numpy() + group.b.numpy(), 0),
        atol=1e-5,
    )
    weights = single.w.numpy()
    for entity, (number, place) in {0: (0, 0), 2: (4, 1), 3: (5, 2)}.items():
        row = vector[:, number : number + 1] * weights[0] + weights[1 + place] + single.b.numpy()
        np.testing.assert_allclose(entities.features[:, entity], np.maximum(row, 0), atol=1e-5)


def test_edges_are_a_bias_that_each_head_weighs():
    rows = RNG.normal(size=(B, 3, 4)).astype(np.float32)
    edges = tf.constant(SEEN["graph_edges"])
    entities = Entities(tf.constant(rows), None, all_cells(B, 3), edges=edges)
    module = RelationalModule(num_blocks=1, num_heads=2, head_size=3)
    start = module(entities).attention_weights[0]
    without = module(entities._replace(edges=None)).attention_weights[0]
    np.testing.assert_allclose(start, without, atol=1e-6)  # no preference at first
    scale = module.blocks[0]._edge_scale
    assert any(scale is variable for variable in module.blocks[0].parameters())
    scale.assign(RNG.normal(size=scale.shape))
    biased = module(entities).attention_weights[0].numpy()
    bias = np.einsum("bijc,hc->bhij", edges, scale)
    expected = np.exp(np.log(without) + bias)
    np.testing.assert_allclose(biased, expected / expected.sum(-1, keepdims=True), atol=1e-5)


def test_logits_of_pointing_are_scaled_dot_products_in_their_place():
    heads = PointerHeads((2, 3, 3), {1: "graph"}, key_size=4)
    hidden = RNG.normal(size=(B, 6)).astype(np.float32)
    others = tf.constant(RNG.normal(size=(B, 2 + 3 + 1)), tf.float32)
    nodes, mask = tf.constant(SEEN["graph"]), tf.constant(SEEN["graph_mask"])
    heads(hidden, others, {"graph": nodes}, {"graph": mask})
    by_hand.randomize(heads)
    found = heads(hidden, others, {"graph": nodes}, {"graph": mask}).numpy()
    assert (heads.num_logits, heads.names) == (3, ("graph",))
    np.testing.assert_array_equal(found[:, :2], others[:, :2])
    np.testing.assert_array_equal(found[:, 5:], others[:, 2:])
    query, key = heads._queries[0], heads._keys[0]
    for row in range(B):
        asked = hidden[row] @ query.w.numpy() + query.b.numpy()
        for place in range(3):
            expected = asked @ (SEEN["graph"][row, place] @ key.w.numpy()) / 2
            if not SEEN["graph_mask"][row, place]:
                expected = -1e9
            assert found[row, 2 + place] == pytest.approx(expected, rel=1e-4)
