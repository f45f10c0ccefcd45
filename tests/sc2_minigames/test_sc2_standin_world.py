"""What happens on the map, seen through PySC2's eyes."""

import numpy as np
import pytest

pytest.importorskip("pysc2")

from sc2_standin_client import Client

from pysc2.agents import scripted_agent  # isort: skip
from pysc2.lib import actions

from sc2_minigames.standin import units
from sc2_minigames.standin.unit import MOVE, PATROL, Order
from sc2_minigames.standin.units import NEUTRAL, PLAYER
from sc2_minigames.standin.world import World

F = actions.FUNCTIONS


def drawn(layer, signs=".mAno"):
    """A layer as text, one sign a pixel."""
    return ["".join(signs[v] for v in row) for row in np.asarray(layer)]


def marine_at(x, y, world=None):
    world = world or World(64, (10, 10, 54, 54))
    return world, world.add(units.MARINE, PLAYER, x, y)


def test_screen_drawn_as_text():
    client = Client("MoveToBeacon", size=24)  # One pixel a map unit.
    marine, beacon = client.world.units
    marine.x, marine.y = 20 + 5.1, 44 - 2.9
    beacon.x, beacon.y = 20 + 15.5, 44 - 5.5
    client.observe()
    rows = drawn(client.observation.feature_screen.player_relative, ".m?n")
    assert rows[:9] == [
        "........................",
        "........................",
        ".....m..................",
        "........................",
        "...............n........",
        "..............nnn.......",
        "...............n........",
        "........................",
        "........................",
    ]
    assert set("".join(rows[9:])) == {"."}
    ratio = client.observation.feature_screen.unit_hit_points_ratio
    assert ratio[2, 5] == 255
    assert client.observation.feature_screen.unit_hit_points[2, 5] == 45
    minimap = drawn(client.observation.feature_minimap.player_relative, ".m?n")
    assert "".join(minimap).count("m") == 1
    assert minimap[int((64 - marine.y) * 24 / 64)][int(marine.x * 24 / 64)] == "m"


@pytest.mark.parametrize("map_name", ["CollectMineralShards", "FindAndDefeatZerglings"])
@pytest.mark.parametrize("size", [32, 64, 84])
def test_units_are_drawn_where_pysc2_says_they_are(map_name, size):
    client = Client(map_name, seed=size, size=size)
    client.step(F.move_camera([size // 2 + 1, size // 2 - 2]))
    screen = client.observation.feature_screen
    found = 0
    for unit in client.observation.feature_units:
        if 0 <= unit.x < size and 0 <= unit.y < size:
            found += 1
            assert screen.player_relative[unit.y, unit.x] == unit.alliance
            assert screen.unit_type[unit.y, unit.x] == unit.unit_type
            assert screen.unit_density[unit.y, unit.x] >= 1
    assert found > 1


def test_a_click_on_a_drawn_unit_selects_it():
    for seed in range(20):
        client = Client("CollectMineralShards", seed=seed)
        ys, xs = np.nonzero(client.observation.feature_screen.player_relative == 1)
        client.step(F.select_point("select", [xs[0], ys[0]]), count=1)
        assert len(client.observation.single_select) == 1
        assert client.observation.feature_screen.selected[ys[0], xs[0]] == 1


def test_a_marine_walks_at_its_speed_to_the_pixel_it_is_sent_to():
    client = Client("MoveToBeacon", size=24)  # One pixel a map unit.
    marine = client.world.units[0]
    marine.x, marine.y = 25.5, 32.5
    client.step(F.select_army("select"), count=1)
    client.step(F.Move_screen("now", [15, 11]), count=16)
    assert marine.x == pytest.approx(25.5 + 2.25)  # Map units a second, Liquipedia.
    assert marine.y == pytest.approx(32.5)
    client.step(F.no_op(), count=64)
    assert (marine.x, marine.y) == (27.5 + 8, 32.5)
    assert not marine.orders


def test_queued_orders_are_carried_out_one_after_the_other():
    client = Client("MoveToBeacon", size=24)
    marine = client.world.units[0]
    marine.x, marine.y = 27.5, 32.5
    client.step(F.select_army("select"), count=1)
    client.step(F.Move_screen("now", [5, 11]), count=1)
    client.step(F.Move_screen("queued", [5, 8]), count=1)
    assert len(marine.orders) == 2
    client.step(F.no_op(), count=60)
    assert (marine.x, marine.y) == (25.5, 35.5)
    client.step(F.Move_screen("now", [5, 11]), count=1)
    client.step(F.Stop_quick("now"), count=1)
    assert not marine.orders


def test_a_patrol_goes_to_and_fro():
    world, marine = marine_at(20, 20)
    marine.orders.append(Order(PATROL, 24, 20, data=(20, 20)))
    xs = []
    for _ in range(70):
        world.step()
        xs.append(marine.x)
    assert max(xs) == 24
    assert min(xs[40:]) == 20
    assert xs[-1] > xs[-2]
    assert marine.orders


def test_nobody_leaves_the_ground():
    world, marine = marine_at(53, 53)
    marine.orders.append(Order(MOVE, 63, 60))
    for _ in range(30):
        world.step()
    assert (marine.x, marine.y) == (54, 54)
    assert not marine.orders


def test_units_on_one_spot_part():
    world = World(64, (10, 10, 54, 54))
    crowd = [world.add(units.MARINE, PLAYER, 30, 30) for _ in range(9)]
    for _ in range(80):
        world.step()
    gaps = [a.gap(b) for i, a in enumerate(crowd) for b in crowd[:i]]
    assert min(gaps) > -0.05
    assert max(gaps) < 5


def test_the_beacon_scores_once_and_reappears_at_least_five_away():
    client = Client("MoveToBeacon", seed=1)
    for _ in range(30):
        marine, beacon = client.world.units
        marine.x, marine.y = beacon.x, beacon.y
        before = client.score
        client.step(F.no_op(), count=1)
        assert client.score == before + 1
        marine, moved = client.world.units
        assert moved is not beacon
        assert marine.distance(moved.x, moved.y) >= 5.0


def test_shards_are_collected_one_by_one_and_come_again():
    client = Client("CollectMineralShards", seed=1)
    marines = client.world.owned(PLAYER)
    assert len(marines) == 2
    for collected in range(1, 21):
        shard = client.world.owned(NEUTRAL)[0]
        marines[collected % 2].x, marines[collected % 2].y = shard.x, shard.y
        client.step(F.no_op(), count=1)
        assert client.score >= collected
    shards = client.world.owned(NEUTRAL)
    assert len(shards) == 20
    assert all(m.distance(s.x, s.y) >= 2.0 for m in marines for s in shards)


def test_shards_with_another_number_of_marines():
    client = Client("CollectMineralShards", options={"num_marines": 5})
    assert client.observation.player.army_count == 5


@pytest.mark.parametrize(
    ("map_name", "agent", "least"),
    [
        ("MoveToBeacon", scripted_agent.MoveToBeacon, 20),
        ("CollectMineralShards", scripted_agent.CollectMineralShards, 60),
        ("CollectMineralShards", scripted_agent.CollectMineralShardsFeatureUnits, 70),
    ],
)
def test_pysc2s_scripted_agents_score(map_name, agent, least):
    client = Client(map_name, seed=2, size=64)
    assert client.play(agent()) >= least
    assert client.world.loop == client.game.duration


def test_the_raw_agent_scores():
    client = Client(
        "CollectMineralShards", seed=2, size=64, use_raw_units=True, use_raw_actions=True
    )
    assert client.play(scripted_agent.CollectMineralShardsRaw()) >= 70


def test_control_groups_and_the_selection_panel():
    client = Client("CollectMineralShards", options={"num_marines": 4})
    client.step(F.select_army("select"), count=1)
    assert len(client.observation.multi_select) == 4
    client.step(F.select_control_group("set", 2), count=1)
    assert client.observation.control_groups[2].tolist() == [48, 4]
    client.step(F.select_unit("select", 1), count=1)
    assert len(client.observation.single_select) == 1
    client.step(F.select_control_group("recall", 2), count=1)
    assert len(client.observation.multi_select) == 4
    client.step(F.select_unit("deselect", 0), count=1)
    assert len(client.observation.multi_select) == 3
    client.step(F.select_rect("add", [0, 0], [31, 31]), count=1)
    assert len(client.observation.multi_select) == 4


def test_only_what_the_selection_can_do_is_offered():
    client = Client("MoveToBeacon")
    assert F.Move_screen.id not in client.observation.available_actions
    client.step(F.select_army("select"))
    offered = set(client.observation.available_actions.tolist())
    assert {F.Move_screen.id, F.Attack_minimap.id, F.Stop_quick.id, F.Smart_screen.id} <= offered
    assert F.Train_SCV_quick.id not in offered
