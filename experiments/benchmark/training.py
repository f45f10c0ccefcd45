"""How fast the agent acts and learns, and how near that is to what the processor can do.

Everything is measured in one run on frames of random play, in frames (observations) per second.
"""

import math
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from experiments import configs
from experiments.benchmark.table import Table, best_rate
from relational_rl.acting.actor import Actor, ActorDescription
from relational_rl.acting.background import estimate_background
from relational_rl.acting.policy import Policy
from relational_rl.acting.unroll import Unroll
from relational_rl.acting.vectorization import make_vector_environment
from relational_rl.agents import EntityAgent
from relational_rl.config import EnvSpec, Experiment, replace
from relational_rl.kernels.scenes import pack
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.stems import ConvStem
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.hooks import Hook, Progress, standard_hooks
from relational_rl.run.trainer import Trainer

# The network of the comparison: the published width, two blocks of two heads.
NETWORK: dict[str, Any] = {
    "agent.encoder.stem.size": 64,
    "agent.head_size": 32,
    "agent.num_heads": 2,
    "agent.num_blocks": 2,
}
ENV = EnvSpec(id="boxworld:BoxWorld-v0")


def multiplications(agent: EntityAgent, images: np.ndarray, config: Any) -> float:
    """Counts the multiplications of matrices in one forward pass, per image.

    Only products with learned matrices and the two of attention count, over real entities; a
    gradient step takes three times as many.

    Args:
      agent: relational.
      images: uint8 [B, H, W, C].
      config: the agent's, a `relational_rl.config.Relational`.
    """
    encoder = cells_of(agent)
    size, heads = encoder.stem.entity_size, config.num_heads * config.head_size
    per_row = config.num_blocks * (3 * size * heads + heads * size + size * size)
    if isinstance(encoder.stem, ConvStem):
        per_row += sum(math.prod(kernel.shape) for kernel in encoder.stem.parameters()[::2])
    patch = getattr(config.encoder.stem, "shape", (1, 1))
    if references := config.encoder.references:
        told = size + references.count * (5 + patch[0] * patch[1] + references.match_size)
        per_row += told * size + size * (references.count + references.match_size)
    pairs = config.num_blocks * 2 * heads
    if encoder.max_entities is None:
        rows = np.asarray([float(math.prod(encoder.map_shape))])
    else:
        scenes = pack(images, encoder.background.numpy(), encoder.max_entities, patch)
        rows = np.diff(scenes.starts).astype(float)
    return float(np.mean(rows * per_row + rows**2 * pairs))


def rows(experiment: Experiment | None = None, repeats: int = 10) -> Iterator[tuple[str, ...]]:
    """Measures; yields a row of `training` at a time."""
    experiment = experiment or configs.load("boxworld")
    limit = _matrix_limit(repeats)  # first: packed agents take NumPy's threads for themselves
    published = configs.load("boxworld_paper").agent
    spec, background = _spec_and_background(experiment)
    unroll = _unroll(experiment, spec, background)
    frames = unroll.actions.size
    networks = {
        "width 64": replace(experiment, NETWORK),
        "boxworld": experiment,
        "published network": replace(experiment, {"agent": published}),
    }
    for name, network in networks.items():
        plain = 0.0
        for implementation in ("plain", "packed"):
            chosen = replace(
                network, {"agent.implementation": implementation, "learner.num_passes": 1}
            )
            agent = make_learning_agent(chosen, spec, background)
            learner = chosen.learner.build(agent, 0)
            speed = best_rate(frames, partial(learner.update, unroll, 0.0), repeats)
            remark, plain = "Sonnet compiled by XLA", plain or speed
            if implementation == "packed":
                images = unroll.observations["image"].reshape(-1, *spec.image_shape)
                share = 6 * multiplications(agent, images, chosen.agent) * speed / limit
                remark = f"{speed / plain:.1f} times plain; {share:.0%} of the matrix-product limit"
            yield f"learning, {name}, {implementation}", f"{speed:,.0f}", remark
    speed = _acting_speed(make_learning_agent(experiment, spec, background), unroll, repeats)
    yield "acting, boxworld, packed", f"{speed:,.0f}", "one batch of observations"
    passes = experiment.learner.num_passes  # type: ignore[attr-defined]
    yield "whole loop, boxworld", f"{_loop_speed(experiment):,.0f}", f"each learned {passes} times"


def training(experiment: Experiment | None = None, repeats: int = 10) -> Table:
    """Measures learning, acting and the whole loop."""
    return Table(
        "Frames per second of learning (one gradient step on a batch), acting and both at once",
        ("what", "frames/s", ""),
        list(rows(experiment, repeats)),
    )


def play_randomly(experiment: Experiment) -> tuple[EnvironmentSpec, np.ndarray, np.ndarray]:
    """Returns the game's spec, its background and the frames of one batch of unrolls [B, ...]."""
    spec, background = _spec_and_background(experiment)
    unroll = _unroll(experiment, spec, background)
    return spec, background, unroll.observations["image"].reshape(-1, *spec.image_shape)


def make_learning_agent(
    experiment: Experiment, spec: EnvironmentSpec, background: np.ndarray
) -> EntityAgent:
    """Makes an agent that knows the background, where it needs one.

    Raises:
      ValueError: the agent is not one of the cells of an image.
    """
    agent = experiment.agent.build(spec)
    if not isinstance(agent, EntityAgent):
        raise ValueError(f"agent must be relational or control, got {experiment.agent.label!r}")
    encoder = cells_of(agent)
    if encoder.needs_background:
        encoder.background.assign(background)
    return agent


def cells_of(agent: EntityAgent) -> EntityEncoder:
    """Returns the encoder of an agent whose entities are the cells of an image.

    Raises:
      ValueError: the agent is another one.
    """
    if not isinstance(agent.encoder, EntityEncoder):
        raise ValueError(f"the entities must be cells, got those of {agent.encoder}")
    return agent.encoder


def quiet_hooks() -> list[Hook]:
    """Returns the hooks of every run but the line that tells how it is going."""
    return [hook for hook in standard_hooks() if not isinstance(hook, Progress)]


def loop_only(experiment: Experiment, frames: int) -> Experiment:
    """Returns an experiment that trains for some frames, on its last stage."""
    return replace(
        experiment,
        {
            "curriculum": None,
            "run.total_frames": frames,
            "run.stop_at": None,
            "run.max_minutes": 0.0,
            "run.metrics_seconds": 1.0,
        },
    )


def _spec_and_background(experiment: Experiment) -> tuple[EnvironmentSpec, np.ndarray]:
    environment = make_vector_environment(ENV, _batch_size(experiment))
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    return spec, estimate_background(environment, spec, seed=0)


def _batch_size(experiment: Experiment) -> int:
    return experiment.learner.batch_size  # type: ignore[attr-defined]


def _unroll(experiment: Experiment, spec: EnvironmentSpec, background: np.ndarray) -> Unroll:
    """Returns one batch of unrolls of the untrained agent."""
    agent = make_learning_agent(experiment, spec, background)
    description = ActorDescription(
        env=ENV,
        agent=experiment.agent,
        spec=spec,
        num_envs=_batch_size(experiment),
        unroll_length=experiment.source.unroll_length,  # type: ignore[attr-defined]
        index=0,
        seed=0,
    )
    actor = Actor(description, agent)
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


def _acting_speed(agent: EntityAgent, unroll: Unroll, repeats: int) -> float:
    """Returns frames per second of acting on the first observations of an unroll."""
    policy, images = Policy(agent), unroll.observations["image"][0]
    state = policy.initial_state(len(images))
    uniforms = np.random.default_rng(0).random((len(images), policy.num_draws))

    def act() -> np.ndarray:
        return policy.act({"image": images}, state, uniforms)[0].actions.numpy()

    return best_rate(len(images), act, repeats)


def _loop_speed(experiment: Experiment, frames: int = 300_000) -> float:
    """Trains for some frames in a directory that is thrown away; returns frames per second."""
    with tempfile.TemporaryDirectory() as directory:
        trainer = Trainer(loop_only(experiment, frames), Path(directory), hooks=quiet_hooks())
        summary = trainer.run()
    return summary.frames / (summary.minutes * 60)
