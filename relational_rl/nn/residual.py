"""The control agent's core: residual convolutions where the relational module would be."""

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.checks import check_positive
from relational_rl.nn.entities import Entities
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.relational import RelationalOutput


class ResidualModule(snt.Module):
    """Residual blocks over the map of cells (Zambaldi et al. 2018, control agents).

    Each block is a ReLU and a 3x3 convolution, several times, and the sum with its input. On
    Box-World: 3 to 6 blocks of two convolutions with as many channels as a cell has features (26
    with the published stem). On StarCraft II: 4 blocks of three convolutions with 32 channels,
    before which a 1x1 convolution brings the cells to 32 features (ours: the sum needs it). Where
    only some cells are entities, the others are zeros on the map.
    """

    # XLA's convolutions take twice as long as TensorFlow's own, forward and backward.
    compiles_well = False

    def __init__(
        self,
        num_blocks: int,
        map_shape: tuple[int, int],
        num_convolutions: int = 2,
        channels: int = 0,
        initializer: Initializer = STANDARD,
    ):
        """Makes the module.

        Args:
          num_blocks: how many residual blocks, at least 1.
          map_shape: (height, width) of the map whose cells the entities are.
          num_convolutions: how many convolutions a block has, at least 1.
          channels: of the convolutions and of what is returned; 0 for those of the entities.
          initializer: of the weights.

        Raises:
          ValueError: a number is not positive.
        """
        super().__init__()
        check_positive(num_blocks=num_blocks, num_convolutions=num_convolutions)
        self.num_blocks = num_blocks
        self.num_convolutions = num_convolutions
        self._map_shape = map_shape
        self._channels = channels
        self._initializer = initializer
        self._project: snt.Linear | None = None
        self._convolutions: list[tuple[snt.Conv2D, ...]] = []

    @snt.once
    def _build(self, size: int):
        channels, hidden = self._channels or size, self._initializer.hidden()
        if channels != size:
            self._project = snt.Linear(channels, w_init=hidden, name="project")
        places = ["first", "second", *(f"{k + 1}" for k in range(2, self.num_convolutions))]
        self._convolutions = [
            tuple(
                snt.Conv2D(channels, 3, w_init=hidden, name=f"block_{i}_{place}")
                for place in places[: self.num_convolutions]
            )
            for i in range(self.num_blocks)
        ]

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Maps entities to entities by way of the map.

        Args:
          entities: features float32 [B, N, F], each in a cell of its own.

        Returns:
          Features of the entities' cells; no attention weights.

        Raises:
          ValueError: there is no mask and the entities are not all the cells of the map.
        """
        features, mask, cells = entities[:3]
        height, width = self._map_shape
        batch, num_entities, size = tf.shape(features)[0], features.shape[1], features.shape[2]
        if mask is None and num_entities != height * width:
            raise ValueError(
                f"the residual core needs all {height}x{width} cells as entities, or a mask, "
                f"got {num_entities} without one"
            )
        self._build(size)
        if mask is not None:
            features = _scatter(features, mask, cells, height * width)
        x = tf.reshape(features, [-1, size])
        if self._project is not None:
            x = self._project(x)
        x = tf.reshape(x, [batch, height, width, x.shape[-1]])
        for convolutions in self._convolutions:
            update = x
            for convolution in convolutions:
                update = convolution(tf.nn.relu(update))
            # TensorFlow's graph optimizer fails to fuse a sum here, and prints an error.
            x -= -update
        x = tf.reshape(x, [batch, height * width, x.shape[-1]])
        return RelationalOutput(x if mask is None else tf.gather(x, cells, batch_dims=1), ())


def _scatter(features: tf.Tensor, mask: tf.Tensor, cells: tf.Tensor, num_cells: int) -> tf.Tensor:
    """Puts entities [B, N, F] into their cells of an empty map [B, num_cells, F]."""
    # A product with a one-hot matrix: its gradient is a product too, not a gather.
    places = (cells[:, tf.newaxis] == tf.range(num_cells)[:, tf.newaxis]) & mask[:, tf.newaxis]
    return tf.matmul(tf.cast(places, features.dtype), features)
