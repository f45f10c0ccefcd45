"""Where the actors of a source run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from relational_rl.config.base import Choice, Natural, NonNegative, Positive, part, value

if TYPE_CHECKING:
    from relational_rl.acting.actor import ActorDescription
    from relational_rl.acting.backends.backend import Backend


class BackendConfig(Choice):
    """Where actors run; a user's own derives from this class."""

    def build(self, actors: "Sequence[ActorDescription]", room: int) -> "Backend":
        """Makes the backend.

        Args:
          actors: the actors.
          room: how many unrolls may be under way or wait for the learner.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build(actors, room)")


@part
class Local(BackendConfig):
    """Actors as threads of this process."""

    kind: ClassVar[str] = "local"
    step_timeout: Positive | None = value(
        default=600.0,
        meaning="seconds in which the environments must be made, or answer a step or a reset; "
        "None: any time",
    )
    max_restarts: Natural = value(
        default=0,
        meaning="how often in an hour an actor is replaced whose environment failed; 0: the run "
        "ends with the environment's error",
    )

    def build(self, actors: "Sequence[ActorDescription]", room: int) -> "Backend":
        """Makes the backend; see `BackendConfig.build`."""
        from relational_rl.acting.backends.local import LocalBackend

        return LocalBackend(actors, room, self.step_timeout, self.max_restarts)


@part
class Ray(BackendConfig):
    """Actors as processes of Ray, on this machine or on a cluster."""

    kind: ClassVar[str] = "ray"
    address: str = value(
        default="",
        meaning="of a cluster: host:port, or auto for one on this machine; '': Ray is started "
        "here, bound to loopback, and stopped at the end",
    )
    cpus_per_actor: NonNegative | None = value(
        default=None,
        meaning="processors that Ray sets aside for an actor; None: 1, or an equal share where "
        "there are fewer processors than actors",
    )
    resources: dict[str, NonNegative] = value(
        default=dict, meaning="what else of Ray's resources an actor needs, {'game': 1}"
    )
    step_timeout: Positive | None = value(
        default=600.0,
        meaning="seconds in which the environments must be made, or answer a step or a reset; "
        "None: any time",
    )
    max_restarts: Natural = value(
        default=5,
        meaning="how often in an hour an actor is replaced that was lost or whose environment "
        "failed",
    )

    def build(self, actors: "Sequence[ActorDescription]", room: int) -> "Backend":
        """Makes the backend; see `BackendConfig.build`.

        Raises:
          UsageError: Ray is not installed.
        """
        from relational_rl.acting.backends.ray import RayBackend

        return RayBackend(actors, room, self)
