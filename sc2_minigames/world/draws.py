"""Random numbers by counting: number i of a game is a hash of the game's key and of i.

The hash is SplitMix64's (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
2014). A game's key and count are all its randomness: two numbers to save, and nothing global.
"""

from __future__ import annotations

import numpy as np

from sc2_minigames.world._compile import part

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SALT = np.uint64(0xD1B54A32D192ED03)
_1, _11, _27, _30, _31 = (np.uint64(shift) for shift in (1, 11, 27, 30, 31))
_UNIT = 2.0**-53


@part
def mix(value):
    """Returns a bijective, well mixed function of a uint64."""
    value = (value ^ (value >> _30)) * _MIX_1
    value = (value ^ (value >> _27)) * _MIX_2
    return value ^ (value >> _31)


@part
def key_of(seed):
    """Returns the key of a seed (an int64 of at least 0): neighbouring seeds are unrelated."""
    return mix(np.uint64(seed) * _GAMMA + _SALT)


@part
def draw(game):
    """Returns the game's next random number, float64 uniform on [0, 1)."""
    game.draws += _1
    return np.float64(mix(game.key + game.draws * _GAMMA) >> _11) * _UNIT


@part
def uniform(game, low, high):
    """Returns a float64 uniform on [low, high)."""
    return low + (high - low) * draw(game)
