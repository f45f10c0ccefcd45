"""Multi-head dot-product attention (Zambaldi et al. 2018, section 2; Vaswani et al. 2017).

B batch, N entities, F features, H heads, D head size.
"""

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.checks import check_positive
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.points import point

# Added to the logits of entities that are only padding; exp() of it is exactly 0 in float32.
_MASKED = -1e9


class MultiHeadAttention(snt.Module):
    """Every entity asks every entity: softmax(Q K^T / sqrt(D)) V in each of H heads.

    Queries, keys and values are linear projections of the entities, each followed by a layer
    norm (the paper's order). The paper does not say over what the norm goes: here over the D
    features of one head, so that heads do not scale one another.
    """

    def __init__(self, num_heads: int, head_size: int, initializer: Initializer = STANDARD):
        """Makes the module.

        Args:
          num_heads: H, at least 1.
          head_size: D, at least 1.
          initializer: of the weights.

        Raises:
          ValueError: a size is not positive.
        """
        super().__init__()
        check_positive(num_heads=num_heads, head_size=head_size)
        self.num_heads = num_heads
        self.head_size = head_size
        # One product for the three projections.
        self._project = snt.Linear(
            3 * num_heads * head_size,
            with_bias=False,
            w_init=initializer.hidden(parts=3),
            name="qkv",
        )
        self._norm_scale = tf.Variable(tf.ones([3, num_heads, head_size]), name="qkv_norm_scale")
        self._norm_offset = tf.Variable(tf.zeros([3, num_heads, head_size]), name="qkv_norm_offset")

    def __call__(
        self,
        entities: tf.Tensor,
        mask: tf.Tensor | None = None,
        bias: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Attends.

        Args:
          entities: float32 [B, N, F].
          mask: bool [B, N], False for padding that nothing may attend to; None for none.
          bias: float32 [B, H, N, N], added to the logits before the softmax; None for none.

        Returns:
          values: float32 [B, N, H * D], the heads side by side.
          weights: float32 [B, H, N, N]; weights[b, h, i, j] is how much entity i attends to
            entity j, and every row sums to 1.

        Raises:
          ValueError: `entities` has not rank 3, or `mask` is not [B, N].
        """
        if entities.shape.rank != 3:
            raise ValueError(f"entities must have rank 3 [B, N, F], got shape {entities.shape}")
        if mask is not None and not mask.shape.is_compatible_with(entities.shape[:2]):
            raise ValueError(f"mask must be [B, N] = {entities.shape[:2]}, got shape {mask.shape}")
        batch, num_entities = tf.shape(entities)[0], entities.shape[1]
        heads, size = self.num_heads, self.head_size
        qkv = self._project(tf.reshape(entities, [-1, entities.shape[2]]))  # [B * N, 3 * H * D]
        qkv = normalize(tf.reshape(qkv, [-1, 3, heads, size]))
        qkv = qkv * self._norm_scale + self._norm_offset
        qkv = tf.reshape(qkv, [batch, num_entities, 3, heads, size])
        query, key, value = tf.unstack(qkv, axis=2)  # [B, N, H, D] each
        logits = point("product", tf.einsum("bnhd,bmhd->bhnm", query, key) * size**-0.5)
        if bias is not None:
            logits += point("bias", bias)
        if mask is not None:
            logits += tf.where(mask, 0.0, _MASKED)[:, tf.newaxis, tf.newaxis, :]
        weights = point("weights", tf.nn.softmax(point("logits", logits)))
        values = point("values", tf.einsum("bhnm,bmhd->bnhd", weights, value))
        return tf.reshape(values, [batch, num_entities, heads * size]), weights

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables: projection, scale and offset of its norm."""
        return [self._project.w, self._norm_scale, self._norm_offset]


def normalize(x: tf.Tensor, epsilon: float = 1e-5) -> tf.Tensor:
    """Returns `x` with mean 0 and deviation 1 over its last axis (Ba et al. 2016)."""
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
    return centred * tf.math.rsqrt(variance + epsilon)
