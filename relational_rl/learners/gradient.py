"""What learners by gradient share: optimiser, schedules, clipping, and the search for NaN."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from relational_rl._quiet import tf
from relational_rl.agents.protocol import Agent
from relational_rl.config.learners import _Gradients
from relational_rl.errors import NonFiniteError


class GradientStep(NamedTuple):
    """What one gradient step tells.

    Attributes:
      metrics: float32 [], by name; "loss" is the total.
      norms: float32 [variables], of every variable's gradient before clipping.
    """

    metrics: dict[str, tf.Tensor]
    norms: tf.Tensor


class GradientLearner:
    """Takes clipped gradient steps on an agent's variables."""

    def __init__(self, agent: Agent, config: _Gradients, seed: int):
        """Makes the learner of an agent; `seed` decides how batches are drawn."""
        self.agent = agent
        self.num_updates = 0
        self.random = np.random.default_rng(seed)
        self._gradient_config = config
        self._learning_rate = tf.Variable(config.learning_rate, trainable=False)
        self.optimizer = config.optimizer.build(self._learning_rate)
        self.trackables: Mapping[str, Any] = {"optimizer": self.optimizer}
        self.variables = tuple(agent.trainable_variables)
        if self.variables:
            # Creates the optimiser's slots, so that a checkpoint has them from the start.
            self.optimizer._initialize(self.variables)
        self._apply = tf.function(
            lambda gradients: self.optimizer.apply(gradients, self.variables),
            jit_compile=True,
            autograph=False,
        )

    def parameters(self) -> list[np.ndarray]:
        """Returns a copy of the agent's variables, in the order of `agent.variables`."""
        return [variable.numpy() for variable in self.agent.variables]

    def state(self) -> dict[str, Any]:
        """Returns the number of updates and the state of the random numbers."""
        return {"updates": self.num_updates, "learner_random": self.random.bit_generator.state}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes back to a state."""
        self.num_updates = state["updates"]
        self.random.bit_generator.state = state["learner_random"]

    def begin_update(self, progress: float) -> None:
        """Counts an update and sets the learning rate to its schedule's value."""
        config = self._gradient_config
        self._learning_rate.assign(
            scheduled(config.learning_rate, config.learning_rate_schedule, progress)
        )
        self.num_updates += 1

    def take_step(self, compute: Callable[[], dict[str, tf.Tensor]]) -> GradientStep:
        """Takes one step down the gradient of the "loss" of what `compute` returns."""
        with tf.GradientTape() as tape:
            metrics = compute()
        gradients = tape.gradient(
            metrics["loss"],
            self.variables,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        # Those of embeddings come as a list of rows.
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]
        norms = tf.stack([tf.norm(gradient) for gradient in gradients])
        norm = tf.linalg.global_norm([norms])
        largest = self._gradient_config.max_gradient_norm
        scale = largest / tf.maximum(norm, largest)
        self._apply([gradient * scale for gradient in gradients])
        return GradientStep(metrics, norms)

    def read(self, step: GradientStep) -> dict[str, float]:
        """Returns the numbers of a step, with the norm of its gradient.

        Raises:
          NonFiniteError: one is NaN or infinite; the message names the first.
        """
        metrics = {name: float(value) for name, value in step.metrics.items()}
        metrics["gradient_norm"] = float(np.linalg.norm(step.norms.numpy()))
        for name in (*(name for name in metrics if name.endswith("_loss")), "loss"):
            if name in metrics and not np.isfinite(metrics[name]):
                described = name.replace("_", " ") if name != "loss" else "total loss"
                raise NonFiniteError(
                    f"the {described} is {metrics[name]} in update {self.num_updates}"
                )
        for variable, norm in zip(self.variables, step.norms.numpy(), strict=True):
            if not np.isfinite(norm):
                raise NonFiniteError(
                    f"the gradient of {variable.name} is not finite (norm {norm}) "
                    f"in update {self.num_updates}"
                )
        return metrics


def scheduled(value: float, schedule: str, progress: float) -> float:
    """Returns a value after a share of the training, in [0, 1]: constant, or linear to zero."""
    return value * max(1.0 - progress, 0.0) if schedule == "linear" else value


def means(rows: list[dict[str, float]]) -> dict[str, float]:
    """Returns the mean of every number over rows of the same names."""
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]} if rows else {}
