"""Makes the observation message of the protocol."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from s2clientprotocol import common_pb2, raw_pb2, sc2api_pb2, score_pb2, ui_pb2

from sc2_minigames.standin import abilities
from sc2_minigames.standin.commander import Commander
from sc2_minigames.standin.game import Game
from sc2_minigames.standin.rendering import Fog, Renderer, relative
from sc2_minigames.standin.unit import Unit
from sc2_minigames.standin.units import PLAYER


@cache
def _offered(ids: tuple[int, ...]) -> list[common_pb2.AvailableAbility]:
    return [
        common_pb2.AvailableAbility(ability_id=i, requires_point=i in abilities.NEEDS_POINT)
        for i in ids
    ]


def observe(
    message: sc2api_pb2.Observation,
    game: Game,
    commander: Commander,
    fog: Fog,
    renderer: Renderer | None,
    options: sc2api_pb2.InterfaceOptions,
    disable_fog: bool = False,
) -> None:
    """Fills in what the player knows now.

    Args:
      message: to be filled.
      game: the mini-game.
      commander: the player's selection and camera.
      fog: what the player sees.
      renderer: draws the feature layers; None if they were not asked for.
      options: what was asked for.
      disable_fog: show every unit.
    """
    commander.forget_dead()
    fog.update(game.world)
    if fog.is_enabled and not disable_fog:
        units = [unit for unit in game.world.units if fog.is_visible(unit)]
    else:
        units = game.world.units
    message.game_loop = game.world.loop
    _player(message.player_common, game)
    message.abilities.extend(_offered(commander.offered()))
    message.score.score_type = score_pb2.Score.Curriculum
    message.score.score = game.score
    details = message.score.score_details
    details.collected_minerals = game.bank.collected_minerals
    details.collected_vespene = game.bank.collected_vespene
    details.spent_minerals = game.bank.spent_minerals
    _interface(message.ui_data, commander)
    if renderer is not None:
        renderer.draw(message.feature_layer_data, units, commander.selection, commander.camera)
    if options.raw:
        _raw(message.raw_data, units, commander)


def _player(message: sc2api_pb2.PlayerCommon, game: Game) -> None:
    workers = army = army_supply = idle = used = cap = 0
    for unit in game.world.units:
        if unit.owner != PLAYER:
            continue
        used += unit.type.supply
        if unit.type.is_worker:
            workers += 1
            idle += not unit.orders
        elif unit.type.is_army:
            army += 1
            army_supply += unit.type.supply
        elif unit.progress >= 1:
            cap += unit.type.supply_provided
        if unit.production and unit.timer:
            used += unit.production[0].supply
    message.player_id = PLAYER
    message.minerals = game.bank.minerals
    message.vespene = game.bank.vespene
    message.food_cap = min(cap, 200)
    message.food_used = used
    message.food_army = army_supply
    message.food_workers = workers
    message.idle_worker_count = idle
    message.army_count = army
    message.warp_gate_count = 0
    message.larva_count = 0


def _unit_info(message: ui_pb2.UnitInfo, unit: Unit) -> None:
    message.unit_type = unit.type.id
    message.player_relative = relative(unit)
    message.health = int(unit.health)
    message.max_health = int(unit.type.health)
    message.build_progress = unit.progress if unit.progress < 1 else 0.0


def _interface(message: ui_pb2.ObservationUI, commander: Commander) -> None:
    for number, group in sorted(commander.groups.items()):
        message.groups.add(
            control_group_index=number, leader_unit_type=group[0].type.id, count=len(group)
        )
    selection = commander.selection
    if len(selection) == 1:
        (unit,) = selection
        if unit.production and unit.owner == PLAYER:
            _unit_info(message.production.unit, unit)
            for index, made in enumerate(unit.production):
                has_begun = index == 0 and unit.timer > 0
                done = 1 - unit.timer / made.build_loops if has_begun else 0.0
                item = message.production.build_queue.add()
                item.unit_type = made.id
                item.player_relative = relative(unit)
                item.build_progress = done
                message.production.production_queue.add(
                    ability_id=abilities.TRAIN[made.id], build_progress=done
                )
        else:
            _unit_info(message.single.unit, unit)
    else:
        for unit in selection:
            _unit_info(message.multi.units.add(), unit)


def _raw(message: raw_pb2.ObservationRaw, units: Sequence[Unit], commander: Commander) -> None:
    camera = commander.camera
    message.player.camera.x = camera[0]
    message.player.camera.y = camera[1]
    message.player.camera.z = 0.0
    chosen = {unit.tag for unit in commander.selection}
    for unit in units:
        item = message.units.add(
            display_type=raw_pb2.Visible,
            alliance=relative(unit),
            tag=unit.tag,
            unit_type=unit.type.id,
            owner=unit.owner,
            facing=unit.facing,
            radius=unit.type.radius,
            build_progress=unit.progress,
            cloak=raw_pb2.NotCloaked,
            is_selected=unit.tag in chosen,
            is_on_screen=commander.view.is_on_screen(unit.x, unit.y, camera),
            is_active=bool(unit.production),
            health=unit.health,
            health_max=unit.type.health,
        )
        item.pos.x = unit.x
        item.pos.y = unit.y
        item.pos.z = 0.0
        if unit.type.is_resource:
            if unit.type.name == "MineralField":
                item.mineral_contents = unit.contents
            else:
                item.vespene_contents = unit.contents
        if unit.owner == PLAYER:
            item.weapon_cooldown = max(unit.cooldown, 0.0)
            for order in unit.orders:
                told = item.orders.add(ability_id=order.ability)
                if order.target is not None:
                    told.target_unit_tag = order.target.tag
                else:
                    told.target_world_space_pos.x = order.x
                    told.target_world_space_pos.y = order.y
