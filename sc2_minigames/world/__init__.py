"""One compiled world that plays the mini-games of the stand-in, B games at once.

`StandInVectorEnv` is its face for Gymnasium. A game is one record of numbers (`layout`); `kernel`
advances it, `observing` and `painting` say what the player sees of it.
"""

from sc2_minigames.world.vector_env import StandInVectorEnv

__all__ = ["StandInVectorEnv"]
