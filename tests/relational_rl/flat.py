"""Short ways to say what tests need: experiments by flat names, specs, unrolled agents."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from relational_rl.agents import RandomAgent
from relational_rl.config.old_names import from_flat
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.vector import VectorSpec

# The smallest relational network with random Fourier features, by flat names.
TINY_NETWORK = {
    "stem": "patch",
    "entity_size": 4,
    "num_frequencies": 1,
    "num_heads": 1,
    "num_blocks": 1,
    "head_size": 4,
    "mlp": (4,),
}


def flat(**values):
    """Returns the experiment of values by their flat names, see config/old_names.py."""
    return from_flat(values)


def make_agent(spec, **values):
    """Makes the agent of values by their flat names."""
    return flat(**values).agent.build(spec)


def image_spec(shape, num_actions, dtype="uint8", scale=255.0, vector=0, **more):
    """Returns the spec of an environment with one image, and a vector of so many numbers."""
    entries = (ImageSpec("image" if vector else None, shape, dtype, scale=scale),)
    if vector:
        entries += (VectorSpec("speed", vector),)
    return EnvironmentSpec(entries, num_actions, **more)


class Output(NamedTuple):
    policy_logits: tf.Tensor  # [T, B, A]
    baseline: tf.Tensor  # [T, B]


def unrolled(agent, observations, state, is_first=None):
    """Returns what an agent finds for T steps."""
    features = agent.unroll_features(observations, state, is_first)
    if isinstance(agent, RandomAgent):
        return Output(features, tf.zeros(features.shape[:-1]))
    return Output(*agent.heads(features))


def uniforms(batch, agent=None, seed=0):
    """Returns the random numbers that a batch of actions takes, [B, num_draws]."""
    draws = 1 if agent is None else agent.num_draws
    return np.random.default_rng(seed).random((batch, draws))
