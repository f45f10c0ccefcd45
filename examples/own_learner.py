"""Your own learning rule: advantage actor-critic with n-step returns, without V-trace.

    python own_learner.py
    relational-rl train --config=boxworld_easy --run_dir=runs/a2c --config.learner=own_learner:A2C

A learner is anything with the methods of `relational_rl.learners.learner.Learner`. This one derives
from `GradientLearner`, which brings optimiser, gradient clipping, schedules and checkpoints, and
adds what is its own: the loss.
"""

import sys
from typing import Any

import tensorflow as tf
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.config import LearnerConfig, part, replace, value
from relational_rl.learners.gradient import GradientLearner, means
from relational_rl.learners.vtrace import take
from relational_rl.math import losses
from relational_rl.nn.memory import first_steps


@part
class A2C(LearnerConfig):
    """The values of the learning rule; they are flags, `--config.learner.entropy_cost=0.02`."""

    batch_size: int = value(default=32, meaning="unrolls in one gradient step")
    optimizer: rrl.Adam | rrl.RMSProp = value(default=rrl.Adam, meaning="adam | rmsprop")
    learning_rate: float = value(default=3e-3, meaning="of the optimiser")
    learning_rate_schedule: str = value(
        default="constant", meaning="constant | linear (to zero at the end)"
    )
    max_gradient_norm: float = value(default=1.0, meaning="global norm")
    discount_factor: float = value(default=0.97, meaning="of future rewards")
    entropy_cost: float = value(default=0.01, meaning="weight of the entropy bonus")

    def build(self, agent: Any, seed: int) -> "A2CLearner":
        """Makes the learner of an agent."""
        return A2CLearner(agent, self, seed)


class A2CLearner(GradientLearner):
    """Ascends log pi(a_t | x_t) (R_t - V(x_t)), R_t the discounted return within the unroll."""

    def __init__(self, agent: Any, config: A2C, seed: int):
        """Makes the learner; the gradient step is compiled at the first batch."""
        super().__init__(agent, config, seed)
        self._config = config
        self._step = tf.function(self._step_on, autograph=False)

    def update(self, data: Any, progress: float) -> dict[str, float]:
        """Takes a gradient step on every `batch_size` environments of an unroll.

        Args:
          data: an `Unroll` of T steps of B environments.
          progress: share of the training done, for the schedules.

        Returns:
          Means of the losses and of the gradient norm, for metrics.csv.
        """
        self.begin_update(progress)
        order, size = self.random.permutation(data.actions.shape[1]), self._config.batch_size
        groups = [order[first : first + size] for first in range(0, len(order), size)]
        return means([self.read(self._step(take(data, group))) for group in groups])

    def _step_on(self, batch: Any) -> Any:
        return self.take_step(lambda: self._losses(batch))

    def _losses(self, batch: Any) -> dict[str, tf.Tensor]:
        config, weights = self._config, batch.weights
        features = self.agent.unroll_features(
            batch.observations, batch.initial_state, first_steps(weights)
        )
        policy = self.agent.evaluate(features, batch.actions)
        targets = tf.stop_gradient(
            returns(
                batch.rewards, config.discount_factor * batch.not_terminated, weights, policy.values
            )
        )
        advantages = targets - policy.values[:-1]
        parts = {
            "policy_loss": losses.policy_gradient_loss(
                policy.log_probs, advantages, weights, "mean"
            ),
            "baseline_loss": losses.baseline_loss(policy.values[:-1], targets, weights, "mean"),
            "entropy_loss": losses.entropy_loss(policy.entropies, weights, "mean"),
        }
        total = parts["policy_loss"] + 0.5 * parts["baseline_loss"]
        return {"loss": total + config.entropy_cost * parts["entropy_loss"], **parts}


def returns(
    rewards: tf.Tensor, discounts: tf.Tensor, weights: tf.Tensor, values: tf.Tensor
) -> tf.Tensor:
    """Returns R_t = r_t + discount_t R_{t+1}, float32 [T, B], with R_T = V(x_T).

    Args:
      rewards: float32 [T, B].
      discounts: float32 [T, B], 0 where an episode terminates.
      weights: float32 [T, B], 0 for steps that only reset an environment: what was cut off before
        them has the value of its last observation as its return.
      values: float32 [T + 1, B].
    """
    following, found = values[-1], []
    for t in reversed(range(rewards.shape[0])):
        following = tf.where(weights[t] > 0, rewards[t] + discounts[t] * following, values[t])
        found.append(following)
    return tf.stack(found[::-1])


def main(run_dir: str = "runs/a2c", frames: int = 40_000) -> rrl.TrainingRun:
    """Trains the agent of `own_environment.py` by this rule."""
    run = rrl.train(replace(fetch, {"learner": A2C()}), run_dir=run_dir, frames=frames)
    print(f"solved {run.metrics['solved'][-1]:.0%} of the last episodes of training")
    return run


if __name__ == "__main__":
    from own_learner import main  # by its import path, which goes into the run's config.json

    main(*sys.argv[1:2])
