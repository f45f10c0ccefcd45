"""Scores of mini-games beside the published ones, and the commands end to end on the stand-in."""

import json

import pytest
from PIL import Image
from tiny_runs import TINY_MINI_GAME, save_run

from experiments import configs, published
from experiments import evaluate as command
from experiments.evaluation import command as evaluating
from experiments.evaluation.command import evaluation_file
from experiments.evaluation.mini_games import format_scores, play_baselines, score_of, to_dict
from experiments.games import mini_game_of, num_slots, other_env
from experiments.published import SCRIPTED, published_scores
from relational_rl.config import EnvSpec, override, replace
from relational_rl.errors import UsageError
from relational_rl.playing.player import Attempt, PlayedEpisode
from relational_rl.trained import load_run
from sc2_minigames.maps import MINI_GAMES

MOVE_TO_BEACON = "sc2_minigames:SC2/MoveToBeacon-v0"


def episodes(scores, game="standin", crashed=()):
    return [
        PlayedEpisode(
            Attempt(seed), (0,), score, None, {"game": game, "game_crashed": seed in crashed}
        )
        for seed, score in enumerate(scores)
    ]


def test_a_mini_game_is_known_by_its_id():
    assert mini_game_of(EnvSpec(id=MOVE_TO_BEACON)) == "MoveToBeacon"
    assert mini_game_of(EnvSpec(id="SC2/BuildMarines-v0")) == "BuildMarines"
    assert mini_game_of(EnvSpec(id="boxworld:BoxWorld-v0")) is None
    assert mini_game_of(EnvSpec(id="CartPole-v1")) is None


def test_few_mini_games_are_open_at_a_time():
    assert [num_slots(EnvSpec(id=MOVE_TO_BEACON), count) for count in (3, 30)] == [3, 8]
    assert [num_slots(EnvSpec(id="CartPole-v1"), count) for count in (3, 300)] == [3, 256]


def test_another_mini_game_is_played_on_the_same_game():
    kwargs = {"game": "standin", "screen_size": 16, "minimap_size": 8, "max_game_loops": 80}
    experiment = replace(configs.load("sc2_movetobeacon_small"), {"env.kwargs": kwargs})
    other = other_env(experiment, "sc2_minigames:SC2/DefeatRoaches-v0")
    assert mini_game_of(other) == "DefeatRoaches"
    assert other.kwargs == {"game": "standin", "screen_size": 16, "minimap_size": 8}
    assert other_env(experiment, "boxworld:BoxWorld-v0").kwargs == {}


def test_the_published_scores_are_the_papers():
    assert tuple(published._MAPS) == tuple(MINI_GAMES)
    assert published_scores("DefeatRoaches") == {
        "DeepMind human player": "41",
        "StarCraft grandmaster": "215",
        "random policy": "1",
        "FullyConv LSTM": "98",
        "PBT-A3C": "132",
        "relational agent": "303",
        "control agent": "295",
    }
    assert published_scores("MoveToBeacon")["PBT-A3C"] == "-"
    assert published_scores("BuildMarines")["random policy"] == "<1"
    sums = {
        who: sum(float(published_scores(name)[who]) for name in MINI_GAMES)
        for who in ("relational agent", "control agent", "StarCraft grandmaster")
    }
    assert sums == {
        "relational agent": 27 + 196 + 62 + 303 + 736 + 4906 + 123,
        "control agent": 27 + 187 + 61 + 295 + 602 + 5055 + 120,
        "StarCraft grandmaster": 28 + 177 + 61 + 215 + 727 + 7566 + 133,
    }


def test_a_score_counts_whole_episodes_and_names_their_game():
    score = score_of("somebody", episodes([2.0, 8.0, 100.0, 5.0], crashed=[2]))
    assert score.mean[:2] == (5.0, 3)
    assert (score.game, score.maximum, score.crashed) == ("stand-in", 8.0, 1)
    assert score_of("somebody", episodes([1.0], game="starcraft")).game == "StarCraft II"
    (row,) = to_dict("MoveToBeacon", [score_of("nobody", episodes([1.0], crashed=[0]))])["scores"]
    assert (row["episodes"], row["mean"], row["maximum"], row["crashed"]) == (0, None, None, 1)


def test_the_table_says_for_every_row_what_it_was_played_on():
    scores = [
        score_of("relational agent", episodes([20.0, 22.0, 24.0], crashed=[1])),
        score_of(SCRIPTED, episodes([25.0, 30.0])),
    ]
    text = format_scores("MoveToBeacon", scores)
    lines = text.splitlines()
    column = lines[0].index("played on")
    table = lines[: lines.index("")]
    assert [line[column : column + 12].strip() for line in table[1:]] == (
        ["stand-in"] * 2 + ["StarCraft II"] * 7
    )
    assert " ".join(lines[1].split()) == "relational agent stand-in 2 22.00 -3.41 .. 47.41 24"
    assert "published: StarCraft grandmaster  StarCraft II               28" in lines
    assert "The relational agent reaches 80% of PySC2's scripted agent's mean score." in lines
    assert "The game crashed in 1 episodes, which are left out." in lines
    assert "The stand-in is not StarCraft II: its scores say nothing about that game." in lines
    real = format_scores("MoveToBeacon", [score_of("x", episodes([20.0, 24.0], "starcraft"))])
    assert "stand-in" not in real
    assert "scripted" not in real


def test_thirty_episodes_are_usual_and_box_world_keeps_its_levels(
    mini_game_run, tiny_run, monkeypatch
):
    asked = []

    def refuse(trained, env, num_levels, *_, **__):
        asked.append(num_levels)
        raise UsageError("enough")

    monkeypatch.setattr(evaluating, "evaluate", refuse)
    for arguments in ([mini_game_run], [tiny_run], [mini_game_run, "--levels=4"]):
        assert command.main([f"--run_dir={arguments[0]}", *arguments[1:]]) == 1
    assert asked == [30, 5000, 4]


def test_the_command_compares_and_says_on_which_game(mini_game_run, tmp_path, capsys):
    arguments = [f"--run_dir={mini_game_run}", f"--out={tmp_path}", "--levels=2", "--video"]
    assert command.main(arguments) == 0, capsys.readouterr().err
    shown = capsys.readouterr().out
    trained = load_run(mini_game_run)
    path = evaluation_file(tmp_path, trained.env, "sampled")
    assert path.name == "evaluation_SC2-MoveToBeacon-v0_sampled.json"
    written = json.loads(path.read_text())
    assert (written["num_levels"], written["solved"]) == (2, None)
    assert written["env_kwargs"]["game"] == "standin"
    rows = {row["player"]: row for row in written["scores"]}
    assert list(rows) == ["relational agent", "random policy", SCRIPTED]
    assert {row["game"] for row in rows.values()} == {"stand-in"}
    assert {row["episodes"] for row in rows.values()} == {2}
    assert rows["relational agent"]["mean"] == written["mean_return"]
    assert written["published"] == [
        {"player": player, "game": "StarCraft II", "mean": mean}
        for player, mean in published_scores("MoveToBeacon").items()
    ]
    assert f"written to {path}" in shown
    assert shown.count("stand-in  ") == 3
    videos = sorted((tmp_path / "episodes").glob("*.gif"))
    assert [video.name for video in videos] == [
        f"SC2-MoveToBeacon-v0_level_{seed}.gif" for seed in range(2)
    ]
    with Image.open(videos[0]) as gif:
        assert gif.size == (64, 64)


def test_the_scripted_agent_goes_for_the_beacon_where_chance_does_not(mini_game_run):
    trained = load_run(mini_game_run)
    kwargs = {**trained.env.kwargs, "max_game_loops": 240}
    env = replace(trained.env, {"kwargs": kwargs}, "env")
    random, scripted = play_baselines(trained, env, range(1))
    assert scripted.mean.value >= 2  # 15 seconds, and a beacon every four or five
    assert random.mean.value < scripted.mean.value / 2


def test_a_missing_installation_is_one_line(tmp_path, monkeypatch, capsys):
    pytest.importorskip("pysc2")
    monkeypatch.setenv("SC2PATH", str(tmp_path / "nowhere"))
    experiment = override(configs.load("sc2_movetobeacon_small"), TINY_MINI_GAME)
    save_run(tmp_path / "run", replace(experiment, {"env.kwargs.game": "starcraft"}))
    assert command.main([f"--run_dir={tmp_path / 'run'}", "--levels=1"]) == 1
    error = capsys.readouterr().err
    assert "error: no episode can be started: " in error
    assert str(tmp_path / "nowhere") in error
    assert "Traceback" not in error
