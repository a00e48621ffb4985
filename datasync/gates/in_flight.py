"""A batch in; its accepted rows, its rejected rows with all their reasons, and a tally out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl

from datasync.contract.checks import Check, Gate
from datasync.contract.columns import Column
from datasync.contract.types import polars_type
from datasync.gates.header import UnknownColumns, header_tally, unjudgeable
from datasync.gates.pandera_schema import (
    SCREEN,
    Findings,
    Layout,
    RowCheck,
    diagnosis_schema,
    screen_schema,
    types_schema,
    validate,
    worth_asking,
)
from datasync.gates.row_counts import row_counts
from datasync.gates.samples import sample_texts
from datasync.results.model import CheckTally, GateTally
from datasync.seams import POSITION, Batch

__all__ = ["FlightGate", "FlightPlan", "Judged", "Rejected", "copied", "header_tally", "unjudgeable"]


@dataclass(frozen=True, slots=True)
class FlightPlan:
    """What one gate judges.

    Attributes:
        gate: source or prepared.
        columns: declared columns, in the contract's order.
        checks: the gate's checks; those that are no row checks are passed over.
        clock: the run's instant, aware, for `now()` and `today()`.
        unknown_columns: what becomes of undeclared columns: `evolve` and `pass` keep them.
        first: no gate before this one.
        absent_is_null: kinds whose rows need not name every column (JSON): an absent column is NULL in every row.
    """

    gate: Gate
    columns: Mapping[str, Column]
    checks: tuple[Check, ...]
    clock: datetime
    unknown_columns: UnknownColumns = "fail"
    first: bool = True
    absent_is_null: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """Rows set aside.

    Attributes:
        frame: the rows as they arrived, before any cast, `POSITION` included; a copy that pins no batch.
        reasons: list of text per row: names of the error checks it breaks, in the contract's order.
    """

    frame: pl.DataFrame
    reasons: pl.Series


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate made of one batch: `accepted` and `rejected` together are its rows."""

    accepted: Batch
    rejected: Rejected | None
    tally: GateTally


@dataclass(frozen=True, slots=True)
class _Typed:
    """A batch with its declared columns cast.

    Attributes:
        frame: declared columns, row numbers, and a mask per column when some cell could not be cast.
        masks: column to true where its cell could not be cast; only columns that have such a cell.
        errors: check name to why it cannot be evaluated.
    """

    frame: pl.DataFrame
    masks: Mapping[str, pl.Series]
    errors: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """Rows that break some check.

    Attributes:
        rows: their numbers in the batch.
        failed: check name to a Boolean series over `rows`.
        errors: check name to why it could not be evaluated.
    """

    rows: pl.Series
    failed: Mapping[str, pl.Series] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


class FlightGate:
    """Judges batches one at a time; nothing is remembered between them but the compiled schemas and which types were seen."""

    def __init__(self, plan: FlightPlan) -> None:
        self._plan = plan
        self._checks, self._broken = _row_checks(plan)
        self._types = {name: polars_type(column.type) for name, column in plan.columns.items()}
        self._row = _unused("__row", plan.columns)
        self._masks = {name: _unused(f"__bad.{name}", plan.columns) for name in plan.columns}
        self._sound = [check for check in self._checks if check.name not in self._broken]
        self._screens: dict[bool, Any] = {}
        self._diagnoses: dict[tuple[bool, tuple[str, ...]], Any] = {}
        self._mistyped: dict[tuple[pl.DataType, ...], tuple[str, ...]] = {}

    def empty(self) -> GateTally:
        """The tally of no batch at all: every check by name."""
        names = [check.name for check in self._checks]
        return GateTally(0, 0, {name: CheckTally(error=self._broken.get(name, "")) for name in names})

    def judge(self, batch: Batch) -> Judged:
        """Judge one batch.

        Args:
            batch: rows as the source or the transforms gave them; declared columns may still be text.

        Returns:
            accepted: `prepared` gives the declared columns in contract order and typed, then the undeclared ones that
            `evolve` keeps, then `POSITION`; `source` gives all columns in their own order, the declared ones typed.
            tally: counts over all rows. A check that could not be evaluated carries its error there and rejects nothing.
        """
        typed = self._typed(batch.frame)
        found = self._diagnose(typed)
        blocking = [check.name for check in self._checks if check.blocks and check.name in found.failed]
        rejected = self._rejected(batch.frame, found, blocking)
        mask = None if rejected is None else _mask(batch.frame.height, _breaking(found, blocking))
        accepted = self._accepted(batch.frame, typed.frame)
        if mask is not None:
            accepted = accepted.filter(~mask)
        checks = self._tallies(batch.frame, typed, found)
        tally = GateTally(batch.frame.height, 0 if rejected is None else rejected.frame.height, checks)
        return Judged(Batch(accepted, batch.number), rejected, tally)

    def _typed(self, frame: pl.DataFrame) -> _Typed:
        columns: list[pl.Series] = []
        masks: dict[str, pl.Series] = {}
        errors: dict[str, str] = {}
        for name, column in self._plan.columns.items():
            if name not in frame.columns:
                columns.append(pl.Series(name, [None], dtype=self._types[name]).new_from_index(0, frame.height))
                if not self._plan.absent_is_null:
                    errors.update(
                        {check.name: "its column is not in the data" for check in self._checks if name in _reads(check)}
                    )
                continue
            values, bad, error = _cast(frame[name], column)
            columns.append(values.alias(name))
            if bad is not None:
                masks[name] = bad
            if error:
                errors[f"{name}.type"] = error
        rows = pl.int_range(frame.height, dtype=pl.UInt32, eager=True).alias(self._row)
        bad_columns = [bad.alias(self._masks[name]) for name, bad in masks.items()]
        if masks:
            none = pl.repeat(False, frame.height, eager=True)
            bad_columns += [none.alias(self._masks[name]) for name in self._plan.columns if name not in masks]
        return _Typed(pl.DataFrame([*columns, rows, *bad_columns]), masks, errors)

    def _layout(self, masked: bool) -> Layout:
        return Layout(self._types, self._row, self._masks if masked else {})

    def _screen(self, masked: bool) -> Any:
        if masked not in self._screens:
            self._screens[masked] = screen_schema(self._sound, self._layout(masked))
        return self._screens[masked]

    def _diagnosis(self, masked: bool, suspects: pl.DataFrame) -> Any:
        asked = worth_asking(self._sound, self._layout(masked), suspects)
        key = masked, tuple(check.name for check in asked)
        if key not in self._diagnoses:
            self._diagnoses[key] = diagnosis_schema(asked, self._layout(masked))
        return self._diagnoses[key]

    def _wrong_types(self, frame: pl.DataFrame) -> tuple[str, ...]:
        """Let pandera judge the types, once for all batches that have the same: it reads no values for that."""
        types = tuple(frame.schema[name] for name in self._types)
        if types not in self._mistyped:
            self._mistyped[types] = validate(types_schema(self._layout(False)), frame.head(0)).mistyped
        return self._mistyped[types]

    def _diagnose(self, typed: _Typed) -> _Diagnosis:
        """Screen the batch; when a row is rejected or the screen breaks, ask each check by itself."""
        errors = dict(self._broken) | dict(typed.errors)
        masked = bool(typed.masks)
        errors |= {f"{name}.type": "the column could not be given its type" for name in self._wrong_types(typed.frame)}
        screened = validate(self._screen(masked), typed.frame)
        trusted = not screened.errors
        suspects = typed.frame
        if trusted:
            if SCREEN not in screened.failed:
                return _Diagnosis(typed.frame[self._row].head(0), {}, errors)
            suspects = typed.frame.filter(screened.failed[SCREEN])
        found = validate(self._diagnosis(masked, suspects), suspects)
        errors |= found.errors
        if not _agree(trusted, found, suspects.height):
            disagree = "the screen and the diagnosis of the gate name different rows"
            errors |= {check.name: disagree for check in self._checks}
        # A check that could not be evaluated sets nothing aside; its error keeps the run from publishing.
        failed = {name: series for name, series in found.failed.items() if name not in errors}
        return _Diagnosis(suspects[self._row], failed, errors)

    def _accepted(self, frame: pl.DataFrame, typed: pl.DataFrame) -> pl.DataFrame:
        declared = self._plan.columns
        if self._plan.gate == "source":
            kept = frame.with_columns(typed[name] for name in declared if name in frame.columns)
            return kept.with_columns(typed[name] for name in declared if name not in frame.columns)
        extras = [] if self._plan.unknown_columns in ("fail", "drop") else [
            name for name in frame.columns if name not in declared and name != POSITION
        ]  # fmt: skip
        position = [POSITION] if POSITION in frame.columns else []
        return pl.DataFrame([*(typed[name] for name in declared), *(frame[name] for name in (*extras, *position))])

    def _rejected(self, frame: pl.DataFrame, found: _Diagnosis, blocking: list[str]) -> Rejected | None:
        rows = _breaking(found, blocking)
        if rows.len() == 0:
            return None
        failed = pl.DataFrame([found.failed[name].alias(name) for name in blocking])
        names = [pl.when(pl.col(name)).then(pl.lit(name)) for name in blocking]
        reasons = failed.filter(pl.any_horizontal(pl.all())).select(pl.concat_list(names).list.drop_nulls().alias("reasons"))
        return Rejected(copied(frame[rows]), reasons.to_series())

    def _tallies(self, frame: pl.DataFrame, typed: _Typed, found: _Diagnosis) -> dict[str, CheckTally]:
        counts, errors = row_counts(self._checks, typed.frame, self._layout(bool(typed.masks)), found.errors)
        errors = dict(found.errors) | errors
        tallies = {}
        for check in self._checks:
            if check.name in errors:
                tallies[check.name] = CheckTally(evaluated=frame.height, error=errors[check.name])
                continue
            evaluated, unknown = counts[check.name]
            failed = found.failed.get(check.name)
            tallies[check.name] = CheckTally(
                evaluated,
                0 if failed is None else int(failed.sum()),
                0 if check.fails_on_unknown else unknown,
                samples=() if failed is None else self._samples(check, frame, found.rows.filter(failed)),
            )
        return tallies

    def _samples(self, check: RowCheck, frame: pl.DataFrame, rows: pl.Series) -> tuple[str, ...]:
        name = check.columns[0] if len(check.columns) == 1 else None
        if name is None or name not in frame.columns:
            return ()
        return sample_texts(frame[name][rows], self._plan.columns[name].samples)


def _row_checks(plan: FlightPlan) -> tuple[list[RowCheck], dict[str, str]]:
    """Emit each row check; one that cannot be emitted is kept, with its error."""
    made: list[RowCheck] = []
    broken: dict[str, str] = {}
    for check in plan.checks:
        if check.family != "row" or (check.predicate is None and check.kind != "type"):
            continue
        verdict = where = None
        try:
            verdict = None if check.predicate is None else check.predicate.polars(plan.clock)
            where = None if check.where is None else check.where.polars(plan.clock)
        except Exception as error:
            broken[check.name] = f"could not be compiled ({type(error).__name__})"
        columns = check.columns if check.predicate is None else check.predicate.columns
        where_columns = () if check.where is None else check.where.columns
        unknown, blocks = check.nulls == "fail", check.severity == "error"
        made.append(RowCheck(check.name, check.kind, columns, verdict, where, where_columns, unknown, blocks))
    return made, broken


def _reads(check: RowCheck) -> tuple[str, ...]:
    return (*check.columns, *check.where_columns)


def _cast(values: pl.Series, column: Column) -> tuple[pl.Series, pl.Series | None, str]:
    """Give the values in the column's type, the mask of cells that could not be cast (None: no such cell) and an error."""
    from datasync.casting import cast_column

    wanted = polars_type(column.type)
    exact = column.type.name not in ("json", "uuid") and column.type.unit != "s"
    if values.dtype == wanted and exact:
        return values, None, ""
    try:
        cast, bad = cast_column(values, column.type, parse=column.parse, timezone=column.timezone)
    except Exception as error:
        return pl.repeat(None, values.len(), dtype=wanted, eager=True), None, f"could not be cast ({type(error).__name__})"
    return cast, bad if bad.any() else None, ""


def _agree(screened: bool, found: Findings, suspects: int) -> bool:
    """Tell whether screen and diagnosis name the same rows.

    Every suspect must break some check, as far as all checks could be evaluated; and where the screen itself could not be
    evaluated, some check must be the reason.
    """
    if found.errors or not screened:
        return bool(found.errors)
    if not found.failed:
        return suspects == 0
    failed = pl.DataFrame([series.alias(name) for name, series in found.failed.items()])
    return bool(failed.select(pl.any_horizontal(pl.all()).all()).item())


def _breaking(found: _Diagnosis, blocking: list[str]) -> pl.Series:
    """Numbers of the rows that break a check of severity error."""
    if not blocking:
        return found.rows.head(0)
    failed = pl.DataFrame([found.failed[name].alias(name) for name in blocking])
    return found.rows.filter(failed.select(pl.any_horizontal(pl.all())).to_series())


def _mask(height: int, rows: pl.Series) -> pl.Series:
    mask = pl.repeat(False, height, dtype=pl.Boolean, eager=True)
    return mask.scatter(rows, True)


def copied(frame: pl.DataFrame) -> pl.DataFrame:
    """Copy rows out of their batch: text of polars points into the batch's buffers and would keep all of it in memory."""
    contiguous = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    back = pl.from_arrow(contiguous)
    assert isinstance(back, pl.DataFrame)
    return back.cast(frame.schema) if back.schema != frame.schema else back


def _unused(name: str, taken: Iterable[str]) -> str:
    names = set(taken)
    while name in names:
        name = f"_{name}"
    return name
