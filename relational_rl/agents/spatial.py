"""The agent of section 4 of the paper: maps, a memory, relations, actions with arguments.

Zambaldi et al. 2018, section 4 and its appendix on StarCraft II. For any environment with images
of feature layers; nothing here knows a game.

    images, vector, last action          preprocessed and encoded      (`Inputs`)
      -> convolutional LSTM              over the map of 8x8 cells
      -> core                            relational, or the control agent's residual network
      -> cells and pooled cells          the spatial and the non-spatial path (`SpatialFeatures`)
      -> action type, its arguments, baseline

T unroll length, B batch, N = T * B, A action types, K arguments, H x W cells, F features.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import (
    MemoryAgent,
    leading_of,
    leading_sizes,
    merge_leading,
    split_leading,
)
from relational_rl.agents.protocol import AttentionMaps, Core, Evaluation, Observations
from relational_rl.agents.spatial_encoder import Inputs, SpatialEncoder
from relational_rl.math import composite, distributions
from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.entities import Entities, all_cells, coordinates
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.memory import Memory, State
from relational_rl.observations.spec import EnvironmentSpec


class SpatialFeatures(NamedTuple):
    """What the heads see, leading dimensions [...].

    Attributes:
      shared: float32 [..., F], inputs2D and the non-spatial path.
      cells: float32 [..., H, W, F], the spatial path.
      mask: bool [..., A], which action types are available; None for all.
      pixels: what the arguments see of each image itself, [..., height, width, C]; () if nothing.
    """

    shared: tf.Tensor
    cells: tf.Tensor
    mask: tf.Tensor | None
    pixels: tuple[tf.Tensor, ...]


class SpatialAgent(MemoryAgent):
    """Encoder -> memory -> core -> heads; relational and control differ by the core alone."""

    # XLA is 10 times slower with its convolutions.
    can_compile = False
    can_compile_heads = False

    def __init__(
        self,
        spec: EnvironmentSpec,
        encoder: SpatialEncoder,
        memory: Memory | None,
        core: Core,
        mlp: Sequence[int],
        head_mlp: Sequence[int],
        arguments: ArgumentHeads | None,
        policy_scale: float,
        exact_entropy: bool = False,
        initializer: Initializer = STANDARD,
    ):
        """Makes an agent of its parts.

        Args:
          spec: of the environment.
          encoder: makes maps of observations.
          memory: over the maps; None for none.
          core: relates the cells of the map to one another.
          mlp: sizes of the ReLU layers after the pooling (the paper: 512, 512).
          head_mlp: sizes of the hidden layers of the policy, and of the baseline (256).
          arguments: logits of the arguments; None where actions have none.
          policy_scale: factor on the policy layer's initial weights; small values start near the
            uniform policy.
          exact_entropy: whether to sum the entropy of arguments over all action types.
          initializer: of the weights after the core.
        """
        super().__init__(name="spatial_agent")
        self._spec = spec
        self.encoder = encoder
        self._memory = memory
        self.core = core
        hidden = initializer.hidden()
        self._mlp = (
            snt.nets.MLP(mlp, w_init=hidden, activate_final=True, name="nonspatial")
            if mlp
            else None
        )
        self._policy = snt.Sequential(
            [
                *(
                    [snt.nets.MLP(head_mlp, hidden, activate_final=True, name="policy_mlp")]
                    * bool(head_mlp)
                ),
                snt.Linear(
                    spec.num_actions, w_init=initializer.output(policy_scale), name="policy"
                ),
            ]
        )
        self._baseline = snt.nets.MLP([*head_mlp, 1], w_init=hidden, name="baseline")
        self._arguments = arguments
        self._exact_entropy = exact_entropy
        self.num_draws = 1 if spec.arguments is None else 1 + len(spec.arguments.sizes)
        if spec.arguments is not None:
            self._takes = tf.constant(spec.arguments.table())

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> SpatialFeatures:
        """Returns what the heads see, [T, B, ...]."""
        leading = leading_of(observations)
        flat = merge_leading(observations)
        inputs = self.encoder(flat)
        maps = self._remember(inputs.maps, leading, state, is_first)
        features, _ = self._relate(inputs, maps, flat.get("mask"), with_attention=False)
        return _map(lambda x: split_leading(x, leading), features)

    def evaluate(self, features: SpatialFeatures, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] or [T, B, 1 + K] by features of T + 1 steps."""
        if self._takes is None:
            return super().evaluate(features, actions)
        policy_logits, values = self.heads(features)
        policy_logits, leading = policy_logits[:-1], leading_sizes(features.shared[:-1])
        steps = _map(lambda x: tf.reshape(x[:-1], [-1, *x.shape[2:]]), features)  # [T * B, ...]
        logits = tf.reshape(policy_logits, [-1, policy_logits.shape[-1]])
        flat_actions = tf.reshape(actions, [-1, actions.shape[-1]])
        types = flat_actions[:, 0]
        argument_logits = self._argument_logits(steps, types)
        log_probs = composite.log_prob(logits, argument_logits, self._takes, flat_actions)
        if self._exact_entropy:
            entropies = composite.entropy(logits, self._argument_entropies(steps))
        else:
            entropies = composite.sampled_entropy(logits, argument_logits, self._takes, types)
        return Evaluation(
            split_leading(log_probs, leading),
            split_leading(entropies, leading),
            values,
            policy_logits,
        )

    def _step_features(
        self, observations: Observations, state: State, with_attention: bool
    ) -> tuple[SpatialFeatures, State, AttentionMaps | None]:
        inputs = self.encoder(observations)
        maps = inputs.maps
        if self._memory is not None:
            maps, state = self._memory.step(maps, state)
        features, attention = self._relate(inputs, maps, observations.get("mask"), with_attention)
        return features, state, attention

    def _relate(
        self, inputs: Inputs, maps: tf.Tensor, mask: tf.Tensor | None, with_attention: bool
    ) -> tuple[SpatialFeatures, AttentionMaps | None]:
        """Core and both paths: inputs of N steps, and what the memory made of their maps.

        Every cell is told its coordinates, as on Box-World (section 2); ours, the appendix does
        not say.
        """
        height, width = self.encoder.map_shape
        count, num_cells = tf.shape(maps)[0], height * width
        cells = all_cells(count, num_cells)
        entities = tf.reshape(maps, [-1, num_cells, maps.shape[-1]])
        entities = tf.concat([entities, coordinates(cells, (height, width))], axis=-1)
        related = self.core(Entities(entities, None, cells))
        size = related.features.shape[-1]
        pooled = tf.reduce_max(related.features, axis=1)
        if self._mlp is not None:
            pooled = self._mlp(pooled)
        attention = None
        if with_attention:
            everywhere = tf.ones_like(cells, tf.bool)
            attention = AttentionMaps(related.attention_weights, cells, everywhere)
        return (
            SpatialFeatures(
                tf.concat([inputs.flat, pooled], axis=-1),
                tf.reshape(related.features, [-1, height, width, size]),
                mask,
                () if self._arguments is None else self._arguments.pixels(inputs.pixels),
            ),
            attention,
        )

    def heads(self, features: SpatialFeatures) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [..., F] to logits of the action types [..., A] and baseline [...].

        Types that are not available are masked.
        """
        shared = features.shared
        leading = leading_sizes(shared, shared.shape.rank - 1)
        shared = tf.reshape(shared, [-1, shared.shape[-1]])
        logits = split_leading(self._policy(shared), leading)
        if features.mask is not None:
            logits = distributions.mask_logits(logits, features.mask)
        return logits, split_leading(self._baseline(shared)[:, 0], leading)

    def _argument_logits(self, features: SpatialFeatures, types: tf.Tensor) -> list[tf.Tensor]:
        """Returns K times [N, S_k], given the types [N]."""
        assert self._arguments is not None
        canvases = self._arguments.canvases(features.cells, features.pixels)
        return self._arguments(features.shared, canvases, types)

    def _argument_entropies(self, features: SpatialFeatures) -> tf.Tensor:
        """Returns H(arguments | a) of all A types, [N, A]."""
        assert self._arguments is not None
        count, num_types = tf.shape(features.shared)[0], self._spec.num_actions
        types = tf.tile(tf.range(num_types), [count])  # [N * A], all types of a step together
        shared = tf.repeat(features.shared, num_types, axis=0)
        canvases = [
            tf.repeat(canvas, num_types, axis=0)
            for canvas in self._arguments.canvases(features.cells, features.pixels)
        ]
        logits = self._arguments(shared, canvases, types)
        entropies = composite.argument_entropy(logits, self._takes, types)
        return tf.reshape(entropies, [-1, num_types])


def _map(function: Callable[[tf.Tensor], tf.Tensor], features: SpatialFeatures) -> SpatialFeatures:
    """Applies a function to every tensor."""
    return tf.nest.map_structure(lambda x: None if x is None else function(x), features)
