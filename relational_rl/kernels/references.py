"""The references of a scene over packed rows, forward and backward, in registers.

The same function as `relational_rl/nn/references.py`. B images, R rows, F features, Q
references, M match size, P pixels of a patch, W waves, U different pixels. Arrays are flat unless
their shape is named otherwise. Names that start with d are gradients of the loss with respect to
the rest of the name.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from relational_rl.kernels._compile import compiled
from relational_rl.kernels.simd import exponential, load, positive, spread, store, total


class ReferenceKernels(NamedTuple):
    """The references for one set of sizes: their choice, and what is told of them."""

    choose: Any
    tell: Any
    tell_backward: Any
    choose_backward: Any


@lru_cache
def reference_kernels(
    entity_size: int, num_references: int, match_size: int, num_waves: int, num_pixels: int
) -> ReferenceKernels:
    """Compiles the kernels for F, Q, M, W and P; where W is 0, no likeness is told."""
    has_waves = num_waves > 0
    lanes = max(num_waves, 1)
    middle = num_pixels // 2
    zero, one = np.float32(0.0), np.float32(1.0)
    per_wave = np.float32(2.0 / lanes)
    told = 5 + (num_pixels if has_waves else 0) + match_size  # numbers a reference
    row_step = entity_size + num_references * told

    @compiled
    def choose(
        scores, bias, rows, cells, starts, width, waves, pixels, chosen, chosen_waves, places
    ):
        """Turns scores [R, Q] into weights over each image's rows and "none", in place.

        Sets the weighted sums chosen [B, Q, F] of rows [R, F], chosen_waves [B, Q, W] of the waves
        [U, W] of their own pixels (pixels [R, P] is not flat), and places [B, Q, 3] of (column,
        row, 1).
        """
        amounts = np.empty(num_references, np.float32)
        shift = load(bias, 0, num_references)
        for b in range(starts.shape[0] - 1):
            first, last = starts[b], starts[b + 1]
            highest = spread(zero, num_references)  # the score of "none"
            for r in range(first, last):
                score = load(scores, r * num_references, num_references) + shift
                store(scores, r * num_references, score)
                highest += positive(score - highest)
            amount = exponential(spread(zero, num_references) - highest)
            for r in range(first, last):
                score = load(scores, r * num_references, num_references)
                weight = exponential(score - highest)
                store(scores, r * num_references, weight)
                amount += weight
            store(amounts, 0, amount)
            for q in range(num_references):
                at = b * num_references + q
                features = spread(zero, entity_size)
                own_waves = spread(zero, lanes)
                across, down, presence = zero, zero, zero
                inverse = one / amounts[q]
                for r in range(first, last):
                    weight = scores[r * num_references + q] * inverse
                    scores[r * num_references + q] = weight
                    features += load(rows, r * entity_size, entity_size) * weight
                    if has_waves:
                        own_waves += load(waves, pixels[r, middle] * lanes, lanes) * weight
                    across += weight * np.float32(cells[r] % width)
                    down += weight * np.float32(cells[r] // width)
                    presence += weight
                store(chosen, at * entity_size, features)
                if has_waves:
                    store(chosen_waves, at * lanes, own_waves)
                places[at * 3] = across
                places[at * 3 + 1] = down
                places[at * 3 + 2] = presence

    @compiled
    def tell(
        rows, own, own_bias, other, other_bias, cells, starts, width, height, waves, pixels,
        chosen_waves, places, out,
    ):  # fmt: skip
        """Sets out [R, F + Q * (5 + P + M)] to each row with what it is told of the references.

        Adds the biases to own [R, M] and other [B, Q, M] in place. Without waves there is no P.
        """
        shift = load(own_bias, 0, match_size)
        for r in range(starts[-1]):
            store(own, r * match_size, load(own, r * match_size, match_size) + shift)
            store(out, r * row_step, load(rows, r * entity_size, entity_size))
        shift = load(other_bias, 0, match_size)
        inverse_width, inverse_height = one / np.float32(width), one / np.float32(height)
        for b in range(starts.shape[0] - 1):
            for q in range(num_references):
                at = b * num_references + q
                matched = load(other, at * match_size, match_size) + shift
                store(other, at * match_size, matched)
                column, row, presence = places[at * 3], places[at * 3 + 1], places[at * 3 + 2]
                for r in range(starts[b], starts[b + 1]):
                    to = r * row_step + entity_size + q * told
                    across = column - presence * np.float32(cells[r] % width)
                    down = row - presence * np.float32(cells[r] // width)
                    out[to] = across * inverse_width
                    out[to + 1] = down * inverse_height
                    out[to + 2] = min(max(across, -one), one)
                    out[to + 3] = min(max(down, -one), one)
                    out[to + 4] = presence
                    to += 5
                    if has_waves:
                        reference = load(chosen_waves, at * lanes, lanes) * per_wave
                        for p in range(num_pixels):
                            wave = load(waves, pixels[r, p] * lanes, lanes)
                            out[to + p] = total(wave * reference)
                        to += num_pixels
                    store(out, to, load(own, r * match_size, match_size) * matched)

    @compiled
    def tell_backward(
        d_out, own, other, cells, starts, width, height, waves, pixels, places,
        d_rows, d_own, d_other, d_chosen_waves, d_places,
    ):  # fmt: skip
        """Sets the gradients of the inputs of `tell`."""
        inverse_width, inverse_height = one / np.float32(width), one / np.float32(height)
        for r in range(starts[-1]):
            store(d_rows, r * entity_size, load(d_out, r * row_step, entity_size))
            store(d_own, r * match_size, spread(zero, match_size))
        for b in range(starts.shape[0] - 1):
            for q in range(num_references):
                at = b * num_references + q
                matched = load(other, at * match_size, match_size)
                column, row, presence = places[at * 3], places[at * 3 + 1], places[at * 3 + 2]
                d_matched = spread(zero, match_size)
                d_reference = spread(zero, lanes)
                d_column, d_row, d_presence = zero, zero, zero
                for r in range(starts[b], starts[b + 1]):
                    to = r * row_step + entity_size + q * told
                    x = np.float32(cells[r] % width)
                    y = np.float32(cells[r] // width)
                    d_across = d_out[to] * inverse_width
                    d_down = d_out[to + 1] * inverse_height
                    if abs(column - presence * x) <= one:
                        d_across += d_out[to + 2]
                    if abs(row - presence * y) <= one:
                        d_down += d_out[to + 3]
                    d_column += d_across
                    d_row += d_down
                    d_presence += d_out[to + 4] - d_across * x - d_down * y
                    to += 5
                    if has_waves:
                        for p in range(num_pixels):
                            wave = load(waves, pixels[r, p] * lanes, lanes)
                            d_reference += wave * d_out[to + p]
                        to += num_pixels
                    gradient = load(d_out, to, match_size)
                    d_matched += gradient * load(own, r * match_size, match_size)
                    d_before = load(d_own, r * match_size, match_size)
                    store(d_own, r * match_size, d_before + gradient * matched)
                store(d_other, at * match_size, d_matched)
                if has_waves:
                    store(d_chosen_waves, at * lanes, d_reference * per_wave)
                d_places[at * 3] = d_column
                d_places[at * 3 + 1] = d_row
                d_places[at * 3 + 2] = d_presence

    @compiled
    def choose_backward(
        weights, rows, cells, starts, width, waves, pixels, d_chosen, d_chosen_waves, d_places,
        d_scores, d_rows,
    ):  # fmt: skip
        """Sets d_scores [R, Q] and adds to d_rows [R, F]."""
        for b in range(starts.shape[0] - 1):
            first, last = starts[b], starts[b + 1]
            for q in range(num_references):
                at = b * num_references + q
                d_features = load(d_chosen, at * entity_size, entity_size)
                mean = zero
                for r in range(first, last):
                    gradient = d_places[at * 3] * np.float32(cells[r] % width)
                    gradient += d_places[at * 3 + 1] * np.float32(cells[r] // width)
                    gradient += d_places[at * 3 + 2]
                    gradient += total(d_features * load(rows, r * entity_size, entity_size))
                    if has_waves:
                        d_waves = load(d_chosen_waves, at * lanes, lanes)
                        wave = load(waves, pixels[r, middle] * lanes, lanes)
                        gradient += total(d_waves * wave)
                    d_scores[r * num_references + q] = gradient
                    mean += weights[r * num_references + q] * gradient
                for r in range(first, last):
                    weight = weights[r * num_references + q]
                    centred = d_scores[r * num_references + q] - mean
                    d_scores[r * num_references + q] = weight * centred
                    d_row = load(d_rows, r * entity_size, entity_size)
                    store(d_rows, r * entity_size, d_row + d_features * weight)

    return ReferenceKernels(choose, tell, tell_backward, choose_backward)
