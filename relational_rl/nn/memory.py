"""Recurrent cores whose state starts anew with every episode.

T unroll length, B batch. An unroll of a vector environment runs over the ends of episodes; where
an episode starts within it, the state must be the first state again, in acting and in learning
alike, or the two would not compute the same policy.
"""

from typing import Any

import sonnet as snt

from relational_rl._quiet import tf

State = Any


def first_steps(weights: tf.Tensor) -> tf.Tensor:
    """Tells where episodes start, from the steps that only reset.

    The step that resets an environment is no transition and has weight 0 (see `rollout.py`); the
    observation after it is the first of an episode. Whether the very first one is does not
    matter: the state that goes with it was reset by whoever acted.

    Args:
      weights: float32 [T, B], 0 for steps that only reset.

    Returns:
      bool [T + 1, B].
    """
    return tf.concat([tf.zeros_like(weights[:1], tf.bool), tf.equal(weights, 0.0)], axis=0)


def reset_state(state: State, first_state: State, is_first: tf.Tensor) -> State:
    """Puts the rows of a state whose episode starts back to the first state.

    Args:
      state: tensors [B, ...] in any nest.
      first_state: of the same form.
      is_first: bool [B].
    """

    def rows(now: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
        now = tf.convert_to_tensor(now)
        mask = tf.reshape(is_first, [-1] + [1] * (now.shape.rank - 1))
        return tf.where(mask, first, now)

    return tf.nest.map_structure(rows, state, first_state)


class Memory(snt.Module):
    """A Sonnet core (LSTM, convolutional LSTM, ...) stepped or unrolled over episodes."""

    def __init__(self, core: snt.RNNCore, shortcut: bool = False):
        """Makes the memory of a core.

        Args:
          core: takes [B, ..., C] and gives [B, ..., D].
          shortcut: whether the inputs also go past the core: outputs are then [..., C + D], the
            inputs first. What is seen now need not find its way through the gates, which at first
            let little of it pass.
        """
        super().__init__()
        self._core = core
        self._shortcut = shortcut
        self._resetting = _Resetting(core)

    def initial_state(self, batch_size: int | tf.Tensor) -> State:
        """Returns the state at the start of `batch_size` episodes, float32 [B, ...] each."""
        return self._core.initial_state(batch_size)

    def step(self, inputs: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """Maps inputs [B, ...] and the state before them to outputs [B, ...] and the next state."""
        outputs, state = self._core(inputs, state)
        return self._beside(inputs, outputs), state

    def unroll(
        self, inputs: tf.Tensor, state: State, is_first: tf.Tensor
    ) -> tuple[tf.Tensor, State]:
        """Steps T times.

        Args:
          inputs: float32 [T, B, ...].
          state: before the first step.
          is_first: bool [T, B], where an episode starts; the state is reset before that step.

        Returns:
          Outputs float32 [T, B, ...], and the state after the last step.
        """
        outputs, state = snt.dynamic_unroll(self._resetting, (inputs, is_first), state)
        return self._beside(inputs, outputs), state

    def _beside(self, inputs: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        return tf.concat([inputs, outputs], axis=-1) if self._shortcut else outputs


class _Resetting(snt.RNNCore):
    """A core that takes (inputs, is_first) and resets its state first. Has no variables itself."""

    def __init__(self, core: snt.RNNCore):
        super().__init__(name="resetting")
        self._core = core

    def __call__(
        self, inputs: tuple[tf.Tensor, tf.Tensor], prev_state: State
    ) -> tuple[tf.Tensor, State]:
        """Steps once."""
        values, is_first = inputs
        first_state = self._core.initial_state(tf.shape(values)[0])
        return self._core(values, reset_state(prev_state, first_state, is_first))

    def initial_state(self, batch_size: int | tf.Tensor, **kwargs: Any) -> State:
        """Returns the core's."""
        return self._core.initial_state(batch_size, **kwargs)
