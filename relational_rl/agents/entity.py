"""The agent of section 2 of the paper: entities, relations, pooling, policy and baseline.

T unroll length, B batch, A actions, N entities, F features.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

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
from relational_rl.math.joint import Joint
from relational_rl.nn.entities import max_pool, pooling, shown
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.memory import Memory, State
from relational_rl.nn.pointer import PointerHeads
from relational_rl.nn.points import is_handled
from relational_rl.stopwatch import Stopwatch


class EntityFeatures(NamedTuple):
    """What the heads see where the pooled features are not enough, leading dimensions [...].

    Attributes:
      pooled: float32 [..., F], with what the memory made of them.
      mask: bool [..., M], which choices are available; () for all.
      entities: the entities that choices point at, float32 [..., N, E] by the name of their set.
      present: which of them are there, bool [..., N] likewise.
    """

    pooled: tf.Tensor
    mask: Any
    entities: dict[str, tf.Tensor]
    present: dict[str, tf.Tensor]


class EntityAgent(MemoryAgent):
    """Encoder of entities -> core -> max pool -> (memory) -> MLP -> policy logits and baseline.

    Zambaldi et al. 2018, section 2 and figure 2. The published agent has no memory: its state is
    (). Its actions are one choice; here they may have several parts (`math/joint.py`), and choices
    may point at entities (`nn/pointer.py`).
    """

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
        joint: Joint | None = None,
        pointers: PointerHeads | None = None,
        masked: bool = False,
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
          joint: distribution of actions of several parts; None for one of A actions.
          pointers: for choices that point at entities of the encoder; None for none.
          masked: whether the observations say which choices are available.
        """
        super().__init__(name="agent")
        self.encoder = encoder
        self.core = core
        self._memory = memory
        self._append_vector = append_vector
        self._mlp = snt.nets.MLP(mlp, w_init=initializer.hidden(), activate_final=True)
        self.num_draws = 1 if joint is None else joint.num_draws
        count = num_actions if joint is None else joint.num_parameters
        if joint is not None:
            self._distribution = joint
        self._pointers = pointers
        self._masked = masked
        count -= 0 if pointers is None else pointers.num_logits
        self._policy = (
            snt.Linear(count, w_init=initializer.output(policy_scale), name="policy")
            if count
            else None  # every choice points
        )
        self._baseline = snt.Linear(1, w_init=initializer.output(), name="baseline")
        self._packed: PackedFeatures | None = None

    @property
    def is_plain(self) -> bool:
        """Whether actions are one choice of all A, so that the pooled features say everything."""
        return self.is_one_choice and not self._masked

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> tf.Tensor | EntityFeatures:
        """Returns the features [T, B, ...] that the heads see, float32 [T, B, F] if `is_plain`."""
        leading = leading_of(observations)
        seen, _ = self._look(merge_leading(observations))
        seen = seen._replace(pooled=self._remember(seen.pooled, leading, state, is_first))
        return self._for_heads(_map(lambda x: split_leading(x, leading), seen))

    def features(self, observations: Observations) -> tf.Tensor:
        """Returns the pooled features of B observations, float32 [B, F]."""
        return self._look(observations)[0].pooled

    def heads(self, features: tf.Tensor | EntityFeatures) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [..., F] to policy logits [..., A] and baseline [...].

        The logits are the parameters [..., P] of actions of several parts; choices that are not
        available are masked.
        """
        seen = features
        if not isinstance(seen, EntityFeatures):
            seen = EntityFeatures(seen, (), {}, {})
        pooled, mask = seen.pooled, seen.mask
        leading = leading_sizes(pooled, pooled.shape.rank - 1)
        hidden = self._mlp(tf.reshape(pooled, [-1, pooled.shape[-1]]))
        logits = hidden[:, :0] if self._policy is None else self._policy(hidden)
        baseline = self._baseline(hidden)[:, 0]
        if self._pointers is not None:
            count = len(leading)
            entities, present = _map(
                lambda x: tf.reshape(x, [-1, *x.shape[count:]]), (seen.entities, seen.present)
            )
            logits = self._pointers(hidden, logits, entities, present)
        logits = split_leading(logits, leading)
        if self._masked:
            logits = self._distribution.masked(logits, mask)
        return logits, split_leading(baseline, leading)

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
    ) -> tuple[tf.Tensor | EntityFeatures, State, AttentionMaps | None]:
        seen, attention = self._look(observations, with_attention)
        if self._memory is not None:
            pooled, state = self._memory.step(seen.pooled, state)
            seen = seen._replace(pooled=pooled)
        return self._for_heads(seen), state, attention

    def _for_heads(self, seen: EntityFeatures) -> tf.Tensor | EntityFeatures:
        return seen.pooled if self.is_plain else seen

    def _look(
        self, observations: Observations, with_attention: bool = False
    ) -> tuple[EntityFeatures, AttentionMaps | None]:
        """Returns the features of B observations, and attention maps where asked for."""
        attention, pointed, present = None, {}, {}
        if self._packed is not None and not (with_attention or is_handled()):
            pooled = self._packed(observations["image"])
        else:
            entities = shown(self.encoder(observations))
            related = self.core(entities)
            mask = entities.mask
            if mask is None:
                mask = tf.ones_like(entities.cells, tf.bool)
            pooled = max_pool(pooling(entities._replace(features=related.features)))
            for name in () if self._pointers is None else self._pointers.names:
                first, last = self.encoder.ranges[name]  # type: ignore[attr-defined]
                pointed[name] = related.features[:, first:last]
                present[name] = mask[:, first:last]
            if with_attention:
                attention = AttentionMaps(related.attention_weights, entities.cells, mask)
        if self._append_vector:
            pooled = tf.concat([pooled, observations["vector"]], axis=-1)
        mask = observations["mask"] if self._masked else ()
        return EntityFeatures(pooled, mask, pointed, present), attention


def _map(function: Callable[[tf.Tensor], tf.Tensor], features: Any) -> Any:
    """Applies a function to every tensor."""
    return tf.nest.map_structure(function, features)
