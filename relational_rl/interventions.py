"""Interventions on a forward pass: take away what an agent attends to, and see what it does then.

    trained = rrl.load("boxworld")
    cut = trained.intervened([KnockOut(block=1, head=1)])
    action, state = cut.predict(observation)

An agent under interventions is an agent: it plays, is evaluated and recorded like any other. They
work on every agent with a relational core, whose plain modules then compute the pass; of a packed
agent these are the same network. What they act on are the points of `nn/points.py`.

B batch, N entities, H heads, D head size, R references.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from relational_rl._quiet import tf
from relational_rl.agents.protocol import ActOutput, Agent, Observations
from relational_rl.nn.points import handling

Which: TypeAlias = np.ndarray | Callable[[Observations], Any]
"""Some of the entities: bool [cells] or [B, cells], by their cell; or a function of the
observations [B, ...] that returns this."""

_FAR = -1e9  # added to logits; exp() of it is exactly 0 in float32


@dataclasses.dataclass(frozen=True)
class Intervention:
    """Changes the values at some points of a pass; derive from this class for one of your own."""

    def apply(self, name: str, value: tf.Tensor, scene: "Scene") -> tf.Tensor:
        """Returns what stands in for the value at a point.

        Args:
          name: of the point, see `nn/points.py`.
          value: what it is without this intervention.
          scene: what is known of the pass so far.
        """
        raise NotImplementedError(f"{type(self).__name__} must define apply(name, value, scene)")


class Scene:
    """What a pass has shown so far.

    Attributes:
      observations: {"image": [B, ...], ...}.
      values: by point, with the interventions before.
    """

    def __init__(self, observations: Observations):
        """Makes the scene of a pass that begins."""
        self.observations = observations
        self.values: dict[str, tf.Tensor] = {}

    def find(self, which: Which) -> tf.Tensor:
        """Returns which of the entities are meant, bool [B, N]; padding never is."""
        chosen = which(self.observations) if callable(which) else which
        chosen, cells = tf.cast(chosen, tf.bool), self.values["cells"]
        if chosen.shape.rank == 1:
            found = tf.gather(chosen, cells)
        else:
            found = tf.gather(chosen, cells, batch_dims=1)
        return tf.logical_and(found, self.values["present"])


@dataclasses.dataclass(frozen=True)
class KnockOut(Intervention):
    """Takes away what a head brings.

    Attributes:
      block: 1 the first.
      head: 1 the first; None for all of the block.
      by: what stands in: "zero"; "mean", that over the entities of the scene; "resample", what
        the head brings in the next scene of the batch.
    """

    block: int
    head: int | None = None
    by: str = "zero"

    def __post_init__(self):
        """Checks the values."""
        if self.by not in ("zero", "mean", "resample"):
            raise ValueError(f"by must be zero, mean or resample, got {self.by!r}")

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Replaces the values [B, N, H, D] of the head."""
        if name != f"block{self.block}/values":
            return value
        if self.by == "zero":
            instead = tf.zeros_like(value)
        elif self.by == "mean":
            real = tf.cast(scene.values["present"], tf.float32)[..., tf.newaxis, tf.newaxis]
            count = tf.maximum(tf.reduce_sum(real, axis=1, keepdims=True), 1.0)
            instead = tf.reduce_sum(value * real, axis=1, keepdims=True) / count
        else:
            instead = tf.roll(value, 1, axis=0)
        return tf.where(_heads(self.head, value.shape[2])[:, tf.newaxis], instead, value)


@dataclasses.dataclass(frozen=True)
class Uniform(Intervention):
    """Lets a head attend to every entity alike.

    Attributes:
      block: 1 the first.
      head: 1 the first; None for all of the block.
    """

    block: int
    head: int | None = None

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Replaces the weights [B, H, N, N] of the head."""
        if name != f"block{self.block}/weights":
            return value
        real = tf.cast(scene.values["present"], tf.float32)
        even = real / tf.maximum(tf.reduce_sum(real, axis=1, keepdims=True), 1.0)
        even = even[:, tf.newaxis, tf.newaxis, :]
        return tf.where(_heads(self.head, value.shape[1])[:, tf.newaxis, tf.newaxis], even, value)


@dataclasses.dataclass(frozen=True)
class CutEdges(Intervention):
    """Stops some entities from attending to some others.

    A row that has nothing left to attend to brings nothing.

    Attributes:
      source: who attends.
      target: to whom.
      block: 1 the first; None for every block.
      head: 1 the first; None for every head.
    """

    source: Which
    target: Which
    block: int | None = None
    head: int | None = None

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Lowers the logits [B, H, N, N] of the edges; empties the rows without any left."""
        block, _, kind = name.rpartition("/")
        if kind not in ("logits", "weights") or (self.block and block != f"block{self.block}"):
            return value
        cut = tf.logical_and(
            scene.find(self.source)[:, :, tf.newaxis], scene.find(self.target)[:, tf.newaxis]
        )[:, tf.newaxis]
        cut = tf.logical_and(cut, _heads(self.head, value.shape[1])[:, tf.newaxis, tf.newaxis])
        if kind == "logits":
            return tf.where(cut, _FAR, value)
        real = scene.values["present"][:, tf.newaxis, tf.newaxis]  # padding wins an empty row
        return tf.where(tf.logical_or(cut, tf.logical_not(real)), 0.0, value)


@dataclasses.dataclass(frozen=True)
class DropFromPool(Intervention):
    """Keeps entities out of the pooling, by which alone the policy sees them.

    Attributes:
      which: the entities.
    """

    which: Which
    _point: ClassVar[str] = "pooled"

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Clears their places in bool [B, N]."""
        if name != self._point:
            return value
        scene.values.setdefault("present", value)  # the point itself, when entities are dropped
        return tf.logical_and(value, tf.logical_not(scene.find(self.which)))


@dataclasses.dataclass(frozen=True)
class DropEntity(DropFromPool):
    """Takes entities out of the scene, before anything is computed of it.

    Attributes:
      which: the entities.
    """

    _point: ClassVar[str] = "present"


@dataclasses.dataclass(frozen=True)
class FreezeReference(Intervention):
    """Lets a point of reference choose what it is told, whatever the scene.

    Attributes:
      reference: 1 the first; None for all.
      entity: what it chooses, evenly where it is several; None for nothing.
    """

    reference: int | None = None
    entity: Which | None = None

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Replaces the weights [B, N, R] of the reference."""
        if name != "references":
            return value
        chosen = tf.zeros_like(value[..., :1])
        if self.entity is not None:
            found = tf.cast(scene.find(self.entity), tf.float32)[..., tf.newaxis]
            chosen = found / tf.maximum(tf.reduce_sum(found, axis=1, keepdims=True), 1.0)
        return tf.where(_heads(self.reference, value.shape[2]), chosen, value)


@dataclasses.dataclass(frozen=True)
class Patch(Intervention):
    """Puts in what another pass had at a point ("activation patching").

    Attributes:
      point: of `nn/points.py`, with an entity's dimension second: "block1/output".
      value: of the other pass, `TrainedAgent.look(...).values[point]`.
      which: the entities whose place is taken; None for all.
      head: of "block1/values" the one head whose place is taken, 1 the first; None for all.
    """

    point: str
    value: Any
    which: Which | None = None
    head: int | None = None

    def apply(self, name: str, value: tf.Tensor, scene: Scene) -> tf.Tensor:
        """Replaces the value [B, N, ...], or the rows of some entities, or what a head brings."""
        if name != self.point:
            return value
        mine = tf.ones_like(value, tf.bool)
        if self.which is not None:
            found = scene.find(self.which)
            mine &= tf.reshape(found, [*found.shape, *[1] * (value.shape.rank - 2)])
        if self.head is not None:
            mine &= _heads(self.head, value.shape[2])[:, tf.newaxis]
        return tf.where(mine, tf.cast(self.value, value.dtype), value)


def _heads(head: int | None, count: int) -> tf.Tensor:
    """Returns which of `count` heads are meant, bool [H].

    Raises:
      ValueError: there is no such head.
    """
    if head is not None and not 1 <= head <= count:
        raise ValueError(f"the number of a head or reference must be in [1, {count}], got {head}")
    return tf.constant([head is None or place == head for place in range(1, count + 1)])


class Intervened:
    """An agent under interventions, itself an agent; it acts and does not learn.

    Everything but `act` is the other agent's.
    """

    def __init__(self, agent: Agent, interventions: Sequence[Intervention]):
        """Makes the agent; the other one goes on as it is.

        Raises:
          ValueError: something is not an intervention, or names a block that there is not.
        """
        for each in interventions:
            if not isinstance(each, Intervention):
                raise ValueError(f"interventions must be of class Intervention, got {each!r}")
        _check_blocks(agent, interventions)
        self._agent = agent
        self._interventions = tuple(interventions)
        self.num_draws = agent.num_draws

    def act(self, *given: Any, **how: Any) -> tuple[ActOutput, Any]:
        """Chooses an action for each of B observations; see `Agent.act`."""
        return self.look(*given, **how)[:2]

    def look(
        self, observations: Observations, *given: Any, **how: Any
    ) -> tuple[ActOutput, Any, Mapping[str, tf.Tensor]]:
        """Acts, and returns the values at all points besides; arguments as of `Agent.act`."""
        scene = Scene(observations)

        def handle(name: str, value: tf.Tensor) -> tf.Tensor:
            for each in self._interventions:
                value = each.apply(name, value, scene)
            scene.values[name] = value
            return value

        with handling(handle):
            output, state = self._agent.act(observations, *given, **how)
        return output, state, scene.values

    @property
    def can_compile(self) -> bool:
        """Whether XLA should compile the pass: no, as most are tried once, on a few levels."""
        return False

    def __getattr__(self, name: str) -> Any:
        """Returns what is the other agent's."""
        if name.startswith("__") or name == "_agent":
            raise AttributeError(name)
        return getattr(self._agent, name)


def _check_blocks(agent: Agent, interventions: Sequence[Intervention]) -> None:
    count = getattr(getattr(agent, "core", None), "num_blocks", None)
    for each in interventions:
        block = getattr(each, "block", None)
        if block is not None and count is not None and not 1 <= block <= count:
            raise ValueError(f"block must be in [1, {count}], got {block}")
