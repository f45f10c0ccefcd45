"""The references and the layer that merges their output, over packed rows, forward and backward.

The same function as `relational_rl.nn.references.References` and the merge of `EntityEncoder`.
Symbols as in references.py.
"""

from typing import NamedTuple

import numpy as np

from relational_rl.kernels import pointwise
from relational_rl.kernels.parameters import ReferenceParameters, Sizes
from relational_rl.kernels.references import reference_kernels
from relational_rl.kernels.scenes import Scenes
from relational_rl.kernels.stems import PackedStem, StemOutput
from relational_rl.kernels.workspace import Workspace


class _Arrays(NamedTuple):
    """Intermediate values of the references, or their gradients; float32."""

    weights: np.ndarray  # [R, Q], on each row; in the gradients, of the scores
    chosen: np.ndarray  # [B, Q, F]
    chosen_waves: np.ndarray  # [B, Q, W]
    places: np.ndarray  # [B, Q, 3]: column, row, presence
    own: np.ndarray  # [R, M]
    other: np.ndarray  # [B, Q, M]
    told: np.ndarray  # [R, F + Q * (5 + P + M)]


class ReferenceLayer:
    """Computes the references for fixed sizes. It has no state."""

    def __init__(self, sizes: Sizes, stem: PackedStem):
        """Compiles the kernels for the rows and waves that `stem` makes."""
        self._sizes = sizes
        self._num_waves = stem.num_waves
        self._num_pixels = stem.num_pixels
        self._kernels = reference_kernels(
            sizes.entity_size,
            sizes.num_references,
            sizes.match_size,
            stem.num_waves,
            stem.num_pixels,
        )

    def forward(
        self, stem: StemOutput, scenes: Scenes, parameters: ReferenceParameters, array: Workspace
    ) -> np.ndarray:
        """Returns the rows [R, F] after the references, of what the stem made."""
        sizes, arrays, x = self._sizes, self._arrays(scenes, "", array), stem.rows
        weights = np.matmul(x, parameters.score, out=arrays.weights)
        self._kernels.choose(
            weights.reshape(-1),
            parameters.score_bias,
            x.reshape(-1),
            scenes.cells,
            scenes.starts,
            sizes.map_shape[1],
            stem.waves.reshape(-1),
            scenes.pixels,
            arrays.chosen.reshape(-1),
            arrays.chosen_waves.reshape(-1),
            arrays.places.reshape(-1),
        )
        np.matmul(x, parameters.own, out=arrays.own)
        # Flat: NumPy would multiply a stack of matrices one by one.
        size, match = sizes.entity_size, sizes.match_size
        np.matmul(
            arrays.chosen.reshape(-1, size), parameters.other, out=arrays.other.reshape(-1, match)
        )
        self._kernels.tell(
            x.reshape(-1),
            arrays.own.reshape(-1),
            parameters.own_bias,
            arrays.other.reshape(-1),
            parameters.other_bias,
            *self._scene(stem, scenes),
            arrays.chosen_waves.reshape(-1),
            arrays.places.reshape(-1),
            arrays.told.reshape(-1),
        )
        merged = np.matmul(arrays.told, parameters.merge, out=array("merged", *x.shape))
        pointwise.bias_relu(merged, parameters.merge_bias)
        return merged

    def backward(
        self,
        d_merged: np.ndarray,
        stem: StemOutput,
        scenes: Scenes,
        parameters: ReferenceParameters,
        gradients: ReferenceParameters,
        array: Workspace,
    ) -> np.ndarray:
        """Returns the gradient [R, F] of the stem's rows, and sets those of the parameters.

        Overwrites d_merged [R, F].
        """
        x = stem.rows
        arrays, d_arrays = self._arrays(scenes, "", array), self._arrays(scenes, "d_", array)
        pointwise.bias_relu_backward(
            d_merged, array("merged", *d_merged.shape), gradients.merge_bias
        )
        np.matmul(arrays.told.T, d_merged, out=gradients.merge)
        np.matmul(d_merged, parameters.merge.T, out=d_arrays.told)
        d_x = array("d_x", *d_merged.shape)
        self._tell_backward(d_x, stem, scenes, arrays, d_arrays)
        size, match = self._sizes.entity_size, self._sizes.match_size
        d_other = d_arrays.other.reshape(-1, match)
        np.matmul(arrays.chosen.reshape(-1, size).T, d_other, out=gradients.other)
        pointwise.add_column_sums(d_other, gradients.other_bias)
        np.matmul(d_other, parameters.other.T, out=d_arrays.chosen.reshape(-1, size))
        np.matmul(x.T, d_arrays.own, out=gradients.own)
        pointwise.add_column_sums(d_arrays.own, gradients.own_bias)
        product = array("product", *d_x.shape)
        d_x += np.matmul(d_arrays.own, parameters.own.T, out=product)
        self._choose_backward(d_x, stem, scenes, arrays, d_arrays)
        d_scores = d_arrays.weights
        np.matmul(x.T, d_scores, out=gradients.score)
        pointwise.add_column_sums(d_scores, gradients.score_bias)
        d_x += np.matmul(d_scores, parameters.score.T, out=product)
        return d_x

    def _scene(self, stem: StemOutput, scenes: Scenes) -> tuple[np.ndarray | int, ...]:
        """Returns what is told of a scene, as the kernels take it."""
        height, width = self._sizes.map_shape
        return scenes.cells, scenes.starts, width, height, stem.waves.reshape(-1), scenes.pixels

    def _tell_backward(
        self, d_x: np.ndarray, stem: StemOutput, scenes: Scenes, arrays: _Arrays, d_arrays: _Arrays
    ) -> None:
        """Sets d_x [R, F] and the gradients of what was told, from those of `told`."""
        self._kernels.tell_backward(
            d_arrays.told.reshape(-1),
            arrays.own.reshape(-1),
            arrays.other.reshape(-1),
            *self._scene(stem, scenes),
            arrays.places.reshape(-1),
            d_x.reshape(-1),
            d_arrays.own.reshape(-1),
            d_arrays.other.reshape(-1),
            d_arrays.chosen_waves.reshape(-1),
            d_arrays.places.reshape(-1),
        )

    def _choose_backward(
        self, d_x: np.ndarray, stem: StemOutput, scenes: Scenes, arrays: _Arrays, d_arrays: _Arrays
    ) -> None:
        """Sets the gradients of the scores and adds to d_x [R, F], from those of the choice."""
        self._kernels.choose_backward(
            arrays.weights.reshape(-1),
            stem.rows.reshape(-1),
            scenes.cells,
            scenes.starts,
            self._sizes.map_shape[1],
            stem.waves.reshape(-1),
            scenes.pixels,
            d_arrays.chosen.reshape(-1),
            d_arrays.chosen_waves.reshape(-1),
            d_arrays.places.reshape(-1),
            d_arrays.weights.reshape(-1),
            d_x.reshape(-1),
        )

    def _arrays(self, scenes: Scenes, prefix: str, array: Workspace) -> _Arrays:
        """Buffers of the references' values, or with the prefix d_ of their gradients."""
        sizes = self._sizes
        num_rows, num_images = len(scenes.cells), len(scenes.starts) - 1
        count, match, num_waves = sizes.num_references, sizes.match_size, self._num_waves
        told = 5 + match + (self._num_pixels if num_waves else 0)
        return _Arrays(
            weights=array(prefix + "reference_weights", num_rows, count),
            chosen=array(prefix + "chosen_rows", num_images, count, sizes.entity_size),
            chosen_waves=array(prefix + "chosen_waves", num_images, count, num_waves),
            places=array(prefix + "places", num_images, count, 3),
            own=array(prefix + "own", num_rows, match),
            other=array(prefix + "other", num_images, count, match),
            told=array(prefix + "told", num_rows, sizes.entity_size + count * told),
        )
