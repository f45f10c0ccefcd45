"""Attention: the objects, their relations, the weights behind the arrows, and what is drawn."""

import csv

import gymnasium
import numpy as np
import pytest
from PIL import Image
from scripted_attention import (
    DOWN,
    LEFT,
    LEVEL,
    RIGHT,
    UP,
    boxworld_episode,
    cell,
    to_agent_or_first_lock,
)
from tiny_runs import TINY, save_run

from experiments.attention import command
from experiments.attention.__main__ import main
from experiments.attention.arrows import arrows, attention_of, sources
from experiments.attention.colors import ARROW_COLORS
from experiments.attention.episode import AttentiveAgent
from experiments.attention.figure import draw_step
from experiments.attention.scene import SceneReader
from experiments.attention.summary import digest, relation, source_kind, summarise, to_csv
from relational_rl.acting.vectorization import make_environment
from relational_rl.config import EnvSpec, replace
from relational_rl.errors import UsageError
from relational_rl.playing.player import Attempt
from relational_rl.trained import load_run


@pytest.fixture(params=["rgb", "onehot"])
def game(request):
    """A game of that level, and a reader of its observations."""
    environment = gymnasium.make(
        "BoxWorld-v0", room_size=6, num_branches=0, observation=request.param
    )
    observation, _ = environment.reset(options={"level": LEVEL})
    return environment, observation, SceneReader(LEVEL, 20, observation.shape[-1])


def test_the_objects_of_a_scene_are_named_after_the_solution(game):
    _, observation, reader = game
    scene = reader.read(observation)
    assert {thing.label: (thing.kind, thing.cell, thing.on_path) for thing in scene.things} == {
        "agent": ("agent", cell(1, 1), True),
        "key 1": ("key", cell(1, 2), True),
        "lock 1": ("lock", cell(3, 2), True),
        "key 2": ("key", cell(3, 1), True),
        "lock 2": ("lock", cell(5, 2), True),
        "gem": ("gem", cell(5, 1), True),
        "lock D1": ("lock", cell(3, 6), False),
        "key D1": ("key", cell(3, 5), False),
        "lock D2": ("lock", cell(5, 6), False),
        "key D2": ("key", cell(5, 5), False),
    }
    assert scene.held is None


def test_the_objects_of_a_scene_follow_the_game(game):
    environment, observation, reader = game
    labels = []
    for action in (RIGHT, DOWN, DOWN, LEFT):
        observation = environment.step(action)[0]
        scene = reader.read(observation)
        labels.append([thing.label for thing in scene.things if thing.on_path])
    assert labels[0] == ["agent", "held key 1", "lock 1", "key 2", "lock 2", "gem"]
    assert labels[1] == labels[0]
    assert labels[2] == ["agent", "key 2", "lock 2", "gem"]  # the key is used up, the lock gone
    assert labels[3] == ["agent", "held key 2", "lock 2", "gem"]
    assert scene.held.cell == 0
    assert scene.agent.cell == cell(3, 1)


def test_relations_are_those_of_keys_and_locks(game):
    environment, observation, reader = game
    things = {thing.label: thing for thing in reader.read(observation).things}
    expected = {
        ("key 1", "lock 1"): "locks it opens",
        ("key 1", "lock D1"): "locks it opens",  # of the same colour
        ("key 1", "lock 2"): "other locks",
        ("key 1", "key 2"): "other keys",
        ("key 1", "key 1"): "itself",
        ("key 1", "agent"): "agent",
        ("key 2", "lock 1"): "rest of its box",
        ("lock 1", "key 2"): "rest of its box",
        ("lock 1", "key 1"): "keys that open it",
        ("lock 2", "key 2"): "keys that open it",
        ("lock 2", "gem"): "rest of its box",
        ("gem", "lock 1"): "other locks",
        ("agent", "gem"): "gem",
    }
    found = {pair: relation(things[pair[0]], things[pair[1]]) for pair in expected}
    assert found == expected
    assert relation(things["key 1"], None) == "empty cells"
    held = reader.read(environment.step(RIGHT)[0])
    things = {thing.label: thing for thing in held.things}
    assert source_kind(things["held key 1"]) == "held key"
    assert relation(things["held key 1"], things["lock 1"]) == "locks it opens"
    assert relation(things["lock 1"], things["held key 1"]) == "keys that open it"
    assert relation(things["lock 2"], things["held key 1"]) == "held key"


@pytest.mark.parametrize("entities", ["occupied", "all"])
def test_arrows_carry_the_weights_of_the_module(tiny_agent, tmp_path, entities):
    trained = tiny_agent
    if entities == "all":
        room = {"room_size": 6, "num_branches": 0, "solution_length": 2, "max_steps": 6}
        every_cell = {
            "env.id": "boxworld:BoxWorld-v0",
            "env.kwargs": room,
            "agent.encoder.stem": "conv",
            "agent.encoder.max_entities": None,
        }
        save_run(tmp_path, replace(TINY, every_cell))
        trained = load_run(tmp_path)
    episode = AttentiveAgent(trained).play(trained.env, level_seed=5)
    environment = make_environment(trained.env)
    observation, _ = environment.reset(options={"level_seed": 5})
    for step in episode.steps[:2]:
        output, _ = trained.agent.act(
            trained.spec.select(observation[np.newaxis]),
            trained.agent.initial_state(1),
            np.zeros((1, trained.agent.num_draws)),
            with_attention=True,
        )
        maps = output.attention
        index = {int(c): i for i, c in enumerate(maps.cells[0]) if bool(maps.mask[0, i])}
        assert len(sources(step, all_objects=True)) >= 4
        for block in range(2):
            for head in range(3):
                drawn = arrows(step, block, head, all_objects=True)
                assert len(drawn) == len(sources(step, all_objects=True)) * len(index)
                for arrow in drawn:
                    i, j = index[arrow.source.cell], index[arrow.cell]
                    expected = float(maps.weights[block][0, head, i, j])
                    assert arrow.weight == pytest.approx(expected, abs=1e-4)
        totals = {}
        for arrow in arrows(step, 1, 2):
            totals[arrow.source.label] = totals.get(arrow.source.label, 0.0) + arrow.weight
        assert all(total == pytest.approx(1.0, abs=1e-4) for total in totals.values())
        observation = environment.step(step.action)[0]


def test_the_episode_is_the_one_that_evaluation_counts(tiny_agent, tiny_player):
    env = tiny_agent.env
    agent = AttentiveAgent(tiny_agent)
    for policy in ("sampled", "greedy"):
        for level in (2, 9):
            (played,) = tiny_player.play(env, [Attempt(level)], policy, seed=3)
            episode = agent.play(env, level, policy, seed=3)
            assert tuple(step.action for step in episode.steps) == played.actions
            assert sum(step.reward for step in episode.steps) == played.episode_return
            assert episode.solved == played.is_success


def test_the_summary_is_exact():
    rows = {
        (row.block, row.head, row.source, row.target): row
        for row in summarise([boxworld_episode(to_agent_or_first_lock)])
    }
    every = rows[1, 1, "every object", "agent"]
    assert (every.mean_attention, every.ratio) == (1.0, pytest.approx(10.0))
    assert every.num_sources == 2 * 5  # key 1, key 2, lock 1, lock 2, gem at two steps
    # Key 1 opens lock 1 and lock D1, key 2 opens lock 2 alone.
    opens = rows[1, 2, "key", "locks it opens"]
    assert opens.mean_attention == pytest.approx((1.0 + 0.0) / 2)
    assert opens.uniform_share == pytest.approx((0.2 + 0.1) / 2)
    assert rows[1, 2, "key", "rest of its box"].mean_attention == pytest.approx(0.75)
    for (block, _, _, _), row in rows.items():
        assert block == 1 or row.ratio == pytest.approx(1.0)
    everyone = summarise([boxworld_episode(to_agent_or_first_lock)], all_objects=True)
    counts = {row.source: row.num_sources for row in everyone if row.target == "agent"}
    assert counts == {"every object": 18, "key": 8, "lock": 8, "gem": 2}


def test_a_held_key_is_a_kind_of_its_own():
    # Key 1 lies loose at the first step and is held at the second; key 2 is locked up all the time.
    episode = boxworld_episode(to_agent_or_first_lock, actions=(RIGHT, UP))
    rows = {row[:4]: row for row in summarise([episode])}
    counts = {
        row.source: row.num_sources
        for row in rows.values()
        if (row.block, row.head, row.target) == (1, 2, "locks it opens")
    }
    assert counts == {"every object": 4, "key": 3, "held key": 1}
    assert rows[1, 2, "held key", "locks it opens"].mean_attention == 1.0


def test_the_summary_is_a_table_that_reads_back():
    rows = summarise([boxworld_episode(to_agent_or_first_lock)])
    read = list(csv.DictReader(to_csv(rows).splitlines()))
    assert len(read) == len(rows)
    assert float(read[0]["mean_attention"]) == pytest.approx(rows[0].mean_attention, abs=1e-6)
    text = digest(rows)
    (line,) = [line for line in text.splitlines() if line.startswith("every object -> agent")]
    cells = " ".join(line.split("agent")[1].split())
    assert cells == "100% (10.0x) 0.0% (0.0x) 10% (1.0x) 10% (1.0x)"


def test_arrows_are_drawn_where_they_belong():
    picture = draw_step(boxworld_episode(to_agent_or_first_lock), 0)
    nothing = draw_step(boxworld_episode(lambda b, h, cells: np.eye(len(cells)) * 0.01), 0)
    assert picture.shape == nothing.shape
    assert picture.dtype == np.uint8

    def pixels(panel_row, panel_column, color):
        """How many pixels of a panel have an arrow's colour that had not without arrows."""
        wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        height, width = picture.shape[0] - 230, picture.shape[1]
        rows = slice(85 + panel_row * height // 2, 85 + (panel_row + 1) * height // 2)
        columns = slice(panel_column * width // 2, (panel_column + 1) * width // 2)
        near = [
            (np.abs(image[rows, columns].astype(int) - wanted).max(axis=-1) < 40).sum()
            for image in (picture, nothing)
        ]
        return near[0] - near[1]

    for kind in ("key", "lock", "gem"):
        color = ARROW_COLORS[kind]
        assert pixels(0, 0, color) > 150  # opaque arrows to the agent
        assert pixels(1, 0, color) < 40  # a tenth each: far too faint for the colour itself


def test_a_ring_over_the_edge_does_not_move_the_board():
    # The held key is at the corner, and what attends to itself gets a ring wider than its cell.
    ringed = boxworld_episode(lambda b, h, cells: np.eye(len(cells)), actions=(RIGHT, UP))
    assert ringed.steps[1].scene.held.cell == 0
    plain = boxworld_episode(lambda b, h, cells: np.zeros((len(cells), len(cells))), (RIGHT, UP))
    with_rings, without = draw_step(ringed, 1), draw_step(plain, 1)
    changed = np.abs(with_rings.astype(int) - without).max(axis=-1) > 40
    assert 0.005 < changed.mean() < 0.04


def test_attention_of_picks_the_row_of_the_source():
    step = boxworld_episode(lambda b, h, cells: np.diag(cells / 100.0)).steps[0]
    for source in sources(step):
        weights = attention_of(step, 0, 0, source)
        assert weights[step.cells == source.cell] == source.cell / 100.0
        assert np.count_nonzero(weights) == 1


def test_the_command_draws_every_step(tiny_run, capsys, monkeypatch):
    drawn = []

    def draw_step(episode, index, all_objects):
        drawn.append((index, all_objects))
        return np.full((2, 3, 3), 40 * index, np.uint8)

    monkeypatch.setattr(command, "draw_step", draw_step)
    assert main([f"--run_dir={tiny_run}", "--level_seed=7", "--episodes=2"]) == 0
    shown = capsys.readouterr().out
    (directory,) = (tiny_run / "attention").glob("BoxWorld-Easy-v0_level_7_sampled")
    pictures = sorted(directory.glob("step_*.png"))
    assert [path.name for path in pictures] == [f"step_{i:03d}.png" for i in range(1, 7)]
    assert drawn == [(index, False) for index in range(6)]
    with Image.open(directory / "episode.gif") as gif, Image.open(pictures[0]) as picture:
        assert gif.size == picture.size == (3, 2)
        assert gif.n_frames == 6
    assert "(over levels 7..8)" in shown
    assert f"page to explore  {directory / 'index.html'}" in shown
    assert (directory / "index.html").read_text().startswith("<!DOCTYPE html>")
    rows = list(csv.DictReader((directory / "attention_summary.csv").read_text().splitlines()))
    assert {row["head"] for row in rows} == {"1", "2", "3"}


def test_agents_and_games_without_attention_are_refused(control_run, tiny_agent, capsys):
    assert main([f"--run_dir={control_run}"]) == 1
    error = capsys.readouterr().err
    assert error == (
        "error: attention maps need a relational agent, got agent='control', which has no "
        "attention\n"
    )
    with pytest.raises(UsageError, match="need a Box-World environment, got env='CartPole-v1'"):
        AttentiveAgent(tiny_agent).play(EnvSpec(id="CartPole-v1"), 0)
    with pytest.raises(UsageError, match="episodes must be at least 1, got 0"):
        command.draw_attention(tiny_agent, control_run, num_episodes=0)
