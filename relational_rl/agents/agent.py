"""The agent of "Relational Deep Reinforcement Learning": its interface and its forward pass.

T unroll length, B batch, A actions, N entities, H heads.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import sonnet as snt
import tensorflow as tf

from relational_rl import distributions
from relational_rl.modules.encoders import EntityEncoder
from relational_rl.modules.entities import Entities, max_pool
from relational_rl.modules.relational import RelationalOutput
from relational_rl.packed.features import PackedFeatures

Observations = Mapping[str, tf.Tensor]
State = Any


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
      actions: int32 [B].
      policy_logits: float32 [B, A], of the policy that chose them.
      baseline: float32 [B].
      attention: attention maps where asked for, else None.
    """

    actions: tf.Tensor
    policy_logits: tf.Tensor
    baseline: tf.Tensor
    attention: AttentionMaps | None = None


class Core(Protocol):
    """What stands between the entities and the pooling: the one module in which agents differ.

    Attributes:
      compiles_well: whether XLA makes it faster.
    """

    compiles_well: bool

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Maps entity features [B, N, F] to [B, N, F]."""


class Agent(snt.Module):
    """Encoder of entities -> core -> max pool -> MLP -> policy logits and baseline.

    Zambaldi et al. 2018, section 2 and figure 2. The agent has no memory; its state is ().
    """

    def __init__(
        self,
        encoder: EntityEncoder,
        core: Core,
        mlp: tuple[int, ...],
        num_actions: int,
        policy_scale: float,
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
          name: name of the module.
        """
        super().__init__(name=name)
        self.encoder = encoder
        self.core = core
        self._mlp = snt.nets.MLP(mlp, activate_final=True)
        initializer = snt.initializers.VarianceScaling(policy_scale**2)
        self._policy = snt.Linear(num_actions, w_init=initializer, name="policy")
        self._baseline = snt.Linear(1, name="baseline")
        self._packed: PackedFeatures | None = None

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before the first step of `batch_size` episodes: ()."""
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
        """Chooses an action for each of B observations.

        Args:
          observations: {"image": [B, ...], ...} in the form of `EnvironmentSpec.select`.
          state: what the step before returned.
          seed: int32 [2], makes the sampled actions a function of the arguments.
          greedy: whether to take the most probable action instead of sampling.
          with_attention: whether to return the attention maps.
        """
        features, attention = self.features(observations, with_attention)
        logits, baseline = self.heads(features)
        actions = distributions.mode(logits) if greedy else distributions.sample(logits, seed)
        return StepOutput(actions, logits, baseline, attention), state

    def unroll(
        self, observations: Observations, state: State, with_attention: bool = False
    ) -> tuple[AgentOutput, State]:
        """Evaluates the network on time-major observations {"image": [T, B, ...], ...}.

        Returns:
          policy_logits [T, B, A] and baseline [T, B], and the state after the last step.
        """
        features, attention = self.unroll_features(observations, with_attention)
        return AgentOutput(*self.heads(features), attention), state

    def unroll_features(
        self, observations: Observations, with_attention: bool = False
    ) -> tuple[tf.Tensor, AttentionMaps | None]:
        """Returns the features float32 [T, B, F] of observations {"image": [T, B, ...], ...}."""
        flat = {
            key: tf.reshape(value, tf.concat([[-1], tf.shape(value)[2:]], axis=0))
            for key, value in observations.items()
        }
        features, attention = self.features(flat, with_attention)
        leading = observations["image"].shape[:2]
        shape = tf.concat([tf.shape(observations["image"])[:2], [features.shape[-1]]], axis=0)
        features = tf.ensure_shape(tf.reshape(features, shape), [*leading, features.shape[-1]])
        return features, attention

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
        flat = tf.reshape(features, [-1, features.shape[-1]])
        hidden = self._mlp(flat)
        leading = tf.shape(features)[:-1]
        logits = self._policy(hidden)
        logits = tf.reshape(logits, tf.concat([leading, [logits.shape[-1]]], axis=0))
        baseline = tf.reshape(self._baseline(hidden), leading)
        logits = tf.ensure_shape(logits, [*features.shape[:-1], logits.shape[-1]])
        return logits, tf.ensure_shape(baseline, features.shape[:-1])

    def use_packed(self) -> None:
        """Computes the features over packed rows from now on (see relational_rl.packed).

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

    def num_parameters(self) -> int:
        """Returns how many numbers are learned (after the first call)."""
        return int(sum(np.prod(variable.shape) for variable in self.trainable_variables))


@snt.allow_empty_variables
class RandomAgent(snt.Module):
    """Every action equally likely: the first control of any experiment."""

    def __init__(self, num_actions: int, name: str = "random_agent"):
        """Makes the agent for A actions."""
        super().__init__(name=name)
        self._num_actions = num_actions

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
        logits = tf.zeros([batch, self._num_actions])
        actions = distributions.sample(logits, seed)
        return StepOutput(actions, logits, tf.zeros([batch])), state

    def unroll(
        self, observations: Observations, state: State, with_attention: bool = False
    ) -> tuple[AgentOutput, State]:
        """Returns uniform logits [T, B, A] and a baseline of zeros [T, B]."""
        del with_attention
        leading = tf.shape(observations["image"])[:2]
        logits = tf.zeros(tf.concat([leading, [self._num_actions]], axis=0))
        return AgentOutput(logits, tf.zeros(leading)), state

    def num_parameters(self) -> int:
        """Returns 0."""
        return 0

    @property
    def can_compile(self) -> bool:
        """Whether XLA can compile the whole agent."""
        return True
