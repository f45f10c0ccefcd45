"""The agents over units: objects with kinds and places, which arguments of actions point at.

Ours; the paper's agents for StarCraft II see feature layers (`agents.SpatialConfig`).
"""

from typing import TYPE_CHECKING, ClassVar

from relational_rl.config.agents import AgentConfig, Initialization, StandardInitialization
from relational_rl.config.base import Count, Natural, Positive, Sizes, Switch, part, value

if TYPE_CHECKING:
    from relational_rl.agents.protocol import Agent
    from relational_rl.observations.spec import EnvironmentSpec


@part
class UnitsConfig(AgentConfig):
    """What the relational and the control agent over units share."""

    size: Count = value(default=64, meaning="features of a unit")
    embedding_size: Count = value(default=8, meaning="numbers that a category becomes")
    num_frequencies: Count = value(
        default=8, meaning="fixed random frequencies that a unit's place is told in"
    )
    hidden: Count = value(default=128, meaning="hidden layer of a block")
    mlp: Sizes = value(default=(128, 128), meaning="layers after the pooling")
    action_types: tuple[Natural, ...] = value(
        default=(), meaning="the environment's action types that the agent takes; (): all"
    )
    action_embedding: Count = value(
        default=32, meaning="numbers that an action type becomes for its arguments"
    )
    grid: Count = value(
        default=4, meaning="places are units or one of grid x grid points of the picture"
    )
    key_size: Count = value(default=64, meaning="of queries and keys for pointing")
    policy_scale: Positive = value(
        default=0.01, meaning="initial scale of the policy: near-uniform at first"
    )
    initialization: Initialization = value(
        default=StandardInitialization, meaning="initial weights: standard | orthogonal"
    )

    @classmethod
    def named(cls, kind: str) -> str:
        """Returns the kind that `kind` means beside this agent: a control of its own network."""
        return f"units_{kind}" if kind in ("relational", "control") else kind

    @property
    def label(self) -> str:
        """What the agent is called in texts."""
        return self.kind.removeprefix("units_") or type(self).__name__

    def build(self, spec: "EnvironmentSpec") -> "Agent":
        """Makes the agent; see `AgentConfig.build`."""
        from relational_rl.agents.units_building import units_agent

        return units_agent(self, spec)


@part
class UnitsRelational(UnitsConfig):
    """Attention over units, each head with a learned liking for what is near."""

    kind: ClassVar[str] = "units_relational"
    num_blocks: Count = value(default=2, meaning="blocks of attention")
    num_heads: Count = value(default=2, meaning="attention heads")
    head_size: Count = value(default=32, meaning="of queries, keys and values")
    share_weights: Switch = value(default=False, meaning="blocks share weights")


@part
class UnitsControl(UnitsConfig):
    """The control agent: residual layers on each unit alone in place of attention."""

    kind: ClassVar[str] = "units_control"
    residual_blocks: Count = value(default=4, meaning="residual blocks")
