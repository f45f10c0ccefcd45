"""The loop of agent and environments: when its memory starts anew, and which steps count."""

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from relational_rl.acting.loop import Loop
from relational_rl.acting.policy import Policy
from relational_rl.agents.protocol import ActOutput
from relational_rl.observations.spec import EnvironmentSpec

pytestmark = pytest.mark.usefixtures("eager")


class Countdown(gymnasium.Env):
    """An image of the number of steps done; ends after `length` steps, every second time by cut."""

    observation_space = gymnasium.spaces.Box(0, 255, (1, 1, 1), np.uint8)
    action_space = gymnasium.spaces.Discrete(100)

    def __init__(self, length):
        self._length, self._episode = length, 0
        self._image = np.zeros((1, 1, 1), np.uint8)

    def reset(self, *, seed=None, options=None):
        self._step, self._episode = 0, self._episode + 1
        return self._see(), {}

    def step(self, action):
        self._step += 1
        ended = self._step == self._length
        cut = self._episode % 2 == 0
        return self._see(), float(action), ended and not cut, ended and cut, {}

    def _see(self):
        self._image[:] = self._step  # the same array every time, as some environments do
        return self._image


class Counter:
    """Has a memory: its action is the number of steps since its memory was new."""

    can_compile = False
    num_draws = 1

    def initial_state(self, batch_size):
        return {"steps": tf.zeros([batch_size], tf.int32)}

    def act(self, observations, state, uniforms, greedy=False, with_attention=False):
        zeros = tf.zeros(state["steps"].shape, tf.float32)
        return ActOutput(state["steps"], zeros, zeros, zeros), {"steps": state["steps"] + 1}


SPEC = EnvironmentSpec.from_spaces(Countdown.observation_space, Countdown.action_space)
UNIFORMS = np.zeros((2, 1))


def make(mode, lengths=(2, 3)):
    makers = [lambda length=length: Countdown(length) for length in lengths]
    environment = SyncVectorEnv(makers, autoreset_mode=mode, copy=False)
    loop = Loop(Policy(Counter()), SPEC, environment)
    loop.reset(seed=0)
    return loop


def test_the_memory_starts_anew_with_the_first_observation_of_an_episode():
    loop = make(AutoresetMode.NEXT_STEP)
    steps = [loop.step(UNIFORMS) for _ in range(8)]
    seen = np.array([step.observations["image"][:, 0, 0, 0] for step in steps])
    live = np.array([step.live for step in steps])
    actions = np.array([step.actions for step in steps])
    assert seen.T.tolist() == [[0, 1, 2, 0, 1, 2, 0, 1], [0, 1, 2, 3, 0, 1, 2, 3]]
    # What acts on the last observation of an episode only resets.
    assert live.T.tolist() == [[1, 1, 0, 1, 1, 0, 1, 1], [1, 1, 1, 0, 1, 1, 1, 0]]
    np.testing.assert_array_equal(actions, seen)
    ended = np.array([step.ended for step in steps])
    assert ended.T.tolist() == [[0, 1, 0, 0, 1, 0, 0, 1], [0, 0, 1, 0, 0, 0, 1, 0]]
    assert [step.terminated[0] for step in steps if step.ended[0]] == [True, False, True]


def test_environments_are_reset_by_hand_one_by_one():
    loop = make(AutoresetMode.DISABLED)
    actions = []
    for _ in range(6):
        step = loop.step(UNIFORMS)
        assert step.live.all()
        actions.append(step.actions.tolist())
        np.testing.assert_array_equal(step.actions, step.observations["image"][:, 0, 0, 0])
        if step.ended.any():
            loop.reset(seed=1, where=step.ended)
    # The other's memory goes on.
    assert np.transpose(actions).tolist() == [[0, 1, 0, 1, 0, 1], [0, 1, 2, 0, 1, 2]]


def test_a_reset_of_all_starts_every_memory_anew():
    loop = make(AutoresetMode.NEXT_STEP)
    for _ in range(2):  # the first has ended, and would only reset
        loop.step(UNIFORMS)
    loop.reset(seed=0)
    step = loop.step(UNIFORMS)
    assert step.actions.tolist() == [0, 0]
    assert step.live.all()
