"""What is kept of a run, and how it is thinned."""

import json

import numpy as np
import pytest
from kept_runs import BEACON, CONFIG, keep_mini_game, make_run, scripted_run

from experiments import configs
from experiments.cli.main import main
from experiments.published import RANDOM, SCRIPTED
from experiments.results import kept, store
from experiments.results.kept import additions_of
from experiments.results.store import load_results
from experiments.results.thinning import thin, until
from relational_rl.config import EnvSpec, Experiment, Relational, replace
from relational_rl.run.table import read_metrics


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
        config = replace(CONFIG, {"run.seed": seed, "run.checkpoints_kept": 1 + index})
        run_dir = make_run(tmp_path / f"run{index}", config, solved)
        store.add_run(run_dir, results, "mine", title="Mine" if index == 0 else None)
    (experiment,) = load_results(results)
    assert experiment.title == "Mine"
    found = [
        (run.config.run.seed, run.main_evaluation["solved"]["successes"]) for run in experiment.runs
    ]
    assert found == [(0, 190), (2, 160), (10, 150)]


def test_what_is_no_evidence_is_refused(tmp_path, capsys):
    run_dir, results = make_run(tmp_path / "run"), tmp_path / "results"

    def error(run_dir=run_dir, name="mine", *more):
        arguments = ["add", f"--run_dir={run_dir}", f"--name={name}", f"--results_dir={results}"]
        assert main(["results", *arguments, *more]) == 1
        return capsys.readouterr().err

    path = run_dir / "evaluation_BoxWorld-Easy-v0_sampled.json"
    evaluation = json.loads(path.read_text())
    for change in ({"policy": "greedy"}, {"environment": "x"}, {"env_kwargs": {"room_size": 8}}):
        path.write_text(json.dumps(evaluation | change))
        assert error() == (
            f"error: {run_dir} has no evaluation of what it was trained for; first: "
            f"relational-rl evaluate --run_dir={run_dir}\n"
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
    assert main(["results", "draw", f"--results_dir={results}"]) == 1
    assert f"{results} has no results yet; first: relational-rl results" in capsys.readouterr().err
    store.add_run(run_dir, results, "mine")
    config = replace(CONFIG, {"run.seed": 1, "learner.learning_rate": 0.5})
    differing = error(run_dir=make_run(tmp_path / "other", config))
    assert (
        "must differ in the seed only, got another config.learner.learning_rate than in seed0"
        in differing
    )
    (results / "mine/seed0/metrics.csv").write_text("frames,minutes\n1,2\n")
    assert main(["results", "draw", f"--results_dir={results}"]) == 1
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
    (run,) = keep_mini_game(tmp_path, "older", replace(BEACON, {"run.seed": 3}))[1].runs
    del run.main_evaluation["scores"]
    assert run.scores == ()


def test_scores_are_of_mini_games_only(tmp_path):
    config = replace(CONFIG, {"env.kwargs": {"game": "chess"}, "curriculum": None})
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
    config = replace(BEACON, {"run.seed": 1})
    (experiment,) = keep_mini_game(tmp_path, config=config, agent=(26,), others={RANDOM: (2,)})
    assert kept.mean_scores(experiment.runs) == {"relational agent": 24, RANDOM: 1.5, SCRIPTED: 25}
    for score in experiment.runs[0].scores:
        score["mean"] = None  # of no episodes, as after a crash in each
    assert kept.mean_scores(experiment.runs) == {"relational agent": 26, RANDOM: 2}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("boxworld_paper", "published"),
        ("boxworld", "generic"),
        ("boxworld_easy", "generic"),
        ("sc2_buildmarines", "published"),
    ],
)
def test_whose_network_it_is_is_read_off_the_config(name, expected):
    config = configs.load(name)
    assert additions_of(config) == expected
    deeper = replace(config, {"agent.num_blocks": 4, "agent.initialization": "orthogonal"})
    assert additions_of(deeper) == expected
    control = replace(config, {"agent": "control", "agent.residual_blocks": 6})
    assert additions_of(control) == expected
    # Another learner or curriculum does not change the network.
    learned = {"learner.policy_clip": 0.3, "curriculum.stages": ({},)}
    assert additions_of(replace(config, learned)) == expected
    if config.agent.spatial:
        changes = ({"agent.argument_pixels": True}, {"agent.memory": None})
    else:
        changes = (
            {"agent.encoder.max_entities": 20},
            {"agent.encoder.references": "references"},
            {"agent.likeness": True},
            {"agent.memory": "lstm"},
        )
    for change in changes:
        assert additions_of(replace(config, change)) == "generic"


class OwnAgent(Relational):
    """An agent of a user's own."""

    kind = ""


def test_the_network_that_is_taken_if_none_is_named_is_the_published_one_on_images_alone():
    assert additions_of(Experiment(env="boxworld:BoxWorld-v0")) == "published"
    assert additions_of(Experiment(env=EnvSpec(id="CartPole-v1"))) == "generic"
    own = Experiment(env="boxworld:BoxWorld-v0", agent=OwnAgent())
    assert additions_of(own) == "generic"


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
