"""The action codec, against PySC2's own validation and translation."""

import pickle
from copy import deepcopy

import gymnasium
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

pytest.importorskip("pysc2")

import sc2_minigames  # noqa: F401 - makes PySC2 importable

from pysc2.lib import actions as pysc2_actions  # isort: skip
from pysc2.lib import features, point
from s2clientprotocol import sc2api_pb2

from sc2_minigames.actions import (
    ARGUMENTS,
    GENERAL_FUNCTIONS,
    NUM_FUNCTIONS,
    ActionCodec,
    InvalidActionError,
)

SCREEN, MINIMAP = 32, 16
CODEC = ActionCodec(SCREEN, MINIMAP)
F = pysc2_actions.FUNCTIONS
PYSC2 = features.Features(
    features.AgentInterfaceFormat(
        feature_dimensions=features.Dimensions(screen=SCREEN, minimap=MINIMAP),
        hide_specific_actions=False,
    ),
    map_size=point.Point(64, 64),
)


def translate(call):
    """What PySC2 would send to the game; availability is not looked at."""
    return PYSC2.transform_action(sc2api_pb2.Observation(), call, skip_available=True)


def call_of(function, arguments):
    return pysc2_actions.FunctionCall(function, arguments)


def plain(call):
    return int(call.function), [[int(v) for v in a] for a in call.arguments]


@st.composite
def vectors(draw):
    sizes = [NUM_FUNCTIONS, *CODEC.sizes.values()]
    return np.array([draw(st.integers(0, size - 1)) for size in sizes], np.int64)


@given(vectors())
def test_what_is_decoded_is_accepted_by_pysc2_and_encoded_again(vector):
    call = CODEC.decode(vector)
    translate(call)  # Raises if PySC2 finds it invalid.
    np.testing.assert_array_equal(CODEC.encode(call), CODEC.canonical(vector))
    np.testing.assert_array_equal(CODEC.canonical(CODEC.canonical(vector)), CODEC.canonical(vector))


@pytest.mark.parametrize("function", range(NUM_FUNCTIONS))
def test_every_function_survives_the_way_to_the_game_and_back(function):
    rng = np.random.default_rng(function)
    for _ in range(3):
        vector = rng.integers(0, CODEC.space.nvec)
        vector[0] = function
        call = CODEC.decode(vector)
        expected = plain(call)
        kind = F[function].function_type
        if kind is pysc2_actions.select_rect:  # The game gets the box's corners in order.
            (x0, y0), (x1, y1) = expected[1][1:]
            expected[1][1:] = [[min(x0, x1), min(y0, y1)], [max(x0, x1), max(y0, y1)]]
        back = PYSC2.reverse_action(translate(call))
        assert plain(back) == expected
        assert plain(CODEC.decode(CODEC.encode(back))) == expected


def arguments_near_the_edges(function):
    """Arguments that are right, a little wrong, or of the wrong shape."""
    argument = st.lists(st.integers(-2, 40), min_size=0, max_size=3)
    exact = st.tuples(
        *(
            st.lists(st.integers(-1, 33), min_size=len(a.sizes), max_size=len(a.sizes))
            for a in F[function].args
        )
    ).map(list)
    return st.one_of(exact, exact, st.lists(argument, max_size=4))


@st.composite
def calls(draw):
    function = draw(
        st.one_of(st.sampled_from([0, 1, 2, 3, 4, 5, 12, 331]), st.integers(0, NUM_FUNCTIONS - 1))
    )
    return call_of(function, draw(arguments_near_the_edges(function)))


@given(calls())
@settings(max_examples=500)
@example(call_of(1, [[MINIMAP, 0]]))  # PySC2 lets it through.
@example(call_of(1, [[-1, 0]]))
@example(call_of(2, [[0], [SCREEN - 1, SCREEN - 1]]))
def test_we_refuse_all_that_pysc2_refuses_and_accept_only_what_is_in_range(call):
    try:
        vector = CODEC.encode(call)
    except InvalidActionError:
        sizes = [
            {"screen": [SCREEN] * 2, "screen2": [SCREEN] * 2, "minimap": [MINIMAP] * 2}.get(
                a.name, a.sizes
            )
            for a in F[call.function].args
        ]
        is_legal = len(sizes) == len(call.arguments) and all(
            len(s) == len(a) and all(0 <= v < bound for v, bound in zip(a, s, strict=True))
            for s, a in zip(sizes, call.arguments, strict=True)
        )
        assert not is_legal
    else:
        translate(call)
        assert plain(CODEC.decode(vector)) == plain(call)
        assert CODEC.space.contains(vector)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (call_of(573, []), r"function must be in \[0, 573\), got 573"),
        (call_of(-1, []), r"function must be in \[0, 573\), got -1"),
        (call_of("no_op", []), "function must be an integer, got 'no_op'"),
        (call_of(331, [[0]]), r"Move_screen must have 2 arguments \(queued, screen\), got 1"),
        (call_of(331, [[0], [3, 32]]), r"screen must be in \[0, 32\) for Move_screen, got 32"),
        (call_of(331, [[2], [3, 3]]), r"queued must be in \[0, 2\) for Move_screen, got 2"),
        (call_of(331, [[0], [3]]), "screen of Move_screen must be x and y"),
        (call_of(331, [[0], 3]), "screen of Move_screen must be x and y, got 3"),
        (call_of(1, [[0.5, 1]]), "minimap must be an integer, got 0.5"),
        (call_of(1, [[float("nan"), 1]]), "minimap must be an integer, got nan"),
    ],
)
def test_calls_that_are_refused(call, words):
    with pytest.raises(InvalidActionError, match=words):
        CODEC.encode(call)


@pytest.mark.parametrize(
    ("vector", "words"),
    [
        (np.zeros(13, int), r"must be 14 integers \(function, screen, .*got int64 \[13\]"),
        (np.zeros(14), r"14 integers .*got float64 \[14\]"),
        (np.full(14, 573), r"function must be in \[0, 573\), got 573"),
        (np.full(14, -1), r"function must be in \[0, 573\), got -1"),
        ([1, 0, 256, *[0] * 11], r"minimap must be in \[0, 256\) for move_camera, got 256"),
        ([7, *[0] * 7, 2, *[0] * 5], r"select_add must be in \[0, 2\) for select_army, got 2"),
    ],
)
def test_vectors_that_are_refused(vector, words):
    with pytest.raises(InvalidActionError, match=words):
        CODEC.decode(vector)


def test_a_point_is_y_times_width_plus_x():
    vector = np.zeros(14, np.int64)
    vector[0] = F.Move_screen.id
    vector[1 + ARGUMENTS.index("screen")] = 5 * SCREEN + 7
    vector[1 + ARGUMENTS.index("queued")] = 1
    assert plain(CODEC.decode(vector)) == (331, [[1], [7, 5]])


def test_arguments_that_are_not_taken_do_not_matter():
    vector = np.full(14, 1_000_000)
    vector[0] = 0
    assert CODEC.canonical(vector).tolist() == [0] * 14


def test_the_tables():
    assert NUM_FUNCTIONS == 573
    assert len(GENERAL_FUNCTIONS) == 337
    assert len(ARGUMENTS) == 13
    signatures = {tuple(row) for row in CODEC.argument_mask.tolist()}
    assert len(signatures) == 13
    assert CODEC.argument_mask[331].tolist() == [n in ("queued", "screen") for n in ARGUMENTS]


@pytest.mark.parametrize("copy", [lambda x: x, lambda x: pickle.loads(pickle.dumps(x)), deepcopy])
def test_the_space_tells_what_its_numbers_mean(copy):
    space = copy(CODEC.space)
    assert isinstance(space, gymnasium.spaces.MultiDiscrete)
    np.testing.assert_array_equal(space.argument_mask, CODEC.argument_mask)
    images = dict(zip(ARGUMENTS, space.argument_images, strict=True))
    assert {name for name, image in images.items() if image} == {"screen", "screen2", "minimap"}
    assert (images["screen2"], images["minimap"]) == ("screen", "minimap")
    assert (space.mask_key, space.last_action_key) == ("available_actions", "last_action")


def test_an_unavailable_function_is_named_with_those_that_are():
    available = np.zeros(NUM_FUNCTIONS, np.int8)
    available[[0, 7]] = 1
    with pytest.raises(InvalidActionError, match=r"331 \(Move_screen\).*no_op, select_army"):
        CODEC.check_available(np.array([331] + [0] * 13), available)


@pytest.mark.parametrize(("sizes", "words"), [((0, 8), "screen_size"), ((8, 2.5), "minimap_size")])
def test_sizes_are_checked(sizes, words):
    with pytest.raises(ValueError, match=f"{words} must be an integer >= 1, got"):
        ActionCodec(*sizes)


def test_an_action_is_described_and_found_by_its_arguments():
    move = CODEC.encode(call_of(F.Move_screen.id, [[1], [9, 4]]))
    assert CODEC.describe(move) == "Move_screen(queued 1, screen 9 4)"
    assert CODEC.place(move) == ("screen", 9.5 / SCREEN, 4.5 / SCREEN)
    camera = CODEC.encode(call_of(F.move_camera.id, [[3, 15]]))
    assert CODEC.describe(camera) == "move_camera(minimap 3 15)"
    assert CODEC.place(camera) == ("minimap", 3.5 / MINIMAP, 15.5 / MINIMAP)
    # Of two points the first; what the function does not take does not count.
    rectangle = CODEC.encode(call_of(F.select_rect.id, [[0], [1, 2], [30, 31]]))
    assert CODEC.place(rectangle) == ("screen", 1.5 / SCREEN, 2.5 / SCREEN)
    nothing = np.full(14, 7, np.int64)
    nothing[0] = F.no_op.id
    assert CODEC.describe(nothing) == "no_op()"
    assert CODEC.place(nothing) is None
