"""The table of generalisation: what is played, what stands beside it, what is said of it."""

import dataclasses
import json

import pytest

from experiments import generalisation
from experiments.evaluation import generalise as generalising
from experiments.evaluation.generalise import Result, generalise, to_json, to_markdown
from experiments.evaluation.report import Evaluation
from experiments.published import CONDITIONS
from experiments.statistics import wilson_share
from relational_rl.config import Experiment
from relational_rl.errors import UsageError


def evaluation_of(environment, solved, **changes):
    """An evaluation in which `solved` of 200 levels were solved."""
    values = {
        "agent": "relational agent after 5 frames",
        "frames": 5,
        "environment": environment,
        "env_kwargs": {},
        "policy": "sampled",
        "seed": 3,
        "first_level": 0,
        "num_levels": 200,
        "levels_trained_on": 0,
        "max_steps": 120,
        "max_entities": 30,
        "solved": wilson_share(solved, 200),
        "random_solved": None,
        "mean_return": 1.0,
        "mean_steps": 2.0,
        "shortest_steps": 2.0,
        "by_solution_length": {},
        "by_num_branches": {0: wilson_share(10, 20), 4: wilson_share(0, 0)},
        "failed_levels": [],
        "tries_played": 1,
        "solved_in_tries": {},
    }
    return Evaluation(**{**values, **changes})


def results_for(environment, **changes):
    return [
        Result(condition, evaluation_of(condition.env_id or environment, 190 - i, **changes))
        for i, condition in enumerate(CONDITIONS)
    ]


def test_the_published_numbers_stand_beside_ours():
    text = to_markdown(results_for("boxworld:BoxWorld-v0"), original_max_entities=24)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1:6]]
    assert [row[1] for row in cells] == [
        "BoxWorld-v0",
        "BoxWorld-Path6-v0",
        "BoxWorld-Path8-v0",
        "BoxWorld-Path10-v0",
        "BoxWorld-WithheldTest-v0",
    ]
    assert [row[2] for row in cells] == ["95.0%", "94.5%", "94.0%", "93.5%", "93.0%"]
    assert cells[0][3] == "91.0% .. 97.3%"
    assert [row[5:] for row in cells] == [
        ["> 98 %", "< 75 %"],
        ["> 88 %", "5 %"],
        ["> 88 %", "0 %"],
        ["> 88 %", "0 %"],
        ["97 %", "13 %"],
    ]
    assert "| training distribution | 50.0% (29.9% .. 70.1%) |" in text
    assert "at most 24 in training; here it had room for 30" in text
    assert json.loads(to_json(results_for("x")))[4]["solved"]["share"] == 0.93


def test_the_withheld_row_says_whether_it_means_anything():
    plain = to_markdown(results_for("boxworld:BoxWorld-v0"))
    assert "NOT trained with the withheld split (BoxWorld-WithheldTrain-v0)" in plain
    for trained in (
        results_for("boxworld:BoxWorld-WithheldTrain-v0"),
        results_for("boxworld:BoxWorld-v0", env_kwargs={"withheld": "train"}),
    ):
        text = to_markdown(trained)
        assert "Training never needed any of the 76 withheld key-lock pairs" in text
        assert "NOT" not in text


def test_the_command_plays_every_condition_with_room_for_its_entities(
    tiny_run, capsys, monkeypatch
):
    # Two conditions are enough here; the longest paths need the most room.
    monkeypatch.setattr(
        generalising.generalise, "__defaults__", (1000, 0, "sampled", 0, CONDITIONS[::3], False)
    )
    arguments = [f"--run_dir={tiny_run}", "--levels=2", "--policy=greedy"]
    assert generalisation.main(arguments) == 0
    shown = capsys.readouterr().out
    written = json.loads((tiny_run / "generalisation.json").read_text())
    assert [row["environment"] for row in written] == [
        "boxworld:BoxWorld-Easy-v0",
        "boxworld:BoxWorld-Path10-v0",
    ]
    assert [row["max_steps"] for row in written] == [6, 300]
    assert [row["solved"]["trials"] for row in written] == [2, 2]
    assert {row["max_entities"] for row in written} == {30}
    assert "at most 8 in training; here it had room for 30" in shown
    assert (tiny_run / "generalisation.md").read_text() in shown


def test_what_cannot_be_compared_is_refused(tiny_agent, tmp_path, capsys):
    elsewhere = dataclasses.replace(tiny_agent, experiment=Experiment(env="CartPole-v1"))
    with pytest.raises(UsageError, match=r"needs an agent trained on Box-World, got .*CartPole"):
        generalise(elsewhere)
    with pytest.raises(UsageError, match="levels must be at least 1, got 0"):
        generalise(tiny_agent, num_levels=0)
    assert generalisation.main([f"--run_dir={tmp_path}"]) == 1
    assert "is no run directory" in capsys.readouterr().err
