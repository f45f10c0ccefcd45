"""A picture made of panels under a header; lengths are in inches."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

HEADER = 0.85
"""Height of the header."""

_DPI = 100


class Sheet:
    """An empty picture with a header."""

    def __init__(self, width: float, height: float, title: str, subtitle: str):
        """Makes a picture of that size, and writes the two lines of its header."""
        self._size = width, height
        self._figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)
        for text, down, size, weight in (
            (title, 0.3, 14, "bold"),
            (subtitle, 0.62, 11, "normal"),
        ):
            self._figure.text(
                0.5,
                1 - down / height,
                text,
                ha="center",
                va="center",
                fontsize=size,
                fontweight=weight,
            )

    @property
    def height(self) -> float:
        """Of the whole picture."""
        return self._size[1]

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Adds a panel, placed from the top left corner."""
        w, h = self._size
        return self._figure.add_axes((left / w, 1 - (top + height) / h, width / w, height / h))

    def pixels(self) -> np.ndarray:
        """Returns the picture, uint8 [height, width, 3]."""
        self._canvas.draw()
        return np.asarray(self._canvas.buffer_rgba())[..., :3].copy()
