"""The control agent's core: residual convolutions where the relational module would be."""

import sonnet as snt
import tensorflow as tf

from relational_rl.modules.entities import Entities
from relational_rl.modules.relational import RelationalOutput


class ResidualModule(snt.Module):
    """Residual blocks over the map of cells (Zambaldi et al. 2018, control agent).

    Each block is two 3x3 convolutions of as many channels as a cell has features (26 with the
    published stem); the paper used 3 to 6 blocks.
    """

    def __init__(self, num_blocks: int, map_shape: tuple[int, int], name: str | None = None):
        """Makes the module.

        Args:
          num_blocks: how many residual blocks, at least 1.
          map_shape: (height, width) of the map whose cells the entities are.
          name: name of the module.

        Raises:
          ValueError: `num_blocks` is not positive.
        """
        super().__init__(name=name)
        if num_blocks < 1:
            raise ValueError(f"num_blocks must be at least 1, got {num_blocks}")
        self.num_blocks = num_blocks
        self._map_shape = map_shape
        self._convolutions: list[tuple[snt.Conv2D, snt.Conv2D]] = []

    @snt.once
    def _build(self, channels: int):
        self._convolutions = [
            (
                snt.Conv2D(channels, 3, name=f"block_{i}_first"),
                snt.Conv2D(channels, 3, name=f"block_{i}_second"),
            )
            for i in range(self.num_blocks)
        ]

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Maps the features of all cells to features of all cells.

        Args:
          entities: features float32 [B, height * width, F], every cell one entity.

        Returns:
          Features of the same shape, no attention weights.

        Raises:
          ValueError: the entities are not all the cells of the map.
        """
        height, width = self._map_shape
        size = entities.features.shape[-1]
        if entities.features.shape[1] != height * width:
            raise ValueError(
                f"the residual core needs all {height}x{width} cells as entities, "
                f"got {entities.features.shape[1]}"
            )
        self._build(size)
        x = tf.reshape(entities.features, [-1, height, width, size])
        for first, second in self._convolutions:
            x += second(tf.nn.relu(first(tf.nn.relu(x))))
        return RelationalOutput(tf.reshape(x, tf.shape(entities.features)), ())
