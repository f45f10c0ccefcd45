"""Distributions over actions with arguments, as pure TensorFlow functions.

An action is a type a and, given it, values of those of K arguments that this type takes:

    pi(a, v_1, ..., v_K) = pi(a) * product over k taken by a of pi_k(v_k | a)

so, exactly, with H for entropies in nats,

    log pi(a, v) = log pi(a) + sum over k taken by a of log pi_k(v_k | a)
    H = H(a) + sum over a of pi(a) * H(arguments | a)
    H(arguments | a) = sum over k taken by a of H(pi_k(. | a))

Symbols: A action types, K arguments, S_k values of argument k. `type_logits` are float32
`[..., A]`; `argument_logits` are K tensors float32 `[..., S_k]`, each given the action type at
hand; `takes` is bool `[A, K]`; `actions` are int32 `[..., 1 + K]`, the type first. Arguments that
the type does not take are ignored.

The sum over all types in H asks for the argument logits of every type. `entropy` does that sum,
and suits a few types. `sampled_entropy` takes H(arguments | a) of the one type that was drawn:

    its value has H as its mean where the types are drawn from pi,
    its gradient is that of H without the term sum over a of grad pi(a) * H(arguments | a), which
    would reward a type for the mere room that its arguments have (a rectangle on a 32x32 screen:
    14 nats, a type without arguments: none). The published agents leave it out as well.
"""

from collections.abc import Sequence

from relational_rl._quiet import tf
from relational_rl.math import distributions


def log_prob(
    type_logits: tf.Tensor,
    argument_logits: Sequence[tf.Tensor],
    takes: tf.Tensor,
    actions: tf.Tensor,
) -> tf.Tensor:
    """Returns the log probability of each action.

    Args:
      type_logits: float32 `[..., A]`.
      argument_logits: K times float32 `[..., S_k]`, given the types of `actions`.
      takes: bool `[A, K]`.
      actions: int32 `[..., 1 + K]`.

    Returns:
      float32 `[...]`.

    Raises:
      ValueError: If a shape or a dtype is wrong.
    """
    types, taken = _split(argument_logits, takes, actions)
    result = distributions.log_prob(type_logits, types)
    for k, logits in enumerate(argument_logits):
        of_argument = distributions.log_prob(logits, actions[..., 1 + k])
        result += tf.where(taken[..., k], of_argument, 0.0)
    return result


def argument_entropy(
    argument_logits: Sequence[tf.Tensor], takes: tf.Tensor, types: tf.Tensor
) -> tf.Tensor:
    """Returns H(arguments | a).

    Args:
      argument_logits: K times float32 `[..., S_k]`, given `types`.
      takes: bool `[A, K]`.
      types: int32 `[...]`, a.

    Returns:
      float32 `[...]`.
    """
    taken = tf.gather(takes, types)
    result = tf.zeros(tf.shape(types))
    for k, logits in enumerate(argument_logits):
        result += tf.where(taken[..., k], distributions.entropy(logits), 0.0)
    return result


def sampled_entropy(
    type_logits: tf.Tensor,
    argument_logits: Sequence[tf.Tensor],
    takes: tf.Tensor,
    types: tf.Tensor,
) -> tf.Tensor:
    """Returns H(a) + H(arguments | a) of the given types; see the module for what it estimates.

    Args:
      type_logits: float32 `[..., A]`.
      argument_logits: K times float32 `[..., S_k]`, given `types`.
      takes: bool `[A, K]`.
      types: int32 `[...]`.

    Returns:
      float32 `[...]`.
    """
    of_types = distributions.entropy(type_logits)
    return of_types + argument_entropy(argument_logits, takes, types)


def entropy(type_logits: tf.Tensor, argument_entropies: tf.Tensor) -> tf.Tensor:
    """Returns H, exactly.

    Args:
      type_logits: float32 `[..., A]`.
      argument_entropies: float32 `[..., A]`, H(arguments | a) of every type.

    Returns:
      float32 `[...]`.

    Raises:
      ValueError: If the shapes differ.
    """
    distributions.check_shape("argument_entropies", argument_entropies, type_logits.shape)
    of_arguments = tf.reduce_sum(tf.nn.softmax(type_logits) * argument_entropies, axis=-1)
    return distributions.entropy(type_logits) + of_arguments


def choose_arguments(
    argument_logits: Sequence[tf.Tensor],
    takes: tf.Tensor,
    types: tf.Tensor,
    uniforms: tf.Tensor,
    greedy: bool = False,
) -> tf.Tensor:
    """Draws arguments for action types.

    Args:
      argument_logits: K times float32 `[..., S_k]`, given `types`.
      takes: bool `[A, K]`.
      types: int32 `[...]`.
      uniforms: float64 `[..., K]` in [0, 1), one for each argument.
      greedy: whether to take the most probable values instead.

    Returns:
      int32 `[..., 1 + K]`, the actions; 0 for arguments that are not taken.
    """
    taken = tf.gather(takes, types)
    chosen = [types]
    for k, logits in enumerate(argument_logits):
        values = distributions.choose(logits, uniforms[..., k], greedy)
        chosen.append(tf.where(taken[..., k], values, 0))
    return tf.stack(chosen, axis=-1)


def _split(
    argument_logits: Sequence[tf.Tensor], takes: tf.Tensor, actions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the types int32 `[...]` of actions and bool `[..., K]` which arguments they take."""
    actions = tf.convert_to_tensor(actions)
    count = len(argument_logits)
    if actions.shape.rank is None or actions.shape[-1] != 1 + count:
        raise ValueError(
            f"actions must have shape [..., 1 + K] for K={count} arguments, "
            f"got {actions.shape.as_list()}"
        )
    types = actions[..., 0]
    return types, tf.gather(takes, types)
