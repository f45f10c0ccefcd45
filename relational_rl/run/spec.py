"""The spec of an experiment's environment, the same in every stage of its curriculum."""

from relational_rl.acting.vectorization import make_environment
from relational_rl.config import Cells, Experiment, Relational
from relational_rl.errors import ConfigError
from relational_rl.observations.spec import EnvironmentSpec


def environment_spec(experiment: Experiment) -> EnvironmentSpec:
    """Reads the spec of an environment by making it once for every stage of the curriculum.

    Stages look alike to an agent, except that the images of a relational agent all of whose cells
    are entities may grow from stage to stage: the spec is that of the last stage.

    Raises:
      ConfigError: an environment cannot be made, or not all stages look alike to an agent.
    """
    num_stages = len(experiment.stages)
    *earlier, last = [_stage_spec(experiment, stage) for stage in range(num_stages)]
    for stage, spec in enumerate(earlier):
        if _takes_any_size(experiment):
            spec = spec.resized(last)
        if spec != last:
            raise ConfigError(
                f"stage {stage + 1} of {num_stages} must have the observations and actions of the "
                f"last, {last}, got {spec}"
            )
    return last


def _takes_any_size(experiment: Experiment) -> bool:
    """Whether no variable of the agent depends on the size of the image."""
    agent = experiment.agent
    if not isinstance(agent, Relational):
        return False
    encoder = agent.encoder
    return encoder is None or (isinstance(encoder, Cells) and encoder.max_entities is None)


def _stage_spec(experiment: Experiment, stage: int) -> EnvironmentSpec:
    environment = make_environment(experiment.env, experiment.stage_kwargs(stage))
    try:
        return EnvironmentSpec.from_spaces(
            environment.observation_space,
            environment.action_space,
            experiment.env.observation_keys,
        )
    except ValueError as error:
        raise ConfigError(f"env={experiment.env.name!r}: {error}") from error
    finally:
        environment.close()
