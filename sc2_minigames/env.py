"""The mini-games as a Gymnasium environment, on StarCraft II or on the stand-in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from sc2_minigames import compatibility

try:
    from pysc2.env import environment
    from pysc2.lib import features
except ImportError as error:
    raise ImportError(f"{compatibility.missing_pysc2_message()} ({error})") from error

from sc2_minigames import check, launcher
from sc2_minigames.actions import UNAVAILABLE_ACTIONS, ActionCodec, InvalidActionError
from sc2_minigames.integers import as_integer, check_choice
from sc2_minigames.maps import STEP_MUL, mini_game
from sc2_minigames.observations import ObservationCodec
from sc2_minigames.running_game import CRASHES, RunningGame
from sc2_minigames.standin import installation
from sc2_minigames.units import UnitCodec, observation_space

GAMES = ("starcraft", "standin")
_PIXEL = 8  # Side of a feature pixel in a rendered frame.


class GameCrashedError(gymnasium.error.Error, RuntimeError):
    """The game crashed again and again; the message holds what it printed last."""


class SC2MiniGameEnv(gymnasium.Env):
    """A mini-game of SC2LE, played through PySC2's feature layers with the full action set.

    ## Description
    One of the seven mini-games (see `maps.py`), 8 game loops per step. `game="standin"` runs the
    stand-in of this package, whose scores say nothing about StarCraft II; `info["game"]` names the
    game in every step.

    ## Action Space
    `MultiDiscrete` of 14: a function of PySC2 and the 13 kinds of arguments, of which the ones that
    the function does not take are ignored (`actions.py`). `observation["available_actions"]` is
    the mask of the functions that are available now. An unavailable function is replaced by no-op:
    `observation["last_action"]` is that no-op, and `info["invalid_action"]` is True (absent
    otherwise). With `unavailable_actions="error"` it raises `InvalidActionError` instead, as an
    action outside the action space always does; the game is not advanced then.

    ## Observation Space
    `Dict` of `screen`, `minimap`, `player`, `available_actions`, `last_action` (`observations.py`),
    and if they are asked for `units` and `unit_mask`, the units one by one (`units.py`).
    The arrays are copies: modifying them does not affect the environment.

    ## Rewards
    The increase of the map's score in this step.

    ## Episode End
    `terminated`: the map ended the game, also by its own time limit, which is part of the task.
    `truncated`: `max_game_loops` was reached, or the game crashed. After a crash
    `info["game_crashed"]` is True, `info["game_output"]` holds the end of the game's output, the
    observation is the previous one, the reward is 0, and the next `reset` restarts the game.

    ## Seeds
    `reset(seed=...)` starts a new sequence of episodes; it restarts the game, which takes seconds.
    `reset()` continues the sequence.

    ## Arguments
    See `__init__`.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012 - Gymnasium's

    def __init__(
        self,
        map_name: str,
        game: str = "starcraft",
        screen_size: int = 32,
        minimap_size: int = 32,
        step_mul: int = STEP_MUL,
        max_game_loops: int | None = None,
        max_crashes: int = 3,
        timeout_seconds: int = 120,
        directory: str | Path | None = None,
        standin_options: Mapping[str, int] | None = None,
        unavailable_actions: str = "no_op",
        layers: bool = True,
        max_units: int = 0,
        render_mode: str | None = None,
    ):
        """Makes the environment; the game is started by the first `reset`.

        Args:
          map_name: one of `maps.MINI_GAMES`.
          game: "starcraft" for an installation of StarCraft II, "standin" for the stand-in.
          screen_size: side of the screen in pixels.
          minimap_size: side of the minimap in pixels, at most `screen_size`.
          step_mul: game loops in a step.
          max_game_loops: truncates an episode after so many game loops; None: no limit.
          max_crashes: crashes in a row that are tolerated; one more is an error.
          timeout_seconds: for the game to start, and for each of its replies.
          directory: where StarCraft II is installed; None for where PySC2 looks for it.
          standin_options: settings of the stand-in's map, such as {"num_marines": 5}.
          unavailable_actions: "no_op" or "error": how an unavailable function is handled.
          layers: whether observations have `screen` and `minimap`.
          max_units: rows of `units`; 0 for observations without.
          render_mode: None or "rgb_array".

        Raises:
          ValueError: if an argument is out of range.
        """
        self._map_name = mini_game(map_name).name
        if game not in GAMES:
            raise ValueError(f"game must be one of {', '.join(GAMES)}, got {game!r}")
        if game == "standin" and directory is not None:
            raise ValueError(f"directory must be None with game='standin', got {str(directory)!r}")
        if game != "standin" and standin_options:
            raise ValueError(f"standin_options need game='standin', got game={game!r}")
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f"render_mode must be None or 'rgb_array', got {render_mode!r}")
        check_choice("unavailable_actions", unavailable_actions, UNAVAILABLE_ACTIONS)
        screen_size = as_integer("screen_size", screen_size, least=1)
        minimap_size = as_integer("minimap_size", minimap_size, least=1)
        self.action_codec = ActionCodec(screen_size, minimap_size, layers)
        if minimap_size > screen_size:
            raise ValueError(
                f"minimap_size must be at most screen_size={screen_size}, got {minimap_size}"
            )
        self.observation_codec = ObservationCodec(screen_size, minimap_size, self.action_codec)
        self.action_space = self.action_codec.space
        max_units = as_integer("max_units", max_units, least=0)
        self._unit_codec = UnitCodec(max_units, screen_size) if max_units else None
        space = observation_space(self.observation_codec.space, layers, max_units)
        self.observation_space = space
        self._keys = tuple(space)
        self.render_mode = render_mode
        self._game = game
        self._sizes = (screen_size, minimap_size)
        self._step_mul = as_integer("step_mul", step_mul, least=1)
        self._max_game_loops = 0  # PySC2: no limit
        if max_game_loops is not None:
            self._max_game_loops = as_integer("max_game_loops", max_game_loops, least=1)
        self._max_crashes = as_integer("max_crashes", max_crashes, least=0)
        self._timeout_seconds = as_integer("timeout_seconds", timeout_seconds, least=1)
        self._refuses_unavailable = unavailable_actions == "error"
        self._directory = Path(directory) if directory is not None else None
        self._standin_options = {
            name: as_integer(f"standin_options[{name!r}]", value, least=0)
            for name, value in (standin_options or {}).items()
        }
        self._crashes = 0
        self._running: RunningGame | None = None
        self._observation: dict[str, npt.NDArray] | None = None
        self._is_playing = False

    # --- Gymnasium's interface

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, npt.NDArray], dict[str, Any]]:
        """Starts an episode.

        Args:
          seed: begins a new sequence of episodes.
          options: not used.

        Returns:
          The observation and the info.

        Raises:
          CheckFailedError: if StarCraft II is not installed; says what to do.
          GameCrashedError: if the game crashed more than `max_crashes` times in a row.
          ValueError: if the seed is not an integer >= 0.
        """
        super().reset(seed=None if seed is None else as_integer("seed", seed, least=0))
        if seed is not None:
            self._stop()
        while True:
            try:
                if self._running is None:
                    self._running = self._start()
                (timestep,) = self._running.env.reset()
                break
            except CRASHES as error:
                self._note_crash(error)
        self._is_playing = True
        if self._unit_codec is not None:
            self._unit_codec.begin()
        no_op = np.zeros(self.action_codec.space.shape, np.int64)
        self._observation = self._encode(timestep.observation, no_op)
        return self._copied(), self._info(timestep.observation)

    def step(
        self, action: npt.ArrayLike
    ) -> tuple[dict[str, npt.NDArray], float, bool, bool, dict[str, Any]]:
        """Acts and advances the game by `step_mul` loops.

        Args:
          action: integers `[14]`.

        Returns:
          The observation, reward, terminated, truncated, info.

        Raises:
          ResetNeeded: if no episode is under way.
          InvalidActionError: if the action is malformed, or not available and
            `unavailable_actions="error"`; the game is unchanged.
          GameCrashedError: if the game crashed more than `max_crashes` times in a row.
        """
        if not self._is_playing or self._running is None or self._observation is None:
            raise gymnasium.error.ResetNeeded("reset() must be called before step()")
        vector, is_invalid = self._playable(action, self._observation["available_actions"])
        try:
            (timestep,) = self._running.env.step([self.action_codec.decode(vector)])
        except CRASHES as error:
            output = self._note_crash(error)
            info = {"game": self._game, "game_crashed": True, "game_output": output}
            return self._copied(), 0.0, False, True, info
        self._observation = self._encode(timestep.observation, vector)
        is_last = timestep.step_type == environment.StepType.LAST
        is_over = is_last and timestep.discount == 0
        if is_last:
            self._is_playing = False
            self._crashes = 0
        info = self._info(timestep.observation)
        if is_invalid:
            info["invalid_action"] = True
        truncated = is_last and not is_over
        return self._copied(), float(timestep.reward), is_over, truncated, info

    def render(self) -> npt.NDArray[np.uint8] | None:
        """Returns the screen as RGB, uint8 `[8H, 8W, 3]`, coloured by the side of the units."""
        if self.render_mode is None or self._observation is None:
            return None
        # Gymnasium's HumanRendering opens a window, and SDL's accelerated frame buffer can crash a
        # process that also uses TensorFlow. A user's own setting is kept.
        os.environ.setdefault("SDL_FRAMEBUFFER_ACCELERATION", "0")
        spec = features.SCREEN_FEATURES.player_relative
        frame = spec.color(self._observation["screen"][:, :, spec.index]).astype(np.uint8)
        return frame.repeat(_PIXEL, 0).repeat(_PIXEL, 1)

    def close(self) -> None:
        """Ends the game and removes its temporary files."""
        self._stop()

    # --- the game

    @property
    def score(self) -> int:
        """The map's score in the running or last episode; 0 before the first."""
        return 0 if self._running is None else self._running.score

    def _playable(
        self, action: npt.ArrayLike, available: npt.NDArray
    ) -> tuple[npt.NDArray[np.int64], bool]:
        """Returns the action to play, int64 `[14]`, and whether it replaces an invalid one."""
        vector = self.action_codec.canonical(action)
        try:
            self.action_codec.check_available(vector, available)
        except InvalidActionError:
            if self._refuses_unavailable:
                raise
            return np.zeros_like(vector), True
        return vector, False

    def _encode(
        self, observation: Mapping[str, Any], last_action: npt.NDArray[np.int64]
    ) -> dict[str, npt.NDArray]:
        """Returns everything that was asked for, and the pictures, which `render` shows."""
        result = self.observation_codec.encode(observation, last_action)
        if self._unit_codec is not None:
            raw = observation["_response_observation"]().observation.raw_data
            result["units"], result["unit_mask"] = self._unit_codec.encode(raw)
        return result

    def _copied(self) -> dict[str, npt.NDArray]:
        assert self._observation is not None
        return {key: self._observation[key].copy() for key in self._keys}

    def _info(self, observation: Mapping[str, Any]) -> dict[str, Any]:
        score = int(observation["score_cumulative"][0])
        if self._running is not None:
            self._running.score = score
        return {
            "game": self._game,
            "score": score,
            "game_loop": int(observation["game_loop"][0]),
        }

    def _start(self) -> RunningGame:
        directory = self._directory or launcher.default_directory()
        if self._game == "standin":
            directory = installation.make({self._map_name: self._standin_options})
        running = RunningGame(directory, is_standin=self._game == "standin")
        try:
            check.check_directory(directory)
            check.check_executable(directory, launcher.executable_name())
            check.check_maps(directory, [mini_game(self._map_name)])
            running.start(
                map_name=self._map_name,
                sizes=self._sizes,
                step_mul=self._step_mul,
                max_game_loops=self._max_game_loops,
                timeout_seconds=self._timeout_seconds,
                with_units=self._unit_codec is not None,
                seed=int(self.np_random.integers(2**31 - 1)),
            )
        except BaseException as error:
            if isinstance(error, CRASHES):
                self._running = running  # Its output is still to be read.
            else:
                running.stop()
            raise
        return running

    def _stop(self) -> None:
        self._is_playing = False
        running, self._running = getattr(self, "_running", None), None
        if running is not None:
            running.stop()

    def _note_crash(self, error: Exception) -> str:
        """Cleans up after a crash; returns the end of the game's output, or raises."""
        self._crashes += 1
        running = self._running
        if running is not None:
            running.end_process()
        output = running.output.describe() if running is not None else ""
        self._stop()
        if self._crashes > self._max_crashes:
            raise GameCrashedError(
                f"{self._map_name} ({self._game}) crashed {self._crashes} times in a row, and "
                f"max_crashes={self._max_crashes}: {error}\n{output}\n"
                "`python -m sc2_minigames.check` looks for the cause."
            ) from error
        return output
