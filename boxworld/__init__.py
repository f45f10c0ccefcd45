"""Box-World, the game of "Relational Deep Reinforcement Learning", for Gymnasium.

Zambaldi et al., arXiv:1806.01830. Importing this package registers the environments:

    import boxworld, gymnasium
    env = gymnasium.make("BoxWorld-v0")
    envs = gymnasium.make_vec("boxworld:BoxWorld-v0", num_envs=256)
"""

from boxworld.env import BoxWorldEnv
from boxworld.generator import generate_level
from boxworld.level import Box, Level
from boxworld.registration import ENVIRONMENTS, register_environments
from boxworld.rendering import PALETTE
from boxworld.solver import solve
from boxworld.spec import LevelSpec
from boxworld.state import BoxWorldState
from boxworld.vector_env import BoxWorldVectorEnv
from boxworld.withheld import WITHHELD_SEED, withheld_pairs

__all__ = [
    "ENVIRONMENTS",
    "PALETTE",
    "WITHHELD_SEED",
    "Box",
    "BoxWorldEnv",
    "BoxWorldState",
    "BoxWorldVectorEnv",
    "Level",
    "LevelSpec",
    "generate_level",
    "solve",
    "withheld_pairs",
]

register_environments()
