"""The colours of pages and pictures: those of our marks, of text over a colour, and their names."""

import colorsys
from collections.abc import Sequence

# Arrows, by the kind of object that attends. Readers with any of the three colour-vision
# deficiencies can tell them apart.
ARROW_COLORS = {"key": "#003c9e", "lock": "#d1350f", "gem": "#00805a", "agent": "#111111"}

# Units of a mini-game by whose they are, under PySC2's names; likewise.
SIDE_COLORS = {
    "nothing": "#ffffff",
    "own": "#0057b8",
    "ally": "#7db4e6",
    "neutral": "#555555",
    "enemy": "#b3001b",
}
HEAT_COLOR = "#f5a000"
"""The colour of a cell with much attention; one without is white."""

BLACK, WHITE = "#000000", "#ffffff"

# The twelve hues of the RGB wheel, 30 degrees apart.
_HUES = (
    "red", "orange", "yellow", "lime", "green", "sea green",
    "cyan", "azure", "blue", "violet", "magenta", "rose",
)  # fmt: skip


def hexadecimal(rgb: Sequence[int]) -> str:
    """Returns a colour of three numbers in 0..255 as #rrggbb."""
    return "#" + "".join(f"{channel:02x}" for channel in rgb)


def channels(color: str) -> tuple[int, int, int]:
    """Returns the three numbers in 0..255 of #rrggbb."""
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """Returns the contrast ratio of two colours as WCAG 2 defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(color: str) -> str:
    """Returns black or white, whichever is easier to read on a colour: at least 4.5 to 1."""
    return max((BLACK, WHITE), key=lambda ink: contrast(ink, color))


def hue_name(color: str) -> str:
    """Returns the name of the nearest of twelve hues."""
    red, green, blue = (channel / 255 for channel in channels(color))
    hue, _, _ = colorsys.rgb_to_hsv(red, green, blue)
    return _HUES[round(12 * hue) % 12]


def _luminance(color: str) -> float:
    """Returns the relative luminance of sRGB, from 0 to 1."""
    linear = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in channels(color))
    )
    return sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
