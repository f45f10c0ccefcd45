"""Environments that fail as real ones do, and actors that draw lots. Imports nothing large."""

import dataclasses
import os
import sys
import threading
import time

import gymnasium
import numpy as np

from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.config import EnvSpec, Random
from relational_rl.kernels.policy import Choice
from relational_rl.observations.spec import EnvironmentSpec

ANSWER = threading.Event()  # what an environment that hangs waits for
# The number of the process and the first draw, in each observation: who made it, by which seed.
SPACE = gymnasium.spaces.Box(-np.inf, np.inf, (2,), np.float64)


class Faulty(gymnasium.Env):
    """Goes wrong in one way at its third step; an episode never ends."""

    observation_space = SPACE
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, fault="", step_seconds=0.0):
        if fault == "broken":
            raise OSError("the cable is out")
        self._fault = fault
        self._seconds = step_seconds

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        self._told = np.array([os.getpid(), self.np_random.random()])
        return self._told, {}

    def step(self, action):
        self._steps += 1
        time.sleep(self._seconds)
        if self._steps == 3 and self._fault:
            return getattr(self, f"_{self._fault}")()
        return self._told, 1.0, False, False, {}

    def _raise(self):
        raise ZeroDivisionError("the reactor is out of neutrons")

    def _exit(self):
        sys.exit("no more")

    def _die(self):
        os._exit(3)

    def _hang(self):
        ANSWER.wait(3600)
        return self._told, 1.0, False, False, {}

    def _nan_reward(self):
        return self._told, float("nan"), False, False, {}

    def _nan_observation(self):
        return self._told * np.nan, 1.0, False, False, {}

    def _shape(self):
        return np.zeros(3), 1.0, False, False, {}


def make(**kwargs):
    """Makes the environment; its import path is that of a user's own."""
    return Faulty(**kwargs)


class Colours(gymnasium.Env):
    """Images of four black rows with a few colours in them; a success every fourth step."""

    observation_space = gymnasium.spaces.Box(0, 255, (4, 5, 3), np.uint8)
    action_space = gymnasium.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._steps = 0
        return self._image(), {}

    def step(self, action):
        self._steps += 1
        ended = self._steps == 4
        return self._image(), float(action), ended, False, {"is_success": ended}

    def _image(self):
        image = np.zeros(self.observation_space.shape, np.uint8)
        image[self._steps % 4, 1:4] = self.np_random.integers(1, 256, 3)
        return image


def make_colours():
    """Makes the environment above."""
    return Colours()


SPEC = EnvironmentSpec.from_spaces(Faulty.observation_space, Faulty.action_space)


class Dice:
    """A policy that needs no network: every action equally likely."""

    num_draws = 1

    def set_parameters(self, parameters):
        self.parameters = parameters

    def initial_state(self, batch_size):
        return ()

    def act(self, observations, state, uniforms, greedy=False, with_attention=False):
        actions = (2 * uniforms[:, 0]).astype(np.int32)
        half = np.full(actions.shape, np.log(0.5), np.float32)
        return Choice(actions, half, np.zeros((len(actions), 2), np.float32), half), state

    def restart(self, state, started):
        return state

    def arrays(self, state):
        return state


@dataclasses.dataclass(frozen=True)
class DiceDescription(ActorDescription):
    """Describes an actor that draws lots."""

    def build(self):
        return Actor(self, Dice())


def describe(index=0, num_envs=2, length=2, seed=0, **kwargs):
    """Describes an actor in the environment above; an unroll takes `length` steps."""
    env = EnvSpec(id="", make="faulty:make", kwargs=kwargs)
    return DiceDescription(env, Random(), SPEC, num_envs, length, index, seed)
