"""The files that stand where the maps of the mini-games would be."""

from __future__ import annotations

import json

HEADER = b"This is no StarCraft II map: it names a map of the sc2_minigames stand-in.\n"


def write(name: str, options: dict[str, int] | None = None) -> bytes:
    """Returns the contents of a stand-in map.

    Args:
      name: of the mini-game.
      options: settings of the mini-game, see `minigames.make_game`.
    """
    return HEADER + json.dumps({"map": name, "options": options or {}}).encode()


def read(data: bytes) -> tuple[str, dict[str, int]]:
    """Returns the name and the options that `write` was given.

    Raises:
      ValueError: if it is no stand-in map, such as one of StarCraft II.
    """
    if not data.startswith(HEADER):
        raise ValueError("the stand-in plays its own map files only, and this is another one")
    try:
        contents = json.loads(data[len(HEADER) :])
        name, options = contents["map"], contents["options"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the stand-in's map file is damaged: {error!r}") from error
    if not isinstance(name, str) or not isinstance(options, dict):
        raise ValueError(f"the stand-in's map file is damaged: {contents!r}")
    return name, options
