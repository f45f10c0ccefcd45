"""The compiled world and the stand-in that PySC2 plays are one game: same actions, same everything.

Compared after each step: feature layers, player, available actions, units with their places, orders
and selection, rewards, scores, ends. The other way round than usual, the reference is the slow one.
"""

from typing import NamedTuple

import numpy as np
import pytest
from world_twins import Twins, share_numbers


class Play(NamedTuple):
    size: int  # of the pictures
    step_mul: int
    steps: int
    patience: float  # see Twins.draw
    scored: int  # steps with a reward, at least


PLAYS = {
    "MoveToBeacon": Play(32, 8, 250, 0.0, 1),
    "CollectMineralShards": Play(24, 8, 250, 0.0, 8),
    "FindAndDefeatZerglings": Play(32, 16, 190, 0.1, 8),
    "DefeatRoaches": Play(32, 8, 120, 0.0, 7),
    "DefeatZerglingsAndBanelings": Play(20, 8, 120, 0.0, 6),
    "CollectMineralsAndGas": Play(32, 24, 210, 0.5, 3),
    "BuildMarines": Play(16, 72, 210, 0.3, 0),
}


@pytest.mark.parametrize("map_name", PLAYS)
def test_both_play_the_same_game(map_name, monkeypatch):
    share_numbers(monkeypatch)
    play = PLAYS[map_name]
    twins = Twins(map_name, 7, play.size, play.step_mul)
    rng = np.random.default_rng(3)
    scored = ended = 0
    for _ in range(play.steps):
        reward, has_ended = twins.step(twins.draw(rng, play.patience))
        scored += reward != 0
        ended += has_ended
        if has_ended:
            twins.restart()
    assert scored >= play.scored
    assert ended
