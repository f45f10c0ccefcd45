"""A relational block over packed rows, forward and backward.

The same function as `relational_rl.nn.relational.RelationalBlock`. R rows, F features, H heads,
D head size, P pixels of a patch, K columns of a padded row of weights.
"""

from typing import NamedTuple

import numpy as np

from relational_rl.kernels import pointwise
from relational_rl.kernels.attention import AttentionKernels
from relational_rl.kernels.parameters import BlockParameters, Sizes
from relational_rl.kernels.workspace import Workspace


class Relations(NamedTuple):
    """What all blocks of one forward pass share.

    Attributes:
      starts: int64 [B + 1], see scenes.py.
      kernels: attention for these scenes.
      columns: K.
      likeness: float32 [R, P, K]; [R, 0, K] if heads do not attend by likeness.
    """

    starts: np.ndarray
    kernels: AttentionKernels
    columns: int
    likeness: np.ndarray


class _BlockArrays(NamedTuple):
    """What a block's forward pass keeps for its backward pass; float32."""

    attended: np.ndarray  # [R, H * D]
    qkv_normal: np.ndarray  # flat [R, 3, H, D]
    qkv_deviations: np.ndarray  # flat [R, 3, H]
    weights: np.ndarray  # flat, at most [R, H, K]
    hidden: np.ndarray  # [R, F]
    normal: np.ndarray  # [R, F]
    deviations: np.ndarray  # [R]


def _arrays(
    array: Workspace, i: int, num_rows: int, sizes: Sizes, relations: Relations
) -> _BlockArrays:
    """Returns the buffers of block number `i`."""
    heads, size = sizes.num_heads, sizes.head_size
    return _BlockArrays(
        attended=array(f"attended_{i}", num_rows, heads * size),
        qkv_normal=array(f"qkv_normal_{i}", num_rows * 3 * heads * size),
        qkv_deviations=array(f"qkv_deviations_{i}", num_rows * 3 * heads),
        weights=array(f"weights_{i}", num_rows * heads * relations.columns),
        hidden=array(f"hidden_{i}", num_rows, sizes.entity_size),
        normal=array(f"normal_{i}", num_rows, sizes.entity_size),
        deviations=array(f"deviations_{i}", num_rows),
    )


def forward(
    i: int,
    x: np.ndarray,
    sizes: Sizes,
    relations: Relations,
    parameters: BlockParameters,
    array: Workspace,
) -> np.ndarray:
    """Returns the rows [R, F] after block number `i`, of the rows x [R, F] before it."""
    kept = _arrays(array, i, len(x), sizes, relations)
    qkv = np.matmul(x, parameters.qkv, out=array("qkv", len(x), parameters.qkv.shape[1]))
    relations.kernels.forward(
        qkv.reshape(-1),
        parameters.qkv_scale.reshape(-1),
        parameters.qkv_offset.reshape(-1),
        relations.starts,
        kept.qkv_normal,
        kept.qkv_deviations,
        kept.weights,
        kept.attended.reshape(-1),
        relations.likeness.reshape(-1),
        parameters.likeness_scale,
    )
    hidden = np.matmul(kept.attended, parameters.hidden, out=kept.hidden)
    pointwise.bias_relu(hidden, parameters.hidden_bias)
    update = np.matmul(hidden, parameters.update, out=array("product", *hidden.shape))
    out = array(f"block_{i}", *x.shape)
    pointwise.residual_norm(
        x,
        update,
        parameters.update_bias,
        parameters.norm_scale,
        parameters.norm_offset,
        kept.normal,
        kept.deviations,
        out,
    )
    return out


def backward(
    i: int,
    x: np.ndarray,
    d_out: np.ndarray,
    sizes: Sizes,
    relations: Relations,
    parameters: BlockParameters,
    gradients: BlockParameters,
    array: Workspace,
) -> np.ndarray:
    """Returns d_x [R, F] of d_out [R, F], and adds to the gradients of the parameters.

    Takes what `forward` took and keeps all of it, so that it may be called again.
    """
    kept = _arrays(array, i, len(x), sizes, relations)
    d_sum = array("d_sum", *x.shape)
    pointwise.residual_norm_backward(
        d_out,
        kept.normal,
        kept.deviations,
        parameters.norm_scale,
        d_sum,
        gradients.update_bias,
        gradients.norm_scale,
        gradients.norm_offset,
    )
    gradients.update[...] += kept.hidden.T @ d_sum
    d_hidden = np.matmul(d_sum, parameters.update.T, out=array("product", *x.shape))
    pointwise.bias_relu_backward(d_hidden, kept.hidden, gradients.hidden_bias)
    gradients.hidden[...] += kept.attended.T @ d_hidden
    d_attended = np.matmul(
        d_hidden, parameters.hidden.T, out=array("d_attended", *kept.attended.shape)
    )
    d_qkv = array("qkv", len(x), parameters.qkv.shape[1])
    relations.kernels.backward(
        d_attended.reshape(-1),
        relations.starts,
        parameters.qkv_scale.reshape(-1),
        parameters.qkv_offset.reshape(-1),
        kept.qkv_normal,
        kept.qkv_deviations,
        kept.weights,
        d_qkv.reshape(-1),
        gradients.qkv_scale.reshape(-1),
        gradients.qkv_offset.reshape(-1),
        relations.likeness.reshape(-1),
        gradients.likeness_scale,
    )
    gradients.qkv[...] += x.T @ d_qkv
    d_x = np.matmul(d_qkv, parameters.qkv.T, out=array("d_x", *x.shape))
    d_x += d_sum
    return d_x
