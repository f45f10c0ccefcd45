"""Your own game: a Gymnasium environment with an image, trained and played.

Run it as a script, or train it from the command line, in the folder of this file:

    python own_environment.py
    relational-rl train --config=own_environment.py --run_dir=runs/fetch
    relational-rl train --config=boxworld_easy --run_dir=runs/fetch_easy \
        --config.env.make=own_environment:Fetch "--config.curriculum=()"

The environment needs nothing of this library. Any other that Gymnasium can make is named by its id.
"""

import sys
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

import relational_rl as rrl

COLORS = ((90, 90, 250), (240, 200, 40), (200, 40, 40))  # of agent, coin, bomb
MOVES = np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])  # up, down, left, right: (row, column)


class Fetch(gymnasium.Env):
    """Walk to the coin, and not into the bomb, in a room of 5x5 cells.

    Observation: Box(0, 255, (5, 5, 3), uint8), a pixel a cell. Action: Discrete(4). Reward: 1 for
    the coin, -1 for the bomb; either ends the episode. After 15 steps it is truncated.
    """

    SIDE, MAX_STEPS = 5, 15
    observation_space = spaces.Box(0, 255, (SIDE, SIDE, 3), np.uint8)
    action_space = spaces.Discrete(4)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Puts agent, coin and bomb into three different cells."""
        super().reset(seed=seed, options=options)
        cells = self.np_random.choice(self.SIDE**2, size=3, replace=False)
        self.places = np.stack(np.divmod(cells, self.SIDE), axis=-1)  # agent, coin, bomb
        self._steps = 0
        return self._image(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Moves the agent by a cell; the wall stops it."""
        self.places[0] = np.clip(self.places[0] + MOVES[int(action)], 0, self.SIDE - 1)
        self._steps += 1
        coin, bomb = (self.places[1:] == self.places[0]).all(axis=-1)
        terminated, truncated = bool(coin or bomb), self._steps >= self.MAX_STEPS
        # `is_success` at the end of an episode is what the solved share is made of.
        info = {"is_success": bool(coin)} if terminated or truncated else {}
        return self._image(), float(coin) - float(bomb), terminated, truncated, info

    def _image(self) -> np.ndarray:
        image = np.zeros(self.observation_space.shape, np.uint8)
        for place, color in zip(self.places[::-1], COLORS[::-1], strict=True):
            image[tuple(place)] = color
        return image


experiment = rrl.Experiment(
    env=Fetch,
    # Entities are the cells that differ from the background, at most three.
    agent=rrl.Relational(
        encoder=rrl.Cells(
            stem=rrl.Patch(size=16, num_frequencies=8),
            max_entities=3,
            references=rrl.References(count=2, match_size=8),
        ),
        num_blocks=1,
        head_size=8,
        mlp=(32,),
    ),
    learner=rrl.VTrace(
        optimizer=rrl.Adam(),
        learning_rate=5e-3,
        entropy_cost=0.01,
        reduction="mean",
        num_passes=2,
        policy_clip=0.2,
        min_advantage_deviation=0.1,
        max_gradient_norm=1.0,
    ),
    source=rrl.Online(envs_per_actor=128, unroll_length=16),
    run=rrl.Run(metrics_seconds=2),
)


def main(run_dir: str = "runs/fetch", frames: int = 40_000, episodes: int = 100) -> float:
    """Trains, plays, and returns the share of episodes in which the coin was found."""
    run = rrl.train(experiment, run_dir=run_dir, frames=frames)
    env, found = Fetch(), 0
    for episode in range(episodes):
        observation, _ = env.reset(seed=episode)
        done = False
        while not done:
            action, _ = run.agent.predict(observation)
            observation, _, terminated, truncated, info = env.step(action)
            done = terminated or truncated
        found += info["is_success"]
    print(f"{found} of {episodes} coins found after {run.summary.frames:,} frames")
    return found / episodes


if __name__ == "__main__":
    from own_environment import main  # by its import path, so that the run can be loaded later

    main(*sys.argv[1:2])
