"""Where a learner's batches come from."""

from typing import TYPE_CHECKING, Any, ClassVar

from relational_rl.config.backends import BackendConfig, Local
from relational_rl.config.base import Choice, Count, Natural, part, value
from relational_rl.errors import ConfigError

if TYPE_CHECKING:
    from relational_rl.config.experiment import Experiment
    from relational_rl.data.source import Source
    from relational_rl.observations.spec import EnvironmentSpec


class SourceConfig(Choice):
    """A source of batches; a user's own derives from this class."""

    def build(self, experiment: "Experiment", spec: "EnvironmentSpec", backend: Any) -> "Source":
        """Makes the source.

        Args:
          experiment: all of it.
          spec: of the environment.
          backend: for sources that act: makes an `acting.backends.Backend` of actor descriptions
            in place of the one that the configuration names; None for that one.
        """
        raise NotImplementedError(f"{type(self).__name__} must define build")


@part
class Online(SourceConfig):
    """Actors that step environments with the present policy."""

    kind: ClassVar[str] = "online"
    num_actors: Count = value(
        default=1, meaning="[D] actors, each with its environments and copy of the agent"
    )
    envs_per_actor: Count = value(
        default=32, meaning="environments that one actor steps as a batch"
    )
    unroll_length: Count = value(default=40, meaning="steps of an unroll, T")
    queue_size: Natural = value(
        default=0,
        meaning="unrolls under way or waiting for the learner, at least num_actors; 0: num_actors",
    )
    backend: BackendConfig = value(
        default=Local, meaning="where the actors run: local | ray | package.module:Class"
    )
    transforms: tuple[str, ...] = value(
        default=(),
        meaning="import paths of transforms of unrolls, see relational_rl.data.transforms",
    )

    def __post_init__(self):
        """Checks what only holds between values."""
        if 0 < self.queue_size < self.num_actors:
            raise ConfigError(
                f"queue_size must be 0 or at least num_actors={self.num_actors}, "
                f"got {self.queue_size}"
            )

    def build(self, experiment: "Experiment", spec: "EnvironmentSpec", backend: Any) -> "Source":
        """Makes the source; see `SourceConfig.build`."""
        from relational_rl.data.online import OnlineSource

        return OnlineSource(experiment, self, spec, backend)
