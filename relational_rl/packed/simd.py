"""One vector instruction sequence that the compiler does not find by itself.

LLVM gives up on short loops over arrays that might overlap, and attention over a dozen entities is
nothing but short loops. `combine` says what is meant: a weighted sum of rows, kept in registers.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

LANES = 8  # float32 numbers in a 256-bit register


def _combine(
    typingctx,
    out,
    out_at,
    weights,
    weights_at,
    weights_step,
    rows,
    rows_at,
    rows_step,
    count,
    width,
):
    """Sets out[out_at : out_at + width] to the sum of `count` weighted rows.

    In Python, with every array flat and contiguous:

        for j in range(width):
            out[out_at + j] = sum(
                weights[weights_at + c * weights_step] * rows[rows_at + c * rows_step + j]
                for c in range(count)
            )

    The arguments:
      out, weights, rows: float32 [size], contiguous; `out` may not overlap the others.
      out_at, weights_at, rows_at: where they start.
      weights_step, rows_step: distance between successive weights and rows.
      count: number of rows, at least 0.
      width: a compile-time constant, a multiple of 8.
    """
    vector = types.Array(types.float32, 1, "C")
    for name, array in (("out", out), ("weights", weights), ("rows", rows)):
        if array != vector:
            raise TypingError(f"{name} must be a flat contiguous float32 array, got {array}")
    if not isinstance(width, types.IntegerLiteral) or width.literal_value % LANES:
        raise TypingError(f"width must be a constant multiple of {LANES}, got {width}")
    registers = width.literal_value // LANES
    signature = types.void(
        vector,
        types.intp,
        vector,
        types.intp,
        types.intp,
        vector,
        types.intp,
        types.intp,
        types.intp,
        width,
    )

    def generate(context, builder, signature, args):
        pack = ir.VectorType(ir.FloatType(), LANES)
        pointers = [
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 2, 5)
        ]
        out_data, weights_data, rows_data = pointers
        out_at, weights_at, weights_step = args[1], args[3], args[4]
        rows_at, rows_step, count = args[6], args[7], args[8]
        zero = ir.Constant(pack, [0.0] * LANES)
        sums = [cgutils.alloca_once_value(builder, zero) for _ in range(registers)]

        def at(data, start, register):
            index = builder.add(start, ir.Constant(start.type, register * LANES))
            return builder.bitcast(builder.gep(data, [index]), pack.as_pointer())

        with cgutils.for_range(builder, count) as loop:
            weight_index = builder.add(weights_at, builder.mul(loop.index, weights_step))
            weight = builder.load(builder.gep(weights_data, [weight_index]))
            single = builder.insert_element(
                ir.Constant(pack, ir.Undefined), weight, ir.Constant(ir.IntType(32), 0)
            )
            lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
            spread = builder.shuffle_vector(single, ir.Constant(pack, ir.Undefined), lanes)
            row_at = builder.add(rows_at, builder.mul(loop.index, rows_step))
            for register in range(registers):
                row = builder.load(at(rows_data, row_at, register), align=4)
                product = builder.fmul(spread, row, flags=("fast",))
                total = builder.fadd(builder.load(sums[register]), product, flags=("fast",))
                builder.store(total, sums[register])
        for register in range(registers):
            builder.store(builder.load(sums[register]), at(out_data, out_at, register), align=4)
        return context.get_dummy_value()

    return signature, generate


# For compiled functions only, which call it without `typingctx`.
combine: Any = intrinsic(_combine)
