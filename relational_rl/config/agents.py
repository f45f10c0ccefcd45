"""The agents to choose from, and the parts they are made of.

The defaults are the published Box-World agent (Zambaldi et al. 2018, section 3), or, where [D]
stands, our decision where the paper is silent. A class builds the piece it describes; what it
builds needs TensorFlow, which is imported only then.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from relational_rl.config.base import (
    Choice,
    Count,
    Natural,
    Positive,
    Sizes,
    Switch,
    part,
    value,
)
from relational_rl.errors import ConfigError

if TYPE_CHECKING:
    from relational_rl.agents.protocol import Agent
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
        from relational_rl.agents.building import cell_encoder

        return cell_encoder(self, spec, initializer, likeness)


@part
class Objects(Encoder):
    """The rows of a set of objects, Box(N, F), are the entities; rows of NaN are absent."""

    kind: ClassVar[str] = "objects"
    size: Count = value(default=64, meaning="features of an entity")

    def build(self, spec: "EnvironmentSpec", initializer: Any, likeness: bool = False) -> Any:
        """Makes the encoder; see `Encoder.build`."""
        from relational_rl.agents.building import object_encoder

        return object_encoder(self, spec, initializer, likeness)


class Memory(Choice):
    """A recurrent core."""


@part
class LSTM(Memory):
    """A long short-term memory between the pooled entities and the policy."""

    kind: ClassVar[str] = "lstm"
    size: Count = value(default=96, meaning="units")
    shortcut: Switch = value(default=False, meaning="what goes into the memory also goes past it")


@part
class ConvLSTM(Memory):
    """A convolutional LSTM over the map of cells (the paper's, for StarCraft II)."""

    kind: ClassVar[str] = "convlstm"
    size: Count = value(default=96, meaning="channels (the paper: 96)")
    shortcut: Switch = value(default=False, meaning="what goes into the memory also goes past it")


class Initialization(Choice):
    """Initial values of the weights, by the role of their layer."""

    def build(self) -> Any:
        """Makes the initialiser, an `nn.initializers.Initializer`."""
        raise NotImplementedError(f"{type(self).__name__} must define build()")


@part
class StandardInitialization(Initialization):
    """Sonnet's defaults: truncated normal, variance 1 / inputs."""

    kind: ClassVar[str] = "standard"

    def build(self) -> Any:
        """Makes the initialiser; see `Initialization.build`."""
        from relational_rl.nn.initializers import Standard

        return Standard()


@part
class OrthogonalInitialization(Initialization):
    """Orthogonal matrices (Saxe et al. 2014)."""

    kind: ClassVar[str] = "orthogonal"
    gain: Positive = value(
        default=1.4142135623730951, meaning="scale of hidden layers; sqrt(2) suits ReLU"
    )

    def build(self) -> Any:
        """Makes the initialiser; see `Initialization.build`."""
        from relational_rl.nn.initializers import Orthogonal

        return Orthogonal(self.gain)


class AgentConfig(Choice):
    """An agent; a user's own derives from this class."""

    learns: ClassVar[bool] = True
    attends: ClassVar[bool] = False
    spatial: ClassVar[bool] = False

    @classmethod
    def named(cls, kind: str) -> str:
        """Returns the kind that `kind` means beside this agent: a control of its own network."""
        return kind

    @property
    def label(self) -> str:
        """What the agent is called in texts: relational, control, random, or its class."""
        return self.kind.removeprefix("spatial_") or type(self).__name__

    def build(self, spec: "EnvironmentSpec") -> "Agent":
        """Makes the agent for environments like `spec`, all variables made.

        Raises:
          ConfigError: it cannot be built for this environment.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(spec)")


@part
class Random(AgentConfig):
    """Every available action equally likely: the first control of any experiment."""

    kind: ClassVar[str] = "random"
    learns: ClassVar[bool] = False

    def build(self, spec: "EnvironmentSpec") -> "Agent":
        """Makes the agent; see `AgentConfig.build`."""
        from relational_rl.agents.random import RandomAgent

        return RandomAgent(spec.num_actions, spec.arguments)


@part
class EntityConfig(AgentConfig):
    """What the relational and the control agent of section 2 of the paper share."""

    encoder: Encoder | None = value(
        default=None,
        meaning="makes entities of observations: cells | objects; None: by the kind of observation",
    )
    memory: LSTM | None = value(default=None, meaning="lstm; None: none (the paper)")
    mlp: Sizes = value(
        default=(256, 256, 256, 256), meaning="layers after the pooling; [D] their width"
    )
    policy_scale: Positive = value(
        default=0.01, meaning="[D] initial scale of the policy: near-uniform at first"
    )
    initialization: Initialization = value(
        default=StandardInitialization, meaning="initial weights: standard | orthogonal"
    )

    def build(self, spec: "EnvironmentSpec") -> "Agent":
        """Makes the agent; see `AgentConfig.build`."""
        from relational_rl.agents.building import entity_agent

        return entity_agent(self, spec)


@part
class SpatialConfig(AgentConfig):
    """What the relational and the control agent of section 4 of the paper share."""

    spatial: ClassVar[bool] = True
    map_size: Count = value(default=8, meaning="images are halved until their side is at most this")
    map_channels: Count = value(default=32, meaning="[D] channels of the convolutions that do so")
    embedding_size: Count = value(default=10, meaning="numbers that a category becomes")
    vector_mlp: Sizes = value(
        default=(128, 64), meaning="layers for everything that is not an image"
    )
    memory: ConvLSTM | None = value(default=None, meaning="convlstm (the paper); None: none")
    mlp: Sizes = value(
        default=(256, 256, 256, 256), meaning="layers after the pooling (the paper: 512, 512)"
    )
    head_mlp: Sizes = value(
        default=(256,), meaning="hidden layers of the policy, and again of the baseline"
    )
    action_embedding: Count = value(
        default=16, meaning="numbers that an action type becomes for its arguments"
    )
    argument_channels: Count = value(
        default=16, meaning="channels of the transposed convolutions to arguments"
    )
    argument_pixels: Switch = value(
        default=False, meaning="spatial arguments also see the pixels of their image"
    )
    argument_entropy: Literal["sampled", "exact"] = value(
        default="sampled", meaning="exact: summed over all action types, affordable for a few"
    )
    policy_scale: Positive = value(
        default=0.01, meaning="[D] initial scale of the policy: near-uniform at first"
    )
    initialization: Initialization = value(
        default=StandardInitialization, meaning="initial weights: standard | orthogonal"
    )

    @classmethod
    def named(cls, kind: str) -> str:
        """Returns the kind that `kind` means beside this agent: a control of its own network."""
        return f"spatial_{kind}" if kind in ("relational", "control") else kind

    def build(self, spec: "EnvironmentSpec") -> "Agent":
        """Makes the agent; see `AgentConfig.build`."""
        from relational_rl.agents.building import spatial_agent

        return spatial_agent(self, spec)


@part
class _Attention(AgentConfig):
    """The values of relational blocks."""

    attends: ClassVar[bool] = True
    num_blocks: Count = value(
        default=2, meaning="relational blocks (the paper: 1 for branch length 1, more for 3)"
    )
    num_heads: Count = value(default=2, meaning="attention heads (the paper: 2 to 4)")
    head_size: Count = value(default=32, meaning='[D] "d = 64" taken as the total of two heads')
    share_weights: Switch = value(
        default=True, meaning="blocks share weights (the paper, on Box-World)"
    )
    block_mlp: Sizes = value(
        default=(), meaning="hidden layers of a block; (): one of the entity's size"
    )


@part
class _Residual(AgentConfig):
    """The values of the residual network that takes the place of the relational blocks."""

    residual_blocks: Count = value(default=3, meaning="residual blocks (the paper: 3 to 6)")
    residual_convolutions: Count = value(default=2, meaning="convolutions in each")
    residual_channels: Natural = value(
        default=0, meaning="their channels; 0: as many as an entity has features"
    )


@part
class Relational(_Attention, EntityConfig):
    """Self-attention over the entities of a scene (Zambaldi et al. 2018, section 2)."""

    kind: ClassVar[str] = "relational"
    likeness: Switch = value(
        default=False, meaning="heads have a colour-similarity bias (patch stem)"
    )
    implementation: Literal["auto", "packed", "plain"] = value(
        default="auto",
        meaning="packed: compiled over packed rows; plain: Sonnet; auto: packed if possible",
    )


@part
class Control(_Residual, EntityConfig):
    """The control agent: residual convolutions in place of the relational blocks."""

    kind: ClassVar[str] = "control"


@part
class SpatialRelational(_Attention, SpatialConfig):
    """The relational agent for feature layers and actions with arguments (section 4)."""

    kind: ClassVar[str] = "spatial_relational"


@part
class SpatialControl(_Residual, SpatialConfig):
    """Its control agent; the defaults are the paper's 12 layers (section 4)."""

    kind: ClassVar[str] = "spatial_control"
    residual_blocks: Count = value(default=4, meaning="residual blocks")
    residual_convolutions: Count = value(default=3, meaning="convolutions in each")
    residual_channels: Natural = value(
        default=32, meaning="their channels; 0: as many as a cell has features"
    )
