"""A folder that looks like an installation of StarCraft II and starts the stand-in.

PySC2 needs three things of an installation: a program below `Versions/Base<build>`, map files
below `Maps`, and the path of the whole. The folder is made in the system's temporary directory
and marked, so that nothing else can be removed by mistake.
"""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from sc2_minigames.maps import MINI_GAMES
from sc2_minigames.standin import mapfile

BUILD = 75689
MARKER = "THIS-IS-A-STAND-IN"
READY_LINE = "the stand-in listens on port"


def make(options: dict[str, dict[str, int]] | None = None) -> Path:
    """Makes the folder and returns its path.

    Args:
      options: settings of mini-games by the map's name, see `minigames.make_game`.
    """
    directory = Path(tempfile.mkdtemp(prefix="sc2-standin-"))
    (directory / MARKER).write_text("Made by sc2_minigames.standin; may be deleted.\n")
    program = directory / "Versions" / f"Base{BUILD}" / "SC2_x64"
    program.parent.mkdir(parents=True)
    # The package may live beside others that shadow the standard library: it goes last.
    package_parent = str(Path(__file__).resolve().parents[2])
    start = (
        f"import sys; sys.path.append({package_parent!r}); "
        "from sc2_minigames.standin.server import main; sys.exit(main(sys.argv[1:]))"
    )
    command = f"exec {shlex.quote(sys.executable)} -P -c {shlex.quote(start)}"
    program.write_text(f'#!/bin/sh\n{command} "$@"\n')
    program.chmod(0o755)
    for game in MINI_GAMES.values():
        path = directory / "Maps" / game.map_file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mapfile.write(game.name, (options or {}).get(game.name)))
    return directory


def remove(directory: Path) -> None:
    """Removes a folder that `make` made; any other is left alone."""
    if (directory / MARKER).is_file():
        shutil.rmtree(directory, ignore_errors=True)
