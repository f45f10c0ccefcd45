"""Attention over the screen of a mini-game: the weights, whose they are, and what is drawn."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image
from scripted_attention import SIDES, screen_episode
from tiny_runs import TINY_MINI_GAME, save_run

pytest.importorskip("pysc2")

from experiments import configs
from experiments.attention import command
from experiments.attention.__main__ import main
from experiments.attention.colors import HEAT_COLOR, SIDE_COLORS
from experiments.attention.episode import AttentiveAgent
from experiments.attention.screen import own_cells, play_screens, views
from experiments.attention.screen_figure import darkest, draw_screen_step
from relational_rl.acting.vectorization import make_environment
from relational_rl.config import override
from relational_rl.errors import UsageError
from relational_rl.playing.player import Attempt, Player
from relational_rl.trained import load_run

OWN, WHERE, ALL = "own units", "where it acts", "all cells"


@pytest.fixture(scope="module")
def agent_of_maps(mini_game_run):
    """The agent of that run, loaded."""
    return load_run(mini_game_run)


def test_views_are_from_the_cells_that_they_name():
    episode = screen_episode()
    step = episode.steps[0]
    assert own_cells(step, (2, 4)).tolist() == [0, 7]
    first, second = (views(episode, step, 0, head) for head in range(2))
    assert {name: view.sources.tolist() for name, view in first.items()} == {
        OWN: [0, 7],
        WHERE: [6],
        ALL: [*range(8)],
    }
    assert first[OWN].weights.tolist() == [0, 0, 0, 0, 0, 1, 0, 0]
    assert first[WHERE].weights.tolist() == [0, 0, 0, 0, 0, 0, 1, 0]
    assert first[ALL].weights.tolist() == [0, 0, 0, 0, 0, 7 / 8, 1 / 8, 0]
    assert second[OWN].weights.tolist() == [0.5, 0, 0, 0, 0, 0, 0, 0.5]
    nowhere = screen_episode(None, None)
    blind = nowhere.steps[0]._replace(sides=np.zeros_like(SIDES))
    assert list(views(nowhere, blind, 0, 0)) == [ALL]


def test_the_picture_shows_weights_units_and_the_place():
    picture = draw_screen_step(screen_episode(), 0)
    # Inches times 100: header 85, title 35, margin 30, panels of 290 with 20 between them.
    panel, gap, left, top, below = 290, 20, 30, 120, 325

    def color(head, view, x, y):
        row = top + head * below + round(y * panel)
        return picture[row, left + view * (panel + gap) + round(x * panel)] / 255

    def cell(head, view, index):
        row, column = divmod(index, 4)
        return color(head, view, (column + 0.87) / 4, (row + 0.37) / 2)

    heat, white = np.array(to_rgb(HEAT_COLOR)), np.ones(3)
    for head, view, expected in (
        (0, 0, {5: 1.0}),
        (0, 1, {6: 1.0}),
        (0, 2, {5: 1.0, 6: 1 / 7}),
        (1, 0, {0: 1.0, 7: 1.0}),
        (1, 2, {index: 1 / 4 for index in range(8)}),  # an even share is faint
    ):
        for index in range(8):
            wanted = white + expected.get(index, 0.0) * (heat - white)
            np.testing.assert_allclose(cell(head, view, index), wanted, atol=0.02)
    for y, x in np.argwhere(SIDES):
        wanted = to_rgb(SIDE_COLORS[{1: "own", 4: "enemy"}[int(SIDES[y, x])]])
        # Off the middle, where no line and no outline is.
        found = color(0, 2, (x + 0.6) / 8, (y + 0.4) / 8)
        np.testing.assert_allclose(found, wanted, atol=0.02)
    moved = draw_screen_step(screen_episode((0.31, 0.19)), 0)
    assert 3 * 2 * 50 < (np.abs(moved.astype(int) - picture).max(axis=-1) > 100).sum() < 3000
    assert darkest(np.full(64, 1 / 64)) == 4 / 64
    assert darkest(np.array([0.25, 0.75])) == 2.0


def test_the_episode_is_the_one_that_is_played_and_the_weights_are_the_agents(agent_of_maps):
    trained = agent_of_maps
    episode = play_screens(trained, trained.env, level_seed=2, seed=5)
    (played,) = Player(trained.agent, trained.spec, 1).play(trained.env, [Attempt(2)], seed=5)
    environment = make_environment(trained.env)
    codec = environment.unwrapped.action_codec
    assert [step.action for step in episode.steps] == [codec.describe(a) for a in played.actions]
    assert (episode.game, episode.num_steps, episode.score) == (
        "stand-in",
        8,
        played.episode_return,
    )
    observation, _ = environment.reset(seed=2)
    agent = trained.agent
    state = agent.initial_state(1)
    uniforms = np.zeros((1, agent.num_draws))
    for number, action in enumerate(played.actions[:4]):
        batch = {name: value[np.newaxis] for name, value in observation.items()}
        output, state = agent.act(trained.spec.select(batch), state, uniforms, with_attention=True)
        step = episode.steps[number]
        assert step.weights.shape == (2, 2, 16, 16)  # blocks, heads and the cells of 4x4
        for block, weights in enumerate(output.attention.weights):
            np.testing.assert_allclose(step.weights[block], weights[0], atol=1e-5)
        assert step.value == pytest.approx(float(output.baseline[0]) / 0.5, abs=1e-5)
        np.testing.assert_array_equal(step.sides, observation["screen"][..., 5])
        place = codec.place(np.array(action))
        assert step.place == (place[1:] if place and place[0] == "screen" else None)
        observation = environment.step(action)[0]
    environment.close()
    assert set(np.unique(episode.steps[0].sides)) == {0, 1, 3}  # a marine and a beacon


def test_the_command_draws_every_so_many_steps(mini_game_run, tmp_path, capsys, monkeypatch):
    drawn = np.zeros((2, 3, 3), np.uint8)
    monkeypatch.setattr(command, "draw_screen_step", lambda episode, index: drawn + 90 * index)
    assert main([f"--run_dir={mini_game_run}", f"--out={tmp_path}", "--every=3"]) == 0
    shown = capsys.readouterr().out
    (directory,) = (tmp_path / "attention").glob("SC2-MoveToBeacon-v0_level_0_sampled")
    pictures = sorted(directory.glob("step_*.png"))
    assert [path.name for path in pictures] == ["step_001.png", "step_002.png", "step_003.png"]
    with Image.open(directory / "episode.gif") as gif, Image.open(pictures[0]) as picture:
        assert gif.size == picture.size
        assert gif.n_frames == 3
    assert "SC2/MoveToBeacon-v0 (stand-in), episode 0, sampled policy: score " in shown
    assert "in 8 steps, of which 3 are drawn" in shown
    assert f"page to explore  {directory / 'index.html'}" in shown
    assert '"number":7' in (directory / "index.html").read_text()


def test_what_cannot_be_drawn_is_one_line(agent_of_maps, mini_game_run, tmp_path, capsys):
    experiment = override(configs.load("sc2_movetobeacon_small"), TINY_MINI_GAME)
    save_run(tmp_path / "run", override(experiment, {"agent": "control"}))
    for arguments, message in (
        ([f"--run_dir={tmp_path / 'run'}"], "attention maps need a relational agent, got agent='"),
        (
            [f"--run_dir={mini_game_run}", "--episodes=2"],
            "episodes and all_pairs are of Box-World's summary",
        ),
    ):
        assert main(arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error
        assert error.count("\n") == 1
    with pytest.raises(UsageError, match="every must be at least 1, got 0"):
        command.draw_steps(agent_of_maps, tmp_path, every=0)
    with pytest.raises(UsageError, match="policy must be one of sampled, greedy, got 'best'"):
        command.draw_steps(agent_of_maps, tmp_path, policy="best")
    # Box-World seen by the agent of maps: its cells are no objects.
    with pytest.raises(UsageError, match="with entities that are cells, got agent="):
        AttentiveAgent(agent_of_maps)


def test_an_agent_of_another_game_is_refused(tiny_agent):
    env = override(configs.load("sc2_movetobeacon_small"), TINY_MINI_GAME).env
    with pytest.raises(UsageError, match=r"MoveToBeacon-v0' must have .* as the agent was trained"):
        command.draw_steps(tiny_agent, Path("nowhere"), env)
