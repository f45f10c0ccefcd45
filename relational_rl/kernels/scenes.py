"""Images to packed entities: one row for each real entity, no padding.

B images, R entities of all of them together, P pixels in the patch around an entity, U different
pixels among those. Few pixels of a game are different from one another, so what a network says of
a pixel is computed once for each different one.
"""

from typing import NamedTuple

import numpy as np

from relational_rl.kernels._compile import compiled


class Scenes(NamedTuple):
    """The entities of B images.

    Attributes:
      starts: int64 [B + 1]; the rows of image b are starts[b] .. starts[b + 1] - 1.
      cells: int32 [R], the cell of each entity, row * width + column.
      pixels: int32 [R, P], which of the different pixels lies where in its patch.
      colours: float32 [U, C], the different pixels, as in the image.
    """

    starts: np.ndarray
    cells: np.ndarray
    pixels: np.ndarray
    colours: np.ndarray


def pack(
    images: np.ndarray, background: np.ndarray, max_entities: int, patch: tuple[int, int]
) -> Scenes:
    """Finds the entities of images: cells unlike the background, in reading order.

    Args:
      images: uint8 [B, H, W, C], C at most 7.
      background: uint8 [H, W, C].
      max_entities: at most so many entities an image, the first ones.
      patch: rows and columns of the patch around an entity, odd numbers; outside of the image
        its pixels are zeros.
    """
    channels = images.shape[3]
    cells = np.empty((len(images), max_entities), np.int32)
    counts = np.empty(len(images), np.int64)
    _find(images.reshape(len(images), -1), background.reshape(-1), channels, cells, counts)
    starts = np.zeros(len(images) + 1, np.int64)
    np.cumsum(counts, out=starts[1:])
    num_rows, num_pixels = int(starts[-1]), patch[0] * patch[1]
    packed_cells = np.empty(num_rows, np.int32)
    pixels = np.empty((num_rows, num_pixels), np.int32)
    # Open addressing needs free places: at most half of them are taken.
    size = 1 << max(2 * num_rows * num_pixels, 2).bit_length()
    places = np.full(size, -1, np.int32)
    codes = np.empty(max(num_rows * num_pixels, 1), np.uint64)
    num_colours = _look(
        images, cells, starts, patch[0] // 2, patch[1] // 2, places, codes, packed_cells, pixels
    )
    shifts = np.arange(channels, dtype=np.uint64) * np.uint64(8)
    colours = (codes[:num_colours, np.newaxis] >> shifts) & np.uint64(255)
    return Scenes(starts, packed_cells, pixels, colours.astype(np.float32))


def every_cell(images: np.ndarray, map_shape: tuple[int, int]) -> Scenes:
    """Makes every cell of a map of (rows, columns) an entity; none has a patch.

    Args:
      images: [B, H, W, C].
      map_shape: of the map that a stem makes of an image.
    """
    num_cells = map_shape[0] * map_shape[1]
    return Scenes(
        starts=np.arange(len(images) + 1) * num_cells,
        cells=np.tile(np.arange(num_cells, dtype=np.int32), len(images)),
        pixels=np.empty((len(images) * num_cells, 0), np.int32),
        colours=np.empty((0, images.shape[3]), np.float32),
    )


@compiled
def _find(images, background, channels, cells, counts):
    """Lists the cells of each image that differ from the background."""
    num_cells = background.shape[0] // channels
    for b in range(images.shape[0]):
        count = 0
        for cell in range(num_cells):
            for channel in range(cell * channels, (cell + 1) * channels):
                if images[b, channel] != background[channel]:
                    if count < cells.shape[1]:
                        cells[b, count] = cell
                        count += 1
                    break
        counts[b] = count


@compiled
def _look(images, cells, starts, top, left, places, codes, packed_cells, pixels):
    """Numbers the different pixels around the entities; returns how many there are."""
    height, width, channels = images.shape[1:]
    mask = np.uint64(places.shape[0] - 1)
    num_colours = 0
    for b in range(images.shape[0]):
        for i in range(starts[b + 1] - starts[b]):
            cell = cells[b, i]
            row = starts[b] + i
            packed_cells[row] = cell
            p = 0
            for y in range(cell // width - top, cell // width + top + 1):
                for x in range(cell % width - left, cell % width + left + 1):
                    code = np.uint64(0)
                    if 0 <= y < height and 0 <= x < width:
                        for channel in range(channels):
                            shift = np.uint64(8 * channel)
                            code |= np.uint64(images[b, y, x, channel]) << shift
                    place = (code * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32) & mask
                    while places[place] >= 0 and codes[places[place]] != code:
                        place = (place + np.uint64(1)) & mask
                    if places[place] < 0:
                        places[place] = num_colours
                        codes[num_colours] = code
                        num_colours += 1
                    pixels[row, p] = places[place]
                    p += 1
    return num_colours
