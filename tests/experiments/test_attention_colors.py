"""The colours of attention pages and pictures: can they be read, and told apart by everybody?"""

import itertools

import numpy as np
import pytest

from boxworld.rendering import pixel_table
from experiments.attention.colors import (
    ARROW_COLORS,
    SIDE_COLORS,
    channels,
    contrast,
    hexadecimal,
    hue_name,
    ink_on,
)

# Machado et al. 2009: what is left of linear RGB without one of the three kinds of cones.
DEFICIENCIES = (
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
     (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
     (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
     (0.004733, 0.691367, 0.303900)),
)  # fmt: skip


def test_contrast_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)
    assert contrast("#ff0000", "#0000ff") == pytest.approx(2.149, abs=1e-3)


def test_labels_can_be_read_on_every_colour_of_the_game():
    for rgb in pixel_table("rgb").tolist():
        color = hexadecimal(rgb)
        assert contrast(ink_on(color), color) >= 4.5
    assert [hue_name(color) for color in ("#b35959", "#597db3", "#b3598f", "#b3595b")] == [
        "red",
        "azure",
        "rose",
        "red",
    ]


@pytest.mark.parametrize("colors", [ARROW_COLORS, SIDE_COLORS], ids=["arrows", "units"])
def test_marks_differ_for_every_kind_of_colour_vision(colors):
    for one, other in itertools.combinations(colors.values(), 2):
        for seen in (np.eye(3), *map(np.array, DEFICIENCIES)):
            difference = lab(seen @ linear(one)) - lab(seen @ linear(other))
            assert np.linalg.norm(difference) > 25, (one, other)  # 2 can just be seen


def linear(color):
    """Linear RGB of a colour."""
    share = np.array(channels(color)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """CIE L*a*b* under D65 of linear RGB."""
    to_xyz = np.array(
        ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    )
    x, y, z = to_xyz @ np.clip(rgb, 0, 1) / (0.9505, 1.0, 1.089)
    x, y, z = (np.cbrt(v) if v > 0.008856 else 7.787 * v + 16 / 116 for v in (x, y, z))
    return np.array((116 * y - 16, 500 * (x - y), 200 * (y - z)))
