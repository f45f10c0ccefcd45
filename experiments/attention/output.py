"""Writes what was drawn of an episode: the page first, then picture by picture, the animation last.

Pictures take seconds each. Whoever stops in between keeps the page, and the pictures so far.
"""

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from experiments.gif import write_gif
from relational_rl.files import write_atomically

_SECONDS_PER_STEP, _SECONDS_AT_THE_END = 0.45, 2.5


def picture_names(count: int) -> list[str]:
    """Returns the file names of the pictures of `count` steps."""
    return [f"step_{number:03d}.png" for number in range(1, count + 1)]


def write_output(
    directory: Path,
    texts: Mapping[str, str],
    pictures: Sequence[str],
    draw: Callable[[int], np.ndarray],
    animation: str,
    progress: bool = False,
) -> None:
    """Writes the files of one episode; those of an episode before are removed.

    Args:
      directory: made if it does not exist.
      texts: by file name, the page and tables: written before anything is drawn.
      pictures: file names, see `picture_names`.
      draw: called with 0, 1, ... for each picture, uint8 [height, width, 3].
      animation: file name of all pictures as an animated GIF.
      progress: whether to show a progress bar.

    Raises:
      OSError: a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for stale in (*directory.glob("step_*.png"), directory / animation):
        stale.unlink(missing_ok=True)
    for name, text in texts.items():
        write_atomically(directory / name, text)
    paths = [directory / name for name in pictures]
    for index, path in enumerate(tqdm(paths, unit="step", disable=None if progress else True)):
        write_atomically(path, _png(draw(index)))
    write_gif(directory / animation, _Frames(paths), _SECONDS_PER_STEP, _SECONDS_AT_THE_END)


class _Frames(Sequence[np.ndarray]):
    """Pictures on disk, read one at a time: all those of a long episode would fill the memory."""

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        with Image.open(self._paths[index]) as picture:
            return np.asarray(picture)


def _png(picture: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format="PNG")
    return content.getvalue()
