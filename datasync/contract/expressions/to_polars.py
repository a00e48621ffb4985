"""A typed tree in, a polars expression out.

Decimals are calculated as whole numbers of their smallest unit in Int128, so that nothing is rounded; they become Decimal again
at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from datasync.contract.expressions import numbers, regex
from datasync.contract.expressions.dialects import scaled
from datasync.contract.expressions.tree import Call, Column, Literal, Node, integer_of, walk, word_of
from datasync.contract.types import INT64, INTEGERS, DataType, polars_type

if TYPE_CHECKING:
    import polars as pl

_UPPER = [chr(code) for code in range(65, 91)]
_LOWER = [chr(code) for code in range(97, 123)]


def emit(node: Node, clock: datetime | None) -> pl.Expr:
    """Give the polars expression of a tree.

    Args:
        node: the tree.
        clock: the instant of now(); with a zone.

    Returns:
        An expression whose dtype is the polars type of `node.type`.
    """
    import polars as pl

    if isinstance(node, Column):
        return pl.col(node.name).fill_nan(None) if node.type.is_float else pl.col(node.name)
    made = _Emitter(clock).of(node)
    if node.type.name == "decimal":
        return _as_decimal(made, node.type)
    return made.cast(pl.Int64) if node.type.is_integer and not isinstance(node, Column) and node.type == INT64 else made


def _as_decimal(units: pl.Expr, kind: DataType) -> pl.Expr:
    import polars as pl

    whole = units.cast(pl.Decimal(38, 0))
    if kind.scale:
        whole = whole * pl.lit(Decimal(1).scaleb(-kind.scale), pl.Decimal(38, kind.scale))
    return whole.cast(polars_type(kind))


class _Emitter:
    def __init__(self, clock: datetime | None) -> None:
        self.clock = clock

    def of(self, node: Node) -> pl.Expr:
        if isinstance(node, Column):
            return _column(node)
        if isinstance(node, Literal):
            return _literal(node, node.type)
        if node.name in ("now", "today"):
            return self._clock(node)
        made = _CALLS[node.name](self, node)
        # polars stretches a single value to all rows only where it knows that it is one; first() says so.
        return made if _reads_columns(node) else made.first()

    def _clock(self, node: Call) -> pl.Expr:
        assert self.clock is not None
        now = self.clock.astimezone(UTC)
        return _literal(Literal(now.date() if node.name == "today" else now, node.type), node.type)

    def operands(self, node: Call) -> list[pl.Expr]:
        return [self.of(argument) for argument in node.arguments]

    def alike(self, left: Node, right: Node) -> tuple[pl.Expr, pl.Expr]:
        """Give both sides in one dtype, so that polars does not choose one (for uint64 with int64 it would be float)."""
        if not left.type.is_integer:
            return self.of(left), self.of(right)
        for node, other in ((left, right), (right, left)):
            if isinstance(node, Literal) and isinstance(node.value, int) and not isinstance(other, Literal):
                low, high = INTEGERS[other.type.name]
                if low <= node.value <= high:
                    fixed = _literal(node, other.type)
                    return (fixed, self.of(other)) if node is left else (self.of(other), fixed)
        return self._wide(left, right), self._wide(right, left)

    def _wide(self, node: Node, other: Node) -> pl.Expr:
        import polars as pl

        mixed = "uint64" in (node.type.name, other.type.name) and node.type != other.type
        return self.of(node).cast(pl.Int128) if mixed else self.of(node)

    def compare(self, node: Call) -> pl.Expr:
        return self._compare(node.name, *node.arguments)

    def _compare(self, name: str, first: Node, second: Node) -> pl.Expr:
        if not _reads_columns(first) and _reads_columns(second):
            # polars 2.1 gives one row for `literal < when(…)`, and all rows for `when(…) > literal`.
            first, second, name = second, first, _MIRRORED.get(name, name)
        left, right = self.alike(first, second)
        return getattr(left, "ne_missing" if name == "distinct" else name)(right)  # type: ignore[no-any-return]

    def is_in(self, node: Call) -> pl.Expr:
        import polars as pl

        value, *options = node.arguments
        kind = value.type
        if kind.is_integer:
            low, high = INTEGERS[kind.name]
            options = [option for option in options if isinstance(option, Literal) and low <= int(option.value or 0) <= high]  # type: ignore[arg-type]
        values = [_python(option) for option in options if isinstance(option, Literal)]
        dtype = pl.Int128() if kind.name == "decimal" else polars_type(kind)
        return self.of(value).is_in(pl.Series(values, dtype=dtype, strict=True).implode())

    def integer(self, node: Call) -> pl.Expr:
        """Calculate in Int64 where no value can leave it, else in Int128 with what leaves ±(2**63-1) turned to NULL."""
        import polars as pl

        leaves = numbers.may_leave(numbers.raw_range(node)) if node.name not in ("mod", "int_div") else False
        parts = [self._operand(argument, pl.Int128() if leaves else pl.Int64()) for argument in node.arguments]
        made = _INTEGER[node.name](*parts)
        return _checked(made) if leaves else made

    def _operand(self, node: Node, dtype: pl.DataType) -> pl.Expr:
        import polars as pl

        made = self.of(node)
        if numbers.may_leave(numbers.integer_range(node)):
            made = _checked(made.cast(pl.Int128))
        return made.cast(dtype)

    def arithmetic(self, node: Call) -> pl.Expr:
        import polars as pl

        kinds = [argument.type for argument in node.arguments]
        if kinds[0].is_integer:
            return self.integer(node)
        left, *rest = self.operands(node)
        if node.name == "divide" and _reads_columns(node.arguments[0]) and not _reads_columns(node.arguments[1]):
            # polars multiplies by the reciprocal of a single divisor, which rounds twice; it divides by a column.
            rest = [rest[0] + (pl.int_range(pl.len()) * 0).cast(pl.Float64)]
        made = _INTEGER[node.name](left, *rest)
        return made.fill_nan(None) if node.type.is_float else made

    def case(self, node: Call) -> pl.Expr:
        import polars as pl

        dtype = pl.Int128() if node.type.name == "decimal" else polars_type(node.type)
        *parts, default = [self.of(argument) for argument in node.arguments]
        chain = pl.when(parts[0]).then(parts[1].cast(dtype))
        for condition, value in zip(parts[2::2], parts[3::2], strict=True):
            chain = chain.when(condition).then(value.cast(dtype))  # type: ignore[assignment]
        return chain.otherwise(default.cast(dtype))

    def coalesce(self, node: Call) -> pl.Expr:
        import polars as pl

        dtype = pl.Int128() if node.type.name == "decimal" else polars_type(node.type)
        *parts, made = [self.of(part).cast(dtype) for part in node.arguments]
        for argument, part in zip(reversed(node.arguments[:-1]), reversed(parts), strict=True):
            # polars' own coalesce gives one row when its first part is a single value.
            fixed = not _reads_columns(argument)
            made = pl.when(part.is_not_null()).then(part).otherwise(made) if fixed else pl.coalesce([part, made])
        return made

    def nullif(self, node: Call) -> pl.Expr:
        import polars as pl

        first, second = node.arguments
        # An unknown comparison keeps the value.
        return pl.when(self._compare("eq", first, second)).then(None).otherwise(self.of(first))

    def round(self, node: Call) -> pl.Expr:
        value = self.of(node.arguments[0])
        step = 10 ** (node.arguments[0].type.scale - node.type.scale)
        return _signed((value.abs() + step // 2) // _units(step), value)

    def divide_decimal(self, node: Call) -> pl.Expr:
        left, right = self.operands(node)
        numerator = left.abs() * _units(2 * 10**node.type.scale) + right.abs()
        return _signed(_signed(numerator // (right.abs() * _units(2)), left), right)

    def to_decimal(self, node: Call) -> pl.Expr:
        import polars as pl

        inner = node.arguments[0]
        return self.of(inner).cast(pl.Int128) * _units(10 ** (node.type.scale - inner.type.scale))

    def to_timestamp(self, node: Call) -> pl.Expr:
        made = self.of(node.arguments[0]).dt.cast_time_unit("ms" if node.type.unit == "s" else node.type.unit)
        return made.dt.convert_time_zone(node.type.zone) if node.type.zone else made

    def substr(self, node: Call) -> pl.Expr:
        text, start, *length = node.arguments
        return self.of(text).str.slice(integer_of(start) - 1, integer_of(length[0]) if length else None)

    def like(self, node: Call) -> pl.Expr:
        text, pattern = self.of(node.arguments[0]), word_of(node.arguments[1])
        plain = pattern.strip("%")
        if not set("%_~") & set(plain) and pattern in (f"{plain}%", f"%{plain}", f"%{plain}%") and plain:
            if pattern == f"{plain}%":
                return text.str.starts_with(plain)
            return text.str.ends_with(plain) if pattern == f"%{plain}" else text.str.contains(plain, literal=True)
        return text.str.contains(regex.from_like(pattern))

    def matches(self, node: Call) -> pl.Expr:
        return self.of(node.arguments[0]).str.contains(regex.compile_regex(word_of(node.arguments[1])).polars)

    def is_json(self, node: Call) -> pl.Expr:
        import polars as pl

        from datasync.contract.expressions.json_text import valid_series

        return self.of(node.arguments[0]).map_batches(valid_series, return_dtype=pl.Boolean, is_elementwise=True)

    def date_diff(self, node: Call) -> pl.Expr:
        unit, start, end = node.arguments
        elapsed = self.of(end) - self.of(start)
        return getattr(elapsed.dt, f"total_{word_of(unit)}s")()  # type: ignore[no-any-return]

    def field(self, node: Call) -> pl.Expr:
        import polars as pl

        return getattr(self.of(node.arguments[0]).dt, node.name)().cast(pl.Int64)  # type: ignore[no-any-return]

    def shift(self, node: Call) -> pl.Expr:
        import polars as pl

        amount = pl.duration(microseconds=integer_of(node.arguments[1]), time_unit="us")
        return (self.of(node.arguments[0]) + amount).cast(polars_type(node.type))

    def concat(self, node: Call) -> pl.Expr:
        import polars as pl

        return pl.concat_str(self.operands(node), ignore_nulls=False)


def _reads_columns(node: Node) -> bool:
    """Tell whether a result differs from row to row."""
    return any(isinstance(part, Column) for part in walk(node))


def _column(node: Column) -> pl.Expr:
    import polars as pl

    column = pl.col(node.name)
    if node.type.is_float:
        return column.fill_nan(None)
    if node.type.name == "decimal":
        return column.cast(polars_type(node.type)).to_physical()
    return column.str.to_lowercase() if node.type.name == "uuid" else column


def _literal(node: Literal, kind: DataType) -> pl.Expr:
    import polars as pl

    dtype = pl.Int128() if kind.name == "decimal" else polars_type(kind)
    value = _python(node)
    if isinstance(value, datetime) and kind.zone:
        value = value.astimezone(ZoneInfo(kind.zone))
    return pl.lit(value, dtype=dtype)


def _python(node: Literal) -> object:
    return scaled(node.value, node.type.scale) if isinstance(node.value, Decimal) else node.value


def _units(value: int) -> pl.Expr:
    import polars as pl

    return pl.lit(value, dtype=pl.Int128())


def _checked(wide: pl.Expr) -> pl.Expr:
    """Turn what lies beyond ±(2**63-1) to NULL; two casts, as the smallest int64 goes too and `wide` is written once."""
    import polars as pl

    return ((wide - 1).cast(pl.Int64, strict=False).cast(pl.Int128) + 1).cast(pl.Int64, strict=False)


def _signed(magnitude: pl.Expr, sign: pl.Expr) -> pl.Expr:
    import polars as pl

    return pl.when(sign < 0).then(magnitude * -1).otherwise(magnitude)


_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}
_INTEGER: dict[str, Callable[..., pl.Expr]] = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "divide": lambda left, right: left / right,
    "neg": lambda value: value * -1,
    "abs": lambda value: value.abs(),
    "mod": lambda left, right: _signed(left.abs() % right.abs(), left),
    "int_div": lambda left, right: _signed(_signed(left.abs() // right.abs(), left), right),
}

_CALLS: dict[str, Callable[[_Emitter, Call], pl.Expr]] = {
    **dict.fromkeys(("eq", "ne", "lt", "le", "gt", "ge", "distinct"), _Emitter.compare),
    **dict.fromkeys(_INTEGER, _Emitter.arithmetic),
    **dict.fromkeys(("year", "month", "day", "hour"), _Emitter.field),
    "in": _Emitter.is_in,
    "case": _Emitter.case,
    "coalesce": _Emitter.coalesce,
    "nullif": _Emitter.nullif,
    "round": _Emitter.round,
    "divide_decimal": _Emitter.divide_decimal,
    "to_decimal": _Emitter.to_decimal,
    "to_timestamp": _Emitter.to_timestamp,
    "to_float": lambda emitter, node: emitter.of(node.arguments[0]).cast(_float64()),
    "and": lambda emitter, node: emitter.of(node.arguments[0]) & emitter.of(node.arguments[1]),
    "or": lambda emitter, node: emitter.of(node.arguments[0]) | emitter.of(node.arguments[1]),
    "not": lambda emitter, node: ~emitter.of(node.arguments[0]),
    "is_null": lambda emitter, node: emitter.of(node.arguments[0]).is_null(),
    "is_true": lambda emitter, node: emitter.of(node.arguments[0]).fill_null(False),
    "is_false": lambda emitter, node: (~emitter.of(node.arguments[0])).fill_null(False),
    "length": lambda emitter, node: emitter.of(node.arguments[0]).str.len_chars().cast(polars_type(INT64)),
    "lower": lambda emitter, node: emitter.of(node.arguments[0]).str.replace_many(_UPPER, _LOWER),
    "upper": lambda emitter, node: emitter.of(node.arguments[0]).str.replace_many(_LOWER, _UPPER),
    "trim": lambda emitter, node: emitter.of(node.arguments[0]).str.strip_chars(" "),
    "concat": _Emitter.concat,
    "substr": _Emitter.substr,
    "like": _Emitter.like,
    "matches": _Emitter.matches,
    "is_json": _Emitter.is_json,
    "date_diff": _Emitter.date_diff,
    "shift": _Emitter.shift,
}  # fmt: skip
"""How each operation is said in polars."""


def _float64() -> pl.DataType:
    import polars as pl

    return pl.Float64()
