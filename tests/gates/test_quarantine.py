"""Rows set aside in, frames that tell reasons, place and row out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from datasync.gates.in_flight import Rejected
from datasync.gates.quarantine import HEAD, rejected_frame, rows_of, staged_frame, transform_frame, unreadable_frame
from datasync.plan.steps import Plan
from datasync.seams import POSITION, POSITION_BITS, PinnedFile, RejectedRows, UnreadableRow
from tests.gates.contracts import contract_of

FILES = tuple(PinnedFile(path, 1, 1, "f") for path in ("a.csv", "b.csv"))
PLAN = Plan(contract_of("columns:\n  a: {type: int64}\n"), "run1", "sync", (), (), files=FILES)
PLACES = [17, (1 << POSITION_BITS) | 3]
ROWS = pl.DataFrame({"a": ["x", None], POSITION: PLACES})
REASONS = pl.Series([["a.type"], ["a.required", "r"]])


def test_rejected_rows_carry_reasons_and_place() -> None:
    frame = rejected_frame(Rejected(ROWS, REASONS), PLAN, "prepared", 4)
    assert frame.columns == [*HEAD, "a"]
    assert frame.rows() == [
        ("run1-prepared-000004-0000000", "prepared", ["a.type"], "a.csv", 17, 4, "x"),
        ("run1-prepared-000004-0000001", "prepared", ["a.required", "r"], "b.csv", 3, 4, None),
    ]
    assert dict(frame.schema) == {**HEAD, "a": pl.String()}


def test_rows_without_files_have_no_place() -> None:
    frame = rejected_frame(Rejected(ROWS.drop(POSITION), REASONS), replace(PLAN, files=()), "source", 0)
    assert dict(frame.schema) == {**HEAD, "a": pl.String()}
    assert frame.select("_file", "_line").rows() == [(None, None), (None, None)]


def test_own_columns_that_collide_come_back_under_their_names(tmp_path: Path) -> None:
    own = pl.DataFrame({"_id": [1, 2], "__id": [3, 4], "_text": ["t", "u"], "_other": [[1], []]})
    frame = rejected_frame(Rejected(own, REASONS), PLAN, "source", 0)
    frame.write_parquet(tmp_path / "part.parquet")
    assert_frame_equal(rows_of(pl.read_parquet(tmp_path / "part.parquet")), own)


def test_ids_are_unique_over_gates_batches_and_frames() -> None:
    rejected = RejectedRows(ROWS, "a.cast", "a")
    frames = [
        rejected_frame(Rejected(ROWS, REASONS), PLAN, "source", 0),
        rejected_frame(Rejected(ROWS, REASONS), PLAN, "prepared", 0),
        rejected_frame(Rejected(ROWS, REASONS), PLAN, "prepared", 1),
        staged_frame(ROWS, REASONS, PLAN, 0),
        transform_frame(rejected, PLAN, 0),
        transform_frame(rejected, PLAN, 1),
        transform_frame(rejected, PLAN),
        transform_frame(rejected, PLAN),
    ]
    ids = pl.concat(frames)["_id"]
    assert ids.n_unique() == ids.len() == 16
    assert frames[4]["_reasons"].to_list() == [["a.cast"], ["a.cast"]]


def test_unreadable_rows_keep_their_text() -> None:
    frame = unreadable_frame([UnreadableRow(PLACES[1], "3 fields, the header has 4", "1,2,3")], PLAN, "prepared")
    assert frame.rows() == [(f"run1-prepared-unreadable-{PLACES[1]}", "prepared", ["row.readable"], "b.csv", 3, None, "1,2,3")]
    assert rows_of(frame).columns == []
