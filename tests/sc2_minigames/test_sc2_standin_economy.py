"""Gathering, building and training, played with the actions of an agent."""

import numpy as np
import pytest

pytest.importorskip("pysc2")

from sc2_standin_client import Client

from pysc2.lib import actions, features  # isort: skip
from s2clientprotocol import error_pb2

from sc2_minigames.standin import units
from sc2_minigames.standin.units import NEUTRAL, PLAYER

F = actions.FUNCTIONS


def units_of(client, kind, owner=PLAYER):
    return [u for u in client.world.owned(owner) if u.type is kind]


def pixel(client, unit):
    """The screen pixel that a unit is at."""
    return [
        int(v) for v in client.session._commander.view.screen_position(unit.x, unit.y, (32, 32))
    ]


def at(client, x, y):
    view = client.session._commander.view
    return [int(v) for v in view.screen_position(x, y, (32, 32))]


def select(client, unit):
    client.step(F.select_point("select", pixel(client, unit)), count=1)
    assert client.results == [error_pb2.Success]


def send_everyone_to_work(client):
    size = client.observation.feature_screen.shape[1] - 1
    client.step(F.select_rect("select", [0, 0], [size, size]), count=1)
    fields = units_of(client, units.MINERAL_FIELD, NEUTRAL)
    client.step(F.Harvest_Gather_screen("now", pixel(client, fields[3])), count=1)


@pytest.mark.parametrize(
    ("map_name", "fields", "geysers"), [("CollectMineralsAndGas", 16, 4), ("BuildMarines", 8, 0)]
)
def test_what_is_there_at_the_beginning(map_name, fields, geysers):
    client = Client(map_name, size=64)
    assert len(units_of(client, units.MINERAL_FIELD, NEUTRAL)) == fields
    assert len(units_of(client, units.VESPENE_GEYSER, NEUTRAL)) == geysers
    player = client.observation.player
    assert (player.minerals, player.vespene) == (50, 0)
    assert (player.food_used, player.food_cap, player.food_workers) == (12, 15, 12)
    assert player.idle_worker_count == 12
    assert len(client.observation.single_select) == len(client.observation.multi_select) == 0
    everything = client.world.units
    for i, unit in enumerate(everything):
        assert 0 < pixel(client, unit)[0] < 64
        assert 0 < pixel(client, unit)[1] < 64
        if unit.type is units.SCV:
            assert all(unit.gap(o) > -0.1 for o in everything[:i] if o.type.is_structure)


def send_one_to_work(map_name):
    """Starts a game and sends a worker to a mineral field; returns all three."""
    client = Client(map_name, size=64)
    worker = units_of(client, units.SCV)[0]
    field = units_of(client, units.MINERAL_FIELD, NEUTRAL)[3]
    select(client, worker)
    client.step(F.Harvest_Gather_screen("now", pixel(client, field)), count=1)
    return client, worker, field


def test_a_round_trip_of_a_worker():
    client, worker, field = send_one_to_work("CollectMineralsAndGas")
    arrived = loaded = 0
    for _ in range(400):
        client.step(F.no_op(), count=1)
        arrived = arrived or (field.user is worker and client.world.loop)
        if worker.cargo:
            loaded = client.world.loop
            break
    assert loaded - arrived == round(2.786 * 16)
    assert worker.cargo == 5
    assert field.contents == 1800 - 5
    assert client.score == 0
    assert F.Harvest_Return_quick.id in client.observation.available_actions
    for _ in range(200):
        client.step(F.no_op(), count=1)
        if not worker.cargo:
            break
    assert client.score == 5
    assert client.observation.player.minerals == 55
    assert client.observation.score_cumulative[features.ScoreCumulative.collected_minerals] == 5
    for _ in range(300):
        client.step(F.no_op(), count=1)
    assert client.score > 5  # It goes on by itself.


def test_a_worker_that_was_called_away_must_come_back_to_go_on():
    client, worker, field = send_one_to_work("BuildMarines")
    while field.user is not worker:
        client.step(F.no_op(), count=1)
    client.step(F.no_op(), count=20)
    client.step(F.Move_screen("now", at(client, 42, 32)), count=40)
    client.step(F.Harvest_Gather_screen("now", pixel(client, field)), count=30)
    assert worker.gap(field) > 1
    assert worker.cargo == 0
    while field.user is not worker:
        client.step(F.no_op(), count=1)
    client.step(F.no_op(), count=round(2.786 * 16) - 1)
    assert worker.cargo == 0  # It begins anew.
    client.step(F.no_op(), count=1)
    assert worker.cargo == 5


def test_workers_spread_over_the_fields_and_one_field_has_one_worker():
    client = Client("BuildMarines", size=64)
    send_everyone_to_work(client)
    busy = set()
    for _ in range(300):
        client.step(F.no_op(), count=1)
        users = [f.user for f in units_of(client, units.MINERAL_FIELD, NEUTRAL) if f.user]
        assert len(users) == len({u.tag for u in users})
        busy.add(sum(1 for u in users if not u.cargo))
    assert max(busy) >= 6
    assert client.observation.player.idle_worker_count == 0


def test_an_exhausted_field_disappears_and_a_restart_brings_it_back():
    client = Client("BuildMarines", size=64)
    field = units_of(client, units.MINERAL_FIELD, NEUTRAL)[3]
    field.contents = 7
    send_everyone_to_work(client)
    client.step(F.no_op(), count=1000)
    assert not field.alive
    assert len(units_of(client, units.MINERAL_FIELD, NEUTRAL)) == 7
    assert client.observation.player.idle_worker_count == 0  # They found others.
    client.restart()
    fields = units_of(client, units.MINERAL_FIELD, NEUTRAL)
    assert [f.contents for f in fields] == [1800] * 8


def test_training_takes_money_time_and_supply():
    client = Client("BuildMarines", size=64)
    (centre,) = units_of(client, units.COMMAND_CENTER)
    select(client, centre)
    assert F.Train_SCV_quick.id in client.observation.available_actions
    assert F.Train_Marine_quick.id not in client.observation.available_actions
    client.step(F.Train_SCV_quick("now"), count=1)
    assert client.observation.player.minerals == 0
    assert client.observation.player.food_used == 13
    assert F.Train_SCV_quick.id not in client.observation.available_actions
    assert client.observation.build_queue.shape == (1, 7)
    assert client.observation.production_queue[0][0] == 524
    client.step(F.no_op(), count=17 * 16 - 2)
    assert client.observation.player.food_workers == 12
    client.step(F.no_op(), count=1)
    assert client.observation.player.food_workers == 13
    assert client.score == 0  # Only marines count.
    client.game.bank.minerals = 1000
    client.step(F.no_op(), count=1)
    for _ in range(6):
        client.step(F.Train_SCV_quick("now"), count=1)
    assert client.results == [error_pb2.QueueIsFull]
    assert len(centre.production) == 5
    client.step(F.no_op(), count=17 * 16 * 6)
    assert client.observation.player.food_workers == 15  # No supply for the others,
    assert len(centre.production) == 3
    client.step(F.build_queue(2), count=1)
    client.step(F.Cancel_Last_quick("now"), count=1)
    assert len(centre.production) == 1
    assert client.observation.player.minerals == 1000 - 5 * 50 + 2 * 50  # two are paid back.


def test_no_training_without_supply():
    client = Client("BuildMarines", size=64)
    client.game.bank.minerals = 500
    for _ in range(3):
        client.world.add(units.SCV, PLAYER, 40, 40)
    select(client, units_of(client, units.COMMAND_CENTER)[0])
    client.step(F.Train_SCV_quick("now"), count=1)
    assert client.results == [error_pb2.NotEnoughFood]
    assert client.observation.player.minerals == 500


def test_units_in_training_take_supply():
    client = Client("BuildMarines", size=64)
    client.game.bank.minerals = 500
    first = units_of(client, units.COMMAND_CENTER)[0]
    second = client.world.add(units.COMMAND_CENTER, PLAYER, 37.5, 32)
    for i in range(17):  # 29 of 30 are taken.
        client.world.add(units.SCV, PLAYER, 41, 24 + i)
    client.step(F.no_op(), count=1)
    select(client, first)
    client.step(F.Train_SCV_quick("now"), count=1)
    assert client.results == [error_pb2.Success]
    assert client.observation.player.food_used == 30
    select(client, second)
    client.step(F.Train_SCV_quick("now"), count=1)
    assert client.results == [error_pb2.NotEnoughFood]


def test_a_rally_point_sends_new_workers_to_work():
    client = Client("BuildMarines", size=64)
    (centre,) = units_of(client, units.COMMAND_CENTER)
    field = units_of(client, units.MINERAL_FIELD, NEUTRAL)[2]
    select(client, centre)
    client.step(F.Rally_Workers_screen("now", pixel(client, field)), count=1)
    client.step(F.Train_SCV_quick("now"), count=1)
    client.step(F.no_op(), count=17 * 16 + 300)
    assert client.observation.player.idle_worker_count == 12
    assert client.observation.player.minerals >= 5


def test_building_needs_money_ground_and_what_stands_before():
    client = Client("BuildMarines", size=64)
    worker = units_of(client, units.SCV)[0]
    select(client, worker)
    assert F.Build_SupplyDepot_screen.id not in client.observation.available_actions
    client.game.bank.minerals = 400
    client.step(F.no_op(), count=1)
    assert F.Build_SupplyDepot_screen.id in client.observation.available_actions
    assert F.Build_Barracks_screen.id not in client.observation.available_actions
    centre = units_of(client, units.COMMAND_CENTER)[0]
    client.step(F.Build_SupplyDepot_screen("now", pixel(client, centre)), count=1)
    assert client.results == [error_pb2.CantFindPlacementLocation]
    client.step(F.Build_SupplyDepot_screen("now", at(client, 38, 36)), count=1)
    assert client.results == [error_pb2.Success]
    assert client.observation.player.minerals == 400  # Paid when it is begun.
    client.step(F.no_op(), count=100)
    (depot,) = units_of(client, units.SUPPLY_DEPOT)
    assert client.observation.player.minerals == 300
    assert 0 < depot.progress < 0.3
    assert client.observation.player.food_cap == 15
    assert (client.observation.feature_screen.build_progress > 0).any()
    client.step(F.Halt_quick("now"), count=1)
    half = depot.progress
    client.step(F.no_op(), count=50)
    assert depot.progress == half
    client.step(F.Smart_screen("now", pixel(client, depot)), count=1)
    client.step(F.no_op(), count=30 * 16)
    assert depot.progress == 1
    assert depot.health == pytest.approx(400, abs=1)
    assert client.observation.player.food_cap == 23
    assert F.Build_Barracks_screen.id in client.observation.available_actions


def test_only_one_of_many_workers_builds():
    client = Client("BuildMarines", size=64)
    client.game.bank.minerals = 300
    client.step(F.select_rect("select", [0, 0], [63, 63]), count=1)
    client.step(F.Build_SupplyDepot_screen("now", at(client, 38, 36)), count=120)
    assert len(units_of(client, units.SUPPLY_DEPOT)) == 1
    assert client.observation.player.idle_worker_count == 11


def test_gas_needs_a_refinery_and_scores():
    client = Client("CollectMineralsAndGas", size=64)
    client.game.bank.minerals = 75
    geyser = units_of(client, units.VESPENE_GEYSER, NEUTRAL)[0]
    select(client, units_of(client, units.SCV)[0])
    client.step(F.Harvest_Gather_screen("now", pixel(client, geyser)), count=1)
    assert client.results == [error_pb2.CantTargetThatUnit]
    client.step(F.Build_Refinery_screen("now", at(client, 38, 36)), count=1)
    assert client.results == [error_pb2.CantBuildLocationInvalid]
    client.step(F.Build_Refinery_screen("now", pixel(client, geyser)), count=30 * 16 + 100)
    (refinery,) = units_of(client, units.REFINERY)
    assert refinery.progress == 1
    assert not geyser.alive
    client.step(F.no_op(), count=400)
    assert client.observation.player.vespene >= 4
    assert client.score == client.observation.player.vespene


def test_idle_workers_are_found_one_after_the_other():
    client = Client("BuildMarines", size=64)
    client.step(F.select_idle_worker("select"), count=1)
    assert len(client.observation.single_select) == 1
    client.step(F.select_idle_worker("add"), count=1)
    assert len(client.observation.multi_select) == 2
    client.step(F.select_idle_worker("select_all"), count=1)
    assert len(client.observation.multi_select) == 12


def test_actions_that_do_not_build_marines_are_not_there():
    client = Client("BuildMarines", size=64)
    client.game.bank.minerals = 1000
    client.step(F.select_rect("select", [0, 0], [63, 63]), count=1)
    offered = set(client.observation.available_actions.tolist())
    assert F.Attack_screen.id not in offered
    assert F.Build_CommandCenter_screen.id not in offered
    assert F.Build_SupplyDepot_screen.id in offered
    other = Client("CollectMineralsAndGas", size=64)
    other.game.bank.minerals = 1000
    other.step(F.select_rect("select", [0, 0], [63, 63]), count=1)
    assert F.Build_CommandCenter_screen.id in other.observation.available_actions


def test_a_plan_from_the_first_worker_to_marines():
    """Depot, barracks, marines: with nothing but actions, as an agent would."""
    client = Client("BuildMarines", size=64)
    send_everyone_to_work(client)
    plan = [
        (F.Build_SupplyDepot_screen, at(client, 38, 40)),
        (F.Build_Barracks_screen, at(client, 36, 30)),
        (F.Build_Barracks_screen, at(client, 41, 30)),
        (F.Build_SupplyDepot_screen, at(client, 41, 40)),
    ]
    worker = units_of(client, units.SCV)[0]
    while not client.is_over and client.world.loop < 8000:
        offered = client.observation.available_actions
        barracks = [b for b in units_of(client, units.BARRACKS) if b.progress >= 1]
        is_selected = worker in client.session._commander.selection
        is_free = bool(worker.orders) and worker.orders[0].kind == "gather"
        if plan and is_selected and is_free and plan[0][0].id in offered:
            build, where = plan.pop(0)
            client.step(build("now", where), count=1)
            field = units_of(client, units.MINERAL_FIELD, NEUTRAL)[0]
            client.step(F.Harvest_Gather_screen("queued", pixel(client, field)))
        elif plan:
            client.session._commander.selection = [worker]
            client.step(F.no_op())
        elif barracks:
            client.session._commander.selection = [barracks[client.world.loop // 8 % len(barracks)]]
            client.step(F.no_op(), count=1)
            if F.Train_Marine_quick.id in client.observation.available_actions:
                client.step(F.Train_Marine_quick("now"))
            else:
                client.step(F.no_op())
        else:
            client.step(F.no_op())
    assert client.score >= 8
    assert client.observation.player.army_count == client.score
    assert np.count_nonzero(client.observation.feature_minimap.unit_type == 48) >= 1
