"""Where actors run is chosen in the configuration, by a flag or from Python, and may change."""

import json

import pytest
from faulty import describe

from experiments.cli.main import parse
from experiments.cli.train import _placed
from relational_rl.acting.backends import LocalBackend
from relational_rl.config import (
    BackendConfig,
    Experiment,
    Local,
    Ray,
    SourceConfig,
    from_dict,
    override,
    part,
    replace,
    to_dict,
)
from relational_rl.errors import ConfigError, UsageError
from relational_rl.run.directory import check_same_experiment, record
from relational_rl.run.train import on_backend


@part
class Moon(BackendConfig):
    """A backend of a user's own."""

    craters: int = 3


@part
class Stars(SourceConfig):
    """A source without actors."""


MOON = "test_choice_of_backend:Moon"
FAR = Ray(address="10.0.0.1:6379", resources={"game": 1})


@pytest.mark.parametrize("backend", [Local(max_restarts=2), FAR, Moon(craters=5)])
def test_a_backend_survives_its_file(backend):
    experiment = replace(Experiment(), {"source.backend": backend})
    assert from_dict(json.loads(json.dumps(to_dict(experiment)))) == experiment


def test_a_backend_is_named_with_its_values_on_the_command_line():
    texts = {"source.backend": "ray", "source.backend.max_restarts": "7"}
    assert override(Experiment(), texts).source.backend == Ray(max_restarts=7)
    texts = {"source.backend": MOON, "source.backend.craters": "4"}
    assert override(Experiment(), texts).source.backend == Moon(craters=4)


@pytest.mark.parametrize(
    ("flags", "backend"),
    [
        ([], Local()),
        (["--backend=local"], Local()),
        (["--backend=ray"], Ray()),
        (["--ray_address=auto"], Ray(address="auto")),
        (["--backend=ray", "--ray_address=h:1"], Ray(address="h:1")),
        ([f"--backend={MOON}"], Moon()),
    ],
)
def test_flags_choose_a_backend(flags, backend):
    parsed = parse(["train", "--config=boxworld_easy", *flags])
    assert _placed(Experiment(), parsed).source.backend == backend


def test_a_flag_keeps_what_the_configuration_says_of_the_same_backend():
    experiment = replace(Experiment(), {"source.backend": Ray(max_restarts=7)})
    assert on_backend(experiment, "ray") == experiment
    assert on_backend(experiment, Ray()).source.backend == Ray()


def test_what_cannot_be_is_told():
    with pytest.raises(UsageError, match=r"^--ray_address is for --backend=ray, got --backend=lo"):
        flags = ["--backend=local", "--ray_address=h:1"]
        _placed(Experiment(), parse(["train", "--config=boxworld_easy", *flags]))
    with pytest.raises(ConfigError, match=r"^source='test_choice_of_backend:Stars' has no actors"):
        on_backend(replace(Experiment(), {"source": Stars()}), "ray")
    with pytest.raises(ConfigError, match=r"^backend must be one of local, ray or an import path"):
        on_backend(Experiment(), "moon")
    with pytest.raises(ConfigError, match=r"source.backend.step_timeout must be greater than 0"):
        replace(Experiment(), {"source.backend.step_timeout": 0})


def test_a_run_goes_on_elsewhere(tmp_path):
    record(tmp_path, Experiment(), {})
    check_same_experiment(tmp_path, on_backend(Experiment(), FAR))
    other = replace(Experiment(), {"source.num_actors": 3})
    with pytest.raises(UsageError, match=r"source.num_actors=1, got 3"):
        check_same_experiment(tmp_path, other)


def test_the_local_backend_is_made_as_configured():
    backend = Local(max_restarts=1, step_timeout=2.0).build([describe()], 4)
    assert isinstance(backend, LocalBackend)
    assert backend._step_timeout == 2.0
