"""Fights, waves and the fog."""

import itertools
import math

import numpy as np
import pytest

pytest.importorskip("pysc2")

from sc2_standin_client import Client

from pysc2.agents import scripted_agent  # isort: skip
from pysc2.lib import actions
from s2clientprotocol import sc2api_pb2

from sc2_minigames.standin import units
from sc2_minigames.standin.unit import ATTACK_UNIT, HOLD, MOVE, Order
from sc2_minigames.standin.units import ENEMY, PLAYER
from sc2_minigames.standin.world import World

F = actions.FUNCTIONS


def duel(enemy_type, distance, enemies=1):
    """A marine and some enemies that stand on one another, `distance` apart edge to edge."""
    world = World(64, (2, 2, 62, 62))
    marine = world.add(units.MARINE, PLAYER, 20, 20)
    x = 20 + distance + units.MARINE.radius + enemy_type.radius
    return world, marine, [world.add(enemy_type, ENEMY, x, 20) for _ in range(enemies)]


def run(world, loops):
    for _ in range(loops):
        world.step()


def test_a_shot_needs_range_and_takes_damage_less_armor():
    world, marine, (roach,) = duel(units.ROACH, 4.9)
    roach.cooldown = 1000
    marine.orders.append(Order(HOLD))
    run(world, 5)
    assert roach.health == 145 - (6 - 1)
    world, marine, (roach,) = duel(units.ROACH, 6.0)
    marine.orders.append(Order(HOLD))
    run(world, 5)
    assert roach.health == 145
    assert marine.x == 20


def test_shots_come_once_in_a_cooldown():
    world, marine, (roach,) = duel(units.ROACH, 3)
    roach.cooldown = 1000
    marine.orders.append(Order(ATTACK_UNIT, target=roach))
    run(world, 160)
    shots = (145 - roach.health) / 5
    # 0.8608 seconds of 16 loops, and half a loop of jitter in the mean.
    assert abs(shots - 160 / (0.8608 * 16 + 0.5)) <= 1


def test_who_is_told_to_move_does_not_shoot():
    world, marine, (zergling,) = duel(units.ZERGLING, 3)
    zergling.cooldown = 1000
    marine.orders.append(Order(MOVE, 5, 20))
    run(world, 20)
    assert zergling.health == 35


def test_an_idle_unit_fights_what_comes_near_and_not_what_is_far():
    world, marine, (zergling,) = duel(units.ZERGLING, 4.5)
    run(world, 300)
    assert not zergling.alive or not marine.alive
    world, marine, (zergling,) = duel(units.ZERGLING, 6)
    run(world, 300)
    assert zergling.health == 35
    assert marine.health == 45


def test_friends_come_to_the_help_of_the_wounded():
    world = World(64, (2, 2, 62, 62))
    marine = world.add(units.MARINE, PLAYER, 20, 20)
    near = world.add(units.ROACH, ENEMY, 25.9, 20)
    friend = world.add(units.ROACH, ENEMY, 30.0, 20)
    far = world.add(units.ROACH, ENEMY, 45.0, 20)
    marine.orders.append(Order(ATTACK_UNIT, target=near))
    run(world, 60)
    assert friend.x < 29
    assert far.x == 45.0


def test_a_baneling_bursts_among_many():
    world = World(64, (2, 2, 62, 62))
    deaths = []
    world.on_death = deaths.append
    places = [(0.8, 0), (0, 2.5), (0, -2.65), (4, 0)]
    marines = [world.add(units.MARINE, PLAYER, 20 + dx, 20 + dy) for dx, dy in places]
    for marine in marines:
        marine.cooldown = 1000
    baneling = world.add(units.BANELING, ENEMY, 20, 20)
    run(world, 5)
    # 35 to all whose edge is within 2.2 of the baneling: 2.5 - 0.375 is, 2.65 - 0.375 is not.
    assert [m.health for m in marines] == [10, 10, 45, 45]
    assert deaths == [baneling]


def test_an_attack_on_one_enemy_passes_others_by():
    client = Client("DefeatRoaches", size=64)
    target = client.world.owned(ENEMY)[0]
    screen = next(
        u
        for u in client.observation.feature_units
        if u.unit_type == 110 and abs(u.health - target.health) < 1
    )
    client.step(F.Attack_screen("now", [screen.x, screen.y]))
    assert {m.orders[0].kind for m in client.world.owned(PLAYER)} == {ATTACK_UNIT}
    assert len({m.orders[0].target for m in client.world.owned(PLAYER)}) == 1


@pytest.mark.parametrize(
    ("map_name", "first", "wave", "reward", "reinforcements"),
    [
        ("DefeatRoaches", {110: 4}, 4, 10, 5),
        ("DefeatZerglingsAndBanelings", {105: 6, 9: 4}, 10, 5, 4),
    ],
)
def test_waves(map_name, first, wave, reward, reinforcements):
    sides = set()
    for seed in range(12):
        client = Client(map_name, seed=seed)
        world = client.world
        kinds = [u.type.id for u in world.owned(ENEMY)]
        assert {kind: kinds.count(kind) for kind in kinds} == first
        marines = world.owned(PLAYER)
        assert len(marines) == len(client.observation.multi_select) == 9  # Preselected.
        assert len({m.x for m in marines}) == 1  # In a vertical line.
        sides.add(marines[0].x < 32 < world.owned(ENEMY)[0].x)
        marines[3].health = 7.0
        world.kill(marines[0])
        for count, enemy in enumerate(world.owned(ENEMY), 1):
            assert client.game.score == (count - 1) * reward - 1
            world.kill(enemy)
        client.step(F.no_op(), count=1)
        assert client.score == wave * reward - 1
        assert len(world.owned(ENEMY)) == wave
        assert len(world.owned(PLAYER)) == 8 + reinforcements
        assert marines[3].health == 7.0  # Nobody is healed.
        xs = [u.x for u in world.owned(PLAYER)]
        foes = [u.x for u in world.owned(ENEMY)]
        assert max(xs) < min(foes) - 9 or min(xs) > max(foes) + 9
    assert sides == {True, False}


@pytest.mark.parametrize("map_name", ["DefeatRoaches", "FindAndDefeatZerglings"])
def test_the_end_without_marines(map_name):
    client = Client(map_name)
    count = len(client.world.owned(PLAYER))
    for marine in client.world.owned(PLAYER):
        client.world.kill(marine)
    client.step(F.no_op())
    assert client.is_over
    assert client.response.player_result[0].result == sc2api_pb2.Defeat
    assert client.score == -count
    client.restart()
    assert len(client.world.owned(PLAYER)) == count
    assert client.score == 0


def test_zerglings_are_where_they_should_be():
    for seed in range(10):
        client = Client("FindAndDefeatZerglings", seed=seed)
        lings = client.world.owned(ENEMY)
        away = [math.dist((u.x, u.y), (32, 32)) for u in lings]
        assert all(7.5 <= d <= 9.5 for d in away[:2])
        assert all(d >= 10.5 for d in away[2:])
        assert len(lings) == 25
        gaps = [a.distance(b.x, b.y) for a, b in itertools.combinations(lings, 2)]
        assert min(gaps) >= 5.0
        for unit in lings:
            client.world.kill(unit)
        client.step(F.no_op(), count=1)
        assert client.score == 25
        marines = client.world.owned(PLAYER)
        again = client.world.owned(ENEMY)
        assert len(again) == 25
        assert min(m.distance(u.x, u.y) for m in marines for u in again) >= 8.9


def test_the_fog_hides_what_no_marine_sees():
    client = Client("FindAndDefeatZerglings", seed=1, size=64)
    lings = client.world.owned(ENEMY)
    hidden = lings[10]
    pixel = [int(hidden.x), int(64 - hidden.y)]
    visible = client.observation.feature_minimap.visibility_map
    relative = client.observation.feature_minimap.player_relative
    assert visible[pixel[1], pixel[0]] == 0
    assert 1 <= (relative == 4).sum() <= 2
    client.step(F.move_camera(pixel), count=1)
    screen = client.observation.feature_screen
    assert not (screen.player_relative == 4).any()
    assert not any(u.alliance == 4 and u.is_on_screen for u in client.observation.feature_units)
    # A marine comes by, and leaves.
    marine = client.world.owned(PLAYER)[0]
    home = marine.x, marine.y
    marine.x, marine.y = hidden.x + 6, hidden.y
    client.step(F.no_op(), count=1)
    assert client.observation.feature_minimap.visibility_map[pixel[1], pixel[0]] == 2
    assert client.observation.feature_minimap.player_relative[pixel[1], pixel[0]] == 4
    assert (client.observation.feature_screen.player_relative == 4).any()
    marine.x, marine.y = home
    client.step(F.no_op(), count=1)
    assert client.observation.feature_minimap.visibility_map[pixel[1], pixel[0]] == 1
    assert not (client.observation.feature_screen.player_relative == 4).any()


def test_no_fog_when_it_is_switched_off():
    client = Client("FindAndDefeatZerglings", seed=1, size=64, disable_fog=True)
    assert (client.observation.feature_minimap.player_relative == 4).sum() == 25
    assert client.observation.feature_minimap.visibility_map.min() == 2


def test_the_camera_shows_what_it_is_moved_to():
    client = Client("FindAndDefeatZerglings", seed=1, size=64, disable_fog=True)
    ling = next(u for u in client.world.owned(ENEMY) if 16 < u.x < 30 and 16 < u.y < 48)
    pixel = [int(ling.x), int(64 - ling.y)]
    client.step(F.move_camera(pixel), count=1)
    ys, xs = np.nonzero(client.observation.feature_screen.unit_type == 105)
    assert np.hypot(xs - 31.5, ys - 31.5).min() < 3
    camera = client.observation.feature_minimap.camera
    assert camera[pixel[1], pixel[0]] == 1
    assert 23 <= camera.any(0).sum() <= 25  # 24 map units wide.


@pytest.mark.parametrize(
    ("pixel", "columns", "rows"),
    [([0, 63], slice(4, 28), slice(36, 60)), ([63, 0], slice(36, 60), slice(4, 28))],
)
def test_the_screen_does_not_leave_the_ground(pixel, columns, rows):
    client = Client("FindAndDefeatZerglings", size=64)
    client.step(F.move_camera(pixel), count=1)
    shown = np.zeros((64, 64))  # A pixel a map unit; the ground is 4 to 60.
    shown[rows, columns] = 1
    assert (client.observation.feature_minimap.camera == shown).all()
    assert (client.observation.feature_screen.pathable == 1).all()


@pytest.mark.parametrize("map_name", ["MoveToBeacon", "DefeatRoaches", "BuildMarines"])
def test_the_camera_of_a_game_of_one_screen_cannot_be_moved(map_name):
    client = Client(map_name, size=64)
    minimap = client.observation.feature_minimap.camera.copy()
    screen = client.observation.feature_screen.unit_type.copy()
    client.step(F.move_camera([5, 5]), count=1)
    assert (client.observation.feature_minimap.camera == minimap).all()
    assert (client.observation.feature_screen.unit_type == screen).all()


@pytest.mark.parametrize("seed", [0, 1])
def test_pysc2s_scripted_agents_beat_idleness(seed):
    client = Client("DefeatRoaches", seed=seed, size=64)
    assert client.play(scripted_agent.DefeatRoaches()) >= 20
    raw = Client("DefeatRoaches", seed=seed, size=64, use_raw_units=True, use_raw_actions=True)
    assert raw.play(scripted_agent.DefeatRoachesRaw()) >= 20
