"""Actions of the environment by their number and the names of their arguments."""

import numpy as np

from sc2_minigames.actions import ARGUMENTS


def action(function, **arguments):
    vector = np.zeros(14, np.int64)
    vector[0] = function
    for name, value in arguments.items():
        vector[1 + ARGUMENTS.index(name)] = value
    return vector
