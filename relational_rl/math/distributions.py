"""Categorical distributions given by logits, as pure TensorFlow functions.

Symbols: A is the number of actions; `logits` are float `[..., A]` unnormalised log
probabilities, `actions` are integers `[...]` in `[0, A)`. The leading dimensions (time T,
batch B, both or none) are carried through. Everything compiles under XLA. Every function raises
ValueError where a shape or a dtype is not the one it asks for.

Unavailable actions are masked with `mask_logits`. Its finite floor stands in for minus
infinity: the probability is exactly zero, while log probabilities, entropies, divergences
and all their gradients stay finite.
"""

from relational_rl._quiet import tf

# Far below any real logit, so that its exponential underflows to an exact zero, yet small
# enough that sums and differences of it stay finite in float32.
MASKED_LOGIT = -1e9


def check_shape(
    name: str, value: tf.Tensor, shape: tuple[int | None, ...] | tf.TensorShape
) -> None:
    """Checks the statically known shape of a tensor; None stands for any size.

    Args:
      name: What to call the tensor in the error.
      value: The tensor.
      shape: The shape it must have.

    Raises:
      ValueError: If the shape cannot be that one.
    """
    expected = tf.TensorShape(shape)
    if not value.shape.is_compatible_with(expected):
        raise ValueError(f"{name} must have shape {_text(expected)}, got {_text(value.shape)}")


def check_float(name: str, value: tf.Tensor) -> None:
    """Checks that a tensor is float32.

    Raises:
      ValueError: If it has another dtype.
    """
    if value.dtype != tf.float32:
        raise ValueError(f"{name} must be float32, got {value.dtype.name}")


def log_prob(logits: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
    """Returns the log probability of each action.

    Args:
      logits: float32 `[..., A]`.
      actions: int32 or int64 `[...]`.

    Returns:
      float32 `[...]`.
    """
    logits = _check_logits("logits", logits)
    actions = _checked("actions", actions, (tf.int32, tf.int64), logits.shape[:-1])
    # A one-hot product in place of a gather: its gradient is a product too, not a scatter.
    # A comparison in place of tf.one_hot, because where() also keeps 0 * -inf out.
    chosen = tf.range(logits.shape[-1], dtype=actions.dtype) == actions[..., tf.newaxis]
    log_probs = tf.nn.log_softmax(logits)  # [..., A]
    return tf.reduce_sum(tf.where(chosen, log_probs, tf.zeros_like(log_probs)), axis=-1)


def entropy(logits: tf.Tensor) -> tf.Tensor:
    """Returns the entropy in nats.

    Args:
      logits: float32 `[..., A]`.

    Returns:
      float32 `[...]`, in `[0, log A]`.
    """
    logits = _check_logits("logits", logits)
    log_probs = tf.nn.log_softmax(logits)  # [..., A]
    return -tf.reduce_sum(tf.exp(log_probs) * log_probs, axis=-1)


def kl(p_logits: tf.Tensor, q_logits: tf.Tensor) -> tf.Tensor:
    """Returns the Kullback-Leibler divergence KL(p || q) in nats.

    Args:
      p_logits: float32 `[..., A]`.
      q_logits: float32 `[..., A]`.

    Returns:
      float32 `[...]`, zero where the two are the same distribution.
    """
    p_logits = _check_logits("p_logits", p_logits)
    q_logits = _check_logits("q_logits", q_logits)
    check_shape("q_logits", q_logits, p_logits.shape)
    log_p = tf.nn.log_softmax(p_logits)  # [..., A]
    log_q = tf.nn.log_softmax(q_logits)  # [..., A]
    return tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1)


def mode(logits: tf.Tensor) -> tf.Tensor:
    """Returns the most probable action, the lowest one of equals.

    Args:
      logits: float32 `[..., A]`.

    Returns:
      int32 `[...]`.
    """
    return tf.argmax(_check_logits("logits", logits), axis=-1, output_type=tf.int32)


def sample(logits: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
    """Draws one action of each distribution, by inverting its cumulative distribution.

    The draw of a row depends on its logits and its uniform number alone: not on the other rows,
    nor on any random state.

    Args:
      logits: float32 `[..., A]`.
      uniforms: float64 `[...]` in [0, 1).

    Returns:
      int32 `[...]`.
    """
    logits = _check_logits("logits", logits)
    uniforms = _checked("uniforms", uniforms, (tf.float64,), logits.shape[:-1])
    exact = tf.cast(logits, tf.float64)
    # Masked actions get exp(-1e9), which is exactly 0, and no uniform number falls on them.
    weights = tf.exp(exact - tf.reduce_max(exact, axis=-1, keepdims=True))
    cumulative = tf.cumsum(weights, axis=-1)
    threshold = uniforms[..., tf.newaxis] * cumulative[..., -1:]
    passed = cumulative[..., :-1] <= threshold
    return tf.reduce_sum(tf.cast(passed, tf.int32), axis=-1)


def choose(logits: tf.Tensor, uniforms: tf.Tensor, greedy: bool = False) -> tf.Tensor:
    """Returns `mode(logits)` if `greedy`, else `sample(logits, uniforms)`, int32 `[...]`."""
    return mode(logits) if greedy else sample(logits, uniforms)


def mask_logits(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Gives unavailable actions a probability of exactly zero.

    No gradient reaches the logits of unavailable actions. Where no action at all is
    available the result is uniform over all of them.

    Args:
      logits: float32 `[..., A]`.
      mask: bool `[..., A]`, True where the action is available.

    Returns:
      float32 `[..., A]`.
    """
    logits = _check_logits("logits", logits)
    mask = _checked("mask", mask, (tf.bool,), logits.shape)
    return tf.where(mask, logits, tf.constant(MASKED_LOGIT, logits.dtype))


def _check_logits(name: str, logits: tf.Tensor) -> tf.Tensor:
    logits = tf.convert_to_tensor(logits)
    check_float(name, logits)
    if logits.shape.rank is None or logits.shape.rank < 1 or not logits.shape[-1]:
        raise ValueError(f"{name} must have shape [..., A] with A >= 1, got {_text(logits.shape)}")
    return logits


def _checked(
    name: str, value: tf.Tensor, dtypes: tuple[tf.DType, ...], shape: tf.TensorShape
) -> tf.Tensor:
    """Returns the value as a tensor of one of the dtypes and of the shape."""
    value = tf.convert_to_tensor(value)
    if value.dtype not in dtypes:
        wanted = " or ".join(dtype.name for dtype in dtypes)
        raise ValueError(f"{name} must be {wanted}, got {value.dtype.name}")
    check_shape(name, value, shape)
    return value


def _text(shape: tf.TensorShape) -> str:
    return "unknown" if shape.rank is None else str(shape.as_list())
