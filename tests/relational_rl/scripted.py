"""A game whose every step is written down beforehand, and a network that is one matrix."""

import itertools

import gymnasium
import numpy as np
import sonnet as snt
import tensorflow as tf
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import SyncVectorEnv

from relational_rl.agents import ActOutput
from relational_rl.agents.memory_agent import evaluate_choices
from relational_rl.config import AgentConfig, part, value
from relational_rl.math import distributions

NUM_ACTIONS = 3
REWARD_OF_ACTION = 0.125
IMAGE_SCALE = 64.0

GO_ON, TERMINATED, TRUNCATED = (False, False), (True, False), (False, True)


class ScriptedEnv(gymnasium.Env):
    """Plays `episodes` one after the other, then the first again.

    An episode is a list of steps (reward, (terminated, truncated)). Every pixel of the image is
    10 * (number of the episode, from 1) + (number of the step, from 0), modulo 250. A step pays
    its reward plus REWARD_OF_ACTION times the action, so a reward says which action was taken.
    """

    observation_space = gymnasium.spaces.Box(0, 255, (2, 2, 1), np.uint8)
    action_space = gymnasium.spaces.Discrete(NUM_ACTIONS)

    def __init__(self, episodes, tells_success=True):
        self._episodes = episodes
        self._tells_success = tells_success
        self._episode = 0
        self._step = 0
        self.is_closed = False

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._episode += 1
        self._step = 0
        return self._image(), {}

    def step(self, action):
        script = self._episodes[(self._episode - 1) % len(self._episodes)]
        reward, (terminated, truncated) = script[self._step]
        self._step += 1
        ended = terminated or truncated
        info = {"is_success": terminated} if ended and self._tells_success else {}
        return self._image(), reward + REWARD_OF_ACTION * action, terminated, truncated, info

    def close(self):
        self.is_closed = True

    def _image(self):
        return np.full((2, 2, 1), (10 * self._episode + self._step) % 250, np.uint8)


def register():
    """Registers the game as Scripted-v0."""
    gymnasium.registry.setdefault(
        "Scripted-v0",
        EnvSpec("Scripted-v0", entry_point=ScriptedEnv, disable_env_checker=True),
    )


def make_scripted(*scripts, **kwargs):
    """Returns a vector environment: environment i plays scripts[i]."""
    return SyncVectorEnv(
        [lambda script=script: ScriptedEnv(script, **kwargs) for script in scripts]
    )


def one_each(*scripts, cls=ScriptedEnv, made=None, **kwargs):
    """Returns what makes an environment of each script in turn, and then of the first again."""
    turn = itertools.cycle(scripts)

    def make(**env_kwargs):
        environment = cls(next(turn), **kwargs)
        if made is not None:
            made.append((env_kwargs, environment))
        return environment

    return make


# Which of three types of actions take which of two arguments.
TAKES = np.array([[0, 0], [1, 0], [1, 1]], bool)


class Calls(gymnasium.spaces.MultiDiscrete):
    """An action's type and its arguments: a cell of the image, and one of three values."""

    def __init__(self, **keys):
        super().__init__([3, 4, 3])
        self.argument_mask = TAKES
        self.argument_images = ("image", None)
        for name, key in keys.items():
            setattr(self, name, key)


class LinearAgent(snt.Module):
    """Policy logits and baseline are one linear layer of the image / IMAGE_SCALE."""

    def __init__(
        self, num_features=4, num_actions=NUM_ACTIONS, seed=0, can_compile=False, scale=1.0
    ):
        super().__init__(name="linear_agent")
        self.can_compile = can_compile  # by XLA, which takes seconds
        self.can_compile_heads = True
        self.num_draws = 1
        random = np.random.default_rng(seed)
        self.num_actions = num_actions
        size = (num_features, num_actions + 1)
        self.w = tf.Variable(random.normal(0.0, scale, size).astype(np.float32), name="w")
        self.b = tf.Variable(random.normal(0.0, scale, size[1]).astype(np.float32), name="b")

    def initial_state(self, batch_size):
        del batch_size
        return ()

    def unroll_features(self, observations, state, is_first=None):
        del state, is_first
        image = tf.cast(observations["image"], tf.float32) / IMAGE_SCALE
        return tf.reshape(image, [*image.shape[:2], self.w.shape[0]])

    def heads(self, features):
        output = tf.tensordot(features, self.w, 1) + self.b
        return output[..., :-1], output[..., -1]

    def evaluate(self, features, actions):
        return evaluate_choices(*self.heads(features), actions)

    def act(self, observations, state, uniforms, greedy=False, with_attention=False):
        del with_attention
        added = {key: value[tf.newaxis] for key, value in observations.items()}
        logits, baseline = self.heads(self.unroll_features(added, state))
        actions = distributions.choose(logits[0], uniforms[:, 0], greedy)
        log_probs = distributions.log_prob(logits[0], actions)
        return ActOutput(actions, log_probs, logits[0], baseline[0]), state

    def num_parameters(self):
        return int(sum(np.prod(variable.shape) for variable in self.trainable_variables))


@part
class Linear(AgentConfig):
    """A user's own agent: nothing of the library's but the methods that `agents.Agent` lists."""

    scale: float = value(default=1.0, meaning="deviation of the initial weights")

    def build(self, spec):
        """Makes the agent."""
        return LinearAgent(int(np.prod(spec.image_shape)), spec.num_actions, scale=self.scale)
