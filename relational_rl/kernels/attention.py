"""Attention among the packed rows of each image, forward and backward, in registers.

H heads, D head size; n rows of an image; K columns, the most rows of an image rounded up to whole
registers. Names that start with d are gradients of the loss with respect to the rest of the name.
"""

from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from relational_rl.kernels._compile import compiled
from relational_rl.kernels.pointwise import EPSILON
from relational_rl.kernels.simd import (
    below,
    choose,
    exponential,
    iota,
    larger,
    largest,
    load,
    scatter,
    spread,
    store,
    total,
)

COLUMNS = 16  # of the matrix of logits, computed at a time


class AttentionKernels(NamedTuple):
    """Attention for one head size, forward and backward."""

    forward: Any
    backward: Any


def padded(max_entities: int) -> int:
    """Returns K, the columns of a padded row of weights."""
    return -(-max_entities // COLUMNS) * COLUMNS


@lru_cache
def attention_kernels(head_size: int, max_entities: int) -> AttentionKernels:
    """Compiles attention among at most `max_entities` rows, heads of `head_size` features."""
    wide = padded(max_entities)
    root = np.float32(head_size**-0.5)
    inverse_size = np.float32(1.0 / head_size)
    lowest = np.float32(-1e30)
    zero, one = np.float32(0.0), np.float32(1.0)

    @compiled
    def normalize(source, at, normal, deviations, part):
        """Returns head number `part` of the source with mean 0 and deviation 1; keeps it."""
        x = load(source, at, head_size)
        centred = x - total(x) * inverse_size
        variance = total(centred * centred) * inverse_size
        inverse = one / np.float32(sqrt(variance + EPSILON))
        deviations[part] = inverse
        result = centred * inverse
        store(normal, at, result)
        return result

    @compiled
    def affine(x, scale, offset, parameter):
        return x * load(scale, parameter, head_size) + load(offset, parameter, head_size)

    @compiled
    def product(row, row_at, columns, first):
        """Returns `COLUMNS` dot products of a row [D] with columns [D, K] from `first` on."""
        even = spread(zero, COLUMNS)
        odd = spread(zero, COLUMNS)
        for d in range(0, head_size, 2):
            even += load(columns, d * wide + first, COLUMNS) * row[row_at + d]
            odd += load(columns, (d + 1) * wide + first, COLUMNS) * row[row_at + d + 1]
        return even + odd

    @compiled
    def products(rows, at, step, columns, out, out_at, count):
        """Sets out [count, K] to the products of rows [count, D] with columns [D, K].

        Four rows at a time: what is loaded of the columns serves all of them.
        """
        tiled = count - count % 4
        for i in range(0, tiled, 4):
            for first in range(0, count, COLUMNS):
                sum_0 = spread(zero, COLUMNS)
                sum_1 = spread(zero, COLUMNS)
                sum_2 = spread(zero, COLUMNS)
                sum_3 = spread(zero, COLUMNS)
                row = at + i * step
                for d in range(head_size):
                    column = load(columns, d * wide + first, COLUMNS)
                    sum_0 += column * rows[row + d]
                    sum_1 += column * rows[row + step + d]
                    sum_2 += column * rows[row + 2 * step + d]
                    sum_3 += column * rows[row + 3 * step + d]
                to = out_at + i * wide + first
                store(out, to, sum_0)
                store(out, to + wide, sum_1)
                store(out, to + 2 * wide, sum_2)
                store(out, to + 3 * wide, sum_3)
        for i in range(tiled, count):
            for first in range(0, count, COLUMNS):
                value = product(rows, at + i * step, columns, first)
                store(out, out_at + i * wide + first, value)

    @compiled
    def combine(weights, at, step, rows, rows_at, rows_step, count):
        """Returns the sum of `count` rows [D], each times its weight."""
        result = spread(zero, head_size)
        for j in range(count):
            row = load(rows, rows_at + j * rows_step, head_size)
            result += row * weights[at + j * step]
        return result

    @compiled
    def combinations(
        weights, at, next_at, step, rows, rows_at, rows_step, out, out_at, out_step, count
    ):
        """Sets out [count, D] to the sums of `count` rows [D], each times its weight.

        Two sums at a time: each row is loaded once for both.
        """
        tiled = count - count % 2
        for i in range(0, tiled, 2):
            sum_0 = spread(zero, head_size)
            sum_1 = spread(zero, head_size)
            weight = at + i * next_at
            for j in range(count):
                row = load(rows, rows_at + j * rows_step, head_size)
                sum_0 += row * weights[weight + j * step]
                sum_1 += row * weights[weight + next_at + j * step]
            store(out, out_at + i * out_step, sum_0)
            store(out, out_at + (i + 1) * out_step, sum_1)
        for i in range(tiled, count):
            mixed = combine(weights, at + i * next_at, step, rows, rows_at, rows_step, count)
            store(out, out_at + i * out_step, mixed)

    @compiled
    def forward(
        qkv, scale, offset, starts, normal, deviations, weights, out, likeness, likeness_scale
    ):
        """Attends within each image.

        Arguments, all flat: qkv [R, 3, H, D]; scale, offset [3, H, D]; likeness [R, P, K] (may
        be empty if P is 0); but likeness_scale [H, P]. Sets normal [R, 3, H, D] (rows before
        scale and offset), deviations [R, 3, H], weights [H, n, K] of each image (as many columns as
        whole registers hold n; 0 from n on) and out [R, H, D].
        """
        heads = scale.shape[0] // (3 * head_size)
        num_pixels = likeness_scale.shape[1]
        queries = np.empty(wide * head_size, np.float32)
        values = np.empty(wide * head_size, np.float32)
        columns = np.zeros(head_size * wide, np.float32)
        for b in range(starts.shape[0] - 1):
            start, count = starts[b], starts[b + 1] - starts[b]
            for head in range(heads):
                for i in range(count):
                    part = (start + i) * 3 * heads + head
                    q = normalize(qkv, part * head_size, normal, deviations, part)
                    q = affine(q, scale, offset, head * head_size)
                    store(queries, i * head_size, q * root)
                    part += heads
                    k = normalize(qkv, part * head_size, normal, deviations, part)
                    k = affine(k, scale, offset, (heads + head) * head_size)
                    scatter(columns, i, wide, k)
                    part += heads
                    v = normalize(qkv, part * head_size, normal, deviations, part)
                    v = affine(v, scale, offset, (2 * heads + head) * head_size)
                    store(values, i * head_size, v)
                # One short loop after another: the processor then works on several rows at once.
                first_at = (start * heads + head * count) * wide
                products(queries, 0, head_size, columns, weights, first_at, count)
                for i in range(count):
                    at = first_at + i * wide
                    highest = spread(lowest, COLUMNS)
                    for first in range(0, count, COLUMNS):
                        logits = load(weights, at + first, COLUMNS)
                        for p in range(num_pixels):
                            alike = ((start + i) * num_pixels + p) * wide + first
                            logits += load(likeness, alike, COLUMNS) * likeness_scale[head, p]
                        real = below(iota(COLUMNS), np.float32(count - first))
                        logits = choose(real, logits, lowest)
                        store(weights, at + first, logits)
                        highest = larger(highest, logits)
                    top = largest(highest)
                    amounts = spread(zero, COLUMNS)
                    for first in range(0, count, COLUMNS):
                        weight = exponential(load(weights, at + first, COLUMNS) - top)
                        store(weights, at + first, weight)
                        amounts += weight
                    share = one / total(amounts)
                    for first in range(0, count, COLUMNS):
                        store(weights, at + first, load(weights, at + first, COLUMNS) * share)
                combinations(
                    weights, first_at, wide, 1, values, 0, head_size,
                    out, (start * heads + head) * head_size, heads * head_size, count,
                )  # fmt: skip

    @compiled
    def normalize_backward(
        gradient, at, normal, deviation, scale, parameter, d_source, d_scale, d_offset
    ):
        """Sets the gradient of a head's source; adds to those of scale and offset."""
        x = load(normal, at, head_size)
        store(d_offset, parameter, load(d_offset, parameter, head_size) + gradient)
        store(d_scale, parameter, load(d_scale, parameter, head_size) + gradient * x)
        gradient = gradient * load(scale, parameter, head_size)
        mean = total(gradient) * inverse_size
        along = total(gradient * x) * inverse_size
        store(d_source, at, (gradient - mean - x * along) * deviation)

    @compiled
    def backward(
        d_out, starts, scale, offset, normal, deviations, weights, d_qkv,
        d_scale, d_offset, likeness, d_likeness_scale,
    ):  # fmt: skip
        """Sets d_qkv [R, 3, H, D]; adds to d_scale, d_offset [3, H, D], d_likeness_scale [H, P]."""
        num_pixels = d_likeness_scale.shape[1]
        heads = scale.shape[0] // (3 * head_size)
        queries = np.empty(wide * head_size, np.float32)
        keys = np.empty(wide * head_size, np.float32)
        columns = np.zeros(head_size * wide, np.float32)
        d_logits = np.empty(wide * wide, np.float32)
        d_parts = np.empty(3 * wide * head_size, np.float32)  # of queries, keys, values
        d_row = heads * head_size
        for b in range(starts.shape[0] - 1):
            start, count = starts[b], starts[b + 1] - starts[b]
            for head in range(heads):
                for i in range(count):
                    at = ((start + i) * 3 * heads + head) * head_size
                    parameter = head * head_size
                    q = affine(load(normal, at, head_size), scale, offset, parameter)
                    store(queries, i * head_size, q * root)
                    at += d_row
                    k = affine(load(normal, at, head_size), scale, offset, parameter + d_row)
                    store(keys, i * head_size, k)
                    at += d_row
                    v = affine(load(normal, at, head_size), scale, offset, parameter + 2 * d_row)
                    scatter(columns, i, wide, v)
                gradients = start * d_row + head * head_size  # of out, for the first row
                products(d_out, gradients, d_row, columns, d_logits, 0, count)
                first_at = (start * heads + head * count) * wide
                for i in range(count):
                    at = first_at + i * wide
                    means = spread(zero, COLUMNS)
                    for first in range(0, count, COLUMNS):
                        d_weights = load(d_logits, i * wide + first, COLUMNS)
                        means += load(weights, at + first, COLUMNS) * d_weights
                    mean = total(means)
                    for first in range(0, count, COLUMNS):
                        d_weights = load(d_logits, i * wide + first, COLUMNS) - mean
                        d_weights = load(weights, at + first, COLUMNS) * d_weights
                        store(d_logits, i * wide + first, d_weights)
                        for p in range(num_pixels):
                            alike = ((start + i) * num_pixels + p) * wide + first
                            told = total(load(likeness, alike, COLUMNS) * d_weights)
                            d_likeness_scale[head, p] += told
                at = wide * head_size
                combinations(d_logits, 0, wide, 1, keys, 0, head_size, d_parts, 0, head_size, count)
                combinations(
                    d_logits, 0, 1, wide, queries, 0, head_size, d_parts, at, head_size, count
                )
                combinations(
                    weights, first_at, 1, wide, d_out, gradients, d_row,
                    d_parts, 2 * at, head_size, count,
                )  # fmt: skip
                for i in range(count):
                    factor = root  # of the queries alone
                    for kind in range(3):
                        part = ((start + i) * 3 + kind) * heads + head
                        d_part = load(d_parts, (kind * wide + i) * head_size, head_size)
                        normalize_backward(
                            d_part * factor, part * head_size, normal, deviations[part],
                            scale, (kind * heads + head) * head_size, d_qkv, d_scale, d_offset,
                        )  # fmt: skip
                        factor = one

    return AttentionKernels(forward, backward)
