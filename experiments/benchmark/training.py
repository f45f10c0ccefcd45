"""How fast the agent acts and learns, and how near that is to what the processor can do.

Everything is measured in one run on frames of random play, in frames (observations) per second.
"""

import dataclasses
import math
import tempfile
from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from experiments import configs
from experiments.benchmark.table import Table, best_rate
from relational_rl.acting.actor import Actor, Unroll, estimate_background, make_vector_environment
from relational_rl.agents import Agent, make_agent
from relational_rl.config import AgentConfig, Config
from relational_rl.kernels.scenes import pack
from relational_rl.learners.vtrace import Learner
from relational_rl.nn.stems import ConvStem
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.trainer import Trainer

# The network of the comparison: the published width, two blocks of two heads.
NETWORK: dict[str, Any] = {"entity_size": 64, "head_size": 32, "num_heads": 2, "num_blocks": 2}
ENV_ID = "boxworld:BoxWorld-v0"


def multiplications(agent: Agent, images: np.ndarray, config: Config) -> float:
    """Counts the multiplications of matrices in one forward pass, per image.

    Only products with learned matrices and the two of attention count, over real entities; a
    gradient step takes three times as many.
    """
    encoder = agent.encoder
    size, heads = encoder.stem.entity_size, config.num_heads * config.head_size
    per_row = config.num_blocks * (3 * size * heads + heads * size + size * size)
    if isinstance(encoder.stem, ConvStem):
        per_row += sum(math.prod(kernel.shape) for kernel in encoder.stem.parameters()[::2])
    patch = (config.patch[0], config.patch[1])
    if config.num_references:
        told = size + config.num_references * (5 + patch[0] * patch[1] + config.match_size)
        per_row += told * size + size * (config.num_references + config.match_size)
    pairs = config.num_blocks * 2 * heads
    if encoder.max_entities is None:
        rows = np.asarray([float(math.prod(encoder.map_shape))])
    else:
        scenes = pack(images, encoder.background.numpy(), encoder.max_entities, patch)
        rows = np.diff(scenes.starts).astype(float)
    return float(np.mean(rows * per_row + rows**2 * pairs))


def rows(config: Config | None = None, repeats: int = 10) -> Iterator[tuple[str, float, str]]:
    """Measures; yields (what, frames per second, remark)."""
    config = config or configs.load("boxworld")
    limit = _matrix_limit(repeats)  # first: packed agents take NumPy's threads for themselves
    wide = dataclasses.replace(config, **NETWORK)
    published = dataclasses.replace(config, **dataclasses.asdict(AgentConfig()))
    spec, background = _spec_and_background(config)
    unroll = _unroll(config, spec, background)
    images = unroll.observations["image"].reshape(-1, *spec.image_shape)
    frames = unroll.actions.size

    speeds = {}
    networks = {"width 64": wide, "boxworld": config, "published network": published}
    for name, network in networks.items():
        for implementation in ("plain", "packed"):
            chosen = dataclasses.replace(network, implementation=implementation, num_passes=1)
            agent = make_learning_agent(chosen, spec, background)
            learner = Learner(agent, chosen, seed=0)
            speed = best_rate(frames, partial(learner.update, unroll, 0.0), repeats)
            speeds[name, implementation] = speed
            remark = "Sonnet compiled by XLA"
            if implementation == "packed":
                ratio = speed / speeds[name, "plain"]
                share = 6 * multiplications(agent, images, chosen) * speed / limit
                remark = f"{ratio:.1f} times plain; {share:.0%} of the matrix-product limit"
            yield f"learning, {name}, {implementation}", speed, remark
    agent = make_learning_agent(config, spec, background)
    act = tf.function(agent.step, jit_compile=agent.can_compile, autograph=False)
    batch = {"image": np.repeat(images[:1], config.envs_per_actor, axis=0)}
    batch["image"][:] = np.resize(images, batch["image"].shape)
    speed = best_rate(
        config.envs_per_actor,
        lambda: act(batch, (), tf.constant([0, 0]))[0].actions.numpy(),
        repeats,
    )
    yield "acting, boxworld, packed", speed, "one batch of observations"
    yield "whole loop, boxworld", _loop_speed(config), f"each learned {config.num_passes} times"


def play_randomly(config: Config) -> tuple[EnvironmentSpec, np.ndarray, np.ndarray]:
    """Returns the game's spec, its background and the frames of one batch of unrolls [B, ...]."""
    spec, background = _spec_and_background(config)
    unroll = _unroll(config, spec, background)
    return spec, background, unroll.observations["image"].reshape(-1, *spec.image_shape)


def training(config: Config | None = None, repeats: int = 10) -> Table:
    """Measures learning, acting and the whole loop."""
    return Table(
        "Frames per second of learning (one gradient step on a batch), acting and both at once",
        ("what", "frames/s", ""),
        [(what, f"{speed:,.0f}", remark) for what, speed, remark in rows(config, repeats)],
    )


def _spec_and_background(config: Config) -> tuple[EnvironmentSpec, np.ndarray]:
    environment = make_vector_environment(ENV_ID, config.batch_size)
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    return spec, estimate_background(environment, spec, seed=0)


def make_learning_agent(config: Config, spec: EnvironmentSpec, background: np.ndarray) -> Agent:
    """Makes an agent that knows the background, where it needs one.

    Raises:
      ValueError: the config's agent does not learn.
    """
    agent = make_agent(config, spec)
    if not isinstance(agent, Agent):
        raise ValueError(f"agent must be one that learns, got {config.agent!r}")
    if agent.encoder.needs_background:
        agent.encoder.background.assign(background)
    return agent


def _unroll(config: Config, spec: EnvironmentSpec, background: np.ndarray) -> Unroll:
    """Returns one batch of unrolls of the untrained agent."""
    agent = make_learning_agent(config, spec, background)
    actor = Actor(
        lambda kwargs: make_vector_environment(ENV_ID, config.batch_size, kwargs),
        agent,
        spec,
        config.unroll_length,
        seed=0,
    )
    actor.set_parameters([variable.numpy() for variable in agent.variables], 0)
    actor.set_stage(0, {})
    try:
        return actor.unroll()
    finally:
        actor.close()


def _matrix_limit(repeats: int) -> float:
    """Returns the operations per second of a large product of matrices in NumPy, all cores."""
    random = np.random.default_rng(0)
    left = random.normal(size=(2048, 2048)).astype(np.float32)
    return best_rate(2 * 2048**3, lambda: left @ left, repeats)


def _loop_speed(config: Config, frames: int = 300_000) -> float:
    """Trains for some frames in a directory that is thrown away; returns frames per second."""
    config = dataclasses.replace(config, total_frames=frames, curriculum=(), metrics_seconds=1.0)
    with tempfile.TemporaryDirectory() as directory:
        trainer = Trainer(config, Path(directory))
        summary = trainer.run(StringIO())
    return summary.frames / (summary.minutes * 60)
