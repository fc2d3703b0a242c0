"""What fills a processor's wide registers, written as LLVM instructions: products of matrices, and sums of lines.

Numba's compiler uses them for simple loops alone. It would not keep the sums of a matrix product in them from the first
number to the last, which is what makes it fast. All arrays are float32 and without gaps; starts and steps count
numbers, and lengths are 1 at least.
"""

from collections.abc import Callable
from typing import Any
from typing import no_type_check

from llvmlite import ir
from numba.core import cgutils
from numba.core import config
from numba.core import types
from numba.core.codegen import get_host_cpu_features
from numba.core.errors import TypingError
from numba.extending import intrinsic


def _processor_has(feature: str) -> bool:
    # As the compiler sees it, which can be told to leave some out.
    told = config.CPU_FEATURES  # type: ignore[attr-defined]
    features: str = get_host_cpu_features() if told is None else told  # type: ignore[no-untyped-call]
    return f"+{feature}" in features.split(",")


_COMPILES = not config.DISABLE_JIT  # type: ignore[attr-defined]
HAS_WIDE_REGISTERS = _COMPILES and _processor_has("avx2") and _processor_has("fma")
# How many numbers lie in a register, and of how many rows and columns a product keeps its sums in registers: in 24 of
# the 32 of AVX-512, in 12 of the 16 of AVX2; or of fewer rows, which divide the lanes.
LANES = 16 if _processor_has("avx512f") else 8
ROWS, FEW_ROWS = (12, 8) if LANES == 16 else (6, 4)
COLUMNS = 2 * LANES

_NUMBER = ir.FloatType()
_LANES = ir.VectorType(_NUMBER, LANES)
_ZEROS = ir.Constant(_LANES, [0.0] * LANES)


@no_type_check
@intrinsic
def multiply(
    typing, left, start, step, taps, tap_step, right, right_start, product, product_start, product_step, length
):
    """Write ROWS rows of COLUMNS numbers, `product_step` apart: rows of `left`, `step` apart, times a panel of `right`.

    Rows are `length` numbers long, and the panel (length, COLUMNS). With more `taps` than one, as many products are
    summed up: each of rows `tap_step` after the last, and of the next panel.
    """

    def write(context, builder, signature, arguments):
        left, start, step, taps, tap_step, right, right_start, product, product_start, product_step, length = arguments
        rows = _places(context, builder, signature.args[0], left, start, step, ROWS)
        panels = _places(context, builder, signature.args[5], right, right_start, step, 1)[0]
        written = _places(context, builder, signature.args[7], product, product_start, product_step, ROWS)
        one, columns = length.type(1), length.type(COLUMNS)

        def add(tap, sums):
            shifted = [builder.gep(row, [builder.mul(tap, tap_step)]) for row in rows]
            panel = builder.gep(panels, [builder.mul(builder.mul(tap, length), columns)])
            return _products(builder, shifted, one, panel, columns, length, sums)

        sums = _loop(builder, taps, 1, [_ZEROS] * (2 * ROWS), add)
        for number, total in enumerate(sums):
            _store(builder, total, written[number // 2], number % 2 * LANES)
        return context.get_dummy_value()

    count = types.intp
    return _signature(left, count, count, count, count, right, count, product, count, count, count), write


@no_type_check
@intrinsic
def add_product_of_columns(
    typing, left, start, step, right, right_start, right_step, sums, sums_start, sums_step, length
):
    """Add to FEW_ROWS rows of COLUMNS sums, `sums_step` apart, what columns of `left` times columns of `right` are.

    Of `length` rows, `step` and `right_step` apart.
    """

    def write(context, builder, signature, arguments):
        left, start, step, right, right_start, right_step, sums, sums_start, sums_step, length = arguments
        columns = _places(context, builder, signature.args[0], left, start, length.type(1), FEW_ROWS)
        panel = _places(context, builder, signature.args[3], right, right_start, step, 1)[0]
        kept = _places(context, builder, signature.args[6], sums, sums_start, sums_step, FEW_ROWS)
        before = [_load(builder, row, half * LANES) for row in kept for half in (0, 1)]
        for number, total in enumerate(_products(builder, columns, step, panel, right_step, length, before)):
            _store(builder, total, kept[number // 2], number % 2 * LANES)
        return context.get_dummy_value()

    count = types.intp
    return _signature(left, count, count, right, count, count, sums, count, count, count), write


def line_mixer(weights: tuple[tuple[int | float, ...], ...]) -> Any:
    """Return mix(lines, start, step, mixed, mixed_start, mixed_step, length) for compiled functions.

    It writes as many lines as `weights` has rows: each the sum of the given ones, as many as it has columns, times its
    weights. `length` is a multiple of LANES.
    """

    @no_type_check
    @intrinsic
    def mix(typing, lines, start, step, mixed, mixed_start, mixed_step, length):
        def write(context, builder, signature, arguments):
            *places, length = arguments
            _mix(context, builder, signature, weights, places, length, lambda place, value: value)
            return context.get_dummy_value()

        count = types.intp
        return _signature(lines, count, count, mixed, count, count, count), write

    return mix


def finishing_line_mixer(weights: tuple[tuple[int | float, ...], ...]) -> Any:
    """Return mix(lines, start, step, mixed, mixed_start, mixed_step, length, offsets, lowest): the same, and finished.

    To each place of a line its offset is added, and what is then below `lowest`, float32, becomes it.
    """

    @no_type_check
    @intrinsic
    def mix(typing, lines, start, step, mixed, mixed_start, mixed_step, length, offsets, lowest):
        def write(context, builder, signature, arguments):
            *places, length, offsets, lowest = arguments
            offset = _places(context, builder, signature.args[7], offsets, length.type(0), length, 1)[0]
            least = _repeated(builder, lowest)

            def finished(place, value):
                total = builder.fadd(value, _load(builder, builder.gep(offset, [place]), 0))
                # What is not a number stays so.
                return builder.select(builder.fcmp_ordered("<", total, least), least, total)

            _mix(context, builder, signature, weights, places, length, finished)
            return context.get_dummy_value()

        count = types.intp
        return _signature(lines, count, count, mixed, count, count, count, offsets, types.float32), write

    return mix


@no_type_check
def _signature(*given):
    """Return the signature of a function of these types; of other arrays than those above, nothing is compiled."""
    for one in given:
        if isinstance(one, types.Array) and (one.layout != "C" or one.dtype != types.float32):
            raise TypingError(f"arrays must be float32 and without gaps, not {one}")
    return types.void(*given)


@no_type_check
def _mix(context, builder, signature, weights, places, length, finished):
    lines, start, step, mixed, mixed_start, mixed_step = places
    given = _places(context, builder, signature.args[0], lines, start, step, len(weights[0]))
    written = _places(context, builder, signature.args[3], mixed, mixed_start, mixed_step, len(weights))

    def add(place, _):
        values = [_load(builder, builder.gep(line, [place]), 0) for line in given]
        for row, line in zip(weights, written, strict=True):
            _store(builder, finished(place, _sum(builder, row, values)), builder.gep(line, [place]), 0)
        return []

    _loop(builder, length, LANES, [], add)


@no_type_check
def _sum(builder, weights, values):
    total = None
    for weight, value in zip(weights, values, strict=True):
        if weight and total is None:
            total = value if weight == 1 else builder.fmul(value, _constant(weight))
        elif weight in (1, -1):
            total = (builder.fadd if weight == 1 else builder.fsub)(total, value)
        elif weight:
            total = _fused(builder, value, _constant(weight), total)
    return total


@no_type_check
def _products(builder, rows, step, panel, panel_step, length, sums):
    """Add to sums, two registers a row, the products of `length` numbers of rows and of as many lines of a panel."""

    def add(place, sums):
        there = builder.gep(panel, [builder.mul(place, panel_step)])
        halves = [_load(builder, there, half * LANES) for half in (0, 1)]
        along = builder.mul(place, step)
        everywhere = [_repeated(builder, builder.load(builder.gep(row, [along]))) for row in rows]
        return [
            _fused(builder, value, halves[half], sums[2 * row + half])
            for row, value in enumerate(everywhere)
            for half in (0, 1)
        ]

    return _loop(builder, length, 1, sums, add)


@no_type_check
def _loop(builder, length, step, values, body: Callable[..., Any]):
    """Write a loop over places 0, step, ... below `length`, in which `body` replaces values; return the last."""
    before = builder.block
    around, after = builder.append_basic_block("around"), builder.append_basic_block("after")
    builder.branch(around)
    builder.position_at_end(around)
    place = builder.phi(length.type)
    kept = [builder.phi(value.type) for value in values]
    replaced = body(place, kept)
    following = builder.add(place, length.type(step))
    for variable, first, later in zip([place, *kept], [length.type(0), *values], [following, *replaced], strict=True):
        variable.add_incoming(first, before)
        variable.add_incoming(later, builder.block)
    builder.cbranch(builder.icmp_signed("<", following, length), around, after)
    builder.position_at_end(after)
    return replaced


@no_type_check
def _places(context, builder, array, value, start, step, count):
    """Return where `count` lines of an array begin, the first at `start`, the others each `step` after the last."""
    first = builder.gep(context.make_array(array)(context, builder, value).data, [start])
    return [builder.gep(first, [builder.mul(step, step.type(number))]) for number in range(count)]


@no_type_check
def _load(builder, place, offset):
    return builder.load(_as_lanes(builder, place, offset), align=4)


@no_type_check
def _store(builder, value, place, offset):
    builder.store(value, _as_lanes(builder, place, offset), align=4)


@no_type_check
def _as_lanes(builder, place, offset):
    return builder.bitcast(builder.gep(place, [ir.IntType(64)(offset)]), _LANES.as_pointer())


@no_type_check
def _repeated(builder, value):
    undefined = ir.Constant(_LANES, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


@no_type_check
def _fused(builder, left, right, added):
    """Return left * right + added, rounded once."""
    function = ir.FunctionType(_LANES, [_LANES] * 3)
    return builder.call(
        cgutils.get_or_insert_function(builder.module, function, f"llvm.fma.v{LANES}f32"), [left, right, added]
    )


def _constant(weight: int | float) -> ir.Constant:
    return ir.Constant(_LANES, [weight] * LANES)
