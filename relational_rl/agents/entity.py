"""The agent of section 2 of the paper: entities, relations, pooling, policy and baseline.

T unroll length, B batch, A actions, N entities, F features.
"""

from collections.abc import Sequence

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import (
    MemoryAgent,
    leading_of,
    leading_sizes,
    merge_leading,
    split_leading,
)
from relational_rl.agents.protocol import AttentionMaps, Core, ObservationEncoder, Observations
from relational_rl.kernels.features import PackedFeatures
from relational_rl.nn.entities import max_pool
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.memory import Memory, State
from relational_rl.stopwatch import Stopwatch


class EntityAgent(MemoryAgent):
    """Encoder of entities -> core -> max pool -> (memory) -> MLP -> policy logits and baseline.

    Zambaldi et al. 2018, section 2 and figure 2. The published agent has no memory: its state is
    ().
    """

    num_draws = 1

    def __init__(
        self,
        encoder: ObservationEncoder,
        core: Core,
        mlp: Sequence[int],
        num_actions: int,
        policy_scale: float,
        memory: Memory | None = None,
        append_vector: bool = False,
        initializer: Initializer = STANDARD,
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
          append_vector: whether the observation's vector joins the pooled features.
          initializer: of the weights after the pooling.
          name: name of the module.
        """
        super().__init__(name=name)
        self.encoder = encoder
        self.core = core
        self._memory = memory
        self._append_vector = append_vector
        self._mlp = snt.nets.MLP(mlp, w_init=initializer.hidden(), activate_final=True)
        self._policy = snt.Linear(
            num_actions, w_init=initializer.output(policy_scale), name="policy"
        )
        self._baseline = snt.Linear(1, w_init=initializer.output(), name="baseline")
        self._packed: PackedFeatures | None = None

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Returns the features float32 [T, B, F] that the heads see."""
        leading = leading_of(observations)
        features, _ = self._look(merge_leading(observations))
        return split_leading(self._remember(features, leading, state, is_first), leading)

    def features(self, observations: Observations) -> tf.Tensor:
        """Returns the pooled features of B observations, float32 [B, F]."""
        return self._look(observations)[0]

    def heads(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [..., F] to policy logits [..., A] and baseline [...]."""
        leading = leading_sizes(features, features.shape.rank - 1)
        hidden = self._mlp(tf.reshape(features, [-1, features.shape[-1]]))
        logits, baseline = self._policy(hidden), self._baseline(hidden)[:, 0]
        return split_leading(logits, leading), split_leading(baseline, leading)

    def use_packed(self) -> None:
        """Computes the features over packed rows from now on (see relational_rl.kernels).

        Raises:
          ValueError: this agent has no packed implementation; the message says why.
        """
        self._packed = PackedFeatures(self.encoder, self.core)

    def limit_threads(self, count: int) -> None:
        """Computes packed features in at most `count` threads; TensorFlow's are not touched."""
        if self._packed is not None:
            self._packed.limit_threads(count)

    def watch(self, stopwatch: Stopwatch) -> None:
        """Times packed features from now on, in the parts "forward" and "backward"."""
        if self._packed is not None:
            self._packed.stopwatch = stopwatch

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the whole agent: not packed features, nor a core's veto."""
        return self._packed is None and self.core.compiles_well

    def _step_features(
        self, observations: Observations, state: State, with_attention: bool
    ) -> tuple[tf.Tensor, State, AttentionMaps | None]:
        features, attention = self._look(observations, with_attention)
        if self._memory is not None:
            features, state = self._memory.step(features, state)
        return features, state, attention

    def _look(
        self, observations: Observations, with_attention: bool = False
    ) -> tuple[tf.Tensor, AttentionMaps | None]:
        """Returns pooled features float32 [B, F], and attention maps where asked for."""
        attention = None
        if self._packed is not None and not with_attention:
            pooled = self._packed(observations["image"])
        else:
            entities = self.encoder(observations)
            related = self.core(entities)
            pooled = max_pool(entities._replace(features=related.features))
            if with_attention:
                mask = entities.mask
                if mask is None:
                    mask = tf.ones_like(entities.cells, tf.bool)
                attention = AttentionMaps(related.attention_weights, entities.cells, mask)
        if self._append_vector:
            pooled = tf.concat([pooled, observations["vector"]], axis=-1)
        return pooled, attention
