"""Vectors of float32 numbers as values of compiled functions: `float32x16` and the like.

LLVM gives up on short loops over arrays that might overlap, and attention over a dozen entities is
nothing but short loops. A vector says what is meant: numbers in registers. For functions compiled
by Numba only:

    load, store, scatter       between arrays and registers
    spread, iota               make vectors
    total, largest             make numbers of vectors
    larger, exponential, positive, choose, below   make vectors of vectors
    + - *                      lane by lane; with a number, that number in every lane

Arrays are flat, contiguous and float32, `lanes` is a compile-time constant.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8  # float32 numbers in a 256-bit register

_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_ARRAY = types.Array(types.float32, 1, "C")
# e^x = 2^n e^r with |r| <= log(2) / 2, and a polynomial for e^r (minimax, error below 2e-8).
_LOG2_E = 1.44269504088896341
_LOG_2_HIGH, _LOG_2_LOW = 0.693359375, -2.12194440e-4
_EXPONENTIAL = (
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
)
_LOWEST, _HIGHEST = -87.0, 88.0


class Vector(types.Type):
    """The type of a vector of `lanes` float32 numbers."""

    def __init__(self, lanes: int):
        """Makes the type."""
        self.lanes = lanes
        super().__init__(name=f"float32x{lanes}")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, fe_type: Vector):
        super().__init__(manager, fe_type, ir.VectorType(_FLOAT, fe_type.lanes))


def _filled(lanes: int, number: float, kind: ir.Type = _FLOAT) -> ir.Constant:
    return ir.Constant(ir.VectorType(kind, lanes), [number] * lanes)


def _spread(builder: Any, number: Any, lanes: int) -> Any:
    """A scalar in every lane."""
    undefined = ir.Constant(ir.VectorType(_FLOAT, lanes), ir.Undefined)
    single = builder.insert_element(undefined, number, ir.Constant(_INT, 0))
    return builder.shuffle_vector(single, undefined, _filled(lanes, 0, _INT))


def _call(builder: Any, name: str, result: ir.Type, *arguments: Any) -> Any:
    """Calls an intrinsic function of LLVM."""
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    module = builder.module
    function = module.globals.get(name) or ir.Function(module, kind, name=name)
    return builder.call(function, arguments, fastmath=("fast",))


# Arithmetic.


def _arithmetic(key: Callable[..., Any], instruction: str) -> None:
    """Defines an operator on two vectors, or on a vector and a float32 number."""

    class Typing(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            del kws
            vectors = [arg for arg in args if isinstance(arg, Vector)]
            if len(args) != 2 or not vectors or vectors[0] != vectors[-1]:
                return None
            kinds = [arg if isinstance(arg, Vector) else types.float32 for arg in args]
            return signature(vectors[0], *kinds)

    infer_global(key)(Typing)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        del context
        lanes = sig.return_type.lanes
        sides = [
            value if isinstance(kind, Vector) else _spread(builder, value, lanes)
            for kind, value in zip(sig.args, args, strict=True)
        ]
        return getattr(builder, instruction)(*sides, flags=("fast",))

    for kinds in ((Vector, Vector), (Vector, types.Float), (types.Float, Vector)):
        lower_builtin(key, *kinds)(generate)


for _key, _instruction in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.isub, "fsub"),
    (operator.mul, "fmul"),
    (operator.imul, "fmul"),
):
    _arithmetic(_key, _instruction)


# Memory.


def _lanes(lanes: Any) -> int:
    if not isinstance(lanes, types.IntegerLiteral):
        raise TypingError(f"lanes must be a compile-time constant, got {lanes}")
    return lanes.literal_value


def _check_array(array: Any) -> None:
    if array != _ARRAY:
        raise TypingError(f"an array must be flat, contiguous and float32, got {array}")


def _pointer(context: Any, builder: Any, array: Any, at: Any, lanes: int) -> Any:
    data = context.make_array(_ARRAY)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), ir.VectorType(_FLOAT, lanes).as_pointer())


def _vectorized(function: Callable[..., Any]) -> Any:
    """Makes a function for compiled functions only, which call it without `typingctx`."""
    return intrinsic(function)


@_vectorized
def load(typingctx, array, at, lanes):
    """Returns array[at : at + lanes]."""
    del typingctx
    _check_array(array)
    vector = Vector(_lanes(lanes))

    def generate(context, builder, sig, args):
        return builder.load(
            _pointer(context, builder, args[0], args[1], sig.return_type.lanes), align=4
        )

    return vector(array, types.intp, lanes), generate


@_vectorized
def store(typingctx, array, at, vector):
    """Writes the lanes to array[at : at + lanes]."""
    del typingctx
    _check_array(array)
    if not isinstance(vector, Vector):
        raise TypingError(f"what is stored must be a vector, got {vector}")

    def generate(context, builder, sig, args):
        builder.store(
            args[2], _pointer(context, builder, args[0], args[1], sig.args[2].lanes), align=4
        )
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), generate


@_vectorized
def scatter(typingctx, array, at, step, vector):
    """Writes the lanes to an array, from `at` on and `step` numbers apart."""
    del typingctx
    _check_array(array)
    if not isinstance(vector, Vector):
        raise TypingError(f"what is scattered must be a vector, got {vector}")

    def generate(context, builder, sig, args):
        data = context.make_array(_ARRAY)(context, builder, args[0]).data
        at = args[1]
        for lane in range(sig.args[3].lanes):
            number = builder.extract_element(args[3], ir.Constant(_INT, lane))
            builder.store(number, builder.gep(data, [at]))
            at = builder.add(at, args[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, vector), generate


@_vectorized
def spread(typingctx, number, lanes):
    """Returns a vector of the same number in every lane."""
    del typingctx, number

    def generate(context, builder, sig, args):
        del context
        return _spread(builder, args[0], sig.return_type.lanes)

    return Vector(_lanes(lanes))(types.float32, lanes), generate


@_vectorized
def iota(typingctx, lanes):
    """Returns 0, 1, 2, ..."""
    del typingctx

    def generate(context, builder, sig, args):
        del context, builder, args
        count = sig.return_type.lanes
        return ir.Constant(ir.VectorType(_FLOAT, count), [float(i) for i in range(count)])

    return Vector(_lanes(lanes))(lanes), generate


# Functions of vectors.


@_vectorized
def total(typingctx, vector):
    """Returns the sum of the lanes."""
    del typingctx

    def generate(context, builder, sig, args):
        del context
        name = f"llvm.vector.reduce.fadd.v{sig.args[0].lanes}f32"
        return _call(builder, name, _FLOAT, ir.Constant(_FLOAT, 0.0), args[0])

    return types.float32(vector), generate


@_vectorized
def largest(typingctx, vector):
    """Returns the largest lane."""
    del typingctx

    def generate(context, builder, sig, args):
        del context
        name = f"llvm.vector.reduce.fmax.v{sig.args[0].lanes}f32"
        return _call(builder, name, _FLOAT, args[0])

    return types.float32(vector), generate


@_vectorized
def larger(typingctx, left, right):
    """Returns the larger of each two lanes."""
    del typingctx

    def generate(context, builder, sig, args):
        del context, sig
        return _select(builder, ">", args[0], args[1], args[0], args[1])

    return left(left, right), generate


def _select(builder: Any, order: str, left: Any, right: Any, if_true: Any, if_false: Any) -> Any:
    return builder.select(builder.fcmp_ordered(order, left, right), if_true, if_false)


@_vectorized
def exponential(typingctx, vector):
    """Returns e to the power of each lane, 0 below -87."""
    del typingctx

    def generate(context, builder, sig, args):
        del context
        lanes = sig.args[0].lanes
        floats, ints = ir.VectorType(_FLOAT, lanes), ir.VectorType(_INT, lanes)
        exact = ("contract",)  # other orders would lose digits

        def add_product(left: Any, right: Any, to: Any) -> Any:
            return builder.fadd(builder.fmul(left, right, flags=exact), to, flags=exact)

        lowest, highest = _filled(lanes, _LOWEST), _filled(lanes, _HIGHEST)
        x = _select(builder, "<", args[0], lowest, lowest, args[0])
        x = _select(builder, ">", x, highest, highest, x)
        scaled = builder.fmul(x, _filled(lanes, _LOG2_E), flags=exact)
        n = _call(builder, f"llvm.rint.v{lanes}f32", floats, scaled)
        r = add_product(n, _filled(lanes, -_LOG_2_HIGH), x)
        r = add_product(n, _filled(lanes, -_LOG_2_LOW), r)
        polynomial = _filled(lanes, _EXPONENTIAL[0])
        for coefficient in _EXPONENTIAL[1:]:
            polynomial = add_product(polynomial, r, _filled(lanes, coefficient))
        square = builder.fmul(r, r, flags=exact)
        result = builder.fadd(add_product(polynomial, square, r), _filled(lanes, 1.0), flags=exact)
        # Added to the exponent, n multiplies by 2^n.
        bits = builder.shl(builder.fptosi(n, ints), _filled(lanes, 23, _INT))
        scaled = builder.bitcast(builder.add(builder.bitcast(result, ints), bits), floats)
        return _select(builder, "<", args[0], lowest, _filled(lanes, 0.0), scaled)

    return vector(vector), generate


@_vectorized
def positive(typingctx, vector):
    """Returns the larger of each lane and 0."""
    del typingctx

    def generate(context, builder, sig, args):
        del context
        zeros = _filled(sig.args[0].lanes, 0.0)
        return _select(builder, ">", args[0], zeros, args[0], zeros)

    return vector(vector), generate


@_vectorized
def choose(typingctx, condition, vector, number):
    """Returns each lane where that of the condition is above 0, else the number."""
    del typingctx, number

    def generate(context, builder, sig, args):
        del context
        lanes = sig.args[0].lanes
        zeros = _filled(lanes, 0.0)
        return _select(builder, ">", args[0], zeros, args[1], _spread(builder, args[2], lanes))

    return vector(condition, vector, types.float32), generate


@_vectorized
def below(typingctx, vector, number):
    """Returns 1 where a lane is below a number, else 0."""
    del typingctx, number

    def generate(context, builder, sig, args):
        del context
        lanes = sig.args[0].lanes
        limit = _spread(builder, args[1], lanes)
        return _select(builder, "<", args[0], limit, _filled(lanes, 1.0), _filled(lanes, 0.0))

    return vector(vector, types.float32), generate
