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
from relational_rl.config.encoders import Encoder

if TYPE_CHECKING:
    from relational_rl.agents.protocol import Agent
    from relational_rl.observations.spec import EnvironmentSpec


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

        return RandomAgent(spec.num_actions, spec.arguments, spec.parts)


@part
class EntityConfig(AgentConfig):
    """What the relational and the control agent of section 2 of the paper share."""

    encoder: Encoder | None = value(
        default=None,
        meaning="makes entities of observations: cells | objects | mixed; None: by what is seen",
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
