"""From images to entities: stem, choice of cells, and what every entity is told of the scene."""

from collections.abc import Mapping

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.nn.entities import Entities, all_cells, occupied_cells, shown
from relational_rl.nn.initializers import STANDARD, Initializer
from relational_rl.nn.references import References
from relational_rl.nn.stems import ConvStem, PatchStem


class EntityEncoder(snt.Module):
    """Makes entities of images: [B, H, W, C] -> features [B, N, F], mask and cells."""

    def __init__(
        self,
        stem: ConvStem | PatchStem,
        image_shape: tuple[int, int, int],
        image_dtype: str,
        image_scale: float,
        max_entities: int | None = None,
        references: References | None = None,
        likeness: bool = False,
        initializer: Initializer = STANDARD,
    ):
        """Makes the encoder.

        Args:
          stem: makes features of the chosen cells.
          image_shape: (H, W, C).
          image_dtype: dtype name of the images.
          image_scale: the images are divided by it.
          max_entities: None makes every cell an entity (the paper); a number keeps the cells
            that differ from `background`, at most so many.
          references: tells every entity of learned points of reference; None for none.
          likeness: whether to tell how alike the colours of entities are (needs the patch stem's
            random Fourier features).
          initializer: of the weights after the references.

        Raises:
          ValueError: cells cannot be told from the background, because the stem's map is not
            the image's size.
        """
        super().__init__()
        self.map_shape = stem.map_shape(image_shape)
        if max_entities is not None and self.map_shape != tuple(image_shape[:2]):
            raise ValueError(
                "max_entities needs a map as large as the image (padding=SAME), "
                f"got a map of {self.map_shape} for an image of {tuple(image_shape[:2])}"
            )
        self.image_shape, self.image_dtype, self.image_scale = image_shape, image_dtype, image_scale
        self.stem = stem
        self.max_entities = max_entities
        self.references = references
        self.likeness = likeness
        self._merge: snt.Linear | None = None
        if references is not None:
            self._merge = snt.Linear(stem.entity_size, w_init=initializer.hidden(), name="merge")
        if max_entities is not None:
            # What the scene looks like without objects; set once, before training.
            self.background = tf.Variable(
                tf.zeros(image_shape, image_dtype), trainable=False, name="background"
            )

    @property
    def needs_background(self) -> bool:
        """Whether `background` has to be set before training."""
        return self.max_entities is not None

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Makes entities of {"image": [B, H, W, C]}.

        Where every cell is an entity, images may be of any size: no variable depends on it.
        """
        images = observations["image"]
        height, width = map_shape = self.stem.map_shape(images.shape[1:])
        if self.max_entities is None:
            cells, mask = all_cells(tf.shape(images)[0], height * width), None
        else:
            cells, mask = occupied_cells(images, self.background, self.max_entities)
        features, waves = self.stem(tf.cast(images, tf.float32) / self.image_scale, cells)
        entities = shown(Entities(features, mask, cells))  # before the references choose among them
        if self.likeness:
            own_pixel = waves[:, :, waves.shape[2] // 2]
            alike = tf.einsum("bipw,bjw->bipj", waves, own_pixel) * (2.0 / waves.shape[3])
            entities = entities._replace(likeness=alike)
        if self.references is None or self._merge is None:
            return entities
        told = self.references(entities, waves, map_shape).features
        merged = tf.nn.relu(self._merge(tf.reshape(told, [-1, told.shape[-1]])))
        return entities._replace(features=tf.reshape(merged, tf.shape(features)))

    def merge_parameters(self) -> list[tf.Variable]:
        """Returns the variables of the layer after the references; [] without references."""
        return [] if self._merge is None else [self._merge.w, self._merge.b]
