"""Scores on the compiled stand-in: who plays it, on which screen, how many games at a time."""

import pytest

pytest.importorskip("pysc2")

from experiments import configs
from experiments.evaluation.mini_games import format_scores, score_of, screen_of, scripted_env
from experiments.games import is_compiled, num_slots, other_env
from relational_rl.config import replace
from relational_rl.playing.player import attempts_of, play_by_rule
from sc2_minigames import scripted
from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.world.single import StandInEnv

PRESET = configs.load("sc2_movetobeacon_units")


def test_presets_over_units_play_the_compiled_game_many_at_a_time():
    assert is_compiled(PRESET.env) and num_slots(PRESET.env, 30) == 30
    for change in ({"env.vectorization": "sync"}, {"env.kwargs": {"game": "starcraft"}}):
        other = replace(PRESET, change).env
        assert not is_compiled(other) and num_slots(other, 30) == 8
    other = other_env(PRESET, "sc2_minigames:SC2/DefeatRoaches-v0")
    assert other.kwargs == PRESET.env.kwargs


@pytest.mark.parametrize("name", ["collectmineralshards", "movetobeacon", "defeatroaches"])
def test_all_units_of_a_start_have_a_row(name):
    (map_name,) = (each for each in MINI_GAMES if each.lower() == name)
    preset = configs.load(f"sc2_{name}_units")
    assert map_name in preset.env.id
    at_least = {"CollectMineralShards": 22, "MoveToBeacon": 2, "DefeatRoaches": 18}
    assert preset.env.kwargs["max_units"] >= at_least[map_name]


def test_the_scripted_agent_plays_the_same_game_on_its_own_screen():
    env = replace(PRESET.env, {"kwargs": {**PRESET.env.kwargs, "max_game_loops": 320}}, "env")
    finer = scripted_env(env, "MoveToBeacon", scripted.SCREEN_SIZE)
    rule = scripted.scripted_policy

    def play(environment):
        assert isinstance(environment, StandInEnv)
        return rule("MoveToBeacon", environment.action_codec)

    episodes = play_by_rule(finer, attempts_of(range(3)), play)
    assert {len(episode.actions) for episode in episodes} == {40}
    score = score_of("a rule", episodes, screen_of(finer))
    assert (score.screen, screen_of(env), score.game) == (84, 64, "stand-in")
    assert score.mean.value >= 2
    text = format_scores("MoveToBeacon", [score])
    assert "Pixels of the screen: a rule 84x84." in text.splitlines()
