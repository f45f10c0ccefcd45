"""The stems over packed rows, forward and backward: what entities are before they relate.

The same functions as `PatchStem` over occupied cells and `ConvStem` over all cells
(relational_rl/nn/stems.py). Symbols as in scenes.py; F features, W waves, L features of a
place.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from relational_rl.kernels import pointwise
from relational_rl.kernels.scenes import Scenes, every_cell, pack
from relational_rl.kernels.workspace import Workspace

ImageShape = tuple[int, int, int]


class PackedStem(Protocol):
    """Makes rows of images, and gradients of its parameters of those of the rows.

    It keeps what the forward pass computed for the backward pass that follows.

    Attributes:
      num_pixels: P.
      num_waves: W, 0 without random Fourier features.
      waves: float32 [U, W], of the different pixels of the last forward pass.
    """

    num_pixels: int
    num_waves: int
    waves: np.ndarray

    def pack(self, images: np.ndarray, background: np.ndarray) -> Scenes:
        """Finds the entities of images [B, H, W, C]."""

    def forward(self, scenes: Scenes, parameters: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the rows [R, F], which the next call overwrites."""

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
    ) -> None:
        """Adds to the gradients of the parameters; may overwrite d_rows [R, F]."""


class Patches:
    """The patch stem: a table of what each different pixel says at each place of the patch.

    Its parameters are embed [P * C + P * W + L, F] (pixels, their waves, features of the place)
    and its bias [F].
    """

    def __init__(
        self,
        patch: tuple[int, int],
        max_entities: int,
        image_scale: float,
        projections: np.ndarray,
        places: np.ndarray,
    ):
        """Makes the stem.

        Args:
          patch: rows and columns of the patch around an entity.
          max_entities: at most so many entities an image.
          image_scale: pixels are divided by it.
          projections: float32 [C, W / 2], the random projections of colours.
          places: float32 [cells, L], the features of every cell's place.
        """
        self.num_pixels = patch[0] * patch[1]
        self.num_waves = 2 * projections.shape[1]
        self._patch = patch
        self._max_entities = max_entities
        self._scale = np.float32(image_scale)
        self._projections = projections
        self._places = places
        self._array = Workspace()

    def pack(self, images: np.ndarray, background: np.ndarray) -> Scenes:
        """Finds the occupied cells."""
        return pack(images, background, self._max_entities, self._patch)

    def forward(self, scenes: Scenes, parameters: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the rows [R, F], which the next call overwrites."""
        embed, bias = parameters
        self._pixels = scenes.colours / self._scale
        phases = self._pixels @ self._projections
        self.waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
        plain, waved, place = self._split(embed)
        table = self._pixels @ plain + self.waves @ waved  # [P, U, F]
        place_table = self._places @ place + bias  # [cells, F]
        rows = self._array("rows", len(scenes.cells), len(bias))
        pointwise.embed(table, scenes.pixels, place_table, scenes.cells, rows)
        return rows

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
    ) -> None:
        """Adds to the gradients of the parameters; overwrites d_rows [R, F]."""
        del parameters
        d_embed, d_bias = gradients
        rows = self._array("rows", *d_rows.shape)
        d_table = np.zeros((scenes.pixels.shape[1], len(self._pixels), len(d_bias)), np.float32)
        d_place_table = np.zeros((len(self._places), len(d_bias)), np.float32)
        pointwise.embed_backward(d_rows, rows, scenes.pixels, scenes.cells, d_table, d_place_table)
        d_plain, d_waved, d_place = self._split(d_embed)
        d_plain += self._pixels.T @ d_table
        d_waved += self.waves.T @ d_table
        d_place += self._places.T @ d_place_table
        d_bias += d_place_table.sum(axis=0)

    def _split(self, embed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of the embedding: [P, C, F] for pixels, [P, W, F] for waves, [L, F] for places."""
        size, count = embed.shape[1], self._places.shape[1]
        num_pixels, channels = self.num_pixels, len(self._projections)
        plain = embed[: num_pixels * channels].reshape(num_pixels, channels, size)
        waved = embed[num_pixels * channels : -count].reshape(num_pixels, -1, size)
        return plain, waved, embed[-count:]


class Convolutions:
    """The published stem: convolutions over the image, and the coordinates of each cell.

    Each layer is one product of matrices: the windows of all images [R, k * k * C], and the kernel.
    Its parameters are the kernel [k, k, C, F] and the bias [F] of every layer. There are no waves.
    """

    def __init__(
        self, padding: str, image_scale: float, map_shape: Callable[[ImageShape], tuple[int, int]]
    ):
        """Makes the stem.

        Args:
          padding: SAME or VALID, as TensorFlow understands it.
          image_scale: pixels are divided by it.
          map_shape: from an image's (H, W, C) to the (rows, columns) of its map.
        """
        self.num_pixels, self.num_waves = 1, 0
        self.waves = np.zeros((0, 0), np.float32)
        self._same = padding == "SAME"
        self._scale = np.float32(image_scale)
        self._map_shape = map_shape
        self._array = Workspace()

    def pack(self, images: np.ndarray, background: np.ndarray) -> Scenes:
        """Makes every cell of the map an entity; there is no background."""
        del background
        return every_cell(images, self._map_shape(images.shape[1:]))

    def forward(self, scenes: Scenes, parameters: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the rows [R, F + 2], which the next call overwrites."""
        array = self._array
        count, height, width, channels = scenes.images.shape
        maps = array("pixels", count, height, width, channels)
        np.divide(scenes.images, self._scale, out=maps)
        self._layers: list[tuple[np.ndarray, np.ndarray]] = []
        for i, (kernel, bias) in enumerate(zip(parameters[::2], parameters[1::2], strict=True)):
            side, _, channels, size = kernel.shape
            lost = 0 if self._same else side - 1
            height, width = height - lost, width - lost
            windows = array(f"windows_{i}", count, height, width, side * side * channels)
            pointwise.gather_windows(maps, side, self._before(side), windows)
            maps = array(f"maps_{i}", count, height, width, size)
            windows, rows = windows.reshape(-1, windows.shape[-1]), maps.reshape(-1, size)
            np.matmul(windows, kernel.reshape(-1, size), out=rows)
            pointwise.bias_relu(rows, bias)
            self._layers.append((windows, maps))
        out = array("rows", len(rows), size + 2)
        out[:, :size] = rows
        out.reshape(count, -1, size + 2)[:, :, size:] = _coordinates(height, width)
        return out

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
    ) -> None:
        """Adds to the gradients of the parameters."""
        del scenes
        d_out = np.ascontiguousarray(d_rows[:, :-2])
        for i in reversed(range(len(self._layers))):
            (windows, maps), kernel = self._layers[i], parameters[2 * i]
            size = kernel.shape[-1]
            pointwise.bias_relu_backward(d_out, maps.reshape(-1, size), gradients[2 * i + 1])
            gradients[2 * i][...] += (windows.T @ d_out).reshape(kernel.shape)
            if i:
                d_windows = self._array("d_windows", *windows.shape)
                np.matmul(d_out, kernel.reshape(-1, size).T, out=d_windows)
                d_maps = self._array(f"d_maps_{i}", *self._layers[i - 1][1].shape)
                pointwise.gather_windows_backward(
                    d_windows.reshape(*maps.shape[:3], -1),
                    len(kernel),
                    self._before(len(kernel)),
                    d_maps,
                )
                d_out = d_maps.reshape(-1, d_maps.shape[-1])

    def _before(self, side: int) -> int:
        """Returns how many cells of a window lie before its own, in each direction."""
        return (side - 1) // 2 if self._same else 0


@lru_cache
def _coordinates(height: int, width: int) -> np.ndarray:
    """Returns (x, y) of every cell, float32 [cells, 2]; see `modules.entities.coordinates`."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)
