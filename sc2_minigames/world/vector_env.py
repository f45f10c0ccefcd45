"""Many games of the stand-in in one compiled batch, as a Gymnasium vector environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from sc2_minigames.actions import UNAVAILABLE_ACTIONS, ActionCodec
from sc2_minigames.integers import check_choice
from sc2_minigames.maps import MAX_UNITS, STEP_MUL, mini_game
from sc2_minigames.observations import ObservationCodec
from sc2_minigames.units import observation_space
from sc2_minigames.world import kernel
from sc2_minigames.world.observing import describe_games, list_units
from sc2_minigames.world.painting import PICTURE, paint_games
from sc2_minigames.world.rules import RULES, make_games
from sc2_minigames.world.slots import check_mask, check_seeds, check_shape, check_whole

Array = npt.NDArray[Any]
Observation = dict[str, Array]

_NEVER = np.iinfo(np.int64).max


class StandInVectorEnv(VectorEnv[Observation, Array, Array]):
    """N games of a mini-game on the stand-in, stepped by compiled calls without processes.

    Game by game it is what `SC2MiniGameEnv` with `game="standin"` is, with the same rules, actions
    and observations. With the same arguments the spaces are the same. The default of `max_units` is
    not: here units are told one by one unless they are refused.

    ## Action Space
    That of `SC2MiniGameEnv`, N times.

    ## Observation Space
    That of `SC2MiniGameEnv`, N times, with `units`, float32 `[U, 24]`, and `unit_mask`, int8 `[U]`,
    unless `max_units=0` (`sc2_minigames.units`). Units are in the order of their creation; if there
    are more than U, the last ones are left out.

    ## Rewards, Episode End
    As `SC2MiniGameEnv`.

    ## Infos
    `score` and `game_loop`, int64 `[N]`, and `game`, "standin" `[N]`, each with its mask;
    `invalid_action`, bool `[N]`, where no-op was played for a function that is not available.

    ## Arguments
    See `__init__`.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        map_name: str,
        num_envs: int = 1,
        *,
        game: str = "standin",
        screen_size: int = 32,
        minimap_size: int = 32,
        step_mul: int = STEP_MUL,
        max_game_loops: int | None = None,
        layers: bool = True,
        max_units: int | None = None,
        vary_starts: bool = True,
        standin_options: Mapping[str, int] | None = None,
        unavailable_actions: str = "no_op",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        copy: bool = True,
    ):
        """Makes the environment.

        Args:
          map_name: one of `maps.MINI_GAMES`.
          num_envs: N.
          game: "standin"; StarCraft II itself is played by `SC2MiniGameEnv`, one game a process.
          screen_size: side of the screen in pixels, also where no layers are painted: actions are
            in these pixels.
          minimap_size: side of the minimap in pixels.
          step_mul: game loops in a step.
          max_game_loops: truncates an episode before the map ends it; None for never.
          layers: whether `screen` and `minimap` are painted; without them the game is faster.
          max_units: U; None for what suits the map, 0 for observations without units.
          vary_starts: whether combat starts differ from episode to episode; if not, units stand
            where the stand-in for PySC2 puts them.
          standin_options: numbers of units at the start, such as {"num_marines": 5}; see
            `rules.RULES`.
          unavailable_actions: "no_op" or "error": how an unavailable function is handled.
          autoreset_mode: NEXT_STEP: the step after the end of an episode starts the next one and
            ignores the action. DISABLED: `reset(options={"reset_mask": bool [N]})` does.
          copy: whether observations are fresh arrays. If not, each call returns the same arrays
            with new contents, which is faster.

        Raises:
          ValueError: if an argument is out of range.
        """
        self.map_name = mini_game(map_name).name
        if game != "standin":
            raise ValueError(f"game must be 'standin' for a compiled batch, got {game!r}")
        self.num_envs = check_whole("num_envs", num_envs, 1)
        self._step_mul = check_whole("step_mul", step_mul, 1)
        self._last_loop = _NEVER
        if max_game_loops is not None:
            self._last_loop = check_whole("max_game_loops", max_game_loops, 1)
        self.max_units = RULES[map_name].max_units
        if max_units is not None:
            self.max_units = check_whole("max_units", max_units, 0, MAX_UNITS)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        if self.autoreset_mode is AutoresetMode.SAME_STEP:
            raise ValueError("autoreset_mode must be NextStep or Disabled, got SameStep")
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        check_choice("unavailable_actions", unavailable_actions, UNAVAILABLE_ACTIONS)
        self._replaces = unavailable_actions == "no_op"
        self._copy = copy
        self.action_codec = ActionCodec(screen_size, minimap_size, layers)
        self._games = make_games(
            map_name, self.num_envs, screen_size, minimap_size, standin_options, vary_starts
        )
        self._make_spaces(screen_size, minimap_size, layers)
        self._make_arrays()

    def _make_spaces(self, screen_size: int, minimap_size: int, layers: bool) -> None:
        codec = ObservationCodec(screen_size, minimap_size, self.action_codec)
        spaces = observation_space(codec.space, layers, self.max_units)
        self._spaces = dict(spaces.items())
        self.single_observation_space = spaces
        self.single_action_space = self.action_codec.space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def _make_arrays(self) -> None:
        self._arrays: Observation = {
            key: np.zeros((self.num_envs, *(space.shape or ())), space.dtype)
            for key, space in self._spaces.items()
        }
        self._pictures = np.zeros(self.num_envs, PICTURE)
        self._sizes = np.asarray(self.action_codec.space.nvec, np.int64)
        self._was_reset = False
        self._is_new = True
        self._ended = np.zeros(self.num_envs, np.bool_)
        self._nowhere = np.zeros(self.num_envs, np.bool_)
        self._replaced = np.zeros(self.num_envs, np.bool_)

    # --- Gymnasium's interface

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode in every game.

        Args:
          seed: s begins the sequence of episodes of s + i in game i; or one seed (or None) for each
            game. None goes on with the sequence that each game has.
          options: {"reset_mask": bool [N]} resets only some games.

        Returns:
          The observations and the infos.

        Raises:
          ResetNeeded: if only some games are to be reset, and the others were never started.
          ValueError: for seeds, masks or options that do not fit.
        """
        seeds = check_seeds(seed, self.num_envs)
        options = dict(options or {})
        mask = check_mask(options.pop("reset_mask", None), self.num_envs)
        if options:
            raise ValueError(f"the option of reset is reset_mask, got {', '.join(options)}")
        if not self._was_reset:
            if not mask.all():
                raise ResetNeeded("reset_mask needs games in all other slots: call reset() first")
            fresh = np.random.SeedSequence().generate_state(self.num_envs, np.uint32)
            seeds = np.where(seeds < 0, fresh.astype(np.int64), seeds)
        kernel.start_games(self._games, mask, seeds)
        self._replaced[:] = False
        self._was_reset = True
        self._ended = self._ended & ~mask
        self._arrays["last_action"][mask] = 0
        return self._observe(), self._infos()

    def step(self, actions: Array) -> tuple[Observation, Array, Array, Array, dict[str, Any]]:
        """Plays an action in every game and advances it by `step_mul` game loops.

        Args:
          actions: whole numbers `[N, 14]`.

        Returns:
          The observations, rewards float64 [N], terminations bool [N], truncations bool [N], infos.

        Raises:
          ResetNeeded: before the first reset, and for an ended episode with autoreset DISABLED.
          InvalidActionError: if an action is malformed, or not available and
            `unavailable_actions="error"`; then nothing was played.
        """
        if not self._was_reset:
            raise ResetNeeded("reset() must be called before step()")
        is_disabled = self.autoreset_mode is AutoresetMode.DISABLED
        if is_disabled and self._ended.any():
            raise ResetNeeded(
                "step() needs a running episode in every game as autoreset is disabled: call "
                f"reset(options={{'reset_mask': ...}}), ended are {np.flatnonzero(self._ended)}"
            )
        due = self._nowhere if is_disabled else self._ended
        vectors = self._read_actions(actions, due)
        rewards = np.empty(self.num_envs, np.float64)
        terminations = np.empty(self.num_envs, np.bool_)
        truncations = np.empty(self.num_envs, np.bool_)
        kernel.step_games(
            self._games,
            vectors,
            due,
            self._step_mul,
            self._last_loop,
            rewards,
            terminations,
            truncations,
        )
        self._arrays["last_action"][:] = vectors
        self._ended = terminations | truncations
        return self._observe(), rewards, terminations, truncations, self._infos()

    def close(self, **kwargs: Any) -> None:
        """Ends; there is nothing to free."""
        self.closed = True

    # --- parts

    def _read_actions(self, actions: Any, due: Array) -> Array:
        """Returns the actions with zeros for the arguments that their functions do not take."""
        vectors = check_shape(actions, self.num_envs)
        available = self._arrays["available_actions"]
        takes = self.action_codec.argument_mask
        fault, index = kernel.check_actions(
            vectors, due, available, self._sizes, takes, self._replaces, self._replaced
        )
        if fault != kernel.FINE:
            # These raise, with a message that names the game's fault.
            vector = self.action_codec.canonical(np.asarray(actions)[index])
            self.action_codec.check_available(vector, available[index])
        return vectors

    def _observe(self) -> Observation:
        arrays = self._arrays
        describe_games(self._games, arrays["player"], arrays["available_actions"], self._is_new)
        self._is_new = False
        if self.max_units:
            list_units(self._games, arrays["units"], arrays["unit_mask"])
        if "screen" in arrays:
            paint_games(self._games, self._pictures, arrays["screen"], arrays["minimap"])
        if self._copy:
            return {key: array.copy() for key, array in arrays.items()}
        return dict(arrays)

    def _infos(self) -> dict[str, Any]:
        everywhere = np.ones(self.num_envs, np.bool_)
        infos = {
            "game": np.full(self.num_envs, "standin", object),
            "score": self._games["score"].copy(),
            "game_loop": self._games["loop"].copy(),
        }
        infos |= {f"_{key}": everywhere for key in infos}
        if self._replaced.any():
            infos["invalid_action"] = self._replaced.copy()
            infos["_invalid_action"] = self._replaced.copy()
        return infos
