"""Forward and backward pass of encoder, relational blocks and max pooling over packed rows.

The same function as `EntityEncoder` with a stem of stems.py and optional `References`, followed by
`RelationalModule` and `max_pool` (relational_rl/nn), with gradients by hand. Symbols as in
scenes.py and kernels.py: B images, R rows, P pixels of a patch, U different ones, F features,
H heads, D head size, Q references, M match size.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from relational_rl.kernels import pointwise
from relational_rl.kernels.attention import attention_kernels, padded
from relational_rl.kernels.references import reference_kernels
from relational_rl.kernels.scenes import Scenes
from relational_rl.kernels.stems import PackedStem
from relational_rl.kernels.workspace import Workspace


@dataclasses.dataclass(frozen=True)
class Sizes:
    """What decides the shapes and the amount of computation."""

    map_shape: tuple[int, int]
    max_entities: int
    num_stem_arrays: int
    entity_size: int
    num_references: int
    match_size: int
    likeness: bool
    num_blocks: int
    num_heads: int
    head_size: int


class BlockParameters(NamedTuple):
    """A relational block, or the gradients of one; float32."""

    qkv: np.ndarray  # [F, 3 * H * D]
    qkv_scale: np.ndarray  # [3, H, D]
    qkv_offset: np.ndarray  # [3, H, D]
    hidden: np.ndarray  # [H * D, F]
    hidden_bias: np.ndarray  # [F]
    update: np.ndarray  # [F, F]
    update_bias: np.ndarray  # [F]
    norm_scale: np.ndarray  # [F]
    norm_offset: np.ndarray  # [F]
    likeness_scale: np.ndarray  # [H, P]; [1, 0] if heads do not attend by likeness


class ReferenceParameters(NamedTuple):
    """The references and the layer that merges what they tell, or their gradients; float32."""

    score: np.ndarray  # [F, Q]
    score_bias: np.ndarray  # [Q]
    own: np.ndarray  # [F, M]
    own_bias: np.ndarray  # [M]
    other: np.ndarray  # [F, M]
    other_bias: np.ndarray  # [M]
    merge: np.ndarray  # [F + Q * (5 + P + M), F]
    merge_bias: np.ndarray  # [F]


class Parameters(NamedTuple):
    """All parameters of the network, or their gradients; float32."""

    stem: tuple[np.ndarray, ...]  # see stems.py
    references: tuple[ReferenceParameters, ...]  # one or none
    blocks: tuple[BlockParameters, ...]  # one if shared, else one a block

    def flat(self) -> list[np.ndarray]:
        """Returns the arrays in a fixed order, without those that are empty."""
        nested = [array for part in (*self.references, *self.blocks) for array in part]
        return [array for array in (*self.stem, *nested) if array.size]

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray], sizes: Sizes) -> "Parameters":
        """Builds parameters from arrays in the order of `flat`."""
        rest = list(arrays[sizes.num_stem_arrays :])
        references: tuple[ReferenceParameters, ...] = ()
        if sizes.num_references:
            count = len(ReferenceParameters._fields)
            references = (ReferenceParameters(*rest[:count]),)
            rest = rest[count:]
        last = [] if sizes.likeness else [np.zeros((1, 0), np.float32)]
        count = len(BlockParameters._fields) - len(last)
        blocks = [BlockParameters(*rest[i : i + count], *last) for i in range(0, len(rest), count)]
        return cls(tuple(arrays[: sizes.num_stem_arrays]), references, tuple(blocks))

    def zeros(self, sizes: Sizes) -> "Parameters":
        """Returns zeros of the same shapes, to add gradients to."""
        return Parameters.of([np.zeros_like(array) for array in self.flat()], sizes)


# So many different pixels are compared each with each.
_MOST_COMPARED = 512


class _ReferenceArrays(NamedTuple):
    """Intermediate values of the references, or their gradients; float32."""

    weights: np.ndarray  # [R, Q], on each row; in the gradients, of the scores
    chosen: np.ndarray  # [B, Q, F]
    chosen_waves: np.ndarray  # [B, Q, W]
    places: np.ndarray  # [B, Q, 3]: column, row, presence
    own: np.ndarray  # [R, M]
    other: np.ndarray  # [B, Q, M]
    told: np.ndarray  # [R, F + Q * (5 + P + M)]


class PackedNetwork:
    """Computes pooled features of images and, after that, gradients of the parameters.

    Not for use by two threads at once: it keeps what the forward pass computed.
    """

    def __init__(self, sizes: Sizes, stem: PackedStem):
        """Makes the network.

        Args:
          sizes: of everything.
          stem: for this network alone.
        """
        self.sizes = sizes
        self._stem = stem
        self._references = reference_kernels(
            sizes.entity_size,
            sizes.num_references,
            sizes.match_size,
            stem.num_waves,
            stem.num_pixels,
        )
        self._array = Workspace()

    def pack(self, images: np.ndarray, background: np.ndarray) -> Scenes:
        """Finds the entities of images [B, H, W, C], on a background [H, W, C]."""
        return self._stem.pack(images, background)

    def forward(self, scenes: Scenes, parameters: Parameters) -> np.ndarray:
        """Returns the pooled features [B, F], which the next call overwrites."""
        sizes, array = self.sizes, self._array
        num_images = len(scenes.starts) - 1
        x = self._embedded = self._stem.forward(scenes, parameters.stem)
        if parameters.references:
            x = self._tell(x, scenes, parameters.references[0])
        self._inputs = [x]
        num_pixels = self._stem.num_pixels if sizes.likeness else 0
        # Where every cell is an entity, an image larger than usual has more of them.
        most = max(sizes.max_entities, int(np.diff(scenes.starts).max(initial=0)))
        self._attention = attention_kernels(sizes.head_size, most)
        self._columns = padded(most)
        self._likeness = array("likeness", len(scenes.cells), num_pixels, self._columns)
        if sizes.likeness:
            self._compare(scenes)
        for i in range(sizes.num_blocks):
            x = self._block(i, x, scenes, parameters.blocks[i % len(parameters.blocks)])
            self._inputs.append(x)
        pooled = array("pooled", num_images, sizes.entity_size)
        chosen = array("chosen", num_images, sizes.entity_size, dtype=np.int64)
        pointwise.max_pool(x, scenes.starts, pooled, chosen)
        return pooled

    def backward(self, scenes: Scenes, parameters: Parameters, d_pooled: np.ndarray) -> Parameters:
        """Returns the gradients of the parameters after `forward` of the same arguments.

        Args:
          scenes: as given to `forward`.
          parameters: as given to `forward`.
          d_pooled: float32 [B, F], gradient of the pooled features.
        """
        sizes, array = self.sizes, self._array
        shape = (len(scenes.cells), sizes.entity_size)
        gradients = parameters.zeros(sizes)
        d_x = array("d_x", *shape)
        chosen = array("chosen", len(d_pooled), sizes.entity_size, dtype=np.int64)
        pointwise.max_pool_backward(d_pooled, chosen, d_x)
        for i in reversed(range(sizes.num_blocks)):
            which = i % len(parameters.blocks)
            d_x = self._block_backward(
                i, d_x, scenes, parameters.blocks[which], gradients.blocks[which]
            )
        if parameters.references:
            d_x = self._tell_backward(
                d_x, scenes, parameters.references[0], gradients.references[0]
            )
        self._stem.backward(d_x, scenes, parameters.stem, gradients.stem)
        return gradients

    def _compare(self, scenes: Scenes) -> None:
        """Fills in how alike the colours of entities are."""
        waves, places = self._stem.waves, (scenes.pixels, scenes.starts, self._likeness)
        if len(waves) <= _MOST_COMPARED:
            pointwise.compare(waves @ waves.T * np.float32(2 / waves.shape[1]), *places)
        else:
            pointwise.compare_waves(waves, *places)

    # The references.

    def _tell(self, x: np.ndarray, scenes: Scenes, parameters: ReferenceParameters) -> np.ndarray:
        sizes, array = self.sizes, self._array
        arrays = self._reference_arrays(scenes, "")
        height, width = sizes.map_shape
        weights = np.matmul(x, parameters.score, out=arrays.weights)
        self._references.choose(
            weights.reshape(-1),
            parameters.score_bias,
            x.reshape(-1),
            scenes.cells,
            scenes.starts,
            width,
            self._stem.waves.reshape(-1),
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
        self._references.tell(
            x.reshape(-1),
            arrays.own.reshape(-1),
            parameters.own_bias,
            arrays.other.reshape(-1),
            parameters.other_bias,
            scenes.cells,
            scenes.starts,
            width,
            height,
            self._stem.waves.reshape(-1),
            scenes.pixels,
            arrays.chosen_waves.reshape(-1),
            arrays.places.reshape(-1),
            arrays.told.reshape(-1),
        )
        merged = np.matmul(arrays.told, parameters.merge, out=array("merged", *x.shape))
        pointwise.bias_relu(merged, parameters.merge_bias)
        return merged

    def _tell_backward(
        self,
        d_merged: np.ndarray,
        scenes: Scenes,
        parameters: ReferenceParameters,
        gradients: ReferenceParameters,
    ) -> np.ndarray:
        sizes, array = self.sizes, self._array
        size, match = sizes.entity_size, sizes.match_size
        arrays, d_arrays = self._reference_arrays(scenes, ""), self._reference_arrays(scenes, "d_")
        height, width = sizes.map_shape
        x = self._embedded
        pointwise.bias_relu_backward(
            d_merged, array("merged", *d_merged.shape), gradients.merge_bias
        )
        np.matmul(arrays.told.T, d_merged, out=gradients.merge)
        np.matmul(d_merged, parameters.merge.T, out=d_arrays.told)
        d_x = array("d_x", *d_merged.shape)
        self._references.tell_backward(
            d_arrays.told.reshape(-1),
            arrays.own.reshape(-1),
            arrays.other.reshape(-1),
            scenes.cells,
            scenes.starts,
            width,
            height,
            self._stem.waves.reshape(-1),
            scenes.pixels,
            arrays.places.reshape(-1),
            d_x.reshape(-1),
            d_arrays.own.reshape(-1),
            d_arrays.other.reshape(-1),
            d_arrays.chosen_waves.reshape(-1),
            d_arrays.places.reshape(-1),
        )
        d_other = d_arrays.other.reshape(-1, match)
        np.matmul(arrays.chosen.reshape(-1, size).T, d_other, out=gradients.other)
        pointwise.add_column_sums(d_other, gradients.other_bias)
        np.matmul(d_other, parameters.other.T, out=d_arrays.chosen.reshape(-1, size))
        np.matmul(x.T, d_arrays.own, out=gradients.own)
        pointwise.add_column_sums(d_arrays.own, gradients.own_bias)
        product = array("product", *d_x.shape)
        d_x += np.matmul(d_arrays.own, parameters.own.T, out=product)
        self._references.choose_backward(
            arrays.weights.reshape(-1),
            x.reshape(-1),
            scenes.cells,
            scenes.starts,
            width,
            self._stem.waves.reshape(-1),
            scenes.pixels,
            d_arrays.chosen.reshape(-1),
            d_arrays.chosen_waves.reshape(-1),
            d_arrays.places.reshape(-1),
            d_arrays.weights.reshape(-1),
            d_x.reshape(-1),
        )
        d_scores = d_arrays.weights
        np.matmul(x.T, d_scores, out=gradients.score)
        pointwise.add_column_sums(d_scores, gradients.score_bias)
        d_x += np.matmul(d_scores, parameters.score.T, out=product)
        return d_x

    def _reference_arrays(self, scenes: Scenes, prefix: str) -> "_ReferenceArrays":
        """Workspace of the references' values, or with the prefix d_ of their gradients."""
        sizes, array = self.sizes, self._array
        num_rows, num_images = len(scenes.cells), len(scenes.starts) - 1
        count, match, num_waves = sizes.num_references, sizes.match_size, self._stem.num_waves
        told = 5 + match + (self._stem.num_pixels if num_waves else 0)
        return _ReferenceArrays(
            weights=array(prefix + "reference_weights", num_rows, count),
            chosen=array(prefix + "chosen_rows", num_images, count, sizes.entity_size),
            chosen_waves=array(prefix + "chosen_waves", num_images, count, num_waves),
            places=array(prefix + "places", num_images, count, 3),
            own=array(prefix + "own", num_rows, match),
            other=array(prefix + "other", num_images, count, match),
            told=array(prefix + "told", num_rows, sizes.entity_size + count * told),
        )

    # The blocks.

    def _block(
        self, i: int, x: np.ndarray, scenes: Scenes, parameters: BlockParameters
    ) -> np.ndarray:
        sizes, array = self.sizes, self._array
        num_rows, total = len(x), sizes.num_heads * sizes.head_size
        qkv = np.matmul(x, parameters.qkv, out=array("qkv", num_rows, 3 * total))
        attended = array(f"attended_{i}", num_rows, total)
        self._attention.forward(
            qkv.reshape(-1),
            parameters.qkv_scale.reshape(-1),
            parameters.qkv_offset.reshape(-1),
            scenes.starts,
            array(f"qkv_normal_{i}", num_rows * 3 * total),
            array(f"qkv_deviations_{i}", num_rows * 3 * sizes.num_heads),
            array(f"weights_{i}", num_rows * sizes.num_heads * self._columns),
            attended.reshape(-1),
            self._likeness.reshape(-1),
            parameters.likeness_scale,
        )
        hidden = np.matmul(
            attended, parameters.hidden, out=array(f"hidden_{i}", num_rows, sizes.entity_size)
        )
        pointwise.bias_relu(hidden, parameters.hidden_bias)
        update = np.matmul(hidden, parameters.update, out=array("product", *hidden.shape))
        out = array(f"block_{i}", *x.shape)
        pointwise.residual_norm(
            x,
            update,
            parameters.update_bias,
            parameters.norm_scale,
            parameters.norm_offset,
            array(f"normal_{i}", *x.shape),
            array(f"deviations_{i}", num_rows),
            out,
        )
        return out

    def _block_backward(
        self,
        i: int,
        d_out: np.ndarray,
        scenes: Scenes,
        parameters: BlockParameters,
        gradients: BlockParameters,
    ) -> np.ndarray:
        sizes, array = self.sizes, self._array
        num_rows, total = len(d_out), sizes.num_heads * sizes.head_size
        x, hidden = self._inputs[i], array(f"hidden_{i}", num_rows, sizes.entity_size)
        attended = array(f"attended_{i}", num_rows, total)
        d_sum = array("d_sum", *x.shape)
        pointwise.residual_norm_backward(
            d_out,
            array(f"normal_{i}", *x.shape),
            array(f"deviations_{i}", num_rows),
            parameters.norm_scale,
            d_sum,
            gradients.update_bias,
            gradients.norm_scale,
            gradients.norm_offset,
        )
        gradients.update[...] += hidden.T @ d_sum
        d_hidden = np.matmul(d_sum, parameters.update.T, out=array("product", *hidden.shape))
        pointwise.bias_relu_backward(d_hidden, hidden, gradients.hidden_bias)
        gradients.hidden[...] += attended.T @ d_hidden
        d_attended = np.matmul(
            d_hidden, parameters.hidden.T, out=array("d_attended", *attended.shape)
        )
        d_qkv = array("qkv", num_rows, 3 * total)
        self._attention.backward(
            d_attended.reshape(-1),
            scenes.starts,
            parameters.qkv_scale.reshape(-1),
            parameters.qkv_offset.reshape(-1),
            array(f"qkv_normal_{i}", num_rows * 3 * total),
            array(f"qkv_deviations_{i}", num_rows * 3 * sizes.num_heads),
            array(f"weights_{i}", num_rows * sizes.num_heads * self._columns),
            d_qkv.reshape(-1),
            gradients.qkv_scale.reshape(-1),
            gradients.qkv_offset.reshape(-1),
            self._likeness.reshape(-1),
            gradients.likeness_scale,
        )
        gradients.qkv[...] += x.T @ d_qkv
        d_x = array("d_x", *x.shape)
        np.matmul(d_qkv, parameters.qkv.T, out=d_x)
        d_x += d_sum
        return d_x
