"""Row checks in, pandera schemas out: types and a screen for every batch, a diagnosis for the rows it rejects.

The screen is one fused predicate over all row checks; the diagnosis holds each check by itself. Both put their checks on a narrow
row-number column, so that pandera copies numbers, not whole rows, when something fails. The types are a schema of their own: it
reads no values, so one verdict holds for all batches of the same types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from datasync.gates.pandera_alone import pandera_polars

if TYPE_CHECKING:
    from pandera.api.polars.container import DataFrameSchema
    from pandera.errors import SchemaError

SCREEN = "screen"
"""Name of the screen's fused check."""


@dataclass(frozen=True, slots=True)
class RowCheck:
    """A row check as polars expressions; where they are NULL the verdict is unknown.

    Attributes:
        name: as in the contract.
        kind: as in the contract.
        columns: columns that the verdict reads, in order.
        where_columns: columns that the selection reads.
        verdict: true for a good row; None for `type`, which is judged by the mask of cells that could not be cast.
        where: selects the rows it applies to; None: all.
        fails_on_unknown: `nulls: fail`.
        blocks: severity error: a row that breaks it is set aside.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    verdict: pl.Expr | None
    where: pl.Expr | None = None
    where_columns: tuple[str, ...] = ()
    fails_on_unknown: bool = False
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of the frames that pandera is given.

    Attributes:
        types: declared columns with their polars types.
        row: name of the row-number column.
        masks: declared column to the name of the Boolean column that is true where its cell could not be cast; empty when
            every cell of the batch could be.
    """

    types: Mapping[str, pl.DataType]
    row: str
    masks: Mapping[str, str] = field(default_factory=dict)

    def bad(self, columns: Iterable[str]) -> pl.Expr | None:
        """True where one of the columns has a cell that could not be cast; None when there can be no such cell."""
        masks = [pl.col(self.masks[name]) for name in dict.fromkeys(columns) if name in self.masks]
        return pl.any_horizontal(masks) if masks else None

    def whole(self, expression: pl.Expr, columns: tuple[str, ...]) -> pl.Expr:
        """Give an expression that reads no column one value per row."""
        return expression if columns else pl.when(pl.col(self.row).is_not_null()).then(expression)


@dataclass(frozen=True, slots=True)
class Findings:
    """What one pandera validation found.

    Attributes:
        failed: name of a check to a Boolean series, true where the row failed it; checks that no row failed are absent.
        errors: name of a check to why it could not be evaluated.
        mistyped: columns whose type is not the declared one.
    """

    failed: Mapping[str, pl.Series] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    mistyped: tuple[str, ...] = ()


def verdict(check: RowCheck, layout: Layout) -> pl.Expr | None:
    """The check's three-valued verdict, NULL where a cell it reads could not be cast; None when no row can fail it."""
    bad = layout.bad(check.columns)
    if check.verdict is None:
        return None if bad is None else ~bad
    found = layout.whole(check.verdict, check.columns)
    return found if bad is None else pl.when(~bad).then(found)


def selected(check: RowCheck, layout: Layout) -> pl.Expr | None:
    """True for the rows the check applies to, else false (a NULL `where` does not select); None: all rows."""
    if check.where is None:
        return None
    bad = layout.bad(check.where_columns)
    chosen = layout.whole(check.where, check.where_columns)
    return (chosen if bad is None else pl.when(~bad).then(chosen)).fill_null(False)


def _excused(check: RowCheck, layout: Layout) -> pl.Expr | None:
    """The verdict, true for the rows that `where` does not select; still NULL where it is unknown."""
    judged = verdict(check, layout)
    chosen = selected(check, layout)
    return judged if judged is None or chosen is None else ~chosen | judged


def fused(checks: Iterable[RowCheck], layout: Layout) -> pl.Expr:
    """One predicate, never NULL, true for the rows that no check fails.

    AND over three values is false when one operand is false, whatever the others are, so unknown verdicts are settled once
    per group and not once per check.
    """
    groups: dict[bool, list[pl.Expr]] = {False: [], True: []}
    for check in checks:
        judged = _excused(check, layout)
        if judged is not None:
            groups[check.fails_on_unknown].append(judged)
    parts = [pl.all_horizontal(group).fill_null(not fails) for fails, group in groups.items() if group]
    if not parts:
        return pl.col(layout.row).is_not_null()
    return parts[0] if len(parts) == 1 else parts[0] & parts[1]


def types_schema(layout: Layout) -> DataFrameSchema:
    """Compile every declared column with its type."""
    pa = pandera_polars()
    schema: DataFrameSchema = pa.DataFrameSchema({name: pa.Column(kind, nullable=True) for name, kind in layout.types.items()})
    return schema


def screen_schema(checks: Iterable[RowCheck], layout: Layout) -> DataFrameSchema:
    """Compile the screen: one fused check."""
    return _schema(layout.row, [(SCREEN, fused(checks, layout))])


def diagnosis_schema(checks: Iterable[RowCheck], layout: Layout) -> DataFrameSchema:
    """Compile the diagnosis: every check by itself."""
    return _schema(layout.row, list(_each(checks, layout)))


def _each(checks: Iterable[RowCheck], layout: Layout) -> Iterator[tuple[str, pl.Expr]]:
    for check in checks:
        judged = _excused(check, layout)
        if judged is not None:
            yield check.name, judged.fill_null(not check.fails_on_unknown)


def worth_asking(checks: Sequence[RowCheck], layout: Layout, frame: pl.DataFrame) -> tuple[RowCheck, ...]:
    """Give the checks that some row fails, found in one pass; pandera, which takes a few milliseconds a check, says which rows.

    A check that cannot be evaluated is among them: pandera says so of it.
    """
    asked = dict(_each(checks, layout))
    try:
        row = frame.lazy().select((~judged).any().alias(name) for name, judged in asked.items()).collect().row(0, named=True)
    except Exception:
        return tuple(checks)
    # NULL, which no verdict should be, is for pandera too.
    return tuple(check for check in checks if row.get(check.name, False) is not False)


def _schema(row: str, predicates: list[tuple[str, pl.Expr]]) -> DataFrameSchema:
    pa = pandera_polars()

    # ignore_na=False: a verdict that is NULL after all fails instead of passing.
    checks = [pa.Check(_selecting(expression), name=name, error=name, ignore_na=False) for name, expression in predicates]
    schema: DataFrameSchema = pa.DataFrameSchema({row: pa.Column(pl.UInt32, checks=checks)})
    return schema


def _selecting(expression: pl.Expr) -> Callable[[Any], pl.LazyFrame]:
    def check(data: Any) -> pl.LazyFrame:
        lazy: pl.LazyFrame = data.lazyframe
        return lazy.select(expression)

    return check


def validate(schema: DataFrameSchema, frame: pl.DataFrame) -> Findings:
    """Let pandera judge a frame.

    Args:
        schema: the types, the screen or the diagnosis.
        frame: declared columns, row numbers and masks, as the schema's layout says; a DataFrame, because pandera skips data
            checks on lazy frames.

    Returns:
        The findings; an exception inside a check is an error of that check, never a failed row.
    """
    from pandera.config import ValidationDepth, config_context
    from pandera.errors import SchemaErrors

    try:
        # The environment may switch validation off (PANDERA_VALIDATION_ENABLED); a gate does not listen to it.
        with config_context(
            validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA, use_narwhals_backend=False
        ):
            schema.validate(frame, lazy=True)
    except SchemaErrors as found:
        return _findings(found.schema_errors)
    return Findings()


def _findings(errors: Iterable[SchemaError]) -> Findings:
    from pandera.constants import CHECK_OUTPUT_KEY
    from pandera.errors import SchemaErrorReason

    failed: dict[str, pl.Series] = {}
    broken: dict[str, str] = {}
    mistyped: list[str] = []
    for error in errors:
        if error.reason_code == SchemaErrorReason.WRONG_DATATYPE:
            mistyped.append(str(error.schema.name))
            continue
        name = getattr(error.check, "name", None) or str(error.check)
        if error.reason_code == SchemaErrorReason.DATAFRAME_CHECK and isinstance(error.check_output, pl.DataFrame):
            failed[name] = ~error.check_output[CHECK_OUTPUT_KEY]
        else:
            # The exception's own text may quote values of the row.
            broken[name] = f"could not be evaluated ({_word(error)})"
    return Findings(failed, broken, tuple(mistyped))


def _word(error: SchemaError) -> str:
    """The kind of an exception, which pandera keeps only as text: `InvalidOperationError("…")`."""
    return str(error.failure_cases).split("(", 1)[0][:60]
