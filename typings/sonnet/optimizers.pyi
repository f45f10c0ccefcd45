from collections.abc import Sequence
from typing import Any

from sonnet import Optimizer

class Adam(Optimizer):
    learning_rate: Any
    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        name: str | None = None,
    ) -> None: ...
    def _initialize(self, parameters: Sequence[Any]) -> None: ...

class RMSProp(Optimizer):
    learning_rate: Any
    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        centered: bool = False,
        name: str | None = None,
    ) -> None: ...
    def _initialize(self, parameters: Sequence[Any]) -> None: ...
