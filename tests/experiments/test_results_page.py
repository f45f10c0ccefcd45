"""The page of kept runs: its tables, figures and commands."""

import json
import shlex
from pathlib import Path

import numpy as np
from kept_runs import BEACON, CONFIG, cells, evaluation_of, keep_mini_game, make_run, on_starcraft

from experiments import configs
from experiments.cli.main import main, parse
from experiments.published import RANDOM, SCRIPTED
from experiments.results import curves, store, tables
from experiments.results.draw import draw
from experiments.results.store import load_results
from experiments.results.thinning import MAX_ROWS
from experiments.statistics import mean_of, wilson_share
from relational_rl.config import override, replace

RESULTS = Path(__file__).parents[2] / "results"


def test_draw_makes_a_page_and_a_figure_for_each_environment(tmp_path, capsys):
    results = tmp_path / "results"
    for seed, solved in ((0, 180), (1, 190)):
        config = replace(CONFIG, {"run.seed": seed})
        store.add_run(make_run(tmp_path / f"run{seed}", config, solved), results, "mine")
    config = replace(CONFIG, {"agent": "control"})
    run_dir = make_run(tmp_path / "control", config, 60)
    greedy = evaluation_of(config, 4000, 70, policy="greedy", seed=3)
    (run_dir / "evaluation_BoxWorld-Easy-v0_greedy.json").write_text(json.dumps(greedy))
    longer = evaluation_of(config, 4000, 10, name="longer solution path, L = 6")
    (run_dir / "generalisation.json").write_text(json.dumps([longer]))
    arguments = ["add", f"--run_dir={run_dir}", "--name=control", "--additions=special"]
    assert main(["results", *arguments, f"--results_dir={results}", "--title=A | control"]) == 0
    config = replace(CONFIG, {"env.id": "boxworld:BoxWorld-v0"})
    store.add_run(make_run(tmp_path / "full", config), results, "full")
    assert main(["results", "draw", f"--results_dir={results}"]) == 0
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
    for text in ("--config.agent=control", "--policy=greedy --seed=3", "--config.run.seed=1 "):
        assert text in page
    before = {path: path.read_bytes() for path in results.iterdir() if path.is_file()}
    assert main(["results", "draw", f"--results_dir={results}"]) == 0
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
    second = replace(BEACON, {"run.seed": 1})
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


def test_the_page_keeps_mini_games_box_world_and_the_paper_apart(tmp_path, monkeypatch):
    page = tables.to_page(keep_mini_game(tmp_path), {})
    assert "\n## Experiments\n" not in page
    assert "The stand-in is not StarCraft II: its scores say nothing about that game." in page
    assert "crashed" not in page
    config = replace(on_starcraft(BEACON), {"agent": "control"})
    real = {"game": "StarCraft II", "others": {RANDOM: (3,)}, "crashed": 2}
    (starcraft,) = keep_mini_game(tmp_path, "real", config, **real)[1:]
    assert cells(tables.score_table([starcraft]))[SCRIPTED] == "-"
    page = tables.to_page([starcraft], {})
    assert "The game crashed in 4 episodes, which are left out." in page
    assert "stand-in" not in page
    store.add_run(make_run(tmp_path / "run"), tmp_path / "results", "boxes")
    # What the figures show is tested elsewhere.
    monkeypatch.setattr("experiments.results.draw.draw_curves", lambda group, path: path.touch())
    page = draw(tmp_path / "results")[0].read_text()
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
    shards = replace(BEACON, {"env.id": "sc2_minigames:SC2/CollectMineralShards-v0"})
    keep_mini_game(tmp_path)
    keep_mini_game(tmp_path, "again", replace(BEACON, {"learner.learning_rate": 0.5}))
    table = tables.published_table(keep_mini_game(tmp_path, "shards", shards))
    assert table.startswith("| published | played on | MoveToBeacon | CollectMineralShards |\n")
    assert cells(table, row=5) == {
        "published": "relational agent",
        "played on": "StarCraft II",
        "MoveToBeacon": "27",
        "CollectMineralShards": "196",
    }


def test_the_commands_of_a_mini_game_make_its_numbers(tmp_path):
    config = replace(on_starcraft(BEACON), {"run.seed": 2})
    page = tables.to_page(keep_mini_game(tmp_path, config=config, game="StarCraft II"), {})
    commands = [line for line in page.splitlines() if line.startswith("relational-rl")]
    run_dir = "--run_dir=runs/beacon_seed2"
    assert commands[1:] == [
        f"relational-rl evaluate {run_dir} --levels=30",
        f"relational-rl results add {run_dir} --name=beacon",
    ]
    flags = parse(shlex.split(commands[0])[1:])
    assert override(configs.load(flags.config), flags.texts) == config


def test_the_results_that_ship_can_be_drawn():
    experiments = load_results(RESULTS)
    assert "boxworld_easy" in [experiment.name for experiment in experiments]
    for experiment in experiments:
        for run in experiment.runs:
            assert run.main_evaluation is not None
            assert run.metrics["frames"].size <= MAX_ROWS
    page = (RESULTS / "README.md").read_text()
    groups = curves.by_figure(experiments)
    # The page is what the command makes today, but for commands: named configs change.
    titles = {name: curves.measure_of(group).title for name, group in groups.items()}
    made = tables.to_page(experiments, titles)
    assert page.partition("## Commands")[0] == made.partition("## Commands")[0]


def test_withheld_pairs_are_a_test_only_of_who_was_trained_without_them(tmp_path):
    experiments = []
    for name, env_id in (("seen", "BoxWorld-v0"), ("unseen", "BoxWorld-WithheldTrain-v0")):
        config = replace(CONFIG, {"env.id": f"boxworld:{env_id}", "curriculum": None})
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
