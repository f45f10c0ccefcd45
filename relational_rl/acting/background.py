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
    environment.action_space.seed(seed)
    for step in range(1, num_steps + 1):
        if spec.action_shape == ():
            actions = random.integers(spec.num_actions, size=environment.num_envs)
            sent = spec.to_environment(actions)
        else:
            sent = environment.action_space.sample()
        observations = environment.step(sent)[0]
        if step % 16 == 0:  # frames further apart say more about what moves
            frames.append(spec.select(observations)["image"].copy())
    return most_common_image(np.concatenate(frames))
