"""The relational module (Zambaldi et al. 2018, section 2): attention blocks over entities."""

from typing import NamedTuple

import numpy as np
import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.checks import check_positive
from relational_rl.nn.attention import MultiHeadAttention
from relational_rl.nn.entities import Entities
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.points import inside, point

# A head's first weight of likeness: an equal colour counts e^4 times an unlike one.
_FIRST_LIKENESS = 4.0


class RelationalOutput(NamedTuple):
    """What a core module returns.

    Attributes:
      features: float32 [B, N, F], the entities after the last block.
      attention_weights: for every block float32 [B, H, N, N]; () if the core does not attend.
    """

    features: tf.Tensor
    attention_weights: tuple[tf.Tensor, ...]


class RelationalBlock(snt.Module):
    """Attention, a two-layer ReLU network of the entity's size, residual sum, layer norm.

    The network's hidden layers can have other sizes (section 4 of the paper: two of 384); its last
    layer gives the entity's size, so that the sum is possible.

    Where the entities bring their likeness, each head learns how much to attend by it: one number
    for each pixel around the asking entity (not in the paper). Each head begins by looking for what
    is like one of these pixels, the first head for the first. Where they bring edges, each head
    likewise learns how much to attend along them, by what an edge holds; it begins with no
    preference.
    """

    def __init__(
        self,
        num_heads: int,
        head_size: int,
        entity_size: int,
        mlp: tuple[int, ...] = (),
        initializer: Initializer = STANDARD,
        name: str | None = None,
    ):
        """Makes a block.

        Args:
          num_heads: H.
          head_size: D.
          entity_size: F.
          mlp: sizes of the hidden layers; () for one of the entity's size.
          initializer: of the weights.
          name: name of the module.
        """
        super().__init__(name=name)
        first, *further = mlp or (entity_size,)
        hidden = initializer.hidden()
        self._attention = MultiHeadAttention(num_heads, head_size, initializer)
        self._hidden = snt.Linear(first, w_init=hidden, name="hidden")
        self._further = [
            snt.Linear(size, w_init=hidden, name=f"hidden_{i}") for i, size in enumerate(further, 1)
        ]
        self._update = snt.Linear(entity_size, w_init=hidden, name="update")
        self._norm = snt.LayerNorm(-1, create_scale=True, create_offset=True)

    @snt.once
    def _build(self, num_pixels: int):
        shape = [self._attention.num_heads, num_pixels]
        initial = np.zeros(shape, np.float32)
        for head in range(shape[0]):
            initial[head, head % num_pixels] = _FIRST_LIKENESS
        self._likeness_scale = tf.Variable(initial, name="likeness_scale")

    @snt.once
    def _build_edges(self, num_channels: int):
        initial = tf.zeros([self._attention.num_heads, num_channels])
        self._edge_scale = tf.Variable(initial, name="edge_scale")

    def __call__(self, entities: Entities) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [B, N, F] to features [B, N, F] and weights [B, H, N, N]."""
        features, mask, _, likeness, edges = entities
        bias = None
        if likeness is not None:
            self._build(likeness.shape[2])
            bias = tf.einsum("bipj,hp->bhij", likeness, self._likeness_scale)
        if edges is not None:
            self._build_edges(edges.shape[3])
            along = tf.einsum("bijc,hc->bhij", edges, self._edge_scale)
            bias = along if bias is None else bias + along
        values, weights = self._attention(features, mask, bias)
        flat = tf.reshape(values, [-1, values.shape[-1]])  # a product of matrices is fastest flat
        hidden = tf.nn.relu(self._hidden(flat))
        for layer in self._further:
            hidden = tf.nn.relu(layer(hidden))
        update = self._update(hidden)
        update = tf.reshape(update, tf.shape(features))
        return self._norm(features + update), weights

    def parameters(self) -> list[tf.Variable]:
        """Returns the learned variables: attention, the two layers, the norm."""
        return [
            *self._attention.parameters(),
            self._hidden.w,
            self._hidden.b,
            self._update.w,
            self._update.b,
            self._norm.scale,
            self._norm.offset,
            *(
                getattr(self, name)
                for name in ("_likeness_scale", "_edge_scale")
                if hasattr(self, name)
            ),
        ]


class RelationalModule(snt.Module):
    """A stack of relational blocks: entities in, entities of the same size out."""

    compiles_well = True

    def __init__(
        self,
        num_blocks: int = 2,
        num_heads: int = 2,
        head_size: int = 32,
        share_weights: bool = True,
        mlp: tuple[int, ...] = (),
        initializer: Initializer = STANDARD,
    ):
        """Makes the module.

        Args:
          num_blocks: how many times the entities attend to one another, at least 1.
          num_heads: H; the paper used 2 to 4 on Box-World.
          head_size: D; the paper's "d = 64" is ambiguous, here H * D = 64 by default.
          share_weights: whether every block is the same block (the paper's choice on Box-World).
          mlp: sizes of the hidden layers in a block; () for one of the entity's size.
          initializer: of the weights.

        Raises:
          ValueError: a size is not positive.
        """
        super().__init__()
        check_positive(num_blocks=num_blocks)
        self.num_blocks = num_blocks
        self.num_heads = num_heads
        self.head_size = head_size
        self.mlp = tuple(mlp)
        self._share_weights = share_weights
        self._initializer = initializer
        self.blocks: list[RelationalBlock] = []

    @snt.once
    def _build(self, entity_size: int):
        count = 1 if self._share_weights else self.num_blocks
        self.blocks = [
            RelationalBlock(
                self.num_heads,
                self.head_size,
                entity_size,
                self.mlp,
                self._initializer,
                name=f"block_{i}",
            )
            for i in range(count)
        ]

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Relates the entities to one another.

        Args:
          entities: features float32 [B, N, F], with their mask.

        Returns:
          The features after the last block and the attention weights of every block.
        """
        self._build(entities.features.shape[-1])
        entities = entities._replace(features=point("entities", entities.features))
        weights = []
        for i in range(self.num_blocks):
            block = self.blocks[i % len(self.blocks)]
            with inside(f"block{i + 1}"):
                features, block_weights = block(entities)
                entities = entities._replace(features=point("output", features))
            weights.append(block_weights)
        return RelationalOutput(entities.features, tuple(weights))
