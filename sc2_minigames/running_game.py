"""A game that was started for an environment, and everything to clean up after it."""

from __future__ import annotations

import contextlib
import weakref
from pathlib import Path

import websocket
from google.protobuf.message import DecodeError
from pysc2.env import sc2_env
from pysc2.lib import protocol, remote_controller, sc_process

from sc2_minigames import compatibility, launcher
from sc2_minigames.standin import installation

# What PySC2 raises when the game has died, hangs or talks nonsense.
CRASHES = (
    protocol.ConnectionError,
    protocol.ProtocolError,
    remote_controller.ConnectError,
    remote_controller.RequestError,
    sc_process.SC2LaunchError,
    websocket.WebSocketException,
    DecodeError,
    OSError,
)


class RunningGame:
    """A started game, and everything that must be cleaned up after it."""

    def __init__(self, directory: Path, is_standin: bool):
        self.output = launcher.GameOutput()
        self.score = 0
        self._directory = directory
        self._is_standin = is_standin
        self._env: sc2_env.SC2Env | None = None
        # Should nobody call `stop`: at the end of the program at the latest.
        self._finalizer = weakref.finalize(
            self, _clean_up, self.output, directory if is_standin else None
        )

    @property
    def env(self) -> sc2_env.SC2Env:
        """PySC2's environment."""
        if self._env is None:
            raise RuntimeError("the game has not been started")
        return self._env

    def start(
        self,
        *,
        map_name: str,
        sizes: tuple[int, int],
        step_mul: int,
        max_game_loops: int,
        timeout_seconds: int,
        with_units: bool,
        seed: int,
    ) -> None:
        """Starts the game; `with_units` asks it for the units one by one."""
        compatibility.prepare_flags()
        ready_line = installation.READY_LINE if self._is_standin else None
        with launcher.choose(
            self._directory, self.output, timeout_seconds=timeout_seconds, ready_line=ready_line
        ):
            # Even one whose making fails has a process that must be ended.
            self._env = sc2_env.SC2Env.__new__(sc2_env.SC2Env)
            self._env.__init__(  # type: ignore[misc]
                map_name=map_name,
                players=[sc2_env.Agent(sc2_env.Race.terran)],
                # PySC2 changes what it is given: a fresh one for every game.
                agent_interface_format=sc2_env.AgentInterfaceFormat(
                    feature_dimensions=sc2_env.Dimensions(screen=sizes[0], minimap=sizes[1]),
                    # The least that makes PySC2 ask, and then pass on what came.
                    use_unit_counts=with_units,
                    send_observation_proto=with_units,
                ),
                step_mul=step_mul,
                game_steps_per_episode=max_game_loops,
                random_seed=seed,
            )

    def end_process(self) -> None:
        """Ends the game's process, whatever state it is in."""
        env, self._env = self._env, None
        if env is not None:
            with contextlib.suppress(*CRASHES):
                env.close()

    def stop(self) -> None:
        """Ends the game and removes its files."""
        self.end_process()
        self._finalizer()


def _clean_up(output: launcher.GameOutput, directory: Path | None) -> None:
    output.close()
    if directory is not None:
        installation.remove(directory)
