"""What the board looks like: the palette, the tables of pixels, and pictures for people.

Colours: Zambaldi et al., arXiv:1806.01830, section 4.1, and the authors' later code (pycolab's
`box_world` example). An observation has one pixel per cell.
"""

from __future__ import annotations

import colorsys

import numpy as np
import numpy.typing as npt

from boxworld import cells

OBSERVATIONS = ("rgb", "onehot")
PIXELS_PER_CELL = 24
_GRID_SHADE = 0.93

_LOW, _HIGH = 350 / 999, 700 / 999  # of full scale: pastel colours, channels 89..179


def _pastel(color: int) -> tuple[int, int, int]:
    pure = colorsys.hsv_to_rgb(color / cells.MAX_COLORS, 1.0, 1.0)
    red, green, blue = (int(255 * (_LOW + (_HIGH - _LOW) * channel) + 0.5) for channel in pure)
    return red, green, blue


PALETTE = np.array([_pastel(color) for color in range(cells.MAX_COLORS)], np.uint8)
"""uint8 [20, 3]: the RGB colour of every key and of its lock, hues evenly spaced."""


def pixel_table(observation: str, num_colors: int = cells.MAX_COLORS) -> npt.NDArray[np.uint8]:
    """Returns the pixel of every code of `boxworld.cells`.

    Args:
        observation: "rgb": C = 3, the colours of the paper. "onehot": C = 4 + 2 * num_colors, and
            the value 1 in one channel: floor 0, border 1, agent 2, gem 3, key of colour k 4 + k,
            lock of colour k 4 + num_colors + k. So a key and its lock share nothing, which is the
            paper's variant in which the relation of keys and locks is arbitrary.
        num_colors: colours in use.

    Returns:
        uint8 [NUM_CODES, C].
    """
    if observation not in OBSERVATIONS:
        raise ValueError(f"observation must be one of {OBSERVATIONS}, got {observation!r}")
    if observation == "rgb":
        table = np.zeros((cells.NUM_CODES, 3), np.uint8)
        table[cells.FLOOR] = 204
        table[cells.AGENT] = 128
        table[cells.GEM] = 255
        for first in (cells.KEY, cells.LOCK, cells.DISTRACTOR):
            table[first : first + cells.MAX_COLORS] = PALETTE
        return table
    table = np.zeros((cells.NUM_CODES, 4 + 2 * num_colors), np.uint8)
    for channel, code in enumerate((cells.FLOOR, cells.BORDER, cells.AGENT, cells.GEM)):
        table[code, channel] = 1
    for color in range(num_colors):
        table[cells.KEY + color, 4 + color] = 1
        table[[cells.LOCK + color, cells.DISTRACTOR + color], 4 + num_colors + color] = 1
    return table


_RGB = pixel_table("rgb")


def codes_with_agent(
    board: npt.NDArray[np.uint8], row: int, column: int, held: int
) -> npt.NDArray[np.uint8]:
    """Returns a board's codes with the agent, and the held key (colour, or -1) at the top left."""
    codes = board.copy()
    codes[row, column] = cells.AGENT
    if held >= 0:
        codes[0, 0] = cells.KEY + held
    return codes


def draw_frame(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Returns a picture, uint8 [24 S, 24 S, 3]: the RGB observation enlarged, with a faint grid.

    Args:
        codes: uint8 [S, S], see `codes_with_agent`.
    """
    frame = _RGB[codes].repeat(PIXELS_PER_CELL, axis=0).repeat(PIXELS_PER_CELL, axis=1)
    inside = frame[PIXELS_PER_CELL:-PIXELS_PER_CELL, PIXELS_PER_CELL:-PIXELS_PER_CELL]
    for lines in (inside[::PIXELS_PER_CELL], inside[:, ::PIXELS_PER_CELL]):
        lines[...] = (lines * _GRID_SHADE).astype(np.uint8)
    return frame


def draw_text(codes: npt.NDArray[np.uint8], held: int) -> str:
    """Returns the room in characters (those of a level's text form) in terminal colours.

    Args:
        codes: uint8 [S, S], see `codes_with_agent`.
        held: colour of the held key, -1 for none; named in the last line.
    """
    lines = ["".join(_in_color(code) for code in row) for row in codes[1:-1, 1:-1].tolist()]
    key = _in_color(cells.KEY + held) if held >= 0 else "nothing"
    return "\n".join([*lines, f"holds {key}", ""])


def _in_color(code: int) -> str:
    red, green, blue = _RGB[code].tolist()
    return f"\x1b[38;2;0;0;0;48;2;{red};{green};{blue}m{cells.CODE_CHARACTERS[code]}\x1b[0m"
