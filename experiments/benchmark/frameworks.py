"""The same gradient step of the same network: Sonnet compiled by XLA, packed, and PyTorch.

Forward pass, a fixed policy-gradient and baseline loss, backward pass, one step of Adam, on one
batch of frames of random play; every library with all cores.
"""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sonnet as snt
import tensorflow as tf

from experiments import configs
from experiments.benchmark.table import Table, best_rate
from experiments.benchmark.training import NETWORK, make_learning_agent, play_randomly
from relational_rl.agents import EntityAgent
from relational_rl.config import Experiment, replace
from relational_rl.math import distributions
from relational_rl.observations.spec import EnvironmentSpec

_LEARNING_RATE = 1e-3


class Batch(NamedTuple):
    """What one gradient step learns from: B frames, with targets that are given."""

    images: np.ndarray  # uint8 [B, H, W, C]
    actions: np.ndarray  # int64 [B]
    advantages: np.ndarray  # float32 [B]
    targets: np.ndarray  # float32 [B], of the baseline


def with_network(experiment: Experiment | None = None) -> Experiment:
    """Returns the network of the comparison: width 64, two heads, two blocks, nothing special."""
    plain = {
        "agent.encoder.references": None,
        "agent.likeness": False,
        "agent.encoder.max_entities": 20,
    }
    return replace(experiment or configs.load("boxworld"), NETWORK | plain)


def make_batch(images: np.ndarray, num_actions: int) -> Batch:
    """Returns frames with drawn actions, advantages and targets."""
    random = np.random.default_rng(0)
    count = len(images)
    return Batch(
        images,
        random.integers(num_actions, size=count),
        random.normal(size=count).astype(np.float32),
        random.normal(size=count).astype(np.float32),
    )


def sonnet_step(agent: EntityAgent, batch: Batch) -> Callable[[], float]:
    """Returns a function that takes a gradient step and returns the loss before it."""
    optimizer = snt.optimizers.Adam(_LEARNING_RATE)
    variables = agent.trainable_variables
    optimizer._initialize(variables)

    def loss_of(features: tf.Tensor, *values: tf.Tensor) -> tf.Tensor:
        actions, advantages, targets = values
        logits, baseline = agent.heads(features)
        log_probs = distributions.log_prob(logits, actions)
        policy_loss = -tf.reduce_mean(log_probs * advantages)
        return policy_loss + 0.5 * tf.reduce_mean(tf.square(baseline - targets))

    # As the learner does it: where XLA cannot compile the features, it compiles what follows.
    compiled_loss = tf.function(loss_of, jit_compile=True, autograph=False)
    apply = tf.function(
        lambda gradients: optimizer.apply(gradients, variables), jit_compile=True, autograph=False
    )

    def step(images: tf.Tensor, *values: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            features = agent.features({"image": images})
            loss = compiled_loss(features, *values)
        apply(tape.gradient(loss, variables))
        return loss

    compiled = tf.function(step, jit_compile=agent.can_compile, autograph=False)
    return lambda: float(compiled(*[tf.constant(value) for value in batch]))


def torch_step(
    agent: EntityAgent,
    experiment: Experiment,
    spec: EnvironmentSpec,
    batch: Batch,
    attention: Any,
    compile: bool,
    threads: int = 0,
) -> Callable[[], float]:
    """Returns the same in PyTorch, from the same weights, in `threads` threads (0: one a core).

    Raises:
      ImportError: PyTorch is not installed.
    """
    torch = importlib.import_module("torch")
    torch_network = importlib.import_module("experiments.benchmark.torch_network")
    torch.set_num_threads(threads or os.cpu_count() or 1)
    network = torch_network.Network(experiment.agent, spec.image_shape, spec.num_actions, attention)
    torch_network.copy_weights(agent, network)
    optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
    forward = torch.compile(network) if compile else network

    def step() -> float:
        images, actions, advantages, targets = (torch.from_numpy(value) for value in batch)
        optimizer.zero_grad()
        logits, baseline = forward(images)
        log_probs = torch.log_softmax(logits, dim=-1).gather(1, actions[:, None])[:, 0]
        loss = -(log_probs * advantages).mean() + 0.5 * (baseline - targets).square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def rows(experiment: Experiment | None = None, repeats: int = 10) -> Iterator[tuple[str, ...]]:
    """Measures; yields a row of `frameworks` at a time."""
    experiment = with_network(experiment)
    spec, background, images = play_randomly(experiment)
    batch = make_batch(images, spec.num_actions)

    def agent_of(implementation: str) -> EntityAgent:
        return make_learning_agent(
            replace(experiment, {"agent.implementation": implementation}), spec, background
        )

    def measure(make_step: Callable[[int], Callable[[], float]]) -> tuple[float, float]:
        """Returns frames per second, and per second of computing."""
        passed = best_rate(len(images), make_step(0), repeats)
        # In one thread: several that wait for one another compute while they wait.
        return passed, best_rate(len(images), make_step(1), repeats, time.process_time)

    agent = agent_of("plain")
    plain = measure(lambda threads: sonnet_step(agent, batch))
    yield _row("Sonnet, compiled by XLA", plain, plain)
    for name, attention, compile in (
        ("PyTorch, scaled_dot_product_attention", "sdpa", False),
        ("PyTorch, products of matrices", "matmul", False),
        ("PyTorch, scaled_dot_product_attention, torch.compile", "sdpa", True),
        ("PyTorch, products of matrices, torch.compile", "matmul", True),
    ):
        make_step = partial(torch_step, agent, experiment, spec, batch, attention, compile)
        try:
            rates = measure(make_step)
        except ImportError:
            yield name, "-", "-", "not installed: pip install torch"
        except Exception as error:  # a compiler that is missing or too old has many ways to fail
            yield name, "-", "-", f"fails here: {_first_line(error)}"
        else:
            yield _row(name, rates, plain)
    # Last: packed features limit the threads of NumPy's products in the whole process.
    packed_agent = agent_of("packed")
    packed = measure(lambda threads: sonnet_step(packed_agent, batch))
    yield _row("packed (relational_rl/kernels)", packed, plain)


def frameworks(experiment: Experiment | None = None, repeats: int = 10) -> Table:
    """Measures one gradient step of the same network in each library.

    Beside the frames per second with all cores stand the frames per second of computing, all
    threads added up and PyTorch in one: on a busy machine the first says little, least of all of
    libraries whose threads wait for one another.
    """
    return Table(
        "One gradient step of the relational network, width 64, two heads, two blocks, up to 20 "
        "entities, one batch;\nratios: to Sonnet compiled by XLA, by the time that passed and by "
        "the time of computing",
        ("what", "frames/s", "frames/s of computing", "ratios"),
        list(rows(experiment, repeats)),
    )


def _row(
    name: str, rates: tuple[float, float], plain: tuple[float, float]
) -> tuple[str, str, str, str]:
    ratios = ", ".join(f"{rate / base:.1f}" for rate, base in zip(rates, plain, strict=True))
    return name, f"{rates[0]:,.0f}", f"{rates[1]:,.0f}", ratios


def _first_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip() if lines else ''}"[:120]
