"""Your own agent: a plain convolutional actor-critic, the usual baseline, without entities.

    python own_agent.py
    relational-rl train --config=own_environment.py --run_dir=runs/conv \
        --config.agent=own_agent:Conv --config.agent.channels=32

An agent is anything with the interface of `relational_rl.agents.Agent`: it acts, and it evaluates
what was done. Actors, learners, checkpoints, evaluation and `rrl.load` take it as they take ours.
"""

import sys
from typing import Any

import sonnet as snt
import tensorflow as tf
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.agents import ActOutput, Evaluation
from relational_rl.config import AgentConfig, part, replace, value
from relational_rl.math import distributions


@part
class Conv(AgentConfig):
    """The values of the agent; they are flags, `--config.agent.channels=32`."""

    channels: int = value(default=16, meaning="of the convolution")
    hidden: int = value(default=64, meaning="units of the layer after it")

    def build(self, spec: Any) -> "ConvAgent":
        """Makes the agent for observations with an image and actions that are one choice."""
        agent = ConvAgent(spec.num_actions, self.channels, self.hidden)
        agent.heads(agent.see(spec.zeros((1,))["image"]))  # makes the variables
        return agent


class ConvAgent(snt.Module):
    """Image -> convolution -> hidden layer -> policy logits and baseline; it has no memory."""

    num_draws = 1  # random numbers for an action
    can_compile = can_compile_heads = True  # by XLA

    def __init__(self, num_actions: int, channels: int, hidden: int):
        """Makes the agent for `num_actions` actions."""
        super().__init__()
        self._torso = snt.Sequential(
            [snt.Conv2D(channels, 3), tf.nn.relu, snt.Flatten(), snt.Linear(hidden), tf.nn.relu]
        )
        self._head = snt.Linear(num_actions + 1)

    def initial_state(self, batch_size: int) -> tuple[()]:
        """Returns the state before an episode: none."""
        del batch_size
        return ()

    def see(self, images: tf.Tensor) -> tf.Tensor:
        """Maps images uint8 [B, H, W, C] to features [B, hidden]."""
        return self._torso(tf.cast(images, tf.float32) / 255.0)

    def heads(self, features: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Maps features [B, hidden] to logits [B, A] and values [B]."""
        output = self._head(features)
        return output[..., :-1], output[..., -1]

    def act(
        self, observations, state, uniforms, greedy: bool = False, with_attention: bool = False
    ) -> tuple[ActOutput, Any]:
        """Chooses an action for each of B observations."""
        del with_attention  # there is none
        logits, values = self.heads(self.see(observations["image"]))
        actions = distributions.choose(logits, uniforms[:, 0], greedy)
        return ActOutput(actions, distributions.log_prob(logits, actions), logits, values), state

    def unroll_features(self, observations: Any, state: Any, is_first: Any = None) -> tf.Tensor:
        """Maps T steps of B images to features [T, B, hidden]."""
        del state, is_first
        return snt.BatchApply(self.see)(observations["image"])

    def evaluate(self, features: tf.Tensor, actions: tf.Tensor) -> Evaluation:
        """Evaluates T actions by features of T + 1 steps, of which the last is the bootstrap."""
        logits, values = snt.BatchApply(self.heads)(features)
        logits = logits[:-1]
        return Evaluation(
            distributions.log_prob(logits, actions), distributions.entropy(logits), values, logits
        )

    def num_parameters(self) -> int:
        """Returns how many numbers are learned."""
        return sum(variable.shape.num_elements() for variable in self.trainable_variables)


def main(run_dir: str = "runs/conv", frames: int = 40_000) -> rrl.TrainingRun:
    """Trains the agent in the room of `own_environment.py`."""
    run = rrl.train(replace(fetch, {"agent": Conv()}), run_dir=run_dir, frames=frames)
    print(f"solved {run.metrics['solved'][-1]:.0%} of the last episodes of training")
    return run


if __name__ == "__main__":
    from own_agent import main  # by its import path, which goes into the run's config.json

    main(*sys.argv[1:2])
