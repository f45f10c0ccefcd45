"""From observations to entities: the encoders to choose from, and what they are made of.

Defaults and the mark [D] as in `agents`.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from relational_rl.config.base import Choice, Count, Natural, Positive, Sizes, part, value
from relational_rl.errors import ConfigError

if TYPE_CHECKING:
    from relational_rl.observations.spec import EnvironmentSpec


class Stem(Choice):
    """From the pixels of a cell to the features of an entity."""


@part
class Convolutions(Stem):
    """Convolutions over the image, 2x2 each (the paper's)."""

    kind: ClassVar[str] = "conv"
    channels: Sizes = value(default=(12, 24), meaning="kernels of each layer", min_length=1)
    padding: Literal["SAME", "VALID"] = value(
        default="SAME",
        meaning="[D] SAME: an entity for each pixel; VALID: one fewer a layer and side",
    )


@part
class Patch(Stem):
    """A linear layer over the pixels around a cell, their random Fourier features and its place."""

    kind: ClassVar[str] = "patch"
    size: Count = value(default=64, meaning="features of an entity")
    shape: Sizes = value(
        default=(1, 3), meaning="rows and columns of the patch, odd", min_length=2, max_length=2
    )
    num_frequencies: Natural = value(
        default=32, meaning="random Fourier features of colours and of places"
    )
    frequency_scale: Positive = value(
        default=20.0, meaning="their deviation, radians per full range of colour"
    )
    place_scale: Positive = value(
        default=5.0, meaning="likewise of coordinates, radians per half of the map"
    )

    def __post_init__(self):
        """Checks the shape."""
        if not all(side % 2 for side in self.shape):
            raise ConfigError(f"shape must be two odd numbers, got {self.shape}")


@part
class References(Choice):
    """Learned reference vectors, which every entity is compared with."""

    kind: ClassVar[str] = "references"
    count: Count = value(default=6, meaning="how many")
    match_size: Count = value(default=32, meaning="features of the comparison with each")


class Encoder(Choice):
    """From an observation to a set of entities; a user's own derives from this class."""

    def build(self, spec: "EnvironmentSpec", initializer: Any, likeness: bool = False) -> Any:
        """Makes the encoder, an `agents.protocol.ObservationEncoder`.

        Args:
          spec: of the environment.
          initializer: of the weights, an `nn.initializers.Initializer`.
          likeness: whether the agent wants to know how alike entities look.

        Raises:
          ConfigError: it cannot encode these observations, or cannot tell the likeness.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define build(spec, initializer, likeness)"
        )


@part
class Cells(Encoder):
    """The cells of an image are the entities."""

    kind: ClassVar[str] = "cells"
    stem: Stem = value(default=Convolutions, meaning="features of a cell: conv | patch")
    max_entities: Count | None = value(
        default=None,
        meaning="None: every cell (the paper); N: the cells unlike the background, at most N",
    )
    references: References | None = value(
        default=None,
        meaning="learned reference vectors that entities are compared with; None: none",
    )

    def build(self, spec: "EnvironmentSpec", initializer: Any, likeness: bool = False) -> Any:
        """Makes the encoder; see `Encoder.build`."""
        from relational_rl.agents.encoding import cell_encoder

        return cell_encoder(self, spec, initializer, likeness)


@part
class Objects(Encoder):
    """Objects, values of sequences, nodes of graphs and words are the entities; else numbers."""

    kind: ClassVar[str] = "objects"
    size: Count = value(default=64, meaning="features of an entity")

    def build(self, spec: "EnvironmentSpec", initializer: Any, likeness: bool = False) -> Any:
        """Makes the encoder; see `Encoder.build`."""
        from relational_rl.agents.encoding import object_encoder

        return object_encoder(self, spec, initializer, likeness)


@part
class Mixed(Encoder):
    """Everything that is seen is entities: cells of every image, objects, nodes, words."""

    kind: ClassVar[str] = "mixed"
    size: Count = value(default=64, meaning="features of an entity")
    channels: Sizes = value(
        default=(12, 24), meaning="2x2 kernels of each layer over an image", min_length=1
    )

    def build(self, spec: "EnvironmentSpec", initializer: Any, likeness: bool = False) -> Any:
        """Makes the encoder; see `Encoder.build`."""
        from relational_rl.agents.encoding import mixed_encoder

        return mixed_encoder(self, spec, initializer, likeness)
