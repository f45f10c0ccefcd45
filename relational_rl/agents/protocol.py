"""What an agent is: the interface between networks and everything that uses them.

T unroll length, B batch, A actions, K arguments or choices of an action, D amounts, N entities,
H heads.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from relational_rl._quiet import tf
from relational_rl.nn.entities import Entities
from relational_rl.nn.memory import State
from relational_rl.nn.relational import RelationalOutput

Observations = Mapping[str, tf.Tensor]


class AttentionMaps(NamedTuple):
    """Who attended to whom.

    Attributes:
      weights: one tensor a block, float32 [B, H, N, N]: from entity (row) to entity (column).
      cells: int32 [B, N], the cell of each entity, row * map width + column.
      mask: bool [B, N], False for padding.
    """

    weights: tuple[tf.Tensor, ...]
    cells: tf.Tensor
    mask: tf.Tensor


class ActOutput(NamedTuple):
    """One step of acting.

    Attributes:
      actions: int32 [B]; [B, 1 + K] for actions with K arguments; [B, K] for K choices; float32
        [B, K + D] for K choices and D amounts.
      log_probs: float32 [B], log probability of each action under the policy.
      policy_logits: float32 [B, A], of the actions, or of their types where they have arguments;
        of several choices and of amounts the parameters [B, P], see `math/joint.py`.
      baseline: float32 [B], the value of the observation.
      attention: attention maps where asked for, else None.
    """

    actions: tf.Tensor
    log_probs: tf.Tensor
    policy_logits: tf.Tensor
    baseline: tf.Tensor
    attention: AttentionMaps | None = None


class Evaluation(NamedTuple):
    """The present policy's evaluation of T steps that were taken, for a learner.

    Attributes:
      log_probs: float32 [T, B], of the actions taken.
      entropies: float32 [T, B], of the policy.
      values: float32 [T + 1, B], the baseline; the last one is the bootstrap.
      policy_logits: float32 [T, B, A], or [T, B, P] as in `ActOutput`.
    """

    log_probs: tf.Tensor
    entropies: tf.Tensor
    values: tf.Tensor
    policy_logits: tf.Tensor


@runtime_checkable
class Agent(Protocol):
    """An agent: acts, and evaluates what was done.

    A learner needs nothing else, and neither do actors: any class with these methods is an agent.

    Attributes:
      num_draws: how many uniform random numbers an action takes: one for each choice or amount.
    """

    num_draws: int

    @property
    def variables(self) -> Sequence[tf.Variable]:
        """All variables, in a fixed order."""

    @property
    def trainable_variables(self) -> Sequence[tf.Variable]:
        """Those that are learned."""

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the whole agent."""

    @property
    def can_compile_heads(self) -> bool:
        """Whether XLA should compile `evaluate`."""

    def initial_state(self, batch_size: int) -> State:
        """Returns the state before the first step of B episodes: () without memory."""

    def act(
        self,
        observations: Observations,
        state: State,
        uniforms: tf.Tensor,
        greedy: bool = False,
        with_attention: bool = False,
    ) -> tuple[ActOutput, State]:
        """Chooses an action for each of B observations.

        Args:
          observations: {"image": [B, ...], ...} in the form of `EnvironmentSpec.select`.
          state: what the step before returned; where an episode starts, the initial state.
          uniforms: float64 [B, num_draws] in [0, 1), which choose the sampled actions.
          greedy: whether to take the most probable action instead of sampling.
          with_attention: whether to return the attention maps.
        """

    def unroll_features(
        self, observations: Observations, state: State, is_first: tf.Tensor | None = None
    ) -> Any:
        """Returns the features [T, B, ...] of time-major observations that `evaluate` takes.

        Args:
          observations: {"image": [T, B, ...], ...}.
          state: before the first step.
          is_first: bool [T, B], where an episode starts, so that the state is reset; None for
            nowhere.
        """

    def evaluate(self, features: Any, actions: tf.Tensor) -> Evaluation:
        """Evaluates actions [T, B, ...], as `act` gives them, by features of T + 1 steps."""

    def num_parameters(self) -> int:
        """Returns how many numbers are learned."""


class ObservationEncoder(Protocol):
    """Makes entities of observations.

    Attributes:
      map_shape: (height, width) of the map whose cells the entities are; None if they are none.
      needs_background: whether `background`, a variable, has to be set before training to what an
        observation looks like without objects.
    """

    map_shape: tuple[int, int] | None
    needs_background: bool

    def __call__(self, observations: Observations) -> Entities:
        """Maps {"image": [B, ...], ...} to entities [B, N, F]."""


class Core(Protocol):
    """What stands between the entities and the pooling: the one module in which agents differ.

    Attributes:
      compiles_well: whether XLA makes it faster.
    """

    compiles_well: bool

    def __call__(self, entities: Entities) -> RelationalOutput:
        """Maps entity features [B, N, F] to [B, N, F]."""
