from collections.abc import Sequence
from typing import Any

class Initializer:
    def __call__(self, shape: Sequence[int], dtype: Any) -> Any: ...

class Constant(Initializer):
    def __init__(self, value: float) -> None: ...

class Orthogonal(Initializer):
    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None: ...

class TruncatedNormal(Initializer):
    def __init__(self, mean: float = 0.0, stddev: float = 1.0, seed: int | None = None) -> None: ...

class VarianceScaling(Initializer):
    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None: ...

class Zeros(Initializer): ...
