"""Memory of intermediate values, which come in the same shapes again and again."""

import math

import numpy as np


class Workspace:
    """Arrays that are made once and used again for every batch of at most that size."""

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int, dtype: type = np.float32) -> np.ndarray:
        """Returns an array of a shape; what it holds is undefined."""
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size:
            array = np.empty(size + size // 4, dtype)
            self._arrays[name] = array
        return array[:size].reshape(shape)
