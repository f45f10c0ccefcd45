"""From images to entities: stem, choice of cells, and what every entity is told of the scene."""

import sonnet as snt
import tensorflow as tf

from relational_rl.modules.context import GlobalContext, References
from relational_rl.modules.entities import Entities, all_cells, occupied_cells
from relational_rl.modules.stems import ConvStem, PatchStem


class EntityEncoder(snt.Module):
    """Makes entities of images: [B, H, W, C] -> features [B, N, F], mask and cells."""

    def __init__(
        self,
        stem: ConvStem | PatchStem,
        image_shape: tuple[int, int, int],
        image_dtype: str,
        image_scale: float,
        max_entities: int | None = None,
        context: GlobalContext | None = None,
        references: References | None = None,
        name: str | None = None,
    ):
        """Makes the encoder.

        Args:
          stem: makes features of the chosen cells.
          image_shape: (H, W, C).
          image_dtype: dtype name of the images.
          image_scale: the images are divided by it.
          max_entities: None makes every cell an entity (the paper); a number keeps the cells
            that differ from `background`, at most so many.
          context: tells every entity a summary of the scene; None for none.
          references: tells every entity of learned points of reference; None for none.
          name: name of the module.

        Raises:
          ValueError: cells cannot be told from the background, because the stem's map is not
            the image's size.
        """
        super().__init__(name=name)
        self.map_shape = stem.map_shape(image_shape)
        if max_entities is not None and self.map_shape != tuple(image_shape[:2]):
            raise ValueError(
                "entities=occupied needs a map as large as the image (conv_padding=SAME), "
                f"got a map of {self.map_shape} for an image of {tuple(image_shape[:2])}"
            )
        self._stem = stem
        self._image_scale = image_scale
        self._max_entities = max_entities
        self._context = context
        self._references = references
        self._merge: snt.Linear | None = None
        if max_entities is not None:
            # What the scene looks like without objects; set once, before training.
            self.background = tf.Variable(
                tf.zeros(image_shape, image_dtype), trainable=False, name="background"
            )

    @property
    def needs_background(self) -> bool:
        """Whether `background` has to be set before training."""
        return self._max_entities is not None

    def __call__(self, images: tf.Tensor) -> Entities:
        """Makes entities of images [B, H, W, C]."""
        height, width = self.map_shape
        if self._max_entities is None:
            cells, mask = all_cells(tf.shape(images)[0], height * width), None
        else:
            cells, mask = occupied_cells(images, self.background, self._max_entities)
        features = self._stem(tf.cast(images, tf.float32) / self._image_scale, cells)
        entities = Entities(features, mask, cells)
        told = entities
        if self._references is not None:
            told = self._references(told, self.map_shape)
        if self._context is not None:
            told = self._context(told)
        if told is not entities:
            told = told._replace(features=self._merged(told.features, features.shape[-1]))
        return told

    def _merged(self, features: tf.Tensor, size: int) -> tf.Tensor:
        """Brings the features back to the entity's size."""
        if self._merge is None:
            self._merge = snt.Linear(size, name="merge")
        flat = tf.nn.relu(self._merge(tf.reshape(features, [-1, features.shape[-1]])))
        return tf.reshape(flat, [-1, features.shape[1], size])
