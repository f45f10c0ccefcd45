"""PySC2's scripted agents on this package's observations, against themselves on PySC2's."""

import numpy as np
import pytest

pytest.importorskip("pysc2")

from sc2_standin_client import Client  # makes PySC2 importable

from pysc2.agents import scripted_agent  # isort: skip
from pysc2.env import environment

from sc2_minigames.actions import ActionCodec
from sc2_minigames.observations import SCREEN_LAYERS, ObservationCodec
from sc2_minigames.scripted import MAPS, scripted_policy

SIZE = 32
CODEC = ActionCodec(SIZE, SIZE)
OBSERVATIONS = ObservationCodec(SIZE, SIZE, CODEC)
NO_ACTION = np.zeros(14, np.int64)
PLAYER_RELATIVE = [layer.name for layer in SCREEN_LAYERS].index("player_relative")


@pytest.mark.parametrize("map_name", MAPS)
def test_they_do_what_they_do_on_pysc2s_own_observations(map_name):
    client = Client(map_name, seed=3, size=SIZE)
    theirs, ours = getattr(scripted_agent, map_name)(), scripted_policy(map_name, CODEC)
    actions = set()
    for _ in range(40):
        mine = ours(OBSERVATIONS.encode(client.observation, NO_ACTION))
        call = theirs.step(environment.TimeStep(environment.StepType.MID, 0, 1, client.observation))
        assert mine.tolist() == CODEC.encode(call).tolist()
        actions.add(tuple(mine.tolist()))
        client.step(call)
    assert len(actions) >= 3  # selects, and goes to several places


def test_units_that_cannot_be_seen_are_no_warning():
    client = Client("CollectMineralShards", size=SIZE)
    act = scripted_policy("CollectMineralShards", CODEC)
    client.step(CODEC.decode(act(OBSERVATIONS.encode(client.observation, NO_ACTION))))
    observation = OBSERVATIONS.encode(client.observation, NO_ACTION)
    screen = observation["screen"]
    screen[screen[..., PLAYER_RELATIVE] == 1, PLAYER_RELATIVE] = 0
    assert act(observation)[0] == 331  # Move_screen, and pytest makes warnings errors


def test_maps_without_one_are_named():
    with pytest.raises(ValueError, match=r"map_name must be one of MoveToBeacon, .* got 'BuildM"):
        scripted_policy("BuildMarines", CODEC)
