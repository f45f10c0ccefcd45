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
    seed: int
    scored: int  # steps with a reward, at least


PLAYS = {
    "MoveToBeacon": Play(32, 8, 250, 0.5, 0, 2),
    "CollectMineralShards": Play(24, 8, 250, 0.0, 7, 8),
    "FindAndDefeatZerglings": Play(32, 16, 190, 0.1, 7, 5),
    "DefeatRoaches": Play(32, 8, 120, 0.0, 2, 5),
    "DefeatZerglingsAndBanelings": Play(20, 8, 120, 0.0, 4, 8),
    "CollectMineralsAndGas": Play(32, 24, 210, 0.3, 2, 50),
    "BuildMarines": Play(16, 72, 205, 0.2, 7, 0),
}


def test_both_build_marines(monkeypatch):
    """Drawn actions never come so far: depot, barracks, marines."""
    share_numbers(monkeypatch)
    twins = Twins("BuildMarines", 1, 32, 48)
    rng = np.random.default_rng(1)
    score = sum(twins.step(twins.draw_for_marines(rng, step))[0] for step in range(150))
    assert score > 5


@pytest.mark.parametrize("map_name", PLAYS)
def test_both_play_the_same_game(map_name, monkeypatch):
    share_numbers(monkeypatch)
    play = PLAYS[map_name]
    twins = Twins(map_name, play.seed, play.size, play.step_mul)
    rng = np.random.default_rng(play.seed)
    scored = ended = 0
    for _ in range(play.steps):
        reward, has_ended = twins.step(twins.draw(rng, play.patience))
        scored += reward != 0
        ended += has_ended
        if has_ended:
            twins.restart()
    assert scored >= play.scored
    assert ended
