"""What is not a product of matrices: compiled loops over packed rows, forward and backward.

Everything works in place on preallocated arrays and releases the interpreter lock. Symbols as in
scenes.py; F features of an entity.
Names that start with d are gradients of the loss with respect to the rest of the name.
"""

from math import sqrt

import numpy as np

from relational_rl.kernels._compile import compiled

EPSILON = np.float32(1e-5)  # of layer norms, as in modules/attention.py and Sonnet


@compiled
def embed(table, pixels, place_table, cells, out):
    """Sets out [R, F] to relu(sum over the patch of table [P, U, F] + place_table [cells, F])."""
    size = out.shape[1]
    for r in range(pixels.shape[0]):
        cell = cells[r]
        for f in range(size):
            out[r, f] = place_table[cell, f]
        for p in range(pixels.shape[1]):
            pixel = pixels[r, p]
            for f in range(size):
                out[r, f] += table[p, pixel, f]
        for f in range(size):
            out[r, f] = max(out[r, f], np.float32(0.0))


@compiled
def embed_backward(d_out, out, pixels, cells, d_table, d_place_table):
    """Adds to the gradients of `embed`; masks d_out [R, F] in place."""
    size = out.shape[1]
    for r in range(pixels.shape[0]):
        cell = cells[r]
        for f in range(size):
            if out[r, f] <= 0:
                d_out[r, f] = np.float32(0.0)
        for f in range(size):
            d_place_table[cell, f] += d_out[r, f]
        for p in range(pixels.shape[1]):
            pixel = pixels[r, p]
            for f in range(size):
                d_table[p, pixel, f] += d_out[r, f]


@compiled
def gather_windows(maps, side, before, windows):
    """Sets windows [B, h, w, k * k * C] to the windows of maps [B, H, W, C] of `side` k.

    The window of a cell starts `before` rows above and columns left of it; outside are zeros.
    """
    height, width, channels = maps.shape[1:]
    for b in range(windows.shape[0]):
        for y in range(windows.shape[1]):
            for x in range(windows.shape[2]):
                at = 0
                for row in range(y - before, y - before + side):
                    for column in range(x - before, x - before + side):
                        inside = 0 <= row < height and 0 <= column < width
                        for c in range(channels):
                            value = maps[b, row, column, c] if inside else np.float32(0.0)
                            windows[b, y, x, at + c] = value
                        at += channels


@compiled
def gather_windows_backward(d_windows, side, before, d_maps):
    """Sets d_maps [B, H, W, C], the gradient of the maps of `gather_windows`."""
    height, width, channels = d_maps.shape[1:]
    d_maps[:] = np.float32(0.0)
    for b in range(d_windows.shape[0]):
        for y in range(d_windows.shape[1]):
            for x in range(d_windows.shape[2]):
                at = 0
                for row in range(y - before, y - before + side):
                    for column in range(x - before, x - before + side):
                        if 0 <= row < height and 0 <= column < width:
                            for c in range(channels):
                                d_maps[b, row, column, c] += d_windows[b, y, x, at + c]
                        at += channels


@compiled
def bias_relu(x, bias):
    """Sets x [R, F] to relu(x + bias)."""
    for r in range(x.shape[0]):
        for f in range(x.shape[1]):
            x[r, f] = max(x[r, f] + bias[f], np.float32(0.0))


@compiled
def bias_relu_backward(d_x, x, d_bias):
    """Masks d_x [R, F] by the output x of `bias_relu` and adds its sum to d_bias."""
    for r in range(x.shape[0]):
        for f in range(x.shape[1]):
            gradient = d_x[r, f] if x[r, f] > 0 else np.float32(0.0)
            d_x[r, f] = gradient
            d_bias[f] += gradient


@compiled
def add_column_sums(x, out):
    """Adds the sums of x [R, F] over its rows to out [F]."""
    for r in range(x.shape[0]):
        for f in range(x.shape[1]):
            out[f] += x[r, f]


@compiled
def residual_norm(x, update, bias, scale, offset, normal, deviations, out):
    """Sets out [R, F] to layer_norm(x + update + bias) * scale + offset.

    Keeps the normalised rows in `normal` [R, F] and 1 / deviation in `deviations` [R].
    """
    size = x.shape[1]
    for r in range(x.shape[0]):
        mean = np.float32(0.0)
        for f in range(size):
            normal[r, f] = x[r, f] + update[r, f] + bias[f]
            mean += normal[r, f]
        mean /= np.float32(size)
        variance = np.float32(0.0)
        for f in range(size):
            centred = normal[r, f] - mean
            variance += centred * centred
        inverse = np.float32(1.0) / np.float32(sqrt(variance / np.float32(size) + EPSILON))
        deviations[r] = inverse
        for f in range(size):
            normal[r, f] = (normal[r, f] - mean) * inverse
        for f in range(size):
            out[r, f] = normal[r, f] * scale[f] + offset[f]


@compiled
def residual_norm_backward(d_out, normal, deviations, scale, d_x, d_bias, d_scale, d_offset):
    """Sets d_x [R, F], the gradient of x and of update alike; adds to the parameters'."""
    size = normal.shape[1]
    for r in range(normal.shape[0]):
        mean = np.float32(0.0)
        along = np.float32(0.0)
        for f in range(size):
            d_offset[f] += d_out[r, f]
            d_scale[f] += d_out[r, f] * normal[r, f]
        for f in range(size):
            gradient = d_out[r, f] * scale[f]
            mean += gradient
            along += gradient * normal[r, f]
        mean /= np.float32(size)
        along /= np.float32(size)
        for f in range(size):
            gradient = d_out[r, f] * scale[f]
            d_x[r, f] = deviations[r] * (gradient - mean - normal[r, f] * along)
        for f in range(size):
            d_bias[f] += d_x[r, f]


@compiled
def max_pool(x, starts, pooled, chosen):
    """Sets pooled [B, F] to the maximum over an image's rows and chosen [B, F] to its row."""
    size = x.shape[1]
    for b in range(pooled.shape[0]):
        first = starts[b]
        empty = starts[b + 1] == first
        for f in range(size):
            pooled[b, f] = np.float32(0.0) if empty else x[first, f]
            chosen[b, f] = -1 if empty else first
        for r in range(first + 1, starts[b + 1]):
            for f in range(size):
                if x[r, f] > pooled[b, f]:
                    pooled[b, f] = x[r, f]
                    chosen[b, f] = r


@compiled
def max_pool_backward(d_pooled, chosen, d_x):
    """Sets d_x [R, F] to the gradients [B, F] of the rows that were chosen, else 0."""
    d_x[:] = np.float32(0.0)
    for b in range(chosen.shape[0]):
        for f in range(chosen.shape[1]):
            if chosen[b, f] >= 0:
                d_x[chosen[b, f], f] = d_pooled[b, f]


def _comparison(likeness_of):
    """Makes a kernel of a function (source, pixel, other) -> how alike two pixels are."""

    @compiled
    def compare(source, pixels, starts, likeness):
        """Sets likeness [R, P, K]: of the pixels around row i to the own pixel of row j.

        Both are rows of one image; columns behind an image's last row are zeros.
        """
        middle = pixels.shape[1] // 2
        for b in range(starts.shape[0] - 1):
            first, last = starts[b], starts[b + 1]
            for i in range(first, last):
                for p in range(pixels.shape[1]):
                    pixel = pixels[i, p]
                    for j in range(first, last):
                        likeness[i, p, j - first] = likeness_of(source, pixel, pixels[j, middle])
                    for j in range(last - first, likeness.shape[2]):
                        likeness[i, p, j] = np.float32(0.0)

    return compare


@compiled
def _looked_up(alike, pixel, other):
    return alike[pixel, other]


@compiled
def _of_waves(waves, pixel, other):
    total = np.float32(0.0)
    for w in range(waves.shape[1]):
        total += waves[pixel, w] * waves[other, w]
    return total * np.float32(2.0 / waves.shape[1])


# By a table [U, U] of how alike two pixels are, or for scenes of too many pixels for one by their
# waves [U, W].
compare = _comparison(_looked_up)
compare_waves = _comparison(_of_waves)
