"""The stems over packed rows, forward and backward: what entities are before they relate.

The same functions as `PatchStem` over occupied cells and `ConvStem` over all cells
(relational_rl/nn/stems.py). Symbols as in scenes.py; F features, W waves, L features of a
place.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from relational_rl.kernels import pointwise
from relational_rl.kernels.scenes import Scenes, every_cell, pack
from relational_rl.kernels.workspace import Workspace


class StemOutput(NamedTuple):
    """What a stem's forward pass gives, and keeps for its backward pass.

    Attributes:
      rows: float32 [R, F].
      waves: float32 [U, W], of the different pixels.
      kept: arrays that only the stem itself looks at.
    """

    rows: np.ndarray
    waves: np.ndarray
    kept: tuple[np.ndarray, ...]


class PackedStem(Protocol):
    """Makes rows of images, and gradients of its parameters of those of the rows.

    A stem has no state: what a backward pass needs is in the output of its forward pass.

    Attributes:
      num_pixels: P.
      num_waves: W, 0 without random Fourier features.
    """

    num_pixels: int
    num_waves: int

    def pack(self, images: np.ndarray, constants: Sequence[np.ndarray]) -> Scenes:
        """Finds the entities of images [B, H, W, C]."""

    def forward(
        self,
        images: np.ndarray,
        scenes: Scenes,
        constants: Sequence[np.ndarray],
        parameters: Sequence[np.ndarray],
        array: Workspace,
    ) -> StemOutput:
        """Returns the rows of the entities of images [B, H, W, C], in arrays of `array`."""

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        output: StemOutput,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
        array: Workspace,
    ) -> None:
        """Adds to the gradients of the parameters; may overwrite d_rows [R, F], nothing else."""


class Patches:
    """The patch stem: a table of what each different pixel says at each place of the patch.

    Its parameters are embed [P * C + P * W + L, F] (pixels, their waves, features of the place)
    and its bias [F]. Its constants are the background uint8 [H, W, C] and the random projections
    of colours float32 [C, W / 2] and of coordinates float32 [2, (L - 2) / 2].
    """

    def __init__(
        self,
        patch: tuple[int, int],
        max_entities: int,
        image_scale: float,
        map_shape: tuple[int, int],
        num_frequencies: int,
    ):
        """Makes the stem.

        Args:
          patch: rows and columns of the patch around an entity.
          max_entities: at most so many entities an image.
          image_scale: pixels are divided by it.
          map_shape: (rows, columns) of the map.
          num_frequencies: W / 2.
        """
        self.num_pixels = patch[0] * patch[1]
        self.num_waves = 2 * num_frequencies
        self._patch = patch
        self._max_entities = max_entities
        self._scale = np.float32(image_scale)
        self._map_shape = map_shape

    def pack(self, images: np.ndarray, constants: Sequence[np.ndarray]) -> Scenes:
        """Finds the occupied cells."""
        return pack(images, constants[0], self._max_entities, self._patch)

    def forward(
        self,
        images: np.ndarray,
        scenes: Scenes,
        constants: Sequence[np.ndarray],
        parameters: Sequence[np.ndarray],
        array: Workspace,
    ) -> StemOutput:
        """Returns the rows [R, F] of the occupied cells."""
        del images
        _, projections, place_projections = constants
        embed, bias = parameters
        pixels = scenes.colours / self._scale
        phases = pixels @ projections
        waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
        places = _places(place_projections.tobytes(), self._map_shape)
        plain, waved, place = self._split(embed, pixels, places)
        table = pixels @ plain + waves @ waved  # [P, U, F]
        place_table = places @ place + bias  # [cells, F]
        rows = array("rows", len(scenes.cells), len(bias))
        pointwise.embed(table, scenes.pixels, place_table, scenes.cells, rows)
        return StemOutput(rows, waves, (pixels, places))

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        output: StemOutput,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
        array: Workspace,
    ) -> None:
        """Adds to the gradients of the parameters; overwrites d_rows [R, F]."""
        del parameters, array
        pixels, places = output.kept
        d_embed, d_bias = gradients
        d_table = np.zeros((self.num_pixels, len(pixels), len(d_bias)), np.float32)
        d_place_table = np.zeros((len(places), len(d_bias)), np.float32)
        pointwise.embed_backward(
            d_rows, output.rows, scenes.pixels, scenes.cells, d_table, d_place_table
        )
        d_plain, d_waved, d_place = self._split(d_embed, pixels, places)
        d_plain += pixels.T @ d_table
        d_waved += output.waves.T @ d_table
        d_place += places.T @ d_place_table
        d_bias += d_place_table.sum(axis=0)

    def _split(
        self, embed: np.ndarray, pixels: np.ndarray, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Views of the embedding: [P, C, F] for pixels, [P, W, F] for waves, [L, F] for places."""
        size, count, channels = embed.shape[1], places.shape[1], pixels.shape[1]
        plain = embed[: self.num_pixels * channels].reshape(self.num_pixels, channels, size)
        waved = embed[self.num_pixels * channels : -count].reshape(self.num_pixels, -1, size)
        return plain, waved, embed[-count:]


@lru_cache(maxsize=8)
def _places(projections: bytes, map_shape: tuple[int, int]) -> np.ndarray:
    """Returns the coordinates of every cell and their waves, float32 [cells, L].

    As `PatchStem.place_features`. Computed once for each map and projections, which do not change.

    Args:
      projections: the numbers of float32 [2, (L - 2) / 2].
      map_shape: (rows, columns).
    """
    place = _coordinates(*map_shape)
    phases = place @ np.frombuffer(projections, np.float32).reshape(2, -1)
    return np.concatenate([place, np.cos(phases), np.sin(phases)], axis=1)


class Convolutions:
    """The published stem: convolutions over the image, and the coordinates of each cell.

    Each layer is one product of matrices: the windows of all images [R, k * k * C], and the kernel.
    Its parameters are the kernel [k, k, C, F] and the bias [F] of every layer. There are no waves.
    """

    def __init__(self, padding: str, image_scale: float, lost: int):
        """Makes the stem.

        Args:
          padding: SAME or VALID, as TensorFlow understands it.
          image_scale: pixels are divided by it.
          lost: how many rows and columns fewer than an image its map has.
        """
        self.num_pixels, self.num_waves = 1, 0
        self._same = padding == "SAME"
        self._scale = np.float32(image_scale)
        self._lost = lost

    def pack(self, images: np.ndarray, constants: Sequence[np.ndarray]) -> Scenes:
        """Makes every cell of the map an entity.

        Raises:
          ValueError: the images are so small that their map has no cells.
        """
        del constants
        height, width = images.shape[1] - self._lost, images.shape[2] - self._lost
        if min(height, width) < 1:
            raise ValueError(
                f"an image must be larger than the {self._lost} pixels that VALID convolutions "
                f"take, got {images.shape[1:]}"
            )
        return every_cell(images, (height, width))

    def forward(
        self,
        images: np.ndarray,
        scenes: Scenes,
        constants: Sequence[np.ndarray],
        parameters: Sequence[np.ndarray],
        array: Workspace,
    ) -> StemOutput:
        """Returns the rows [R, F + 2] of all cells; keeps windows and map of every layer."""
        del scenes, constants
        count, height, width, channels = images.shape
        maps = array("pixels", count, height, width, channels)
        np.divide(images, self._scale, out=maps)
        kept: list[np.ndarray] = []
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
            kept += [windows, maps]
        out = array("rows", len(rows), size + 2)
        out[:, :size] = rows
        out.reshape(count, -1, size + 2)[:, :, size:] = _coordinates(height, width)
        return StemOutput(out, np.zeros((0, 0), np.float32), tuple(kept))

    def backward(
        self,
        d_rows: np.ndarray,
        scenes: Scenes,
        output: StemOutput,
        parameters: Sequence[np.ndarray],
        gradients: Sequence[np.ndarray],
        array: Workspace,
    ) -> None:
        """Adds to the gradients of the parameters."""
        del scenes
        d_out = np.ascontiguousarray(d_rows[:, :-2])
        for i in reversed(range(len(parameters) // 2)):
            windows, maps = output.kept[2 * i : 2 * i + 2]
            kernel = parameters[2 * i]
            size = kernel.shape[-1]
            pointwise.bias_relu_backward(d_out, maps.reshape(-1, size), gradients[2 * i + 1])
            gradients[2 * i][...] += (windows.T @ d_out).reshape(kernel.shape)
            if i:
                d_windows = array("d_windows", *windows.shape)
                np.matmul(d_out, kernel.reshape(-1, size).T, out=d_windows)
                d_maps = array(f"d_maps_{i}", *output.kept[2 * i - 1].shape)
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
    """Returns (x, y) of every cell, float32 [cells, 2], as `coordinates` of nn/entities.py does."""
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    return np.stack([x, y], axis=-1).reshape(-1, 2).astype(np.float32)
