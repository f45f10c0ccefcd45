"""The parameters of the packed network, in named fields, and the sizes that decide their shapes.

F features, H heads, D head size, P pixels of a patch, Q references, M match size.
"""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


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
    """The references and the layer that merges their output, or their gradients; float32."""

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
