"""Forward and backward pass of encoder, relational blocks and max pooling over packed rows.

The same function as `EntityEncoder` with a stem of stems.py and optional `References`, followed by
`RelationalModule` and `max_pool` (relational_rl/nn), with gradients by hand. Symbols as in
scenes.py: B images, R rows, P pixels of a patch, U different ones; F features, H heads.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from relational_rl.kernels import block, pointwise
from relational_rl.kernels.attention import attention_kernels, padded
from relational_rl.kernels.block import Relations
from relational_rl.kernels.parameters import Parameters, Sizes
from relational_rl.kernels.reference_layer import ReferenceLayer
from relational_rl.kernels.scenes import Scenes
from relational_rl.kernels.stems import PackedStem, StemOutput
from relational_rl.kernels.workspace import Workspace

# So many different pixels are compared each with each.
_MOST_COMPARED = 512


class Buffers:
    """The memory in which one pass after another is computed."""

    def __init__(self) -> None:
        self.stem = Workspace()
        self.network = Workspace()


class Pass(NamedTuple):
    """A forward pass: its result, and what its backward pass needs.

    It lies in the buffers that it was computed in, and is valid until they are used again.

    Attributes:
      buffers: where everything lies.
      scenes: the entities of the images.
      stem: output of the stem.
      relations: what the blocks share.
      rows: float32 [R, F] each: before every block, and after the last.
      pooled: float32 [B, F].
      chosen: int64 [B, F], the row of each maximum; -1 in a scene without entities.
    """

    buffers: Buffers
    scenes: Scenes
    stem: StemOutput
    relations: Relations
    rows: tuple[np.ndarray, ...]
    pooled: np.ndarray
    chosen: np.ndarray


class PackedNetwork:
    """Computes pooled features of images, and gradients of the parameters.

    It has no state: all that a backward pass needs is in the `Pass` that `forward` returns, so
    different threads may use it at once, each with buffers of its own.
    """

    def __init__(self, sizes: Sizes, stem: PackedStem):
        """Makes the network of a stem and everything after it."""
        self.sizes = sizes
        self._stem = stem
        self._references = ReferenceLayer(sizes, stem) if sizes.num_references else None

    def forward(
        self,
        images: np.ndarray,
        constants: Sequence[np.ndarray],
        parameters: Parameters,
        buffers: Buffers,
    ) -> Pass:
        """Computes the pooled features of images.

        Args:
          images: uint8 [B, H, W, C].
          constants: what the stem needs and nobody learns, see stems.py.
          parameters: all that is learned.
          buffers: to compute in; ends the pass that lies there.
        """
        sizes, array = self.sizes, buffers.network
        scenes = self._stem.pack(images, constants)
        stem = self._stem.forward(images, scenes, constants, parameters.stem, buffers.stem)
        relations = self._relate(scenes, stem, array)
        x = stem.rows
        if self._references is not None:
            x = self._references.forward(stem, scenes, parameters.references[0], array)
        rows = [x]
        for i in range(sizes.num_blocks):
            block_parameters = parameters.blocks[i % len(parameters.blocks)]
            rows.append(block.forward(i, rows[-1], sizes, relations, block_parameters, array))
        pooled = array("pooled", len(images), sizes.entity_size)
        chosen = array("chosen", len(images), sizes.entity_size, dtype=np.int64)
        pointwise.max_pool(rows[-1], scenes.starts, pooled, chosen)
        return Pass(buffers, scenes, stem, relations, tuple(rows), pooled, chosen)

    def backward(self, computed: Pass, parameters: Parameters, d_pooled: np.ndarray) -> Parameters:
        """Returns the gradients of the parameters. It may be called again for the same pass.

        Args:
          computed: the forward pass.
          parameters: those of the forward pass.
          d_pooled: float32 [B, F], gradient of the pooled features.
        """
        sizes, array, scenes = self.sizes, computed.buffers.network, computed.scenes
        gradients = parameters.zeros(sizes)
        d_x = array("d_x", *computed.rows[-1].shape)
        pointwise.max_pool_backward(d_pooled, computed.chosen, d_x)
        for i in reversed(range(sizes.num_blocks)):
            which = i % len(parameters.blocks)
            d_x = block.backward(
                i,
                computed.rows[i],
                d_x,
                sizes,
                computed.relations,
                parameters.blocks[which],
                gradients.blocks[which],
                array,
            )
        if self._references is not None:
            d_x = self._references.backward(
                d_x,
                computed.stem,
                scenes,
                parameters.references[0],
                gradients.references[0],
                array,
            )
        self._stem.backward(
            d_x, scenes, computed.stem, parameters.stem, gradients.stem, computed.buffers.stem
        )
        return gradients

    def _relate(self, scenes: Scenes, stem: StemOutput, array: Workspace) -> Relations:
        """Returns what the blocks need of the scenes."""
        sizes = self.sizes
        # Where every cell is an entity, an image larger than usual has more of them.
        most = max(sizes.max_entities, int(np.diff(scenes.starts).max(initial=0)))
        num_pixels = self._stem.num_pixels if sizes.likeness else 0
        likeness = array("likeness", len(scenes.cells), num_pixels, padded(most))
        if sizes.likeness:
            _compare(stem.waves, scenes, likeness)
        kernels = attention_kernels(sizes.head_size, most)
        return Relations(scenes.starts, kernels, padded(most), likeness)


def _compare(waves: np.ndarray, scenes: Scenes, likeness: np.ndarray) -> None:
    """Sets likeness [R, P, K]: how alike the colours of entities are, by their waves [U, W]."""
    if len(waves) <= _MOST_COMPARED:
        alike = waves @ waves.T * np.float32(2 / waves.shape[1])
        pointwise.compare(alike, scenes.pixels, scenes.starts, likeness)
    else:
        pointwise.compare_waves(waves, scenes.pixels, scenes.starts, likeness)
