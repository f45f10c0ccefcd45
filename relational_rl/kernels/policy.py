"""Acting over packed rows without TensorFlow: what an actor needs of an agent, and no more.

B batch, A actions, F features.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import ThreadpoolController

from relational_rl.kernels.network import Buffers, PackedNetwork
from relational_rl.kernels.parameters import Parameters, Sizes
from relational_rl.kernels.stems import PackedStem

Layer = tuple[int, int]
"""Where the weights and the bias of a layer are among an agent's variables."""


class PolicyForm(NamedTuple):
    """An agent without its numbers: sizes, and where each array is among its variables.

    It can be pickled, and read where there is no TensorFlow.

    Attributes:
      sizes: of the network up to the pooling.
      stem: packed.
      constants: what the stem reads and nobody learns.
      network: what is learned, in the order of `Parameters.flat`.
      layers: of ReLU units after the pooling.
      policy: the layer of A logits.
      baseline: the layer of the value.
      append_vector: whether the observation's vector joins the pooled features.
    """

    sizes: Sizes
    stem: PackedStem
    constants: tuple[int, ...]
    network: tuple[int, ...]
    layers: tuple[Layer, ...]
    policy: Layer
    baseline: Layer
    append_vector: bool


class Choice(NamedTuple):
    """One step of acting; the same as `agents.protocol.ActOutput`, of NumPy arrays."""

    actions: np.ndarray  # int32 [B]
    log_probs: np.ndarray  # float32 [B]
    policy_logits: np.ndarray  # float32 [B, A]
    baseline: np.ndarray  # float32 [B]
    attention: None = None


class PackedPolicy:
    """Acts like the agent of a form, in one thread; `set_parameters` comes first."""

    num_draws = 1

    def __init__(self, form: PolicyForm):
        """Makes the policy of an agent's form."""
        self._form = form
        self._network = PackedNetwork(form.sizes, form.stem)
        self._buffers = Buffers()
        self._arrays: list[np.ndarray] = []
        ThreadpoolController().limit(limits=1, user_api="blas")

    def set_parameters(self, parameters: Sequence[np.ndarray]) -> None:
        """Takes over an agent's variables, in the order of `agent.variables`; copies them."""
        self._arrays = [np.array(value) for value in parameters]
        self._parameters = Parameters.of(self._at(self._form.network), self._form.sizes)
        self._constants = self._at(self._form.constants)

    def limit_threads(self, count: int) -> None:
        """Does nothing: it computes in one thread."""

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Returns (): there is no memory."""
        del batch_size
        return ()

    def act(
        self,
        observations: Mapping[str, np.ndarray],
        state: Any,
        uniforms: np.ndarray,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[Choice, Any]:
        """Chooses actions; arguments and results as for `Agent.act`.

        Raises:
          ValueError: attention is asked for.
        """
        if with_attention:
            raise ValueError("with_attention must be False for a packed policy, got True")
        with np.errstate(over="ignore", invalid="ignore"):  # weights that diverge
            x = self._network.forward(
                observations["image"], self._constants, self._parameters, self._buffers
            ).pooled
            if self._form.append_vector:
                x = np.concatenate([x, observations["vector"]], axis=-1)
            for layer in self._form.layers:
                x = np.maximum(self._linear(x, layer), 0.0)
            logits = self._linear(x, self._form.policy)
            baseline = self._linear(x, self._form.baseline)[:, 0]
            actions = _mode(logits) if greedy else _sample(logits, uniforms[:, 0])
            log_probs = _log_prob(logits, actions)
        return Choice(actions, log_probs, logits, baseline), state

    def restart(self, state: Any, started: np.ndarray) -> Any:
        """Returns the state: there is nothing to restart."""
        del started
        return state

    def arrays(self, state: Any) -> Any:
        """Returns a state as NumPy arrays."""
        return state

    def _at(self, places: Sequence[int]) -> list[np.ndarray]:
        return [self._arrays[place] for place in places]

    def _linear(self, x: np.ndarray, layer: Layer) -> np.ndarray:
        return x @ self._arrays[layer[0]] + self._arrays[layer[1]]


def _mode(logits: np.ndarray) -> np.ndarray:
    return logits.argmax(axis=-1).astype(np.int32)


def _sample(logits: np.ndarray, uniforms: np.ndarray) -> np.ndarray:
    """Inverts the cumulative distribution, as `math.distributions.sample` does."""
    exact = logits.astype(np.float64)
    cumulative = np.exp(exact - exact.max(axis=-1, keepdims=True)).cumsum(axis=-1)
    passed = cumulative[:, :-1] <= uniforms[:, np.newaxis] * cumulative[:, -1:]
    return passed.sum(axis=-1, dtype=np.int32)


def _log_prob(logits: np.ndarray, actions: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(shifted, actions[:, np.newaxis], axis=-1)[:, 0]
    return chosen - np.log(np.exp(shifted).sum(axis=-1))
