"""Goes through a StarCraft II installation step by step and says what is missing.

    python -m sc2_minigames.check [--game=standin] [--directory=DIR] [--map=NAME ...]

The first step that fails is explained in words, with what to do about it, and the exit code is 1;
an installation that can be played gives 0. Nothing is downloaded, and no licence is accepted on
anyone's behalf: the password of the game's archive is the acceptance of its licence.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium

from sc2_minigames import compatibility
from sc2_minigames.maps import MINI_GAMES, MiniGame
from sc2_minigames.standin import installation

GAME_PAGE = "https://github.com/Blizzard/s2client-proto#downloads"
MAPS_PAGE = "https://github.com/google-deepmind/pysc2#get-the-maps"

GET_THE_GAME = f"""\
Linux: choose a package at {GAME_PAGE}
(the newest is 4.10). It is an archive with a password: typing the password accepts Blizzard's AI
and Machine Learning Licence, so read it and do that yourself. Unpack it in your home folder, which
makes ~/StarCraftII, or elsewhere and set the variable SC2PATH to that folder.
Windows and macOS: install StarCraft II with Blizzard's Battle.net program and start it once."""


class CheckFailedError(gymnasium.error.Error):
    """A step of the check failed. The message says what is wrong and what to do."""


def check_pysc2() -> str:
    """Checks that PySC2 can be imported."""
    compatibility.install()
    try:
        importlib.import_module("pysc2.env.sc2_env")
    except ImportError as error:
        raise CheckFailedError(
            f"PySC2 cannot be imported: {error}\n{compatibility.missing_pysc2_message()}"
        ) from error
    compatibility.prepare_flags()
    version = importlib.import_module("importlib.metadata").version("pysc2")
    return f"PySC2 {version} can be imported"


def check_directory(directory: Path) -> str:
    """Checks that there is a folder where the game should be."""
    if not directory.is_dir():
        where = "SC2PATH says so" if os.environ.get("SC2PATH") else "SC2PATH is not set"
        raise CheckFailedError(
            f"StarCraft II must be a folder at {directory} ({where}), and there is none.\n"
            f"{GET_THE_GAME}"
        )
    return f"the folder {directory} exists"


def newest_build(directory: Path) -> Path:
    """Returns the `Versions/Base<number>` folder that PySC2 will use.

    Raises:
      CheckFailedError: if there is none, or one that PySC2 stumbles on.
    """
    versions = directory / "Versions"
    names = sorted(p.name for p in versions.iterdir()) if versions.is_dir() else []
    bases = [name for name in names if name.startswith("Base")]
    odd = [name for name in bases if not re.fullmatch(r"Base\d+", name)]
    if odd:
        raise CheckFailedError(
            f"folders in {versions} that begin with Base must go on with a number alone, "
            f"got {odd[0]!r}.\nMove it elsewhere: PySC2 reads the rest of the name as a number."
        )
    if not bases:
        raise CheckFailedError(
            f"{versions} must hold a folder Base<number> for each version of the game, "
            f"and holds {names or 'nothing'}.\n"
            f"Was the archive unpacked one folder too deep, or not completely?\n{GET_THE_GAME}"
        )
    return versions / max(bases, key=lambda name: int(name.removeprefix("Base")))


def check_executable(directory: Path, executable: str) -> str:
    """Checks that the newest version holds a program that may be run."""
    path = newest_build(directory) / executable
    if not path.is_file():
        raise CheckFailedError(
            f"the game's program must be at {path}, and there is none.\n"
            f"Unpack the game again: the archive is incomplete or for another operating system.\n"
            f"{GET_THE_GAME}"
        )
    if not os.access(path, os.X_OK):
        raise CheckFailedError(f"{path} must be executable, and is not.\nRun: chmod +x '{path}'")
    return f"the game's program is {path}"


def check_maps(directory: Path, games: Sequence[MiniGame]) -> str:
    """Checks that the maps of the mini-games are in place."""
    folder = directory / "Maps"
    missing = [game for game in games if not (folder / game.map_file).is_file()]
    if missing:
        raise CheckFailedError(
            f"{folder / missing[0].map_file} must exist, and does not "
            f"({len(missing)} of {len(games)} maps are missing).\n"
            f"Download mini_games.zip, see {MAPS_PAGE}, and unpack it in {folder}, so that the "
            f"maps lie in {folder / 'mini_games'}. It may ask for the same password as the game."
        )
    empty = [game for game in games if not (folder / game.map_file).stat().st_size]
    if empty:
        raise CheckFailedError(
            f"{folder / empty[0].map_file} must not be empty, and is.\n"
            f"Download mini_games.zip again, see {MAPS_PAGE}"
        )
    return f"{len(games)} map{'s' if len(games) > 1 else ''} found in {folder / 'mini_games'}"


def _advice(output: str) -> str:
    """Returns what to do about well-known last words of the game."""
    if "GLIBC" in output:
        return (
            "The system's C library is not the one that this build of the game was made for: use "
            "another build, or a container with a distribution of the build's time."
        )
    missing = re.search(r"loading shared libraries: (\S+?):", output)
    if missing:
        return f"The library {missing[1]} is missing: install the package that has it."
    return "The game's own words above are the best lead; it must run before PySC2 can play it."


def check_start(directory: Path, games: Sequence[MiniGame], timeout_seconds: int) -> str:
    """Checks that the game starts, answers and loads the maps."""
    from pysc2 import run_configs
    from pysc2.lib import protocol, remote_controller, sc_process
    from s2clientprotocol import sc2api_pb2

    from sc2_minigames import launcher

    output = launcher.GameOutput()
    doing = "start and listen"
    try:
        with launcher.choose(directory, output, timeout_seconds=timeout_seconds):
            config = run_configs.get()
            with config.start() as controller:
                doing = "answer a ping"
                version = controller.ping().game_version
                for game in games:
                    doing = f"load {game.map_file} (maps of a newer editor do not load on 4.10)"
                    create = sc2api_pb2.RequestCreateGame()
                    create.player_setup.add(type=sc2api_pb2.Participant)
                    create.local_map.map_path = game.map_file
                    create.local_map.map_data = config.map_data(game.map_file)
                    controller.create_game(create)
                    join = sc2api_pb2.RequestJoinGame(race=1)
                    join.options.score = True
                    controller.join_game(join)
        return f"the game starts (version {version}) and loads {len(games)} of {len(games)} maps"
    except (
        protocol.ConnectionError,
        protocol.ProtocolError,
        remote_controller.ConnectError,
        remote_controller.RequestError,
        sc_process.SC2LaunchError,
    ) as error:
        raise CheckFailedError(
            f"the game must {doing} within {timeout_seconds} seconds, and did not: {error}\n"
            f"{output.describe()}\n{_advice(output.text())}"
        ) from error
    finally:
        output.close()


def run_checks(
    directory: Path | None,
    games: Sequence[MiniGame],
    timeout_seconds: int,
    report: Callable[[str], Any] = print,
) -> bool:
    """Runs all steps in order, up to the first that fails.

    Args:
      directory: the installation; None for the place where PySC2 looks.
      games: mini-games whose maps are looked for and loaded.
      timeout_seconds: how long the game may take to start and to answer.
      report: is called with a line of text for each step.

    Returns:
      Whether all steps passed.
    """
    try:
        report(f"[ok] {check_pysc2()}")
        from sc2_minigames import launcher

        directory = directory or launcher.default_directory()
        report(f"[ok] {check_directory(directory)}")
        report(f"[ok] {check_executable(directory, launcher.executable_name())}")
        report(f"[ok] {check_maps(directory, games)}")
        report(f"[ok] {check_start(directory, games, timeout_seconds)}")
    except CheckFailedError as error:
        report(f"[!!] {error}")
        return False
    return True


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m sc2_minigames.check", description="Check an installation of StarCraft II."
    )
    parser.add_argument(
        "--game",
        choices=["starcraft", "standin"],
        default="starcraft",
        help="standin: check that the stand-in of this package works here, instead of the game",
    )
    parser.add_argument("--directory", type=Path, help="the installation (default: SC2PATH)")
    parser.add_argument(
        "--map",
        action="append",
        choices=list(MINI_GAMES),
        help="a mini-game that must be there; may be repeated (default: all seven)",
    )
    parser.add_argument("--timeout", type=int, default=120, help="seconds for the game to start")
    options = parser.parse_args(arguments)
    if options.timeout < 1:
        parser.error(f"--timeout must be at least 1 second, got {options.timeout}")
    games = [MINI_GAMES[name] for name in options.map or MINI_GAMES]
    if options.game == "standin":
        if options.directory is not None:
            parser.error("--directory is where StarCraft II lies; --game=standin needs none")
        directory = installation.make()
        try:
            ok = run_checks(directory, games, options.timeout)
        finally:
            installation.remove(directory)
        what = "stand-in of the mini-games"
    else:
        ok = run_checks(options.directory, games, options.timeout)
        what = "mini-games"
    print(f"The {what} can be played." if ok else f"The {what} cannot be played yet.")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
