"""Answers the requests of a StarCraft II client, one message at a time.

A `Session` is a function from request to response with a game inside; it knows no sockets.
A request that cannot be understood or carried out is answered with an error and changes nothing,
so that the client learns the reason instead of losing the connection.
"""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

from google.protobuf.message import DecodeError
from s2clientprotocol import common_pb2, error_pb2, sc2api_pb2

from sc2_minigames.standin import mapfile
from sc2_minigames.standin.commander import Commander
from sc2_minigames.standin.game import Game
from sc2_minigames.standin.minigames import make_game
from sc2_minigames.standin.observation import observe
from sc2_minigames.standin.rendering import Fog, Renderer
from sc2_minigames.standin.units import ALL_TYPES, PLAYER
from sc2_minigames.standin.view import View

BUILD = 75689  # The version that the stand-in is launched as, 4.10.
VERSION = "4.10.0-stand-in"
MAX_STEP = 1_000_000


class RequestRefusedError(Exception):
    """A request that this stand-in does not carry out; the message goes to the client."""


class Session:
    """A conversation with one client after another, and the game it is about.

    Attributes:
      status: of the protocol (`launched`, `init_game`, `in_game`, `ended`, `quit`).
    """

    def __init__(self) -> None:
        self.status = sc2api_pb2.launched
        self._handlers: dict[str, Callable[[Any, sc2api_pb2.Response], None]] = {
            "ping": self._ping,
            "create_game": self._create_game,
            "join_game": self._join_game,
            "restart_game": self._restart_game,
            "leave_game": self._leave_game,
            "game_info": self._game_info,
            "observation": self._observation,
            "action": self._action,
            "step": self._step,
            "data": self._data,
            "save_replay": self._save_replay,
            "available_maps": self._available_maps,
        }
        self._game: Game | None = None
        self._name = ""
        self._map_path = ""
        self._seed = 0
        self._disable_fog = False
        self._joined: sc2api_pb2.RequestJoinGame | None = None
        self._commander: Commander | None = None
        self._fog: Fog | None = None
        self._renderer: Renderer | None = None
        self._executed: list[sc2api_pb2.Action] = []
        self._errors: list[int] = []

    def handle(self, data: bytes) -> bytes | None:
        """Answers a serialized `Request` with a serialized `Response`; None for a request to quit.

        No request makes it raise.
        """
        response = sc2api_pb2.Response()
        try:
            request = sc2api_pb2.Request.FromString(data)
            if request.HasField("id"):
                response.id = request.id
            kind = request.WhichOneof("request")
            if kind == "quit":
                self.status = sc2api_pb2.quit
                return None
            if kind not in self._handlers:
                raise RequestRefusedError(f"the stand-in does not answer {kind or 'this'} requests")
            self._handlers[kind](getattr(request, kind), response)
        except DecodeError as error:
            response.error.append(f"the request is no message of the protocol: {error}")
        except RequestRefusedError as error:
            response.error.append(str(error))
        except Exception as error:
            with contextlib.suppress(OSError):
                traceback.print_exc(file=sys.stderr)
            response.error.append(f"the stand-in failed: {type(error).__name__}: {error}")
        response.status = self.status
        return response.SerializeToString()

    # --- starting a game

    def _ping(self, request: Any, response: sc2api_pb2.Response) -> None:
        response.ping.game_version = VERSION
        response.ping.data_version = "stand-in"
        response.ping.data_build = BUILD
        response.ping.base_build = BUILD

    def _create_game(
        self, request: sc2api_pb2.RequestCreateGame, response: sc2api_pb2.Response
    ) -> None:
        answer = response.create_game
        players = [p for p in request.player_setup if p.type == sc2api_pb2.Participant]
        if len(request.player_setup) != 1 or len(players) != 1:
            answer.error = sc2api_pb2.ResponseCreateGame.InvalidPlayerSetup
            answer.error_details = "the stand-in is played by exactly one participant"
            return
        if request.realtime:
            raise RequestRefusedError("the stand-in has no realtime mode")
        if not request.local_map.map_data:
            answer.error = sc2api_pb2.ResponseCreateGame.MissingMap
            answer.error_details = "the stand-in needs the map's data in local_map.map_data"
            return
        has_seed = request.HasField("random_seed")
        seed = request.random_seed if has_seed else int.from_bytes(os.urandom(4), "little")
        try:
            name, options = mapfile.read(request.local_map.map_data)
            self._game = make_game(name, seed, options)
        except ValueError as error:
            answer.error = sc2api_pb2.ResponseCreateGame.InvalidMapData
            answer.error_details = str(error)
            return
        self._name, self._map_path, self._seed = name, request.local_map.map_path, seed
        self._disable_fog = request.disable_fog
        self._joined = None
        self.status = sc2api_pb2.init_game

    def _join_game(
        self, request: sc2api_pb2.RequestJoinGame, response: sc2api_pb2.Response
    ) -> None:
        game, answer = self._game, response.join_game
        if game is None or self.status != sc2api_pb2.init_game:
            raise RequestRefusedError("a game must be created before it is joined")
        options = request.options
        if options.HasField("render"):
            answer.error = sc2api_pb2.ResponseJoinGame.FeatureUnsupported
            answer.error_details = "the stand-in draws feature layers, and no RGB pictures"
            return
        layers = options.feature_layer
        sizes = (layers.resolution, layers.minimap_resolution)
        if options.HasField("feature_layer") and any(
            not 1 <= side <= 512 for size in sizes for side in (size.x, size.y)
        ):
            answer.error = sc2api_pb2.ResponseJoinGame.OtherError
            answer.error_details = "sides of screen and minimap must be 1 to 512 pixels"
            return
        view = View(
            screen=(layers.resolution.x or 64, layers.resolution.y or 64),
            minimap=(layers.minimap_resolution.x or 64, layers.minimap_resolution.y or 64),
            camera_width=layers.width or 24.0,
            map_size=game.world.size,
        )
        self._joined = request
        self._fog = Fog(game.world.size, game.has_fog and not self._disable_fog)
        self._commander = Commander(game, view, self._fog.is_visible)
        has_layers = options.HasField("feature_layer")
        self._renderer = Renderer(view, game.world, self._fog) if has_layers else None
        answer.player_id = PLAYER
        self._begin()

    def _begin(self) -> None:
        game, commander, fog = self._playing()
        commander.begin(game.reset())
        fog.reset()
        self._executed.clear()
        self._errors.clear()
        self.status = sc2api_pb2.in_game

    def _playing(self) -> tuple[Game, Commander, Fog]:
        if self._game is None or self._commander is None or self._fog is None:
            raise RequestRefusedError("a game must be created and joined first")
        return self._game, self._commander, self._fog

    def _restart_game(self, request: Any, response: sc2api_pb2.Response) -> None:
        self._playing()
        response.restart_game.need_hard_reset = False
        self._begin()

    def _leave_game(self, request: Any, response: sc2api_pb2.Response) -> None:
        response.leave_game.SetInParent()
        self._game = self._joined = self._commander = self._fog = self._renderer = None
        self.status = sc2api_pb2.launched

    def _game_info(self, request: Any, response: sc2api_pb2.Response) -> None:
        game, _, _ = self._playing()
        answer = response.game_info
        answer.map_name = f"{self._name} (stand-in)"
        answer.local_map_path = self._map_path
        race = self._joined.race if self._joined is not None else common_pb2.Terran
        answer.player_info.add(
            player_id=PLAYER,
            type=sc2api_pb2.Participant,
            race_requested=race,
            race_actual=common_pb2.Terran,
        )
        start = answer.start_raw
        start.map_size.x = start.map_size.y = game.world.size
        left, bottom, right, top = game.world.bounds
        start.playable_area.p0.x, start.playable_area.p0.y = int(left), int(bottom)
        start.playable_area.p1.x, start.playable_area.p1.y = int(right), int(top)
        if self._joined is not None:
            answer.options.CopyFrom(self._joined.options)

    # --- playing

    def _action(self, request: sc2api_pb2.RequestAction, response: sc2api_pb2.Response) -> None:
        _, commander, _ = self._playing()
        self._require_running("action")
        response.action.SetInParent()
        for action in request.actions:
            result = commander.act(action)
            response.action.result.append(result)
            if not action.ListFields():
                continue
            if result == error_pb2.Success:
                executed = sc2api_pb2.Action()
                executed.CopyFrom(action)
                self._executed.append(executed)
            else:
                self._errors.append(result)

    def _step(self, request: sc2api_pb2.RequestStep, response: sc2api_pb2.Response) -> None:
        game, _, _ = self._playing()
        self._require_running("step")
        count = request.count if request.HasField("count") else 1
        if not 1 <= count <= MAX_STEP:
            raise RequestRefusedError(f"step count must be in [1, {MAX_STEP}], got {count}")
        for _ in range(count):
            game.step()
            if game.is_over:
                self.status = sc2api_pb2.ended
                break
        response.step.simulation_loop = game.world.loop

    def _require_running(self, what: str) -> None:
        if self.status != sc2api_pb2.in_game:
            raise RequestRefusedError(f"Game has already ended: no {what} until it is restarted")

    def _observation(
        self, request: sc2api_pb2.RequestObservation, response: sc2api_pb2.Response
    ) -> None:
        game, commander, fog = self._playing()
        options = self._joined.options if self._joined is not None else None
        if options is None:
            raise RequestRefusedError("a game must be joined before it is observed")
        answer = response.observation
        answer.actions.extend(self._executed)
        for result in self._errors:
            answer.action_errors.add(result=result)
        self._executed.clear()
        self._errors.clear()
        observe(
            answer.observation,
            game,
            commander,
            fog,
            self._renderer,
            options,
            request.disable_fog,
        )
        if self.status == sc2api_pb2.ended:
            result = sc2api_pb2.Defeat if game.defeat else sc2api_pb2.Tie
            answer.player_result.add(player_id=PLAYER, result=result)

    # --- the rest

    def _data(self, request: sc2api_pb2.RequestData, response: sc2api_pb2.Response) -> None:
        response.data.SetInParent()
        if request.unit_type_id:
            for unit_type in ALL_TYPES:
                response.data.units.add(unit_id=unit_type.id, name=unit_type.name, available=True)

    def _save_replay(self, request: Any, response: sc2api_pb2.Response) -> None:
        game, _, _ = self._playing()
        text = (
            f"Not a replay of StarCraft II: a game of the stand-in, map {self._name}, "
            f"seed {self._seed}, {game.world.loop} game loops, score {game.score}.\n"
        )
        response.save_replay.data = text.encode()

    def _available_maps(self, request: Any, response: sc2api_pb2.Response) -> None:
        response.available_maps.SetInParent()
