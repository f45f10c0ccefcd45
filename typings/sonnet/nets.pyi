from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sonnet import Module

class MLP(Module):
    def __init__(
        self,
        output_sizes: Iterable[int],
        w_init: Callable[[Sequence[int], Any], Any] | None = None,
        b_init: Callable[[Sequence[int], Any], Any] | None = None,
        with_bias: bool = True,
        activation: Callable[[Any], Any] = ...,
        dropout_rate: float | None = None,
        activate_final: bool = False,
        name: str | None = None,
    ) -> None: ...
    def __call__(self, inputs: Any, is_training: bool | None = None) -> Any: ...
