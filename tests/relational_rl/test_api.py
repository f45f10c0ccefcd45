"""Training, loading and asking for actions from Python."""

import os
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from scripted import TERMINATED, Linear, ScriptedEnv

import relational_rl as rrl
from relational_rl.errors import ConfigError, UsageError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.trained import TrainedAgent

EPISODES = [[[1.0, [False, False]], [1.0, TERMINATED]]]


class Blinking(gymnasium.Env):
    """An image and three numbers; two actions, from 1."""

    observation_space = gymnasium.spaces.Dict(
        {
            "image": gymnasium.spaces.Box(0, 255, (2, 3, 1), np.uint8),
            "speed": gymnasium.spaces.Box(-1.0, 1.0, (3,)),
        }
    )
    action_space = gymnasium.spaces.Discrete(2, start=1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._left = 3
        return self.observation_space.sample(), {}

    def step(self, action):
        assert action in (1, 2)
        self._left -= 1
        return self.observation_space.sample(), 1.0, self._left == 0, False, {}


def blinking():
    """Makes the game."""
    return Blinking()


SMALL = rrl.Experiment(
    env=blinking,
    agent=rrl.Relational(
        encoder=rrl.Cells(stem=rrl.Patch(size=4, num_frequencies=1)),
        memory=rrl.LSTM(size=3),
        num_heads=1,
        num_blocks=1,
        head_size=4,
        mlp=(4,),
        policy_scale=1.0,
        implementation="plain",
    ),
    learner=rrl.VTrace(batch_size=2),
    source=rrl.Online(envs_per_actor=2, unroll_length=3),
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of an agent with a memory, trained for two updates without compiling."""
    tf.config.run_functions_eagerly(True)
    yield rrl.train(SMALL, tmp_path_factory.mktemp("runs") / "small", frames=8, seed=3)
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def agent(run):
    return run.agent


def observations(batch, seed=0):
    random = np.random.default_rng(seed)
    return {
        "image": random.integers(256, size=(batch, 2, 3, 1)).astype(np.uint8),
        "speed": random.uniform(-1.0, 1.0, (batch, 3)).astype(np.float32),
    }


def one(batch, index=0):
    return {name: values[index] for name, values in batch.items()}


# Training.


def test_a_run_tells_how_it_went(run):
    assert run.summary.reason == "frames"
    assert 8 <= run.summary.frames == run.agent.frames == run.metrics["frames"][-1]
    assert {"loss", "entropy", "episode_return"} <= run.metrics.keys()
    assert {"config.json", "metrics.csv", "checkpoints", "machine.json"} <= set(
        os.listdir(run.run_dir)
    )
    assert run.agent.experiment.run.seed == 3
    assert run.agent.ended == "frames"
    assert run.agent.description.startswith("relational agent after ")


def test_the_same_call_again_resumes(run):
    again = rrl.train(SMALL, str(run.run_dir), frames=run.summary.frames, seed=3)
    assert again.summary == run.summary
    np.testing.assert_array_equal(again.metrics["frames"], run.metrics["frames"])
    for ours, theirs in zip(again.agent.agent.variables, run.agent.agent.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_home_directory_may_be_written_as_a_tilde(tmp_path, monkeypatch, eager):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    env = rrl.EnvSpec(id="Scripted-v0", kwargs={"episodes": EPISODES})
    experiment = rrl.Experiment(env=env, agent=rrl.Random())
    run = rrl.train(experiment, "~/runs/tilde", frames=1)
    assert run.run_dir == tmp_path / "runs" / "tilde"
    assert not Path("~").exists()


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"frames": 0}, ConfigError, "^config.run.total_frames must be at least 1, got 0$"),
        ({"minutes": -1}, ConfigError, "^config.run.max_minutes must be at least 0, got -1$"),
        ({"seed": "x"}, ConfigError, "^config.run.seed must be a whole number, got 'x'$"),
        ({"backend": "moon"}, ConfigError, "^backend must be one of local, ray or .*, got 'moon'$"),
    ],
)
def test_wrong_arguments_are_named(tmp_path, given, error, message):
    with pytest.raises(error, match=message):
        rrl.train(SMALL, tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


class Broken(gymnasium.Env):
    """Cannot be made."""

    def __init__(self):
        raise OSError("the cable is out")


def test_an_environment_that_cannot_be_made_is_one_line(tmp_path):
    message = "^env='test_api:Broken' with {} cannot be made: OSError: the cable is out$"
    with pytest.raises(ConfigError, match=message):
        rrl.train(rrl.Experiment(env=Broken), tmp_path)


class Greeter(rrl.Hook):
    """Ends the run at its first row, and leaves a number in it."""

    def on_update(self, run, batch, metrics):
        run.log("greeting", 7.0)

    def on_metrics(self, run, row):
        run.stop("greeted")


def test_hooks_come_from_the_call_and_from_the_configuration(tmp_path, eager):
    env = rrl.EnvSpec(id="Scripted-v0", kwargs={"episodes": EPISODES})
    quick = rrl.Run(metrics_seconds=0.0)
    named = rrl.Experiment(env=env, agent=Linear(), run=quick, hooks=("test_api:Greeter",))
    given = rrl.Experiment(env=env, agent=Linear(), run=quick)
    for name, experiment, hooks in (("named", named, []), ("given", given, [Greeter()])):
        run = rrl.train(experiment, tmp_path / name, hooks=hooks)
        assert run.summary.reason == "greeted"
        assert run.metrics["greeting"].tolist() == [7.0]
    wrong = rrl.Experiment(env=env, hooks=("test_api:Greter",))
    with pytest.raises(ConfigError, match=r"^config\.hooks: cannot import 'test_api:Greter'"):
        rrl.train(wrong, tmp_path / "wrong")


# Loading.


def test_a_loaded_agent_acts_as_the_trained_one(run, agent):
    loaded = rrl.load(run.run_dir)
    batch = observations(16)
    expected, _ = agent.predict(batch, deterministic=True)
    actions, _ = rrl.load(str(run.run_dir)).predict(batch, deterministic=True)
    np.testing.assert_array_equal(actions, expected)
    assert (loaded.frames, loaded.stage, loaded.ended) == (agent.frames, 0, "frames")
    assert loaded.experiment.agent == agent.experiment.agent
    assert loaded.experiment.env.name == "test_api:blinking"


def test_what_is_no_agent_is_answered_with_what_is(tmp_path):
    with pytest.raises(UsageError, match=r"^agent must be one of boxworld, .*, got 'chess'$"):
        rrl.load("chess")
    with pytest.raises(UsageError, match="or the path of a run directory"):
        rrl.load(tmp_path)


def maker():
    """Returns another function each time, as every start of a program does."""

    def make():
        return ScriptedEnv(EPISODES)

    return make


def test_an_environment_without_an_import_path_is_given_again(tmp_path, eager):
    experiment = rrl.Experiment(env=maker(), agent=Linear(), source=rrl.Online(unroll_length=1))
    first = rrl.train(experiment, tmp_path, frames=1)
    again = rrl.Experiment(env=maker(), agent=Linear(), source=rrl.Online(unroll_length=1))
    assert rrl.train(again, tmp_path, frames=1).summary == first.summary
    with pytest.raises(UsageError, match=r"cannot import 'test_api:maker\.<locals>\.make'"):
        rrl.load(tmp_path)
    loaded = rrl.load(tmp_path, env=maker())
    image = np.full((2, 2, 1), 10, np.uint8)
    same = first.agent.predict(image, deterministic=True)
    assert loaded.predict(image, deterministic=True) == same


# Predicting.


def test_predict_takes_one_observation_or_a_batch(agent):
    batch = observations(5)
    actions, state = agent.predict(batch, deterministic=True)
    assert actions.shape == (5,)
    assert set(actions.tolist()) <= {1, 2}  # as the environment counts them
    assert state is not None
    for index in range(5):
        action, _ = agent.predict(one(batch, index), deterministic=True)
        assert action.shape == ()
        assert action == actions[index]


def test_the_memory_goes_through_state_and_starts_anew_with_an_episode(agent):
    first, second = observations(40, 1), observations(40, 2)
    _, state = agent.predict(first)
    remembering, after = agent.predict(second, state, deterministic=True)
    fresh, after_fresh = agent.predict(second, deterministic=True)
    half = np.arange(40) < 20
    mixed, after_mixed = agent.predict(second, state, episode_start=half, deterministic=True)
    np.testing.assert_array_equal(mixed, np.where(half, fresh, remembering))

    def core(state):
        return np.concatenate([np.asarray(leaf) for leaf in tf.nest.flatten(state)], axis=-1)

    assert np.abs(core(after) - core(after_fresh)).min(axis=-1).max() > 0
    np.testing.assert_allclose(core(after_mixed)[:20], core(after_fresh)[:20], atol=1e-6)
    np.testing.assert_allclose(core(after_mixed)[20:], core(after)[20:], atol=1e-6)
    everywhere, _ = agent.predict(second, state, episode_start=True, deterministic=True)
    np.testing.assert_array_equal(everywhere, fresh)


def test_sampled_actions_follow_from_the_seed(agent):
    batch = observations(64)
    drawn = []
    for seed in (5, 5, 6):
        agent.seed(seed)
        drawn.append(agent.predict(batch)[0])
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).any()
    assert (agent.predict(batch)[0] != drawn[2]).any()  # not the same again


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros(3),
        {"image": np.zeros((2, 3, 1), np.uint8)},
        {"image": np.zeros((2, 3, 2), np.uint8), "speed": np.zeros(3)},
        {"image": np.zeros((2, 3, 1), np.uint8), "speed": np.zeros(4)},
        {"image": np.zeros((9, 9, 2, 3, 1), np.uint8), "speed": np.zeros(3)},
    ],
)
def test_an_observation_of_something_else_is_named(agent, wrong):
    with pytest.raises(ValueError, match="observation must be one, or a batch, of the agent's env"):
        agent.predict(wrong)


def test_an_agent_without_memory_has_no_state():
    spec = EnvironmentSpec.from_spaces(ScriptedEnv.observation_space, ScriptedEnv.action_space)
    experiment = rrl.Experiment(env=rrl.EnvSpec(id="Scripted-v0"), agent=Linear())
    agent = TrainedAgent(Linear().build(spec), experiment, spec, 0, 0.0, 0)
    action, state = agent.predict(np.zeros((2, 2, 1), np.uint8), episode_start=np.array([True]))
    assert (action.shape, state) == ((), None)


def test_stable_baselines3_evaluates_it(agent):
    evaluation = pytest.importorskip("stable_baselines3.common.evaluation")
    from stable_baselines3.common.monitor import Monitor

    returns, lengths = evaluation.evaluate_policy(
        agent, Monitor(Blinking()), n_eval_episodes=3, return_episode_rewards=True
    )
    assert returns == [3.0] * 3
    assert lengths == [3] * 3


def test_a_missing_package_names_the_extra_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("relational_rl.config")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pydantic", None)
    with pytest.raises(ModuleNotFoundError, match=r"Experiment needs pydantic.*\[train\]"):
        rrl.__getattr__("Experiment")
