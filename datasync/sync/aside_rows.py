"""Quarantined rows in, a few of them per reason as their columns let them be seen out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import polars as pl

from datasync.contract.checks import checks_of
from datasync.contract.columns import Column, Samples
from datasync.contract.model import Contract
from datasync.errors import DataSyncError, StorageError, shorten
from datasync.gates.quarantine import TEXT, rows_of
from datasync.gates.samples import sample_texts
from datasync.history.rows import QuarantineBatch
from datasync.reports.html import AsideRow, Cell
from datasync.storage import read_frame

PER_REASON = 5
COLUMNS = 8
"""Cells of a row that are shown: what is wrong and the key first."""
WHOLE = 500
"""Cells of a row that is seen whole."""
LONGEST = 500
"""Characters of a cell that is seen whole."""
BATCHES = 40
"""Stored batches that are opened for one page."""
MISSING = "missing"


def explored(batches: Iterable[QuarantineBatch], contract: Contract | None) -> dict[str, list[AsideRow]]:
    """Give some rows of every reason.

    Args:
        batches: of one run.
        contract: says what each column lets be seen; without one only shapes are.
    """
    found: dict[str, list[AsideRow]] = {}
    columns = _columns_of(contract)
    opened = 0
    for batch in sorted(batches, key=lambda batch: batch.name):
        wanting = [reason for reason in batch.reasons if len(found.get(reason, ())) < PER_REASON]
        if not wanting or opened == BATCHES:
            continue
        opened += 1
        try:
            frame = read_frame(batch.path)
        except (DataSyncError, OSError, pl.exceptions.PolarsError):
            # Retention may have taken the rows; their counts are still known.
            continue
        for reason in wanting:
            some = frame.filter(pl.col("_reasons").list.contains(reason)).head(PER_REASON - len(found.get(reason, ())))
            found.setdefault(reason, []).extend(_rows(some, reason, columns, contract))
    return found


def told(batches: Iterable[QuarantineBatch], contract: Contract | None) -> dict[str, tuple[str, ...]]:
    """Give some rows of every reason as lines: where each stood, its key and what is wrong with it, as `explored` shows them."""
    return {
        reason: tuple(
            f"{row.place}: " * bool(row.place)
            + ", ".join(f"{cell.column}={cell.text}" for cell in row.cells if cell.bad or cell.column in row.key)
            for row in rows
        )
        for reason, rows in explored(batches, contract).items()
    }


@dataclass(frozen=True, slots=True)
class Look:
    """Which rows of a run's quarantine to see, and how.

    Attributes:
        reason: a check's name; empty: all rows.
        begin, number: of these, the rows `[begin, begin + number)`.
        whole: every cell as it arrived, whatever the columns' `samples` say.
    """

    reason: str = ""
    begin: int = 0
    number: int = 50
    whole: bool = False


def browsed(batches: Iterable[QuarantineBatch], contract: Contract | None, look: Look) -> list[AsideRow]:
    """Give some rows of a run; only the stored batches that hold them are opened.

    Raises:
        StorageError: a batch cannot be read any more.
    """
    columns = _columns_of(contract)
    found: list[AsideRow] = []
    before = look.begin
    for batch in sorted(batches, key=lambda batch: (batch.gate, batch.name)):
        holds = batch.reasons.get(look.reason, 0) if look.reason else batch.rows
        if before >= holds or len(found) >= look.number:
            before = max(before - holds, 0)
            continue
        try:
            frame = read_frame(batch.path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StorageError("rows of this run cannot be read any more", code="E_QUARANTINE") from error
        frame = frame.filter(pl.col("_reasons").list.contains(look.reason)) if look.reason else frame
        some = frame.slice(before, look.number - len(found))
        found += _rows(some, look.reason, columns, contract, look.whole)
        before = max(before - frame.height, 0)
    return found


def _columns_of(contract: Contract | None) -> dict[str, tuple[str, ...]]:
    """Give check name to the columns it speaks of."""
    if contract is None:
        return {}
    found = {check.name: check.columns for check in checks_of(contract)}
    return {name: (TEXT,) if name == "row.readable" else columns for name, columns in found.items()}


def _rows(
    frame: pl.DataFrame, reason: str, columns: Mapping[str, Sequence[str]], contract: Contract | None, whole: bool = False
) -> Iterable[AsideRow]:
    own = rows_of(frame)
    if TEXT in frame.columns:
        own = own.with_columns(frame[TEXT])
    bad = [name for name in columns.get(reason, ()) if name in own.columns]
    key = [name for name in (contract.key if contract else ()) if name in own.columns]
    order = list(dict.fromkeys([*key, *bad, *own.columns]))
    order = [name for name in order if not (name == TEXT and own[TEXT].null_count() == own.height)]
    most = WHOLE if whole else COLUMNS
    for number in range(frame.height):
        reasons = [str(name) for name in frame["_reasons"][number]]
        marked = {name for said in reasons for name in columns.get(said, ())}
        cells = [
            Cell(_heading(name), _text(own[name][number : number + 1], name, contract, whole), name in marked)
            for name in order[:most]
        ]
        said = (reason, *(other for other in reasons if other != reason)) if reason else tuple(reasons)
        yield AsideRow(_place(frame, number), cells, said, max(len(order) - most, 0), key)


def _heading(name: str) -> str:
    return "line as it stood" if name == TEXT else name


def _place(frame: pl.DataFrame, number: int) -> str:
    file, line = frame["_file"][number], frame["_line"][number]
    return f"{PurePath(file).name}:{line}" if file is not None else f"line {line}" if line is not None else ""


def _text(cell: pl.Series, name: str, contract: Contract | None, whole: bool) -> str:
    if cell.null_count():
        return MISSING
    if whole:
        return shorten(str(cell[0]), LONGEST)
    allowed = _samples(name, contract)
    return sample_texts(cell, allowed)[0] if allowed != "hide" else "hidden"


def _samples(name: str, contract: Contract | None) -> Samples:
    """What the contract says of a column; of one that it does not know, only the shape may be seen."""
    if contract is None:
        return "mask"
    declared: list[Column] = [
        found for found in (contract.columns.get(name), (contract.source.columns or {}).get(name)) if found is not None
    ]
    order: tuple[Samples, ...] = ("hide", "mask", "show")
    return min((column.samples for column in declared), key=order.index, default="mask")
