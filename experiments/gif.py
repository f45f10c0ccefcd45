"""Animated GIFs of episodes."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from relational_rl.files import write_atomically


def write_gif(
    path: Path,
    frames: Sequence[np.ndarray],
    seconds_per_frame: float = 0.15,
    last_seconds: float = 1.5,
) -> None:
    """Writes pictures as an animated GIF that plays for ever.

    Args:
      path: of the file; replaced atomically.
      frames: uint8 [height, width, 3], all of one size, at least one.
      seconds_per_frame: how long each is shown; GIF counts in hundredths of a second.
      last_seconds: how long the last one is shown.

    Raises:
      ValueError: there are no frames.
      OSError: the file cannot be written.
    """
    if not len(frames):
        raise ValueError("frames must hold at least one picture, got none")
    images = [
        Image.fromarray(frame).quantize(256, method=Image.Quantize.MEDIANCUT) for frame in frames
    ]
    milliseconds = [round(1000 * seconds_per_frame)] * len(images)
    milliseconds[-1] = round(1000 * last_seconds)
    content = io.BytesIO()
    images[0].save(
        content,
        format="GIF",
        save_all=True,
        append_images=images[1:],
        duration=milliseconds,
        loop=0,
        disposal=1,
    )
    write_atomically(path, content.getvalue())
