"""Batches from actors that play with the present policy."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.backends import Backend, MakeBackend
from relational_rl.config import Experiment, Online
from relational_rl.config.base import import_path
from relational_rl.data.batcher import Batcher
from relational_rl.data.source import Batch
from relational_rl.data.stages import Stages
from relational_rl.data.transforms import Transform
from relational_rl.observations.spec import EnvironmentSpec


class OnlineSource:
    """Actors on a backend, their unrolls joined into batches; keeps the curriculum's stage."""

    def __init__(
        self,
        experiment: Experiment,
        config: Online,
        spec: EnvironmentSpec,
        make_backend: MakeBackend | None,
    ):
        """Makes the source; see `SourceConfig.build`."""
        self._experiment = experiment
        self._config = config
        self._spec = spec
        self._make_backend = make_backend or config.backend.build
        self._backend: Backend | None = None
        batch_size = getattr(experiment.learner, "batch_size", config.envs_per_actor)
        self._batcher = Batcher(config.envs_per_actor, batch_size)
        self._transforms: list[Transform] = [
            import_path(path, "config.source.transforms")() for path in config.transforms
        ]
        self.stages = Stages(experiment)
        self.trackables: Mapping[str, Any] = {
            f"transform_{i}_{name}": trackable
            for i, transform in enumerate(self._transforms)
            for name, trackable in transform.trackables.items()
        }

    def start(self, parameters: Sequence[np.ndarray], version: int, session: int) -> None:
        """Starts the actors; see `Source.start`."""
        config = self._config
        self._backend = self._make_backend(
            self._descriptions(session), config.queue_size or config.num_actors
        )
        self._backend.publish(parameters, version)
        self._set_stage()
        self._backend.start()

    def publish(self, parameters: Sequence[np.ndarray], version: int) -> None:
        """Gives the actors new parameters, which they take before their next unroll."""
        assert self._backend is not None
        self._backend.publish(parameters, version)

    def next(self, timeout: float) -> Batch | None:
        """Returns the next batch, None if none was complete in time.

        Raises:
          ActorError: an actor has failed.
          ConfigError: there is a curriculum, and the environment does not tell what is solved.
        """
        assert self._backend is not None
        unroll = self._backend.get(timeout)
        joined = None if unroll is None else self._batcher.add(unroll)
        if joined is None:
            return None
        for transform in self._transforms:
            joined = transform(joined)
        began = self.stages.add(joined.episodes, joined.stage)
        if began:
            self._set_stage()
        return Batch(
            joined, joined.num_frames, joined.version, joined.stage, joined.episodes, began
        )

    def stop(self) -> None:
        """Stops the actors."""
        if self._backend is not None:
            self._backend.stop()

    def metrics(self) -> dict[str, float]:
        """Returns what the backend tells of its actors; {} if it tells nothing."""
        tell = getattr(self._backend, "metrics", None)
        return {} if tell is None else dict(tell())

    def state(self) -> dict[str, Any]:
        """Returns the state of the curriculum."""
        return {"curriculum": self.stages.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        self.stages.restore(state["curriculum"])

    def _set_stage(self) -> None:
        assert self._backend is not None
        stage = self.stages.stage
        self._backend.set_stage(stage, self._experiment.stage_kwargs(stage))

    def _descriptions(self, session: int) -> list[ActorDescription]:
        config, experiment = self._config, self._experiment
        return [
            ActorDescription(
                env=experiment.env,
                agent=experiment.agent,
                spec=self._spec,
                num_envs=config.envs_per_actor,
                unroll_length=config.unroll_length,
                index=index,
                seed=_actor_seed(experiment.run.seed, session, index),
            )
            for index in range(config.num_actors)
        ]


def _actor_seed(seed: int, session: int, index: int) -> int:
    return int(np.random.SeedSequence((seed, session, index)).generate_state(1)[0])
