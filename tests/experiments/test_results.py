"""Results: what is kept of a run, how it is thinned and averaged, and what the page says."""

import dataclasses
import inspect
import json
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image
from tiny_runs import TINY

from experiments import configs, launch, mini_games
from experiments.games import Game
from experiments.mini_games import RANDOM, SCRIPTED
from experiments.results import __main__ as command
from experiments.results import curves, store, tables
from experiments.results.store import Run, additions_of, load_results, load_run, thin, until
from experiments.statistics import mean_of, wilson_share
from relational_rl.config import to_dict
from relational_rl.metrics import read_metrics

STAGES = ({"num_branches": 0}, {})
CONFIG = dataclasses.replace(TINY, env_kwargs={}, curriculum=STAGES)
BEACON = configs.load("sc2_movetobeacon_small")
COLUMNS = "frames,minutes,updates,episodes,episode_return,solved,curriculum_stage,loss"


def evaluation_of(config, frames, solved, **changes):
    """What `experiments.evaluate` writes, as far as the results read it."""
    return {
        "frames": frames,
        "environment": config.env_id,
        "env_kwargs": {},
        "policy": "sampled",
        "seed": 0,
        "first_level": 0,
        "num_levels": 200,
        "mean_return": 7.25,
        "solved": wilson_share(solved, 200).to_dict(),
        "solved_in_tries": {"1": {}},
    } | changes


def make_run(run_dir, config=CONFIG, solved=180, last_frames=4000, lines=None):
    """Writes a run directory with four rows of metrics and an evaluation."""
    run_dir.mkdir()
    lines = lines or [
        "1000,1,10,50,1.5,0.2,0,0.5",
        "2000,2,20,0,,,0,0.25",
        "3000,3,30,30,6.5,0.5,1,0.125",
        f"{last_frames},4,40,10,10.5,0.9,1,1",
    ]
    (run_dir / "metrics.csv").write_text("\n".join([COLUMNS, *lines, ""]))
    (run_dir / "config.json").write_text(json.dumps(to_dict(config)))
    sessions = [
        {"started": "2026-11-24T10:00:00Z", "machine": "laptop", "commit": "c0ffee"},
        {"started": "2026-11-24T11:00:00Z", "machine": "laptop", "commit": "beef"},
    ]
    (run_dir / "machine.json").write_text(json.dumps(sessions))
    evaluation = evaluation_of(config, last_frames, solved)
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    path.write_text(json.dumps(evaluation))
    return run_dir


def make_mini_game_run(
    run_dir, config=BEACON, agent=(20, 22, 24), others=None, game="stand-in", crashed=0
):
    """Likewise of a mini-game: nothing says what is solved, and scores are compared."""
    lines = ["1000,1,10,0,,,0,0.5", "2000,2,20,30,1,,0,0.5", "4000,4,40,10,5,,0,0.25"]
    make_run(run_dir, config, lines=lines)
    others = {RANDOM: (0, 1, 2), SCRIPTED: (24, 25, 26)} if others is None else others
    scores = [
        mini_games.Score(player, game, mean_of(values), max(values), crashed)
        for player, values in {f"{config.agent} agent": agent, **others}.items()
    ]
    changes = {"env_kwargs": config.env_kwargs, "num_levels": 30, "solved": None}
    changes |= mini_games.to_dict(Game(config.env_id).mini_game, scores)
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return path.rename(run_dir / "evaluation_SC2-MoveToBeacon-v0_sampled.json").parent


def keep_mini_game(tmp_path, name="beacon", config=BEACON, **arguments):
    """Keeps such a run; returns all that is kept."""
    run_dir = make_mini_game_run(tmp_path / f"{name}{config.seed}", config, **arguments)
    store.add_run(run_dir, tmp_path / "results", name)
    return load_results(tmp_path / "results")


def on_starcraft(config):
    return dataclasses.replace(config, env_kwargs={**config.env_kwargs, "game": "starcraft"})


def cells(table, row=0):
    """Returns a row of a table by the heads of its columns."""
    head, _, *rows = [line[2:-2].split(" | ") for line in table.splitlines()]
    return dict(zip(head, rows[row], strict=True))


def scripted_run(x, solved, stages, episodes=None, minutes=None, config=CONFIG):
    metrics = {
        "frames": x,
        "minutes": x if minutes is None else minutes,
        "solved": solved,
        "curriculum_stage": stages,
        "episodes": np.ones(len(x)) if episodes is None else episodes,
    }
    metrics = {name: np.asarray(values, np.float64) for name, values in metrics.items()}
    return Run(None, config, (), metrics, (), ())


# What is kept.


def test_a_run_is_kept_and_read_back(tmp_path):
    run_dir = make_run(tmp_path / "run")
    (run_dir / "checkpoints").mkdir()
    directory = store.add_run(run_dir, tmp_path / "results", "mine", title="Mine")
    assert directory == tmp_path / "results/mine/seed0"
    assert {path.name for path in directory.iterdir()} == {
        "config.json",
        "machine.json",
        "metrics.csv",
        "evaluation_BoxWorld-Easy-v0_sampled.json",
    }
    before, after = (read_metrics(path / "metrics.csv") for path in (run_dir, directory))
    assert before.keys() == after.keys()
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    (experiment,) = load_results(tmp_path / "results")
    assert (experiment.name, experiment.title, experiment.additions) == ("mine", "Mine", "generic")
    (run,) = experiment.runs
    assert (run.config, run.frames, run.minutes) == (CONFIG, 4000, 4.0)
    assert (run.stage, run.last_stage) == (1, 1)
    assert [session["commit"] for session in run.sessions] == ["c0ffee", "beef"]
    assert run.main_evaluation["solved"]["share"] == 0.9


def test_the_record_ends_with_the_evaluated_agent(tmp_path):
    run_dir = make_run(tmp_path / "run", last_frames=3000, lines=["3000,1,1,1,1,1,1,1"])
    with (run_dir / "metrics.csv").open("a") as file:
        file.write("4000,2,2,1,1,1,1,1\n")
    directory = store.add_run(run_dir, tmp_path / "results", "mine")
    assert read_metrics(directory / "metrics.csv")["frames"].tolist() == [3000]


def test_a_run_of_the_same_seed_is_replaced_and_another_seed_put_beside_it(tmp_path):
    results = tmp_path / "results"
    for index, (seed, solved) in enumerate([(0, 100), (10, 150), (2, 160), (0, 190)]):
        config = dataclasses.replace(CONFIG, seed=seed, checkpoints_kept=1 + index)
        run_dir = make_run(tmp_path / f"run{index}", config, solved)
        store.add_run(run_dir, results, "mine", title="Mine" if index == 0 else None)
    (experiment,) = load_results(results)
    assert experiment.title == "Mine"
    found = [
        (run.config.seed, run.main_evaluation["solved"]["successes"]) for run in experiment.runs
    ]
    assert found == [(0, 190), (2, 160), (10, 150)]


def test_what_is_no_evidence_is_refused(tmp_path, capsys):
    run_dir, results = make_run(tmp_path / "run"), tmp_path / "results"

    def error(run_dir=run_dir, name="mine", *more):
        arguments = ["add", f"--run_dir={run_dir}", f"--name={name}", f"--results_dir={results}"]
        assert command.main([*arguments, *more]) == 1
        return capsys.readouterr().err

    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    evaluation = json.loads(path.read_text())
    for change in ({"policy": "greedy"}, {"environment": "x"}, {"env_kwargs": {"room_size": 8}}):
        path.write_text(json.dumps(evaluation | change))
        assert error() == (
            f"error: {run_dir} has no evaluation of what it was trained for; first: "
            f"python -m experiments.evaluate --run_dir={run_dir}\n"
        )
    other = run_dir / "generalisation.json"
    other.write_text(json.dumps([evaluation | {"name": "training distribution"}]))
    assert "has no evaluation of what it was trained for" in error()
    path.write_text(json.dumps(evaluation))
    other.write_text(json.dumps([evaluation | {"frames": 3000, "name": "x"}]))
    assert "must be of one agent, got evaluation_BoxWorld-Easy-v0_sampled.json after" in error()
    other.unlink()
    assert "name must be of lower-case letters, digits and '_', got 'a/b'" in error(name="a/b")
    assert "additions must be one of published, generic, special, got 'own'" in error(
        run_dir, "mine", "--additions=own"
    )
    assert "not the published one, got 'published'" in error(
        run_dir, "mine", "--additions=published"
    )
    assert "is no run directory" in error(run_dir=tmp_path)
    assert not list(results.glob("*/*/*"))
    assert command.main(["draw", f"--results_dir={results}"]) == 1
    assert f"{results} has no results yet; first: python -m" in capsys.readouterr().err
    store.add_run(run_dir, results, "mine")
    config = dataclasses.replace(CONFIG, seed=1, learning_rate=0.5)
    differing = error(run_dir=make_run(tmp_path / "other", config))
    assert (
        "must differ in the seed only, got another config.learning_rate than in seed0" in differing
    )
    (results / "mine/seed0/metrics.csv").write_text("frames,minutes\n1,2\n")
    assert command.main(["draw", f"--results_dir={results}"]) == 1
    assert "must have rows of curriculum_stage, episode_return, frames, " in capsys.readouterr().err


def test_a_run_on_a_mini_game_is_kept_with_its_scores(tmp_path):
    ((run,),) = [experiment.runs for experiment in keep_mini_game(tmp_path)]
    assert (run.config, run.frames, run.stage, run.last_stage) == (BEACON, 4000, 0, 0)
    assert np.isnan(run.metrics["solved"]).all()
    np.testing.assert_array_equal(run.metrics["episode_return"], [np.nan, 1, 5])
    assert run.main_evaluation["mean_return"] == 7.25
    means = {score["player"]: score["mean"] for score in run.scores}
    assert means == {"relational agent": 22, RANDOM: 1, SCRIPTED: 25}
    # Nothing is compared with a score on another game.
    for score in run.main_evaluation["scores"][1:]:
        score["game"] = "StarCraft II"
    assert [score["player"] for score in run.scores] == ["relational agent"]
    (run,) = keep_mini_game(tmp_path, "older", dataclasses.replace(BEACON, seed=3))[1].runs
    del run.main_evaluation["scores"]
    assert run.scores == ()


def test_scores_are_of_mini_games_only(tmp_path):
    config = dataclasses.replace(CONFIG, env_kwargs={"game": "chess"}, curriculum=())
    run_dir = make_run(tmp_path / "run", config)
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    changes = {"env_kwargs": {"game": "chess"}, "scores": [{"game": "chess"}]}
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    store.add_run(run_dir, tmp_path / "results", "mine")
    (experiment,) = load_results(tmp_path / "results")
    assert experiment.runs[0].main_evaluation is not None
    assert experiment.runs[0].scores == ()
    assert scripted_run([1], [1.0], [0], config=BEACON).scores == ()


def test_mean_scores_are_over_the_runs_that_have_one(tmp_path):
    keep_mini_game(tmp_path)
    config = dataclasses.replace(BEACON, seed=1)
    (experiment,) = keep_mini_game(tmp_path, config=config, agent=(26,), others={RANDOM: (2,)})
    assert store.mean_scores(experiment.runs) == {"relational agent": 24, RANDOM: 1.5, SCRIPTED: 25}
    for score in experiment.runs[0].scores:
        score["mean"] = None  # of no episodes, as after a crash in each
    assert store.mean_scores(experiment.runs) == {"relational agent": 26, RANDOM: 2}


@pytest.mark.parametrize(
    "name", ["boxworld_paper", "boxworld", "boxworld_easy", "sc2_buildmarines"]
)
def test_whose_network_it_is_is_read_off_the_config(name):
    expected = "published" if name in ("boxworld_paper", "sc2_buildmarines") else "generic"
    config = configs.load(name)
    assert additions_of(config) == expected
    assert additions_of(dataclasses.replace(config, agent="control", num_blocks=4)) == expected
    # Another learner or curriculum does not change the network.
    assert additions_of(dataclasses.replace(config, policy_clip=0.3, curriculum=({},))) == expected
    for change in ({"entities": "occupied"}, {"num_references": 1}, {"argument_pixels": True}):
        assert additions_of(dataclasses.replace(config, **change)) == "generic"


# Thinning.


def test_thinning_merges_neighbours_and_weighs_by_episodes():
    metrics = {
        "frames": [10, 20, 30, 40, 50, 60],
        "minutes": [1, 2, 3, 4, 5, 6],
        "curriculum_stage": [0, 0, 0, 1, 1, 1],
        "episodes": [10, 30, 5, 0, 8, 2],
        "solved": [0.2, 0.6, 0.9, np.nan, 0.5, 1.0],
        "loss": [1.0, 3.0, 7.0, np.nan, np.nan, 5.0],
    }
    metrics = {name: np.array(values, np.float64) for name, values in metrics.items()}
    thinned = thin(metrics, max_rows=4)
    assert thinned["frames"].tolist() == [20, 30, 50, 60]
    assert thinned["minutes"].tolist() == [2, 3, 5, 6]
    assert thinned["curriculum_stage"].tolist() == [0, 0, 1, 1]
    assert thinned["episodes"].tolist() == [40, 5, 8, 2]
    np.testing.assert_allclose(thinned["solved"], [0.5, 0.9, 0.5, 1.0])
    np.testing.assert_allclose(thinned["loss"], [2.0, 7.0, np.nan, 5.0])
    same = thin(metrics, max_rows=6)
    assert all(np.array_equal(same[name], metrics[name], equal_nan=True) for name in metrics)
    assert thin(metrics, max_rows=1)["frames"].tolist() == [30, 60]  # a row a stage is the least
    assert until(metrics, 40)["minutes"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("rows", [1, 299, 300, 301, 1000, 12_345])
def test_thinning_keeps_all_episodes_and_the_end(rows):
    random = np.random.default_rng(rows)
    metrics = {
        "frames": np.cumsum(random.integers(1, 9, rows)).astype(float),
        "curriculum_stage": np.sort(random.integers(0, 6, rows)).astype(float),
        "episodes": random.integers(1, 50, rows).astype(float),
        "solved": random.random(rows),
    }
    thinned = thin(metrics)
    assert min(rows, 100) <= thinned["frames"].size <= 300
    assert thinned["frames"][-1] == metrics["frames"][-1]
    assert thinned["episodes"].sum() == metrics["episodes"].sum()
    for stage in range(6):
        solved = [
            (x["solved"] * x["episodes"])[x["curriculum_stage"] == stage].sum()
            for x in (metrics, thinned)
        ]
        assert solved[0] == pytest.approx(solved[1])


# Curves.


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
        return store.Experiment(name, name, "generic", runs)

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
    second = dataclasses.replace(BEACON, seed=1)
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
    shards = dataclasses.replace(BEACON, env_id="sc2_minigames:SC2/CollectMineralShards-v0")
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
    assert mini_games.game_of(Game(BEACON.env_id)) == usual
    assert mini_games.game_of(Game(BEACON.env_id, {"game": "standin"})) == "standin"


# The page.


def test_draw_makes_a_page_and_a_figure_for_each_environment(tmp_path, capsys):
    results = tmp_path / "results"
    for seed, solved in ((0, 180), (1, 190)):
        config = dataclasses.replace(CONFIG, seed=seed)
        store.add_run(make_run(tmp_path / f"run{seed}", config, solved), results, "mine")
    config = dataclasses.replace(CONFIG, agent="control")
    run_dir = make_run(tmp_path / "control", config, 60)
    greedy = evaluation_of(config, 4000, 70, policy="greedy", seed=3)
    (run_dir / "evaluation_BoxWorld-Easy-v0_greedy.json").write_text(json.dumps(greedy))
    longer = evaluation_of(config, 4000, 10, name="longer solution path, L = 6")
    (run_dir / "generalisation.json").write_text(json.dumps([longer]))
    arguments = ["add", f"--run_dir={run_dir}", "--name=control", "--additions=special"]
    assert command.main([*arguments, f"--results_dir={results}", "--title=A | control"]) == 0
    config = dataclasses.replace(CONFIG, env_id="boxworld:BoxWorld-v0")
    store.add_run(make_run(tmp_path / "full", config), results, "full")
    assert command.main(["draw", f"--results_dir={results}"]) == 0
    shown = capsys.readouterr().out
    assert {path.name for path in results.iterdir() if path.is_file()} == {
        "README.md",
        "curves_BoxWorld-Easy-v0.png",
        "curves_BoxWorld-v0.png",
    }
    assert f"written to {results / 'curves_BoxWorld-v0.png'}" in shown
    page = (results / "README.md").read_text()
    lines = page.splitlines()
    assert (
        "| mine | BoxWorld-Easy-v0 | relational | generic | 2 | 4,000 | 4.0 "
        "| 92.5% (90.0% .. 95.0%, 200 levels each) |"
    ) in lines
    share = wilson_share(60, 200)
    interval = f"{share.low:.1%} .. {share.high:.1%}"
    assert (
        "| A / control | BoxWorld-Easy-v0 | control | special | 1 | 4,000 | 4.0 "
        f"| 30.0% ({interval}, 95 % interval, 200 levels) |"
    ) in lines
    assert any(
        line.startswith(
            "| A / control | 0 | 4,000 | 4.0 | 2 of 2 | BoxWorld-Easy-v0 | greedy | 200 | 35.0%"
        )
        for line in lines
    )
    assert "| mine | 1 | 2026-11-24T10:00:00Z | laptop | c0ffee, beef |" in lines
    (row,) = [line for line in lines if line.startswith("| longer solution path, L = 6 |")]
    assert row.startswith("| longer solution path, L = 6 | > 88 % | 5 % | 5.0% (")
    for text in ("--config.agent=control", "--policy=greedy --seed=3", "--config.seed=1 "):
        assert text in page
    before = {path: path.read_bytes() for path in results.iterdir() if path.is_file()}
    assert command.main(["draw", f"--results_dir={results}"]) == 0
    assert {path: path.read_bytes() for path in before} == before


def test_results_without_a_machine_or_a_description_are_read(tmp_path):
    run_dir = make_run(tmp_path / "run")
    (run_dir / "machine.json").unlink()
    store.add_run(run_dir, tmp_path / "results", "old")
    (tmp_path / "results/old/experiment.json").unlink()
    (experiment,) = load_results(tmp_path / "results")
    assert (experiment.title, experiment.additions) == ("old", "generic")
    assert "| old | 0 | not recorded | not recorded | not recorded |" in tables.to_page(
        [experiment], {}
    )


def test_a_game_without_success_has_a_return(tmp_path):
    run_dir = make_run(tmp_path / "run", lines=["4000,1,1,5,2.5,,1,1"])
    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"solved": None}))
    store.add_run(run_dir, tmp_path / "results", "silent")
    experiments = load_results(tmp_path / "results")
    assert cells(tables.summary_table(experiments))["solved"] == "return 7.25 (200 episodes)"
    row = cells(tables.evaluation_table(experiments))
    assert (row["solved or score"], row["95 % interval"]) == ("return 7.25", "")
    assert list(curves.by_figure(experiments)) == ["curves_BoxWorld-Easy-v0.png"]
    assert curves.measure_of(experiments) == curves.RETURN
    experiments[0].runs[0].metrics["episode_return"][:] = np.nan  # no episode has ended
    assert curves.by_figure(experiments) == {}


def test_scores_have_a_table_with_those_they_are_compared_with(tmp_path):
    experiments = keep_mini_game(tmp_path)
    interval = mean_of((20, 22, 24))
    interval = f"{interval.low:.2f} .. {interval.high:.2f}"
    assert cells(tables.score_table(experiments)) == {
        "experiment": "beacon",
        "map": "MoveToBeacon",
        "played on": "stand-in",
        "agent": "relational",
        "network": "generic",
        "seeds": "1",
        "frames": "4,000",
        "minutes": "4.0",
        "mean score": f"22.00 ({interval}, 95 % interval, 3 episodes)",
        "maximum": "24",
        RANDOM: "1.00",
        SCRIPTED: "25.00",
        "share of the scripted agent's score": "88%",
    }
    assert cells(tables.evaluation_table(experiments)) == {
        "experiment": "beacon",
        "seed": "0",
        "frames": "4,000",
        "minutes": "4.0",
        "stage": "1 of 1",
        "played on": "MoveToBeacon on the stand-in",
        "policy": "sampled",
        "levels or episodes": "3",
        "solved or score": "22.00",
        "95 % interval": interval,
    }
    second = dataclasses.replace(BEACON, seed=1)
    experiments = keep_mini_game(tmp_path, config=second, agent=(25, 28), others={})
    row = cells(tables.score_table(experiments))
    assert row["mean score"] == "24.25 (22.00 .. 26.50, 3 episodes or 2 episodes each)"
    assert row["maximum"] == "28"
    assert row["share of the scripted agent's score"] == "97%"
    for run in experiments[0].runs:
        crashed = {"episodes": 0, "mean": None, "low": None, "high": None, "maximum": None}
        run.scores[0].update(crashed)
    row = cells(tables.score_table(experiments))
    assert list(row.values())[-5:] == ["-", "-", "1.00", "25.00", "-"]
    assert cells(tables.evaluation_table(experiments))["solved or score"] == "-"


def test_the_page_keeps_mini_games_box_world_and_the_paper_apart(tmp_path):
    page = tables.to_page(keep_mini_game(tmp_path), {})
    assert "\n## Experiments\n" not in page
    assert "The stand-in is not StarCraft II: its scores say nothing about that game." in page
    assert "crashed" not in page
    config = dataclasses.replace(on_starcraft(BEACON), agent="control")
    real = {"game": "StarCraft II", "others": {RANDOM: (3,)}, "crashed": 2}
    (starcraft,) = keep_mini_game(tmp_path, "real", config, **real)[1:]
    assert cells(tables.score_table([starcraft]))[SCRIPTED] == "-"
    page = tables.to_page([starcraft], {})
    assert "The game crashed in 4 episodes, which are left out." in page
    assert "stand-in" not in page
    store.add_run(make_run(tmp_path / "run"), tmp_path / "results", "boxes")
    page = command.draw(tmp_path / "results")[0].read_text()
    for shown in (
        "Solved share of training episodes](curves_BoxWorld-Easy-v0.png)",
        "Mean return of training episodes](curves_SC2-MoveToBeacon-v0_standin.png)",
        "Mean return of training episodes](curves_SC2-MoveToBeacon-v0_starcraft.png)",
    ):
        assert f"![{shown}" in page
    boxes, _, rest = page.partition("## Mini-games")
    scores, _, rest = rest.partition("Published mean scores, all of them on StarCraft II (Zambaldi")
    paper, _, rest = rest.partition("## Every evaluation")
    assert "| boxes | BoxWorld-Easy-v0 |" in boxes
    assert "| beacon |" not in boxes
    assert "| beacon | MoveToBeacon | stand-in | relational |" in scores
    assert "| real | MoveToBeacon | StarCraft II | control |" in scores
    assert "boxes" not in scores
    assert "| relational agent | StarCraft II | 27 |" in paper
    assert "stand-in" not in paper
    assert paper.count("| StarCraft II | ") == 7
    for name in ("boxes", "beacon", "real"):
        assert f"| {name} | 0 | 2026-11-24T10:00:00Z | laptop | c0ffee, beef |" in rest


def test_the_published_scores_are_those_of_the_maps_played(tmp_path):
    shards = dataclasses.replace(BEACON, env_id="sc2_minigames:SC2/CollectMineralShards-v0")
    keep_mini_game(tmp_path)
    keep_mini_game(tmp_path, "again", dataclasses.replace(BEACON, learning_rate=0.5))
    table = tables.published_table(keep_mini_game(tmp_path, "shards", shards))
    assert table.startswith("| published | played on | MoveToBeacon | CollectMineralShards |\n")
    assert cells(table, row=5) == {
        "published": "relational agent",
        "played on": "StarCraft II",
        "MoveToBeacon": "27",
        "CollectMineralShards": "196",
    }


def test_the_commands_of_a_mini_game_make_its_numbers(tmp_path):
    config = dataclasses.replace(on_starcraft(BEACON), seed=2)
    page = tables.to_page(keep_mini_game(tmp_path, config=config, game="StarCraft II"), {})
    commands = [line for line in page.splitlines() if line.startswith("python -m")]
    run_dir = "--run_dir=runs/beacon_seed2"
    assert commands[1:] == [
        f"python -m experiments.evaluate {run_dir} --levels=30",
        f"python -m experiments.results add {run_dir} --name=beacon",
    ]
    _, parsed = launch.parse(shlex.split(commands[0])[3:])
    assert parsed == config


def test_the_results_that_ship_can_be_drawn(tmp_path):
    shutil.copytree(store.Path(__file__).parents[2] / "results", tmp_path / "results")
    experiments = load_results(tmp_path / "results")
    assert "boxworld_easy" in [experiment.name for experiment in experiments]
    for experiment in experiments:
        for run in experiment.runs:
            assert run.main_evaluation is not None
            assert run.metrics["frames"].size <= store.MAX_ROWS
            assert load_run(run.directory).frames == run.frames
    page = (tmp_path / "results/README.md").read_text()
    groups = curves.by_figure(experiments)
    # The page is what the command makes today, but for commands: named configs change.
    titles = {name: curves.measure_of(group).title for name, group in groups.items()}
    made = tables.to_page(experiments, titles)
    assert page.partition("## Commands")[0] == made.partition("## Commands")[0]


def test_withheld_pairs_are_a_test_only_of_who_was_trained_without_them(tmp_path):
    experiments = []
    for name, env_id in (("seen", "BoxWorld-v0"), ("unseen", "BoxWorld-WithheldTrain-v0")):
        config = dataclasses.replace(CONFIG, env_id=f"boxworld:{env_id}", curriculum=())
        run_dir = make_run(tmp_path / name, config)
        solved = wilson_share(150, 200).to_dict()
        row = {"name": "withheld key-lock pairs", "num_levels": 200, "solved": solved}
        (run_dir / "generalisation.json").write_text(json.dumps([{**row, "frames": 4000}]))
        store.add_run(run_dir, tmp_path / "results", name)
    experiments = load_results(tmp_path / "results")
    (row,) = [
        line
        for line in tables.generalisation_table(experiments).splitlines()
        if line.startswith("| withheld")
    ]
    assert row.startswith("| withheld key-lock pairs | 97 % | 13 % | trained with them | 75.0% (")
