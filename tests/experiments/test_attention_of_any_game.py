"""Attention in games that nobody here wrote: recorded, drawn, and as a page in a browser."""

from typing import ClassVar

import gymnasium
import numpy as np
import pytest
from chromium import Browser
from gymnasium import spaces
from PIL import Image

from experiments import cli
from experiments.attention.command import draw_steps
from experiments.attention.game import MOST, play_game
from experiments.attention.game_figure import draw_game_step
from experiments.attention.game_page import make_game_page
from relational_rl.config import Cells, Experiment, Patch, Relational
from relational_rl.errors import UsageError
from relational_rl.playing.player import Player, attempts_of
from relational_rl.run.spec import environment_spec
from relational_rl.trained import TrainedAgent

pytestmark = pytest.mark.usefixtures("eager")


class Dots(gymnasium.Env):
    """Dots on a 4x6 image; draws itself larger. Ends after 5 steps."""

    metadata: ClassVar = {"render_modes": ["rgb_array"]}
    observation_space = spaces.Box(0, 255, (4, 6, 3), np.uint8)
    action_space = spaces.Discrete(3)

    def __init__(self, render_mode=None):
        self.render_mode = render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.image = np.zeros((4, 6, 3), np.uint8)
        self.image[0, 1] = self.image[2, 3] = (250, 120, 10)
        return self.image, {}

    def step(self, action):
        self.steps += 1
        self.image = np.roll(self.image, int(action), axis=1)
        return self.image, 1.0, self.steps == 5, False, {"is_success": True}

    def render(self):
        return self.image.repeat(20, axis=0).repeat(20, axis=1)


class Things(gymnasium.Env):
    """Objects, of which the last is absent; draws nothing. Ends after 2 steps."""

    observation_space = spaces.Box(-np.inf, np.inf, (3, 2), np.float32)
    action_space = spaces.MultiDiscrete([2, 3])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._see(), {}

    def step(self, action):
        self.steps += 1
        return self._see(), 0.5, False, self.steps == 2, {}

    def _see(self):
        return np.array([[0, 1], [1, self.steps], [np.nan, np.nan]], np.float32)


def trained(env, **values):
    """Returns an agent with first values."""
    values = {"mlp": (8,), "head_size": 4, **values}
    experiment = Experiment(env=env, agent=Relational(**values))
    spec = environment_spec(experiment)
    return TrainedAgent(experiment.agent.build(spec), experiment, spec, 0, 0.0, 0)


@pytest.fixture(scope="module")
def dots():
    return trained(Dots, encoder=Cells(stem=Patch(), max_entities=24))


@pytest.fixture(scope="module")
def episode(dots):
    return play_game(dots, dots.env, 3)


def test_cells_of_an_image_beside_the_games_picture(dots, episode):
    (played,) = Player(dots.agent, dots.spec, 1).play(dots.env, attempts_of([3]))
    assert [step.action for step in episode.steps] == [str(action) for action in played.actions]
    assert (episode.score, episode.solved, episode.map_shape) == (5.0, True, (4, 6))
    first, second = episode.steps[:2]
    assert first.frame.shape == (80, 120, 3)
    np.testing.assert_array_equal(first.frame[::20, ::20], first.view)
    np.testing.assert_array_equal(second.frame[::20, ::20], second.view)
    np.testing.assert_allclose(first.weights.sum(-1), 1, rtol=1e-5)
    assert "row 1, column 2" in first.names
    assert first.weights.shape[2:] == (len(first.names),) * 2


def test_objects_without_a_picture():
    agent = trained(Things)
    played = play_game(agent, agent.env, 0)
    step = played.steps[0]
    assert played.map_shape is None
    assert (step.frame, step.view, played.solved) == (None, None, None)
    assert step.names == ("objects 1", "objects 2")  # the third is absent
    assert np.isnan(step.probability)  # of several choices
    assert step.action.startswith("(")
    assert draw_game_step(played, 0).dtype == np.uint8


def test_the_entities_with_most_attention_are_kept():
    agent = trained(Dots, encoder=Cells(stem=Patch()))
    step = play_game(agent, agent.env, 0).steps[0]
    assert (len(step.names), step.left_out) == (24, 0)

    class Large(Dots):
        observation_space = spaces.Box(0, 255, (8, 9, 3), np.uint8)

        def reset(self, **kwargs):
            super().reset(**kwargs)
            self.image = np.zeros((8, 9, 3), np.uint8)
            return self.image, {}

    agent = trained(Large, encoder=Cells(stem=Patch()))
    played = play_game(agent, agent.env, 0)
    step = played.steps[0]
    assert (len(step.names), step.left_out) == (MOST, 72 - MOST)
    assert f"{72 - MOST}" in make_game_page(played, ["a.png"] * 5, "a.gif")


def test_everything_is_written(dots, tmp_path):
    directory, played = draw_steps(dots, tmp_path, every=2)
    assert [step.number for step in played.steps] == [0, 2, 4]
    with Image.open(directory / "step_001.png") as picture:
        assert picture.size[0] > 500
    assert (directory / "episode.gif").exists()
    page = (directory / "index.html").read_text()
    assert "http" not in page.replace("http://www.w3.org", "")
    assert len(page) < 100_000
    with pytest.raises(UsageError, match="every must be at least 1, got 0"):
        draw_steps(dots, tmp_path, every=0)


def test_the_command_draws_a_run_of_any_game(dots, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("experiments.cli.attention.agent_of", lambda flags: (dots, tmp_path))
    assert cli.main(["attention", "--run_dir=x", "--every=4"]) == 0
    assert "score 5 in 5 steps, of which 2 are drawn" in capsys.readouterr().out
    assert cli.main(["attention", "--run_dir=x", "--episodes=3"]) == 1
    assert "are of Box-World's summary, got env=" in capsys.readouterr().err


def test_the_page_in_a_browser(episode, tmp_path):
    page = tmp_path / "game.html"
    page.write_text(make_game_page(episode, [f"{i}.png" for i in range(5)], "episode.gif"))
    with Browser() as browser:
        for width, scheme in ((360, "dark"), (1280, "light")):
            browser.open(page, width, scheme)
            assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run("element('game').hidden") is False
        assert browser.run("element('where').textContent") == "step 1 of 5"
        browser.run("document.querySelector('.thing').focus()")
        browser.press("Enter")
        name = episode.steps[0].names[0]
        assert browser.run("element('heading').textContent") == f"What {name} attends to"
        weights = browser.run("received(data.steps[0])")
        np.testing.assert_allclose(weights, episode.steps[0].weights[0, 0, 0], atol=6e-4)
        browser.press("ArrowDown")
        browser.run("choose(undefined); go(4)")
        assert (
            browser.run("element('heading').textContent") == "What gets most attention, on average"
        )
