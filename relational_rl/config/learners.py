"""The learning rules to choose from, and their optimisers.

The defaults are those of the published Box-World experiment (Espeholt et al. 2018; Zambaldi et al.
2018, section 3), or, where [D] stands, our decision where the papers are silent.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from relational_rl.config.base import (
    Choice,
    Count,
    NonNegative,
    Number,
    Positive,
    Share,
    part,
    value,
)

if TYPE_CHECKING:
    from relational_rl.agents.protocol import Agent
    from relational_rl.learners.learner import Learner

Schedule = Literal["constant", "linear"]


class Optimizer(Choice):
    """A gradient-based optimiser."""

    def build(self, learning_rate: Any) -> Any:
        """Makes the optimiser for a learning rate (a `tf.Variable`)."""
        raise NotImplementedError(f"{type(self).__name__} must define build(learning_rate)")


@part
class RMSProp(Optimizer):
    """RMSProp without momentum, epsilon inside the root (the paper's)."""

    kind: ClassVar[str] = "rmsprop"
    decay: Number = value(default=0.99, meaning="of the mean square", ge=0, lt=1)
    epsilon: Positive = value(default=0.1, meaning="added to the mean square")

    def build(self, learning_rate: Any) -> Any:
        """Makes the optimiser; see `Optimizer.build`."""
        import sonnet as snt

        return snt.optimizers.RMSProp(
            learning_rate, decay=self.decay, momentum=0.0, epsilon=self.epsilon
        )


@part
class Adam(Optimizer):
    """Adam (Kingma and Ba 2015), decays 0.9 and 0.999."""

    kind: ClassVar[str] = "adam"
    epsilon: Positive = value(default=1e-8, meaning="added to the root of the second moment")

    def build(self, learning_rate: Any) -> Any:
        """Makes the optimiser; see `Optimizer.build`."""
        import sonnet as snt

        return snt.optimizers.Adam(learning_rate, epsilon=self.epsilon)


class LearnerConfig(Choice):
    """A learning rule; a user's own derives from this class."""

    def build(self, agent: "Agent", seed: int) -> "Learner":
        """Makes the learner of an agent.

        Args:
          agent: whose variables are trained.
          seed: of what the learner draws at random.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(agent, seed)")


@part
class _Gradients(LearnerConfig):
    """How a gradient becomes a step."""

    batch_size: Count = value(default=32, meaning="unrolls in one gradient step")
    optimizer: Optimizer = value(default=RMSProp, meaning="rmsprop | adam")
    learning_rate: Positive = value(default=1e-4, meaning="the paper tuned it in [1e-5, 2e-4]")
    learning_rate_schedule: Schedule = value(
        default="constant", meaning="constant | linear (to zero at the end)"
    )
    max_gradient_norm: Positive = value(default=40.0, meaning="[D] global norm")


@part
class VTrace(_Gradients):
    """Actor-critic with V-trace targets (Espeholt et al. 2018, section 4)."""

    kind: ClassVar[str] = "vtrace"
    num_passes: Count = value(default=1, meaning="how often each unroll is learned from")
    discount_factor: Share = value(default=0.99, meaning="of future rewards")
    baseline_cost: NonNegative = value(default=0.5, meaning="[D] weight of the baseline loss")
    entropy_cost: NonNegative = value(default=0.005, meaning="weight of the entropy bonus")
    entropy_schedule: Schedule = value(
        default="constant", meaning="constant | linear (to zero at the end)"
    )
    clip_rho_threshold: Positive = value(default=1.0, meaning="[D] rho-bar")
    clip_pg_rho_threshold: Positive = value(
        default=1.0, meaning="[D] rho-bar of the policy gradient"
    )
    trace_decay: Share = value(default=1.0, meaning="V-trace's lambda (remark 2); 1 is the paper's")
    policy_clip: NonNegative = value(
        default=0.0, meaning="clipped surrogate as in IMPACT (arXiv:1912.00167)"
    )
    min_advantage_deviation: Positive | None = value(
        default=None,
        meaning="divide advantages by their deviation, at least this; None: as they are",
    )
    reward_scale: Positive = value(default=1.0, meaning="rewards are multiplied by it")
    reduction: Literal["sum", "mean"] = value(
        default="sum", meaning="of losses over time and batch"
    )

    def build(self, agent: "Agent", seed: int) -> "Learner":
        """Makes the learner; see `LearnerConfig.build`."""
        from relational_rl.learners.vtrace import VTraceLearner

        return VTraceLearner(agent, self, seed)


@part
class Cloning(_Gradients):
    """Behaviour cloning: maximises the probability of the actions taken, or of any of the best."""

    kind: ClassVar[str] = "cloning"

    def build(self, agent: "Agent", seed: int) -> "Learner":
        """Makes the learner; see `LearnerConfig.build`."""
        from relational_rl.learners.cloning import CloningLearner

        return CloningLearner(agent, self, seed)
