"""Categorical distributions given by logits, as pure TensorFlow functions.

Symbols: A is the number of actions; `logits` are float `[..., A]` unnormalised log
probabilities, `actions` are integers `[...]` in `[0, A)`. The leading dimensions (time T,
batch B, both or none) are carried through. Everything compiles under XLA.

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

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    logits = _check_logits("logits", logits)
    actions = tf.convert_to_tensor(actions)
    if actions.dtype not in (tf.int32, tf.int64):
        raise ValueError(f"actions must be int32 or int64, got {actions.dtype.name}")
    check_shape("actions", actions, logits.shape[:-1])
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

    Raises:
      ValueError: If the shape or the dtype is wrong.
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

    Raises:
      ValueError: If a shape or a dtype is wrong.
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

    Raises:
      ValueError: If the shape or the dtype is wrong.
    """
    return tf.argmax(_check_logits("logits", logits), axis=-1, output_type=tf.int32)


def sample(logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draws one action of each distribution, by the Gumbel-max trick.

    The same logits and seed give the same actions, and no global random state is touched.
    Compiled by XLA a seed gives other actions than uncompiled, because TensorFlow's two
    kernels deal out the same random stream in a different order.

    Args:
      logits: float32 `[..., A]`.
      seed: int32 or int64 `[2]`.

    Returns:
      int32 `[...]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    logits = _check_logits("logits", logits)
    seed = tf.convert_to_tensor(seed)
    check_shape("seed", seed, (2,))
    if seed.dtype not in (tf.int32, tf.int64):
        raise ValueError(f"seed must be int32 or int64, got {seed.dtype.name}")
    # Philox by name: the default picks an algorithm by device.
    # The smallest normal number as lower end: the logarithm of zero is no number to add.
    uniform = tf.random.stateless_uniform(
        tf.shape(logits), seed, minval=1.1754944e-38, maxval=1.0, alg="philox"
    )
    return mode(logits - tf.math.log(-tf.math.log(uniform)))


def mask_logits(logits: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Gives unavailable actions a probability of exactly zero.

    No gradient reaches the logits of unavailable actions. Where no action at all is
    available the result is uniform over all of them.

    Args:
      logits: float32 `[..., A]`.
      mask: bool `[..., A]`, True where the action is available.

    Returns:
      float32 `[..., A]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    logits = _check_logits("logits", logits)
    mask = tf.convert_to_tensor(mask)
    if mask.dtype != tf.bool:
        raise ValueError(f"mask must be bool, got {mask.dtype.name}")
    check_shape("mask", mask, logits.shape)
    return tf.where(mask, logits, tf.constant(MASKED_LOGIT, logits.dtype))


def _check_logits(name: str, logits: tf.Tensor) -> tf.Tensor:
    logits = tf.convert_to_tensor(logits)
    check_float(name, logits)
    if logits.shape.rank is None or logits.shape.rank < 1 or not logits.shape[-1]:
        raise ValueError(f"{name} must have shape [..., A] with A >= 1, got {_text(logits.shape)}")
    return logits


def _text(shape: tf.TensorShape) -> str:
    return "unknown" if shape.rank is None else str(shape.as_list())
