"""Agents over units: entities with kinds and places, related to one another, and pointed at.

Ours, after Zambaldi et al. 2018 and the pointer networks of AlphaStar (Vinyals et al. 2019). For
any environment with a set of objects whose columns say what they mean (`observations.units`).

    units                              embedded                      (`UnitEncoder`)
      -> core                          relational, or the control agent's residual layers
      -> pooled units, vector, last action type -> MLP
      -> action type, then its arguments by pointing (`UnitArguments`), and the baseline

T unroll length, B batch, N = T * B, A action types that the agent takes, U units, K arguments.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import (
    MemoryAgent,
    leading_of,
    leading_sizes,
    merge_leading,
    split_leading,
)
from relational_rl.agents.protocol import AttentionMaps, Evaluation, Observations
from relational_rl.math import distributions
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.layers import signed_log
from relational_rl.nn.memory import State
from relational_rl.nn.relational import RelationalOutput
from relational_rl.nn.unit_arguments import UnitArguments
from relational_rl.nn.units import UnitEncoder, Units, pool
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.units import UnitsSpec


class UnitFeatures(NamedTuple):
    """What the heads see, leading dimensions [...].

    Attributes:
      shared: float32 [..., F].
      mask: bool [..., A], which action types are available; None for all.
      keys: float32 [..., U, keys], of the units for pointing; None if none is pointed at.
      pixels: of the units on each picture, int32 [..., U]; see `UnitArguments.pixels`.
    """

    shared: tf.Tensor
    mask: tf.Tensor | None
    keys: tf.Tensor | None
    pixels: tuple[tf.Tensor, ...]


class UnitCore(Protocol):
    """What stands between the units and the heads: the one module in which agents differ."""

    def __call__(self, units: Units) -> RelationalOutput:
        """Maps the units' features [N, U, D] to [N, U, D]."""


class ActionTypes:
    """The action types that an agent takes, by their places among all of them.

    Attributes:
      ids: int32 [A], the environment's numbers of the types.
      arguments: those that any of the types takes, as places among the environment's K.
      takes: bool [A, len(arguments)].
    """

    def __init__(self, spec: EnvironmentSpec, chosen: Sequence[int]):
        """Makes the list; no types chosen means all.

        Raises:
          ValueError: a type is not one of the environment's, or is chosen twice.
        """
        ids = list(chosen or range(spec.num_actions))
        wrong = [each for each in ids if not 0 <= each < spec.num_actions]
        if wrong or len(set(ids)) < len(ids):
            raise ValueError(
                f"action_types must be different numbers in [0, {spec.num_actions}), got {ids}"
            )
        self.ids = np.array(ids, np.int32)
        self._index_of = np.zeros(spec.num_actions, np.int32)
        self._index_of[self.ids] = np.arange(len(ids))
        self.has_arguments = spec.arguments is not None
        table = np.zeros((spec.num_actions, 0), bool)
        if spec.arguments is not None:
            table = spec.arguments.table()
        self.num_arguments = table.shape[1]
        self.arguments = [int(k) for k in np.flatnonzero(table[self.ids].any(axis=0))]
        self.takes = table[self.ids][:, self.arguments]

    def available(self, mask: tf.Tensor) -> tf.Tensor:
        """Returns which of these types are available, bool [N, A], of bool [N, all types]."""
        return tf.gather(mask, self.ids, axis=-1)

    def index(self, types: tf.Tensor) -> tf.Tensor:
        """Returns the places here of the environment's types, int32."""
        return tf.gather(tf.constant(self._index_of), types)

    def actions(self, index: tf.Tensor, values: Sequence[tf.Tensor]) -> tf.Tensor:
        """Returns actions int32 [N] or [N, 1 + K] of the places of types and of values.

        Args:
          index: int32 [N].
          values: for each of `arguments` int32 [N].
        """
        types = tf.gather(tf.constant(self.ids), index)
        if not self.has_arguments:
            return types
        taken = tf.gather(tf.constant(self.takes), index)
        columns = [types] + [tf.zeros_like(types)] * self.num_arguments
        for k, argument in enumerate(self.arguments):
            columns[1 + argument] = tf.where(taken[:, k], values[k], 0)
        return tf.stack(columns, axis=-1)

    def split(self, actions: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Undoes `actions`: the places of types, and the values of each of `arguments`."""
        if not self.has_arguments:
            return self.index(actions), []
        return self.index(actions[:, 0]), [actions[:, 1 + k] for k in self.arguments]


class UnitsAgent(MemoryAgent):
    """Units -> core -> heads; relational and control differ by the core alone."""

    can_compile_heads = False

    def __init__(
        self,
        spec: EnvironmentSpec,
        encoder: UnitEncoder,
        core: UnitCore,
        types: ActionTypes,
        arguments: UnitArguments,
        mlp: Sequence[int],
        type_embedding: int,
        policy_scale: float,
        initializer: Initializer = STANDARD,
    ):
        """Makes an agent of its parts.

        Args:
          spec: of the environment.
          encoder: makes entities of units.
          core: relates them to one another.
          types: action types that the agent takes.
          arguments: logits of their arguments.
          mlp: sizes of the ReLU layers after the pooling.
          type_embedding: numbers that the type of the action before becomes.
          policy_scale: factor on the policy layer's initial weights.
          initializer: of the weights after the core.
        """
        super().__init__(name="units_agent")
        self._memory = None
        self.encoder = encoder
        self.core = core
        self._action_types = types
        self._arguments = arguments
        self._units_name = units_of(spec).name
        hidden = initializer.hidden()
        self._mlp = snt.nets.MLP(mlp, w_init=hidden, activate_final=True, name="mlp")
        self._last_type = None
        if spec.last_action_key is not None:
            table = initializer.embedding(stddev=1.0)
            self._last_type = tf.Variable(
                table([len(types.ids), type_embedding], tf.float32), name="last_type_embeddings"
            )
        self._policy = snt.Linear(
            len(types.ids), w_init=initializer.output(policy_scale), name="policy"
        )
        self._baseline = snt.Linear(1, w_init=initializer.output(), name="baseline")
        self.num_draws = 1 + len(types.arguments)

    @property
    def is_one_choice(self) -> bool:
        """Whether an action is one of A, without arguments."""
        return not self._action_types.has_arguments

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> UnitFeatures:
        """Returns what the heads see, [T, B, ...]."""
        del state, is_first
        leading = leading_of(observations)
        features, _ = self._look(merge_leading(observations), with_attention=False)
        return _map(lambda x: split_leading(x, leading), features)

    def evaluate(self, features: UnitFeatures, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] or [T, B, 1 + K] by features of T + 1 steps.

        The entropy is that of the type and of the candidates pointed at, which is that of the
        action or more: candidates can share a pixel. See `math.composite` for the sampled type.
        """
        leading = leading_sizes(features.shared)
        steps = _map(_merge, features)
        logits = self._type_logits(steps)
        # The last step has no action: any will do, and its numbers are dropped. To drop the step
        # itself would copy all features, forward and backward.
        actions = tf.convert_to_tensor(actions)
        actions = tf.concat([actions, tf.zeros_like(actions[:1])], axis=0)
        index, chosen = self._action_types.split(_merge(actions))
        of_arguments = self._argument_logits(steps, index)
        log_probs = self._log_prob(steps, logits, of_arguments, index, chosen)
        entropies = distributions.entropy(logits)
        taken = tf.gather(tf.constant(self._action_types.takes), index)
        for k, each in enumerate(of_arguments):
            entropies += tf.where(taken[:, k], distributions.entropy(each), 0.0)
        return Evaluation(
            split_leading(log_probs, leading)[:-1],
            split_leading(entropies, leading)[:-1],
            split_leading(self._values(steps), leading),
            split_leading(logits, leading)[:-1],
        )

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the agent: it takes minutes, and is no faster afterwards."""
        return False

    def heads(self, features: UnitFeatures) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps the features of N steps to logits of the types [N, A] and the baseline [N]."""
        return self._type_logits(features), self._values(features)

    def _step_features(
        self, observations: Observations, state: State, with_attention: bool
    ) -> tuple[UnitFeatures, State, AttentionMaps | None]:
        features, attention = self._look(observations, with_attention)
        return features, state, attention

    def _choose(
        self, features: UnitFeatures, logits: tf.Tensor, uniforms: tf.Tensor, greedy: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns actions and their log probabilities; greedy likewise for the candidates."""
        index = distributions.choose(logits, uniforms[:, 0], greedy)
        of_arguments = self._argument_logits(features, index)
        values = [
            self._arguments.values(
                k, distributions.choose(each, uniforms[:, 1 + k], greedy), features.pixels
            )
            for k, each in enumerate(of_arguments)
        ]
        log_probs = self._log_prob(features, logits, of_arguments, index, values)
        return self._action_types.actions(index, values), log_probs

    def _look(
        self, observations: Observations, with_attention: bool
    ) -> tuple[UnitFeatures, AttentionMaps | None]:
        """Encodes and relates the units of N observations."""
        units = self.encoder(observations)
        related = self.core(units)
        mask = units.entities.mask
        parts = [pool(related.features, mask)]
        if "vector" in observations:
            parts.append(signed_log(observations["vector"]))
        if self._last_type is not None:
            last = self._action_types.index(observations["last_action"][:, 0])
            parts.append(tf.gather(self._last_type, last))
        attention = None
        if with_attention:
            attention = AttentionMaps(related.attention_weights, units.entities.cells, mask)
        available = None
        if "mask" in observations:
            available = self._action_types.available(observations["mask"])
        features = UnitFeatures(
            self._mlp(tf.concat(parts, axis=-1)),
            available,
            self._arguments.keys(related.features),
            self._arguments.pixels(observations, self._units_name),
        )
        return features, attention

    def _type_logits(self, features: UnitFeatures) -> tf.Tensor:
        """Returns logits [N, A] of the action types, those that are not available masked."""
        logits = self._policy(features.shared)
        return logits if features.mask is None else distributions.mask_logits(logits, features.mask)

    def _values(self, features: UnitFeatures) -> tf.Tensor:
        """Returns the baseline [N]."""
        return self._baseline(features.shared)[:, 0]

    def _argument_logits(self, features: UnitFeatures, index: tf.Tensor) -> list[tf.Tensor]:
        """Returns the logits of each argument, given the places of types [N]."""
        return self._arguments(features.shared, features.keys, features.pixels, index)

    def _log_prob(
        self,
        features: UnitFeatures,
        logits: tf.Tensor,
        of_arguments: Sequence[tf.Tensor],
        index: tf.Tensor,
        values: Sequence[tf.Tensor],
    ) -> tf.Tensor:
        """Returns the log probability [N] of types and of the values of their arguments."""
        result = distributions.log_prob(logits, index)
        taken = tf.gather(tf.constant(self._action_types.takes), index)
        for k, each in enumerate(of_arguments):
            of_argument = self._arguments.log_prob(k, each, values[k], features.pixels)
            result += tf.where(taken[:, k], of_argument, 0.0)
        return result


def units_of(spec: EnvironmentSpec) -> UnitsSpec:
    """Returns the units among the entries of observations.

    Raises:
      ValueError: there are none.
    """
    for entry in spec.entries:
        if isinstance(entry, UnitsSpec):
            return entry
    raise ValueError(f"the observation must have units, got {spec.kind} observations")


def _merge(x: tf.Tensor) -> tf.Tensor:
    """Merges time and batch: [T, B, ...] becomes [T * B, ...]."""
    return tf.reshape(x, [-1, *x.shape[2:]])


def _map(function: Callable[[tf.Tensor], Any], features: UnitFeatures) -> UnitFeatures:
    """Applies a function to every tensor."""
    return tf.nest.map_structure(lambda x: None if x is None else function(x), features)
