"""Batches of environments in processes of their own."""

import os
import signal
import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from spoken import Spoken

from relational_rl.acting.vectorization import make_environment, make_vector_environment
from relational_rl.config import EnvSpec
from relational_rl.errors import ConfigError
from relational_rl.observations.spec import EnvironmentSpec


def easy(vectorization="auto"):
    kwargs = {"max_steps": 3, "room_size": 6}
    env = EnvSpec(id="boxworld:BoxWorld-Easy-v0", kwargs=kwargs, vectorization=vectorization)
    return make_vector_environment(env, 2)


@pytest.fixture(scope="module")
def processes():
    environment = easy("async")
    yield environment
    environment.close()


def test_each_environment_has_a_process(processes):
    assert isinstance(processes.unwrapped, AsyncVectorEnv)
    assert processes.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    ids = {process.pid for process in processes.unwrapped.processes}
    assert len(ids - {os.getpid()}) == 2


def test_processes_play_what_this_process_plays(processes):
    sync = easy("sync")
    assert isinstance(sync.unwrapped, SyncVectorEnv)
    random = np.random.default_rng(0)
    first = [environment.reset(seed=5)[0] for environment in (processes, sync)]
    np.testing.assert_array_equal(*first)
    ends = 0
    for _ in range(12):
        actions = random.integers(4, size=2)
        ours, theirs = processes.step(actions), sync.step(actions)
        for mine, other in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        ends += int((ours[2] | ours[3]).sum())
    assert ends >= 4
    sync.close()


def test_a_process_does_not_load_tensorflow_or_the_running_program(processes):
    for process in processes.unwrapped.processes:
        with open(f"/proc/{process.pid}/maps") as file:
            loaded = file.read()
        assert "tensorflow" not in loaded
        assert "numpy" in loaded


def test_an_interrupt_of_the_terminal_does_not_end_the_processes(processes):
    processes.reset(seed=1)
    for process in processes.unwrapped.processes:
        os.kill(process.pid, signal.SIGINT)
    for _ in range(3):
        processes.step(np.zeros(2, np.int64))
    assert all(process.is_alive() for process in processes.unwrapped.processes)


def test_an_own_batch_is_passed_over_where_asked_for():
    native = easy()
    sync = easy("sync")
    assert type(native.unwrapped).__name__ == "BoxWorldVectorEnv"
    assert isinstance(sync.unwrapped, SyncVectorEnv)
    native.close()
    sync.close()


def test_what_cannot_be_made_is_named():
    message = "env='boxworld:BoxWorld-v0' with {'room_sise': 6} cannot be made: .*room_sise"
    env = EnvSpec(id="boxworld:BoxWorld-v0", vectorization="async")
    with pytest.raises(ValueError, match=message):
        make_vector_environment(env, 2, {"room_sise": 6})


@pytest.mark.parametrize("vectorization", ["sync", "async"])
@pytest.mark.parametrize("keys", [("image",), ()])
def test_an_entry_in_a_space_of_a_users_own_is_left_out_or_goes_along(vectorization, keys):
    """Gymnasium's shared memory has no room for such a space."""
    env = EnvSpec(id="", make=Spoken, observation_keys=keys, vectorization=vectorization)
    environment = make_vector_environment(env, 2)
    try:
        assert set(environment.single_observation_space) == set(keys or ("image", "words"))
        seen = [environment.reset(seed=0)[0]]
        seen += [environment.step(np.ones(2, np.int64))[0] for _ in range(3)]
        # Two steps, and one that only resets.
        assert [each["image"][:, 0, 0, 0].tolist() for each in seen] == [
            [n] * 2 for n in (0, 1, 2, 0)
        ]
        assert keys or tuple(seen[1]["words"]) == ("go", "go")
    finally:
        environment.close()
    spec = EnvironmentSpec.from_spaces(
        make_environment(env).observation_space, Spoken.action_space, ("image",)
    )
    assert spec.image_shape == (2, 2, 1)


def test_sequences_are_stepped_in_processes():
    """Gymnasium's shared memory has no room for what has no fixed size."""

    class Growing(gymnasium.Env):
        observation_space = spaces.Sequence(spaces.Discrete(3))
        action_space = spaces.Discrete(3)

        def reset(self, *, seed=None, options=None):
            self.seen = ()
            return self.seen, {}

        def step(self, action):
            self.seen += (int(action),)
            return self.seen, 0.0, False, False, {}

    environment = make_vector_environment(EnvSpec(id="", make=Growing, vectorization="async"), 2)
    try:
        environment.reset()
        environment.step(np.array([1, 2]))
        spec = EnvironmentSpec.from_spaces(Growing.observation_space, Growing.action_space)
        selected = spec.select(environment.step(np.array([0, 2]))[0])
    finally:
        environment.close()
    np.testing.assert_array_equal(selected["sequence"][0, :3].argmax(axis=1), [1, 0, 0])
    assert selected["sequence_mask"].sum(axis=1).tolist() == [2, 2]


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_an_environment_that_raises_while_it_is_made_is_named(vectorization):
    env = EnvSpec(id="", make=Spoken, vectorization=vectorization)
    message = (
        "^env='spoken:Spoken' with {'broken': True} cannot be made: OSError: the cable is out$"
    )
    with pytest.raises(ConfigError, match=message):
        make_vector_environment(env, 2, {"broken": True})
    with pytest.raises(ConfigError, match=message):
        make_environment(env, {"broken": True})


def test_an_environment_is_made_by_an_id_a_callable_or_its_import_path():
    for make in (Spoken, "spoken:Spoken"):
        environment = make_vector_environment(EnvSpec(id="", make=make), 3)
        assert isinstance(environment.envs[0].unwrapped, Spoken)
        environment.close()
    env = EnvSpec(id="", make="spoken:Silent")
    with pytest.raises(ConfigError, match=r"env\.make: cannot import 'spoken:Silent'"):
        make_vector_environment(env, 1)


def test_processes_share_what_the_environment_has_loaded(tmp_path):
    (tmp_path / "probe_ids.py").write_text(
        "import gymnasium\ngymnasium.register('Probe-v0', 'probe_environment:Probe')\n"
    )
    (tmp_path / "probe_environment.py").write_text(
        "import os\n"
        "from boxworld.env import BoxWorldEnv as Probe\n"
        "with open('loaded_by', 'a') as file:\n"
        "    file.write(f'{os.getpid()} ')\n"
    )
    # A program of its own: the process that workers are forked from serves a whole program.
    program = (
        "from relational_rl.acting.vectorization import make_vector_environment\n"
        "from relational_rl.config import EnvSpec\n"
        "env = EnvSpec(id='probe_ids:Probe-v0', vectorization='async')\n"
        "environment = make_vector_environment(env, 2)\n"
        "print(*(process.pid for process in environment.unwrapped.processes))\n"
        "environment.close()\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    )
    workers = set(done.stdout.split())
    assert len(workers) == 2
    assert not workers & set((tmp_path / "loaded_by").read_text().split())
