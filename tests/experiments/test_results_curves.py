"""Learning curves of kept runs: how they are averaged, and what is drawn."""

import dataclasses
import inspect

import numpy as np
import pytest
from kept_runs import BEACON, keep_mini_game, make_run, on_starcraft, scripted_run
from PIL import Image

from experiments.games import game_of
from experiments.published import RANDOM, SCRIPTED
from experiments.results import curves, store
from experiments.results.kept import KeptExperiment
from relational_rl.config import EnvSpec, replace


def test_smoothing_weighs_by_episodes_and_stops_at_a_change_of_stage():
    run = scripted_run(
        [1, 2, 3, 4, 5],
        [0.0, 1.0, 0.5, np.nan, 0.7],
        [0, 0, 1, 1, 1],
        episodes=[1, 3, 2, 0, 2],
    )
    x, values = curves.smoothed(run, curves.SOLVED, "frames", width=2)
    assert x.tolist() == [1, 2, 3, 5]
    np.testing.assert_allclose(values, [0.75, 0.75, 0.5, 0.7])
    _, values = curves.smoothed(run, curves.SOLVED, "frames", width=4)
    np.testing.assert_allclose(values, [0.75, 0.75, 0.6, 0.6])


def test_a_band_spans_the_seeds_where_all_are_in_their_last_stage():
    first = scripted_run([0, 10, 20, 30, 40], [0.9, 0.9, 0.2, 0.4, 0.6], [0, 0, 1, 1, 1])
    second = scripted_run([0, 10, 20, 30], [0.9, 0.4, 0.6, 0.8], [0, 1, 1, 1])
    assert curves.last_stage_begins(first, curves.SOLVED, "frames") == 20
    found = curves.band([first, second], curves.SOLVED, "frames", width=1)
    assert (found.x[0], found.x[-1]) == (20, 30)
    for line, ends in (
        (found.mean, [0.4, 0.6]),
        (found.low, [0.2, 0.4]),
        (found.high, [0.6, 0.8]),
    ):
        np.testing.assert_allclose(line, np.linspace(*ends, line.size))
    # Minutes have their own times.
    slow = dataclasses.replace(
        second, metrics={**second.metrics, "minutes": second.metrics["frames"] * 2.5}
    )
    found = curves.band([first, slow], curves.SOLVED, "minutes", width=1)
    assert found.x[[0, -1]].tolist() == [25, 40]
    stuck = scripted_run([0, 50], [0.5, 0.5], [0, 0])
    assert curves.last_stage_begins(stuck, curves.SOLVED, "frames") == np.inf
    assert curves.band([first, stuck], curves.SOLVED, "frames", width=1) is None


def test_an_agent_that_never_reaches_the_last_stage_is_drawn_and_said_to_be_there(tmp_path):
    def experiment(name, *runs):
        return KeptExperiment(name, name, "generic", runs)

    good = scripted_run([0, 1000, 2000], [0.5, 0.8, 0.9], [0, 1, 1])
    stuck = scripted_run([0, 1000, 2000], [0.3, 0.5, 0.6], [0, 0, 0])
    assert curves._label(experiment("a", good, good)) == "a (2 seeds)"
    assert curves._label(experiment("b", good, stuck)) == "b (2 seeds), stage 1 of 2 reached"
    curves.draw_curves([experiment("a", good)], tmp_path / "one.png")
    curves.draw_curves([experiment("a", good), experiment("b", stuck)], tmp_path / "two.png")
    pictures = [np.asarray(Image.open(tmp_path / name)) for name in ("one.png", "two.png")]
    orange = [(np.abs(p[..., :3] - np.array([213, 94, 0])).max(-1) < 90).sum() for p in pictures]
    assert orange[0] == 0
    assert orange[1] > 30


def yardsticks(axes):
    """Returns the heights of the lines right across a panel."""
    lines = [line for line in axes.get_lines() if list(line.get_xdata()) == [0, 1]]
    return sorted(line.get_ydata()[0] for line in lines)


def test_a_mini_games_curve_is_its_return_beside_who_did_not_learn(tmp_path):
    keep_mini_game(tmp_path)
    second = replace(BEACON, {"run.seed": 1})
    experiments = keep_mini_game(tmp_path, config=second, agent=(26,), others={RANDOM: (2, 3)})
    for value, row in ((3.0, 1), (11.0, 2)):
        experiments[0].runs[1].metrics["episode_return"][row] = value
    figure = curves.figure_of(experiments)
    assert figure.get_suptitle() == "MoveToBeacon on the stand-in"
    frames, minutes = figure.axes
    assert frames.get_ylabel() == "mean return of training episodes"
    for axes, begin, end in ((frames, 2000, 4000), (minutes, 2, 4)):
        (line,) = [line for line in axes.get_lines() if line.get_label() == "beacon (2 seeds)"]
        np.testing.assert_allclose(line.get_xdata(), np.linspace(begin, end, 400))
        np.testing.assert_allclose(line.get_ydata(), np.linspace(2.0, 8.0, 400))
        (shaded,) = axes.collections
        outline = shaded.get_paths()[0].vertices
        assert [outline[outline[:, 0] == end, 1].min(), outline[:, 1].max()] == [5.0, 11.0]
        assert yardsticks(axes) == [1.75, 25.0]
    names = {text.get_text(): text.get_va() for text in minutes.texts}
    assert names == {f"{RANDOM}\n1.8": "top", f"{SCRIPTED}\n25.0": "bottom"}
    assert not frames.texts
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["beacon (2 seeds)"]
    assert "curriculum" not in legend.get_title().get_text()


@pytest.mark.parametrize(
    ("returns", "scripted", "within", "reaching"),
    [
        ((200, 300), 250, (-1, 340), (0, 300)),  # from zero, though nothing is near it
        ((2, 3), 90, (-9, 100), (0, 90)),  # as high as the yardstick
        ((-8, -4), -6, (-9, -3), (-8, -4)),  # and below zero
    ],
)
def test_the_axis_of_returns_fits_them(tmp_path, returns, scripted, within, reaching):
    experiments = keep_mini_game(tmp_path, others={SCRIPTED: (scripted,)})
    experiments[0].runs[0].metrics["episode_return"][1:] = returns
    for axes in curves.figure_of(experiments).axes:
        low, high = axes.get_ylim()
        assert within[0] <= low <= reaching[0]
        assert reaching[1] <= high <= within[1]


def test_a_stand_ins_curve_is_never_beside_starcrafts(tmp_path):
    keep_mini_game(tmp_path)
    shards = replace(BEACON, {"env.id": "sc2_minigames:SC2/CollectMineralShards-v0"})
    keep_mini_game(tmp_path, "shards", shards)
    store.add_run(make_run(tmp_path / "run"), tmp_path / "results", "boxes")
    real = {"game": "StarCraft II", "others": {RANDOM: (3,)}}
    experiments = keep_mini_game(tmp_path, "real", on_starcraft(BEACON), **real)
    figures = curves.by_figure(experiments)
    assert {name: [e.name for e in group] for name, group in figures.items()} == {
        "curves_BoxWorld-Easy-v0.png": ["boxes"],
        "curves_SC2-MoveToBeacon-v0_standin.png": ["beacon"],
        "curves_SC2-MoveToBeacon-v0_starcraft.png": ["real"],
        "curves_SC2-CollectMineralShards-v0_standin.png": ["shards"],
    }
    drawn = {name: curves.figure_of(group) for name, group in figures.items()}
    assert {name: figure.get_suptitle() for name, figure in drawn.items()} == {
        "curves_BoxWorld-Easy-v0.png": "BoxWorld-Easy-v0",
        "curves_SC2-MoveToBeacon-v0_standin.png": "MoveToBeacon on the stand-in",
        "curves_SC2-MoveToBeacon-v0_starcraft.png": "MoveToBeacon on StarCraft II",
        "curves_SC2-CollectMineralShards-v0_standin.png": "CollectMineralShards on the stand-in",
    }
    assert yardsticks(drawn["curves_SC2-MoveToBeacon-v0_standin.png"].axes[0]) == [1, 25]
    assert yardsticks(drawn["curves_SC2-MoveToBeacon-v0_starcraft.png"].axes[0]) == [3]
    boxes = drawn["curves_BoxWorld-Easy-v0.png"]
    (line,) = [x for x in boxes.axes[0].get_lines() if x.get_label() == "boxes (1 seed)"]
    np.testing.assert_allclose(line.get_ydata(), np.linspace(50, 90, 400))
    shaded = boxes.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    np.testing.assert_allclose([shaded.min(), shaded.max()], [50, 90])
    assert boxes.axes[0].get_ylim() == (-2, 102)
    assert boxes.axes[0].get_ylabel() == "training episodes solved (%)"
    assert "on the last stage of the curriculum" in boxes.legends[0].get_title().get_text()


def test_starcraft_is_what_is_played_if_nothing_is_said():
    environment = pytest.importorskip("sc2_minigames.env").SC2MiniGameEnv
    usual = inspect.signature(environment).parameters["game"].default
    assert game_of(EnvSpec(id=BEACON.env.id)) == usual
    assert game_of(EnvSpec(id=BEACON.env.id, kwargs={"game": "standin"})) == "standin"
