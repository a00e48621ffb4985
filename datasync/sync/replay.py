"""Quarantined rows, corrected, in; the result of sending them through the gates again out. They are published once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from datasync.contract.columns import Column
from datasync.contract.endpoints import ParquetSource
from datasync.contract.loader import LoadedContract
from datasync.contract.model import Contract
from datasync.contract.refusals import refusals
from datasync.contract.types import of_polars
from datasync.errors import UsageError
from datasync.gates.quarantine import rows_of
from datasync.history.rows import QuarantineBatch
from datasync.history.store import History
from datasync.results.model import RunResult
from datasync.storage import read_frame
from datasync.sync.exports import without_marks
from datasync.sync.loading import load_any
from datasync.sync.options import RunOptions
from datasync.sync.project import Project
from datasync.sync.session import Session

GATES = ("source", "prepared", "staged")


@dataclass(frozen=True, slots=True)
class StoredRows:
    """Quarantined rows of one gate of a run.

    Attributes:
        gate: which.
        frame: the rows of all batches; a column that a batch does not have is NULL in its rows.
        states: of each row: open, evidence, superseded or replayed.
        batches: the rows' ids and the columns of each batch.
    """

    gate: str
    frame: pl.DataFrame
    states: pl.Series
    batches: tuple[tuple[frozenset[str], tuple[str, ...]], ...]

    def columns_of(self, ids: pl.Series) -> list[str]:
        """Name the columns that rows had where they were set aside, in the order of the frame."""
        wanted = set(ids)
        had = {name for known, names in self.batches if wanted & known for name in names}
        return [name for name in self.frame.columns if name in had]


def stored(project: Project, run_id: str) -> Iterator[StoredRows]:
    """Give a run's quarantined rows, gate by gate.

    Raises:
        UsageError: nothing was set aside in such a run.
    """
    history = History(project.history_url)
    try:
        batches = history.quarantine_batches(run_id=run_id)
        closed = history.closed_rows(run_id)
    finally:
        history.close()
    if not batches:
        raise UsageError(f"no row of a run {run_id} is in quarantine", code="E_RUN_ID", hint="datasync quarantine list")
    for gate in GATES:
        mine = sorted((batch for batch in batches if batch.gate == gate), key=lambda batch: batch.name)
        if mine:
            yield _joined(gate, mine, closed)


def _joined(gate: str, batches: list[QuarantineBatch], closed: dict[str, str]) -> StoredRows:
    frames, states = [], []
    for batch in batches:
        frame = read_frame(batch.path)
        frames.append(frame)
        states += [closed.get(row_id, batch.state) for row_id in frame["_id"]]
    joined = pl.concat(frames, how="diagonal_relaxed")
    shapes = tuple((frozenset(frame["_id"]), tuple(frame.columns)) for frame in frames)
    return StoredRows(gate, joined, pl.Series("_state", states, dtype=pl.String), shapes)


def replay(project: Project, run_id: str, corrected: Path | None) -> list[RunResult]:
    """Send open rows of a published run through the gates again and publish those that pass, once.

    Args:
        project: whose history and workspace.
        run_id: the run that set them aside.
        corrected: a file as `quarantine export` writes it, edited; rows are known by `_id`. None: the rows as they are, for a
            contract that was corrected.

    Returns:
        One result per gate that had set rows aside: rows begin again at the gate that refused them.

    Raises:
        UsageError: nothing is open, or the file has rows that are not.
    """
    groups = list(stored(project, run_id))
    known = {row_id for rows in groups for row_id in _open_rows(rows)["_id"]}
    if not known:
        raise UsageError(f"no row of run {run_id} is open for replay", code="E_REPLAY",
                         hint="rows of unpublished runs are evidence: run the contract again")  # fmt: skip
    edited = read_rows(corrected) if corrected is not None else None
    if edited is not None:
        _check_ids(edited, known, run_id)
    loaded = load_any(_contract_path(project, run_id))
    results = []
    for group in groups:
        for start, part in _by_start(loaded.contract, group):
            rows = _replacement(part, edited)
            if rows.height:
                results.append(_send(project, loaded, _Start(group.gate, start, _shape(part)), rows))
    return results


@dataclass(frozen=True, slots=True)
class _Start:
    """Where rows begin again: at a gate, or in front of the transform that could not carry them on (with their shape there)."""

    gate: str
    transform: int | None
    shape: dict[str, Column]

    @property
    def name(self) -> str:
        return self.gate if self.transform is None else f"transform{self.transform}"


def _by_start(contract: Contract, group: StoredRows) -> Iterator[tuple[int | None, pl.DataFrame]]:
    """Part the open rows of a gate by where they begin again."""
    frame = _open_rows(group)
    if group.gate != "prepared":
        yield None, frame
        return
    starts = [_refusing(contract, reasons) for reasons in frame["_reasons"].to_list()]
    for start in dict.fromkeys(starts):
        part = frame.filter(pl.Series([found == start for found in starts]))
        # Batches of several shapes were joined: rows go on with the columns that they had, also where all are NULL.
        yield start, part if start is None else part.select(group.columns_of(part["_id"]))


def _refusing(contract: Contract, reasons: list[str]) -> int | None:
    for number, item in enumerate(contract.transform):
        if any(refusal.check in reasons for refusal in refusals(item)):
            return number
    return None


def _shape(frame: pl.DataFrame) -> dict[str, Column]:
    rows = rows_of(frame)
    return {name: Column(type=of_polars(dtype)) for name, dtype in rows.schema.items() if dtype != pl.Null}


def _open_rows(rows: StoredRows) -> pl.DataFrame:
    return rows.frame.filter(rows.states == "open")


def _check_ids(edited: pl.DataFrame, known: set[str], run_id: str) -> None:
    if "_id" not in edited.columns:
        raise UsageError("the file has no column _id", code="E_REPLAY", hint="start from datasync quarantine export")
    strange = [row_id for row_id in edited["_id"].to_list() if row_id not in known]
    if strange:
        raise UsageError(f"{len(strange)} rows of the file are not open rows of run {run_id}", code="E_REPLAY")
    if edited["_id"].n_unique() != edited.height:
        raise UsageError("a row stands twice in the file", code="E_REPLAY")


def _replacement(frame: pl.DataFrame, edited: pl.DataFrame | None) -> pl.DataFrame:
    """The gate's rows as they are to be sent: edited cells as text, for the gate to cast again."""
    if edited is None:
        return frame
    mine = edited.filter(pl.col("_id").is_in(frame["_id"].implode()))
    columns = [name for name in rows_of(frame).columns if name in mine.columns]
    return mine.select(["_id", *columns])


def _contract_path(project: Project, run_id: str) -> Path:
    history = History(project.history_url)
    try:
        result = history.result(run_id)
    finally:
        history.close()
    if result is None or not result.path:
        raise UsageError(f"run {run_id} does not say which contract it ran", code="E_RUN_ID")
    return Path(result.path)


def read_rows(path: Path) -> pl.DataFrame:
    """Read an edited export: csv, ndjson or parquet; text stays text.

    Raises:
        UsageError: the file is not there or cannot be read.
    """
    readers: dict[str, Any] = {
        ".csv": lambda: without_marks(pl.read_csv(path, infer_schema=False)), ".parquet": lambda: pl.read_parquet(path),
        ".ndjson": lambda: pl.read_ndjson(path),
    }  # fmt: skip
    if path.suffix not in readers:
        raise UsageError(f"{path.name}: an export ends in {', '.join(readers)}", code="E_REPLAY")
    try:
        found: pl.DataFrame = readers[path.suffix]()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UsageError(f"{path} cannot be read: {type(error).__name__}", code="E_REPLAY") from error
    return found


def _send(project: Project, loaded: LoadedContract, start: _Start, rows: pl.DataFrame) -> RunResult:
    """Run the contract's gates over the rows alone."""
    # The same rows again are the same run: a replay that was published already is not published twice.
    digest = hashlib.sha256(rows.write_json().encode()).hexdigest()[:16]
    run_id = f"replay-{loaded.contract.contract}-{start.name}-{digest}"
    workspace = project.run_folder(loaded.contract.contract, run_id)
    workspace.create()
    data = workspace.local / "rows.parquet"
    data_rows = rows_of(rows)
    data_rows.write_parquet(data)
    contract = _contract(loaded.contract, start, data)
    session = Session(replace(loaded, contract=contract), RunOptions(run_id=run_id, kind="replay"))
    result = session.carry_out()
    if result.ok:
        _close(project, rows["_id"].to_list(), run_id)
    return result


def _close(project: Project, row_ids: list[str], by_run: str) -> None:
    history = History(project.history_url)
    try:
        runs = {batch.run_id for batch in history.quarantine_batches(states=("open",))}
        for run_id in runs:
            mine = [row_id for row_id in row_ids if row_id.startswith(f"{run_id}-")]
            history.close_rows(run_id, mine, "replayed", by_run)
    finally:
        history.close()


def _contract(contract: Contract, start: _Start, data: Path) -> Contract:
    """The contract over corrected rows: what speaks of the whole read says nothing of them, and nothing is replaced."""
    assert contract.target is not None
    first = contract.source.columns if start.gate == "source" else start.shape if start.transform is not None else None
    source = ParquetSource(type="parquet", path=str(data), columns=first, cursor=contract.source.cursor)
    write = "merge" if contract.key and contract.target.write != "append" else "append"
    if contract.target.write == "scd2":
        write = "scd2"
    target = contract.target.model_copy(update={"write": write, "replace_by": "rows"})
    changes: dict[str, Any] = {"source": source, "target": target, "count": None, "freshness": None, "unknown_columns": "drop"}
    if start.transform is not None:
        changes["transform"] = contract.transform[start.transform :]
    elif start.gate != "source":
        changes["transform"] = ()
    return contract.model_copy(update=changes)
