"""What is not a product of matrices: compiled loops over packed rows, forward and backward.

Everything works in place on preallocated arrays and releases the interpreter lock. Symbols as in
scenes.py; F features of an entity, H heads, D head size, Q references, M match size.
Names that start with d are gradients of the loss with respect to the rest of the name.
"""

from math import exp, sqrt

import numpy as np
from numba import njit

EPSILON = np.float32(1e-5)  # of layer norms, as in modules/attention.py and Sonnet


def compiled(function):
    """Compiles a kernel: no interpreter lock, and reordered sums."""
    return njit(function, cache=True, nogil=True, fastmath=True, error_model="numpy")


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


@compiled
def choose_references(
    scores, bias, rows, cells, starts, width, waves, pixels, chosen, chosen_waves, places
):
    """Turns scores [R, Q] into weights over each image's rows and "none", in place.

    Sets the weighted sums chosen [B, Q, F] of rows, chosen_waves [B, Q, W] of the waves [U, W] of
    their own pixels, and places [B, Q, 3] of (column, row, 1).
    """
    num_references, size, num_waves = scores.shape[1], rows.shape[1], waves.shape[1]
    middle = pixels.shape[1] // 2
    chosen[:] = np.float32(0.0)
    chosen_waves[:] = np.float32(0.0)
    places[:] = np.float32(0.0)
    for b in range(places.shape[0]):
        first, last = starts[b], starts[b + 1]
        for q in range(num_references):
            largest = np.float32(0.0)  # the score of "none"
            for r in range(first, last):
                scores[r, q] += bias[q]
                largest = max(largest, scores[r, q])
            total = np.float32(exp(-largest))
            for r in range(first, last):
                scores[r, q] = np.float32(exp(scores[r, q] - largest))
                total += scores[r, q]
            for r in range(first, last):
                weight = scores[r, q] / total
                scores[r, q] = weight
                places[b, q, 0] += weight * np.float32(cells[r] % width)
                places[b, q, 1] += weight * np.float32(cells[r] // width)
                places[b, q, 2] += weight
                for f in range(size):
                    chosen[b, q, f] += weight * rows[r, f]
                pixel = pixels[r, middle]
                for w in range(num_waves):
                    chosen_waves[b, q, w] += weight * waves[pixel, w]


@compiled
def tell_references(
    rows, own, own_bias, other, other_bias, cells, starts, width, height, waves, pixels,
    chosen_waves, places, out,
):  # fmt: skip
    """Sets out [R, F + Q * (5 + P + M)] to each row with what it is told of the references.

    Adds the biases to own [R, M] and other [B, Q, M] in place. Without waves there is no P.
    """
    size, match, num_waves = rows.shape[1], own.shape[1], waves.shape[1]
    for b in range(places.shape[0]):
        for q in range(places.shape[1]):
            for m in range(match):
                other[b, q, m] += other_bias[m]
        for r in range(starts[b], starts[b + 1]):
            for m in range(match):
                own[r, m] += own_bias[m]
            for f in range(size):
                out[r, f] = rows[r, f]
            at = size
            for q in range(places.shape[1]):
                presence = places[b, q, 2]
                across = places[b, q, 0] - presence * np.float32(cells[r] % width)
                down = places[b, q, 1] - presence * np.float32(cells[r] // width)
                out[r, at] = across / np.float32(width)
                out[r, at + 1] = down / np.float32(height)
                out[r, at + 2] = min(max(across, np.float32(-1.0)), np.float32(1.0))
                out[r, at + 3] = min(max(down, np.float32(-1.0)), np.float32(1.0))
                out[r, at + 4] = presence
                at += 5
                if num_waves > 0:
                    for p in range(pixels.shape[1]):
                        pixel = pixels[r, p]
                        likeness = np.float32(0.0)
                        for w in range(num_waves):
                            likeness += waves[pixel, w] * chosen_waves[b, q, w]
                        out[r, at + p] = likeness * np.float32(2.0 / num_waves)
                    at += pixels.shape[1]
                for m in range(match):
                    out[r, at + m] = own[r, m] * other[b, q, m]
                at += match


@compiled
def tell_references_backward(
    d_out, own, other, cells, starts, width, height, waves, pixels, places,
    d_rows, d_own, d_other, d_chosen_waves, d_places,
):  # fmt: skip
    """Sets the gradients of the inputs of `tell_references`."""
    size, match, num_waves = d_rows.shape[1], own.shape[1], waves.shape[1]
    d_places[:] = np.float32(0.0)
    d_other[:] = np.float32(0.0)
    d_chosen_waves[:] = np.float32(0.0)
    for b in range(places.shape[0]):
        for r in range(starts[b], starts[b + 1]):
            for f in range(size):
                d_rows[r, f] = d_out[r, f]
            for m in range(match):
                d_own[r, m] = np.float32(0.0)
            x = np.float32(cells[r] % width)
            y = np.float32(cells[r] // width)
            at = size
            for q in range(places.shape[1]):
                d_across = d_out[r, at] / np.float32(width)
                d_down = d_out[r, at + 1] / np.float32(height)
                if abs(places[b, q, 0] - places[b, q, 2] * x) <= np.float32(1.0):
                    d_across += d_out[r, at + 2]
                if abs(places[b, q, 1] - places[b, q, 2] * y) <= np.float32(1.0):
                    d_down += d_out[r, at + 3]
                d_places[b, q, 0] += d_across
                d_places[b, q, 1] += d_down
                d_places[b, q, 2] += d_out[r, at + 4] - d_across * x - d_down * y
                at += 5
                if num_waves > 0:
                    for p in range(pixels.shape[1]):
                        pixel = pixels[r, p]
                        gradient = d_out[r, at + p] * np.float32(2.0 / num_waves)
                        for w in range(num_waves):
                            d_chosen_waves[b, q, w] += gradient * waves[pixel, w]
                    at += pixels.shape[1]
                for m in range(match):
                    d_own[r, m] += d_out[r, at + m] * other[b, q, m]
                for m in range(match):
                    d_other[b, q, m] += d_out[r, at + m] * own[r, m]
                at += match


@compiled
def choose_references_backward(
    weights, rows, cells, starts, width, waves, pixels, d_chosen, d_chosen_waves, d_places,
    d_scores, d_rows,
):  # fmt: skip
    """Sets d_scores [R, Q] and adds to d_rows [R, F]."""
    size, num_waves = rows.shape[1], waves.shape[1]
    middle = pixels.shape[1] // 2
    for b in range(d_places.shape[0]):
        first, last = starts[b], starts[b + 1]
        for q in range(weights.shape[1]):
            mean = np.float32(0.0)
            for r in range(first, last):
                gradient = d_places[b, q, 0] * np.float32(cells[r] % width)
                gradient += d_places[b, q, 1] * np.float32(cells[r] // width)
                gradient += d_places[b, q, 2]
                for f in range(size):
                    gradient += d_chosen[b, q, f] * rows[r, f]
                pixel = pixels[r, middle]
                for w in range(num_waves):
                    gradient += d_chosen_waves[b, q, w] * waves[pixel, w]
                d_scores[r, q] = gradient
                mean += weights[r, q] * gradient
            for r in range(first, last):
                weight = weights[r, q]
                d_scores[r, q] = weight * (d_scores[r, q] - mean)
                for f in range(size):
                    d_rows[r, f] += weight * d_chosen[b, q, f]


@compiled
def compare(waves, pixels, starts, likeness):
    """Sets likeness [R, P, K]: of the pixels around row i to the own pixel of row j of its image.

    Columns behind an image's last row are zeros.
    """
    num_pixels, num_waves = pixels.shape[1], waves.shape[1]
    middle = num_pixels // 2
    for b in range(starts.shape[0] - 1):
        first, last = starts[b], starts[b + 1]
        for i in range(first, last):
            for p in range(num_pixels):
                for j in range(first, last):
                    total = np.float32(0.0)
                    for w in range(num_waves):
                        total += waves[pixels[i, p], w] * waves[pixels[j, middle], w]
                    likeness[i, p, j - first] = total * np.float32(2.0 / num_waves)
                for j in range(last - first, likeness.shape[2]):
                    likeness[i, p, j] = np.float32(0.0)
