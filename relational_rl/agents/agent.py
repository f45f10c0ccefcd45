"""The agent of "Relational Deep Reinforcement Learning": its interface and its forward pass.

T unroll length, B batch, A actions, N entities, H heads.
"""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.kernels.features import PackedFeatures
from relational_rl.math import composite, distributions
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.entities import Entities, max_pool
from relational_rl.nn.memory import Memory, State
from relational_rl.nn.relational import RelationalOutput
from relational_rl.observations.spec import ArgumentSpec

Observations = Mapping[str, tf.Tensor]


class AttentionMaps(NamedTuple):
    """Who attended to whom.

    Attributes:
      weights: one tensor a block, float32 [B, H, N, N]: from entity (row) to entity (column).
      cells: int32 [B, N], the cell of each entity, row * map width + column.
      mask: bool [B, N], False for padding.
    """

    weights: tuple[tf.Tensor, ...]
    cells: tf.Tensor
    mask: tf.Tensor


class AgentOutput(NamedTuple):
    """What the network says of observations with leading dimensions [...].

    Attributes:
      policy_logits: float32 [..., A].
      baseline: float32 [...], the value of the observation.
      attention: attention maps where asked for (the leading dimensions flattened), else None.
    """

    policy_logits: tf.Tensor
    baseline: tf.Tensor
    attention: AttentionMaps | None = None


class StepOutput(NamedTuple):
    """One step of acting.

    Attributes:
      actions: int32 [B]; [B, 1 + K] for actions with K arguments.
      policy_logits: float32 [B, A], of the policy that chose them.
      baseline: float32 [B].
      attention: attention maps where asked for, else None.
      log_probs: float32 [B], log probability of each action where the logits do not tell it
        (actions with arguments), else None.
    """

    actions: tf.Tensor
    policy_logits: tf.Tensor
    baseline: tf.Tensor
    attention: AttentionMaps | None = None
    log_probs: tf.Tensor | None = None


class Evaluation(NamedTuple):
    """What the present policy says of T steps that were taken, for the learner.

    Attributes:
      log_probs: float32 [T, B], of the actions taken.
      entropies: float32 [T, B], of the policy.
      values: float32 [T + 1, B], the baseline; the last one is the bootstrap.
      policy_logits: float32 [T, B, A].
    """

    log_probs: tf.Tensor
    entropies: tf.Tensor
    values: tf.Tensor
    policy_logits: tf.Tensor


def evaluate_choices(
    policy_logits: tf.Tensor, baseline: tf.Tensor, actions: tf.Tensor
) -> Evaluation:
    """Evaluates actions that are one choice each.

    Args:
      policy_logits: float32 [T + 1, B, A].
      baseline: float32 [T + 1, B].
      actions: int32 [T, B].
    """
    logits = policy_logits[:-1]
    return Evaluation(
        distributions.log_prob(logits, actions), distributions.entropy(logits), baseline, logits
    )


class Core(Protocol):
    """What stands between the entities and the pooling: the one module in which agents differ.

    Attributes:
      compiles_well: whether XLA makes it faster.
    """

    compiles_well: bool

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Maps entity features [B, N, F] to [B, N, F]."""


class LearningAgent(snt.Module):
    """What agents that learn share: a memory, if there is one, and how they look at many steps."""

    _memory: Memory | None

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before the first step of `batch_size` episodes: () without memory."""
        return () if self._memory is None else self._memory.initial_state(batch_size)

    def unroll(
        self,
        observations: Observations,
        state: State,
        is_first: tf.Tensor | None = None,
        with_attention: bool = False,
    ) -> tuple[AgentOutput, State]:
        """Evaluates the network on time-major observations {"image": [T, B, ...], ...}.

        Args:
          observations: of T steps.
          state: before the first of them.
          is_first: bool [T, B], where an episode starts, so that the state is reset; None for
            nowhere.
          with_attention: whether to return the attention maps.

        Returns:
          policy_logits [T, B, A] (of the action types, where actions have arguments) and baseline
          [T, B], and the state after the last step.
        """
        features, attention, state = self.unroll_features(
            observations, state, is_first, with_attention
        )
        return AgentOutput(*self.heads(features), attention), state

    @abc.abstractmethod
    def unroll_features(
        self,
        observations: Observations,
        state: State,
        is_first: tf.Tensor | None = None,
        with_attention: bool = False,
    ) -> tuple[Any, AttentionMaps | None, State]:
        """Returns the features [T, B, ...] that the heads see; otherwise like `unroll`."""

    @abc.abstractmethod
    def heads(self, features: Any) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [T, B, ...] to policy logits [T, B, A] and baseline [T, B]."""

    def num_parameters(self) -> int:
        """Returns how many numbers are learned (after the first call)."""
        return int(sum(np.prod(variable.shape) for variable in self.trainable_variables))

    def _remember(
        self, x: tf.Tensor, leading: Sequence[Any], state: State, is_first: tf.Tensor | None
    ) -> tuple[tf.Tensor, State]:
        """Sends x [T * B, ...] through the memory, if there is one; `leading` is T, B."""
        if self._memory is None:
            return x, state
        is_first = tf.zeros(leading, tf.bool) if is_first is None else is_first
        x, state = self._memory.unroll(split_leading(x, leading), state, is_first)
        return tf.reshape(x, [-1, *x.shape[2:]]), state


class Agent(LearningAgent):
    """Encoder of entities -> core -> max pool -> (memory) -> MLP -> policy logits and baseline.

    Zambaldi et al. 2018, section 2 and figure 2. The published agent has no memory: its state is
    ().
    """

    def __init__(
        self,
        encoder: EntityEncoder,
        core: Core,
        mlp: tuple[int, ...],
        num_actions: int,
        policy_scale: float,
        memory: Memory | None = None,
        name: str = "agent",
    ):
        """Makes an agent of its parts.

        Args:
          encoder: makes entities of observations.
          core: relates them to one another.
          mlp: sizes of the ReLU layers after the pooling.
          num_actions: A.
          policy_scale: factor on the policy layer's initial weights; small values start near the
            uniform policy.
          memory: recurrent core between the pooled features and the MLP; None for none.
          name: name of the module.
        """
        super().__init__(name=name)
        self.encoder = encoder
        self.core = core
        self._memory = memory
        self._mlp = snt.nets.MLP(mlp, activate_final=True)
        initializer = snt.initializers.VarianceScaling(policy_scale**2)
        self._policy = snt.Linear(num_actions, w_init=initializer, name="policy")
        self._baseline = snt.Linear(1, name="baseline")
        self._packed: PackedFeatures | None = None

    def step(
        self,
        observations: Observations,
        state: State,
        seed: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[StepOutput, State]:
        """Chooses an action for each of B observations.

        Args:
          observations: {"image": [B, ...], ...} in the form of `EnvironmentSpec.select`.
          state: what the step before returned; where an episode starts, the initial state.
          seed: int32 [2], makes the sampled actions a function of the arguments.
          greedy: whether to take the most probable action instead of sampling.
          with_attention: whether to return the attention maps.
        """
        features, attention = self.features(observations, with_attention)
        if self._memory is not None:
            features, state = self._memory.step(features, state)
        logits, baseline = self.heads(features)
        actions = distributions.mode(logits) if greedy else distributions.sample(logits, seed)
        return StepOutput(actions, logits, baseline, attention), state

    def unroll_features(
        self,
        observations: Observations,
        state: State,
        is_first: tf.Tensor | None = None,
        with_attention: bool = False,
    ) -> tuple[tf.Tensor, AttentionMaps | None, State]:
        """Returns the features float32 [T, B, F] that the heads see; otherwise like `unroll`."""
        leading = leading_sizes(observations["image"])
        features, attention = self.features(merge_leading(observations), with_attention)
        features, state = self._remember(features, leading, state, is_first)
        return split_leading(features, leading), attention, state

    def evaluate(self, features: tf.Tensor, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] by the features [T + 1, B, F] of `unroll_features`."""
        return evaluate_choices(*self.heads(features), actions)

    def features(
        self, observations: Observations, with_attention: bool = False
    ) -> tuple[tf.Tensor, AttentionMaps | None]:
        """Returns the pooled features of B observations, float32 [B, F], and attention maps."""
        attention = None
        if self._packed is not None and not with_attention:
            pooled = self._packed(observations["image"])
        else:
            entities = self.encoder(observations["image"])
            related = self.core(entities)
            pooled = max_pool(entities._replace(features=related.features))
            if with_attention:
                mask = entities.mask
                if mask is None:
                    mask = tf.ones_like(entities.cells, tf.bool)
                attention = AttentionMaps(related.attention_weights, entities.cells, mask)
        if "vector" in observations:
            pooled = tf.concat([pooled, observations["vector"]], axis=-1)
        return pooled, attention

    def heads(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [..., F] to policy logits [..., A] and baseline [...]."""
        leading = leading_sizes(features, features.shape.rank - 1)
        hidden = self._mlp(tf.reshape(features, [-1, features.shape[-1]]))
        logits, baseline = self._policy(hidden), self._baseline(hidden)[:, 0]
        return split_leading(logits, leading), split_leading(baseline, leading)

    def use_packed(self) -> None:
        """Computes the features over packed rows from now on (see relational_rl.kernels).

        Raises:
          ValueError: this agent cannot be computed so; the message says why.
        """
        self._packed = PackedFeatures(self.encoder, self.core)

    def limit_threads(self, count: int) -> None:
        """Computes packed features in at most `count` threads; TensorFlow's are not touched."""
        if self._packed is not None:
            self._packed.limit_threads(count)

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the whole agent: not packed features, nor a core's veto."""
        return self._packed is None and self.core.compiles_well

    @property
    def can_compile_heads(self) -> bool:
        """Whether XLA can compile what comes after the features."""
        return True


def merge_leading(observations: Observations) -> dict[str, tf.Tensor]:
    """Merges time and batch: [T, B, ...] becomes [T * B, ...]."""
    return {key: tf.reshape(value, [-1, *value.shape[2:]]) for key, value in observations.items()}


def leading_sizes(x: tf.Tensor, count: int = 2) -> list[Any]:
    """Returns the first `count` dimensions, as numbers where they are known."""
    return [size if size is not None else tf.shape(x)[i] for i, size in enumerate(x.shape[:count])]


def split_leading(x: tf.Tensor, leading: Sequence[Any]) -> tf.Tensor:
    """Splits the first dimension into several: [T * B, ...] becomes [T, B, ...]."""
    return tf.reshape(x, [*leading, *x.shape[1:]])


@snt.allow_empty_variables
class RandomAgent(snt.Module):
    """Every available action equally likely, and every value of its arguments.

    The first control of any experiment.
    """

    def __init__(
        self,
        num_actions: int,
        arguments: ArgumentSpec | None = None,
        name: str = "random_agent",
    ):
        """Makes the agent for A actions, with arguments if there are any."""
        super().__init__(name=name)
        self._num_actions = num_actions
        self._arguments = arguments

    def initial_state(self, batch_size: int) -> State:
        """Returns ()."""
        del batch_size
        return ()

    def step(
        self,
        observations: Observations,
        state: State,
        seed: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[StepOutput, State]:
        """Samples uniformly; a greedy random policy is still random. It attends to nothing."""
        del greedy, with_attention
        batch = tf.shape(observations["image"])[0]
        logits = self._logits(observations, [batch])
        types, baseline = distributions.sample(logits, seed), tf.zeros([batch])
        if self._arguments is None:
            return StepOutput(types, logits, baseline), state
        takes = tf.constant(self._arguments.table())
        argument_logits = [tf.zeros([batch, size]) for size in self._arguments.sizes]
        actions = composite.choose_arguments(argument_logits, takes, types, seed)
        log_probs = composite.log_prob(logits, argument_logits, takes, actions)
        return StepOutput(actions, logits, baseline, log_probs=log_probs), state

    def unroll(
        self,
        observations: Observations,
        state: State,
        is_first: tf.Tensor | None = None,
        with_attention: bool = False,
    ) -> tuple[AgentOutput, State]:
        """Returns uniform logits [T, B, A] and a baseline of zeros [T, B]."""
        del is_first, with_attention
        leading = tf.shape(observations["image"])[:2]
        return AgentOutput(self._logits(observations, leading), tf.zeros(leading)), state

    def _logits(self, observations: Observations, leading: Any) -> tf.Tensor:
        logits = tf.zeros(tf.concat([leading, [self._num_actions]], axis=0))
        logits = tf.ensure_shape(logits, [*[None] * (logits.shape.rank - 1), self._num_actions])
        if "mask" not in observations:
            return logits
        return distributions.mask_logits(logits, observations["mask"])

    def num_parameters(self) -> int:
        """Returns 0."""
        return 0

    @property
    def can_compile(self) -> bool:
        """Whether XLA can compile the whole agent."""
        return True

    @property
    def can_compile_heads(self) -> bool:
        """Whether XLA can compile what comes after the features."""
        return True
