"""What an environment looks like without its objects."""

import numpy as np
from gymnasium.vector import VectorEnv

from relational_rl.nn.entities import most_common_image
from relational_rl.observations.spec import EnvironmentSpec


def estimate_background(
    environment: VectorEnv, spec: EnvironmentSpec, seed: int, num_steps: int = 256
) -> np.ndarray:
    """Plays randomly and returns the most common value of every pixel, [H, W, C]."""
    random = np.random.default_rng(seed)
    frames = [spec.select(environment.reset(seed=seed)[0])["image"].copy()]
    for step in range(1, num_steps + 1):
        actions = random.integers(spec.num_actions, size=environment.num_envs)
        observations = environment.step(spec.to_environment(actions))[0]
        if step % 16 == 0:  # frames further apart say more about what moves
            frames.append(spec.select(observations)["image"].copy())
    return most_common_image(np.concatenate(frames))
