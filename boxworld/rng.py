"""Random integers that are the same on every machine, in compiled code.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014): a 64-bit
counter and a mixing function. A generator is its counter, a uint64 array of one element. Only
integers are used, so no rounding can differ between machines, and nothing global is read.
"""

from __future__ import annotations

import numpy as np

from boxworld._compile import compiled

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_SALT = np.uint64(0xD1B54A32D192ED03)
_LOW_32 = np.uint64(0xFFFFFFFF)
_TWO_32 = np.uint64(1 << 32)
_1, _27, _30, _31, _32 = (np.uint64(shift) for shift in (1, 27, 30, 31, 32))


@compiled
def mix(value):
    """Returns a bijective, well mixed function of a uint64."""
    value = (value ^ (value >> _30)) * _MIX_1
    value = (value ^ (value >> _27)) * _MIX_2
    return value ^ (value >> _31)


@compiled
def next_uint64(counter):
    """Advances `counter` (uint64 [1]) and returns a uniform uint64."""
    counter[0] += _GAMMA
    return mix(counter[0])


@compiled
def next_below(counter, bound):
    """Returns an int64 uniform on [0, bound), for 1 <= bound <= 2**32, without bias."""
    wide = np.uint64(bound)
    product = (next_uint64(counter) >> _32) * wide
    if product & _LOW_32 < wide:
        threshold = (_TWO_32 - wide) % wide
        while product & _LOW_32 < threshold:
            product = (next_uint64(counter) >> _32) * wide
    return np.int64(product >> _32)


@compiled
def start(counter, seed):
    """Starts the stream of `seed` (an int64 of at least 0): neighbouring seeds are unrelated."""
    counter[0] = mix(np.uint64(seed) * _GAMMA + _SALT)
