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
from typing import Any, NamedTuple

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.memory_agent import (
    MemoryAgent,
    evaluate_choices,
    leading_of,
    leading_sizes,
    merge_leading,
    split_leading,
)
from relational_rl.agents.protocol import (
    ActOutput,
    AttentionMaps,
    Core,
    Evaluation,
    Observations,
)
from relational_rl.math import composite, distributions
from relational_rl.nn.arguments import ArgumentHeads
from relational_rl.nn.entities import Entities, all_cells, coordinates
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.layers import LayerEmbedding, MapEncoder, signed_log
from relational_rl.nn.memory import Memory, State
from relational_rl.observations.spec import EnvironmentSpec


class Inputs(NamedTuple):
    """Encoded observations.

    Attributes:
      maps: float32 [N, H, W, C], the images side by side (the paper's inputs3D).
      flat: float32 [N, V], everything else (inputs2D); V may be 0.
      pixels: for each image float32 [N, height, width, C], its embedded layers.
    """

    maps: tf.Tensor
    flat: tf.Tensor
    pixels: dict[str, tf.Tensor]


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


class SpatialEncoder(snt.Module):
    """Preprocesses and encodes observations.

    Amounts go through a logarithm, categories are embedded. Every image has one more channel: 1
    where the action before had an argument on it. The vector and the embedded type of the action
    before go through an MLP.
    """

    def __init__(
        self,
        spec: EnvironmentSpec,
        map_size: int,
        channels: int,
        embedding_size: int,
        vector_mlp: Sequence[int],
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes the encoder.

        Args:
          spec: of the environment.
          map_size: images are halved until their larger side is at most this.
          channels: of the convolutions.
          embedding_size: numbers that a category becomes.
          vector_mlp: sizes of the layers for the vector and the action before.
          initializer: of the weights.
          name: name of the module.

        Raises:
          ValueError: the images give maps of different shapes.
        """
        super().__init__(name=name)
        images = spec.images
        self._embeddings = {
            name: LayerEmbedding(
                image.categories, image.shape[2], embedding_size, initializer, f"{name}_layers"
            )
            for name, image in images.items()
        }
        self._encoders = {
            name: MapEncoder(image.shape, map_size, channels, initializer, f"{name}_encoder")
            for name, image in images.items()
        }
        shapes = {name: encoder.map_shape for name, encoder in self._encoders.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"images must give maps of one shape, got {shapes}")
        self.map_shape = next(iter(shapes.values()))
        self.map_channels = channels * len(images)
        self._takes: dict[str, tf.Tensor] = {}
        self._last_type: LayerEmbedding | None = None
        if spec.last_action_key is not None:
            self._last_type = LayerEmbedding(
                [spec.num_actions], 1, embedding_size, initializer, "last_action"
            )
            if spec.arguments is not None:
                for name in images:
                    here = np.array([image == name for image in spec.arguments.images], bool)
                    self._takes[name] = tf.constant((spec.arguments.table() & here).any(axis=1))
        has_flat = spec.vector_size > 0 or self._last_type is not None
        self._mlp = (
            snt.nets.MLP(vector_mlp, w_init=initializer.input())
            if has_flat and vector_mlp
            else None
        )

    def __call__(self, observations: Observations) -> Inputs:
        """Encodes N observations {"image": [N, ...], ...}."""
        maps, pixels = [], {}
        for name, embedding in self._embeddings.items():
            x = embedding(observations[name])
            if name in self._takes:
                was_here = tf.gather(self._takes[name], observations["last_action"][:, 0])
                channel = tf.cast(was_here, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis]
                x = tf.concat([x, tf.broadcast_to(channel, [*tf.unstack(tf.shape(x)[:3]), 1])], -1)
            pixels[name] = x
            maps.append(self._encoders[name](x))
        parts = []
        if "vector" in observations:
            parts.append(signed_log(observations["vector"]))
        if self._last_type is not None:
            last = observations["last_action"][:, tf.newaxis, tf.newaxis, :1]
            parts.append(self._last_type(last)[:, 0, 0])
        if not parts:
            flat = tf.zeros([tf.shape(maps[0])[0], 0])
        elif self._mlp is None:
            flat = tf.concat(parts, axis=-1)
        else:
            flat = self._mlp(tf.concat(parts, axis=-1))
        return Inputs(tf.concat(maps, axis=-1), flat, pixels)


class SpatialAgent(MemoryAgent):
    """Encoder -> memory -> core -> heads; relational and control differ by the core alone."""

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
        name: str = "spatial_agent",
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
          name: name of the module.
        """
        super().__init__(name=name)
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

    def act(
        self,
        observations: Observations,
        state: State,
        uniforms: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[ActOutput, State]:
        """Chooses an action for each of B observations; see `protocol.Agent.act`.

        Greedy is the most probable type and then its most probable arguments.
        """
        inputs = self.encoder(observations)
        maps = inputs.maps
        if self._memory is not None:
            maps, state = self._memory.step(maps, state)
        features, attention = self._relate(inputs, maps, observations.get("mask"), with_attention)
        logits, baseline = self._type_logits(features), self._values(features)
        types = distributions.choose(logits, uniforms[:, 0], greedy)
        if self._arguments is None:
            log_probs = distributions.log_prob(logits, types)
            return ActOutput(types, log_probs, logits, baseline, attention), state
        argument_logits = self._argument_logits(features, types)
        actions = composite.choose_arguments(
            argument_logits, self._takes, types, uniforms[:, 1:], greedy
        )
        log_probs = composite.log_prob(logits, argument_logits, self._takes, actions)
        return ActOutput(actions, log_probs, logits, baseline, attention), state

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> SpatialFeatures:
        """Returns what the heads see, [T, B, ...]."""
        leading = leading_of(observations)
        flat = merge_leading(observations)
        inputs = self.encoder(flat)
        maps = self._remember(inputs.maps, leading, state, is_first)
        features, _ = self._relate(inputs, maps, flat.get("mask"), with_attention=False)
        return _unmerge(features, leading)

    def evaluate(self, features: SpatialFeatures, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions int32 [T, B] or [T, B, 1 + K] by features of T + 1 steps."""
        policy_logits, values = self.heads(features)
        if self._arguments is None:
            return evaluate_choices(policy_logits, values, actions)
        steps = _map(lambda x: x[:-1], features)
        policy_logits, leading = policy_logits[:-1], leading_sizes(steps.shared)
        steps, logits = _merge(steps), tf.reshape(policy_logits, [-1, policy_logits.shape[-1]])
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
        """Maps features [T, B, ...] to logits of the action types [T, B, A] and baseline [T, B]."""
        leading, flat = leading_sizes(features.shared), _merge(features)
        logits, values = self._type_logits(flat), self._values(flat)
        return split_leading(logits, leading), split_leading(values, leading)

    def _type_logits(self, features: SpatialFeatures) -> tf.Tensor:
        """Returns logits [N, A] of the action types, those that are not available masked."""
        logits = self._policy(features.shared)
        return logits if features.mask is None else distributions.mask_logits(logits, features.mask)

    def _values(self, features: SpatialFeatures) -> tf.Tensor:
        """Returns the baseline [N]."""
        return self._baseline(features.shared)[:, 0]

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

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the agent: its convolutions are 10 times slower there."""
        return False

    @property
    def can_compile_heads(self) -> bool:
        """Likewise, what comes after the features."""
        return False


def _merge(features: SpatialFeatures) -> SpatialFeatures:
    """Merges time and batch: [T, B, ...] becomes [T * B, ...]."""
    return _map(lambda x: tf.reshape(x, [-1, *x.shape[2:]]), features)


def _unmerge(features: SpatialFeatures, leading: Sequence[Any]) -> SpatialFeatures:
    """Undoes `_merge`."""
    return _map(lambda x: split_leading(x, leading), features)


def _map(function: Callable[[tf.Tensor], tf.Tensor], features: SpatialFeatures) -> SpatialFeatures:
    """Applies a function to every tensor."""
    return tf.nest.map_structure(lambda x: None if x is None else function(x), features)
