"""What this project uses of Sonnet 2, for the type checker: Sonnet's own types are lost on it.

TensorFlow brings no types, so tensors and variables are Any.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from sonnet import initializers as initializers
from sonnet import nets as nets
from sonnet import optimizers as optimizers

_Anything = TypeVar("_Anything")
_Method = TypeVar("_Method", bound=Callable[..., Any])
_Initializer = Callable[[Sequence[int], Any], Any]

class Module:
    def __init__(self, name: str | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def name_scope(self) -> Any: ...
    @property
    def variables(self) -> tuple[Any, ...]: ...
    @property
    def trainable_variables(self) -> tuple[Any, ...]: ...
    @property
    def submodules(self) -> tuple[Module, ...]: ...

class Optimizer(Module):
    def apply(self, updates: Sequence[Any], parameters: Sequence[Any]) -> None: ...

class RNNCore(Module):
    def __call__(self, inputs: Any, prev_state: Any) -> tuple[Any, Any]: ...
    def initial_state(self, batch_size: Any, **kwargs: Any) -> Any: ...

class Linear(Module):
    output_size: int
    input_size: int
    with_bias: bool
    w: Any
    b: Any
    def __init__(
        self,
        output_size: int,
        with_bias: bool = True,
        w_init: _Initializer | None = None,
        b_init: _Initializer | None = None,
        name: str | None = None,
    ) -> None: ...
    def __call__(self, inputs: Any) -> Any: ...

class Conv2D(Module):
    w: Any
    b: Any
    def __init__(
        self,
        output_channels: int,
        kernel_shape: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        *,
        padding: str = "SAME",
        with_bias: bool = True,
        w_init: _Initializer | None = None,
        name: str | None = None,
    ) -> None: ...
    def __call__(self, inputs: Any) -> Any: ...

class Conv2DTranspose(Conv2D):
    """As it is called here: the output's shape is not given."""

class LayerNorm(Module):
    scale: Any
    offset: Any
    def __init__(
        self,
        axis: int | slice | Sequence[int],
        create_scale: bool,
        create_offset: bool,
        eps: float = 1e-5,
        scale_init: _Initializer | None = None,
        offset_init: _Initializer | None = None,
        data_format: str = "channels_last",
        name: str | None = None,
    ) -> None: ...
    def __call__(self, inputs: Any, scale: Any = None, offset: Any = None) -> Any: ...

class Sequential(Module):
    def __init__(
        self, layers: Iterable[Callable[..., Any]] | None = None, name: str | None = None
    ) -> None: ...
    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any: ...

class LSTM(RNNCore):
    def __init__(self, hidden_size: int, *, name: str | None = None) -> None: ...

class Conv2DLSTM(RNNCore):
    def __init__(
        self,
        input_shape: Sequence[int],
        output_channels: int,
        kernel_shape: int | Sequence[int],
        *,
        name: str | None = None,
    ) -> None: ...

def allow_empty_variables(module_or_cls: _Anything) -> _Anything: ...
def dynamic_unroll(
    core: RNNCore,
    input_sequence: Any,
    initial_state: Any,
    sequence_length: Any = None,
    parallel_iterations: int = 1,
    swap_memory: bool = False,
) -> tuple[Any, Any]: ...
def once(f: _Method) -> _Method: ...
