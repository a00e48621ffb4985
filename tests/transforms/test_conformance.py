"""One test body for every processor: rows keep place and order, types are the declared ones, cuts between batches change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.contract.processing import Processor
from datasync.contract.refusals import refusals
from datasync.contract.types import DataType, of_polars, polars_type
from datasync.seams import POSITION, Batch, Means, TransformTally
from datasync.transforms import TRANSFORMS, build

MODULE = """
import pandas as pd
import polars as pl

def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame]).filter(pl.col("n") > 1)

def margin(frame: pd.DataFrame) -> pd.DataFrame:
    frame["margin"] = frame["n"] * 2
    return frame
"""
TABLE = pl.DataFrame({"id": ["1", "2", None], "city": ["Seoul", "Busan", "nowhere"], "size": ["7", None, "9"]})


@dataclass(frozen=True)
class Case:
    """A processor and rows for it: NULLs among them, and where it rejects, a row that it does."""

    item: dict[str, Any]
    rows: dict[str, list[Any]]
    counts: tuple[int, int, int] = (0, 0, 0)  # added, dropped, rejected
    types: dict[str, Any] = field(default_factory=dict)


TEXTS = ["a", None, "bc", "", "e\u0301"]
NUMBERS = [3, 1, None, 2, 3]
CASES = {
    "rename": Case({"rename": {"a": "b"}}, {"a": TEXTS}),
    "select": Case({"select": ("a",)}, {"b": NUMBERS, "a": TEXTS}),
    "drop": Case({"drop": ("b",)}, {"b": NUMBERS, "a": TEXTS}),
    "cast": Case({"cast": {"a": "int16"}}, {"a": ["1", "x", None, "3", ""]}, (0, 0, 2)),
    "derive": Case({"derive": {"c": "n + 1"}}, {"n": NUMBERS}),
    "filter": Case({"filter": "n > 1"}, {"n": NUMBERS}, (0, 2, 0)),
    "dedupe": Case({"dedupe": {"by": ("n",)}}, {"n": NUMBERS}, (0, 1, 0)),
    "map_values": Case({"map_values": {"column": "a", "values": {"a": "x", "": "y"}, "default": "reject"}}, {"a": TEXTS}, (0, 0, 2)),
    "trim": Case({"trim": ("a",)}, {"a": [" a", None, "b ", "", "\t"]}),
    "fill": Case({"fill": {"n": 0}}, {"n": NUMBERS}),
    "convert_timezone": Case(
        {"convert_timezone": {"columns": ("t",), "to": "Asia/Seoul"}}, {"t": [0, None, 1]}, types={"t": pl.Datetime("us", "UTC")}
    ),
    "normalise_unicode": Case({"normalise_unicode": {"columns": ("a",)}}, {"a": TEXTS}),
    "parse_json": Case(
        {"parse_json": {"column": "j", "fields": {"n": "int16", "c": {"path": "$.a[1].b", "type": "decimal(4,1)"}}}},
        {"j": ['{"n": 1, "a": [0, {"b": 2.50}]}', "{", None, '{"n": "x"}', "[]"]}, (0, 0, 2),
    ),
    "flatten": Case(
        {"flatten": {"column": "o", "fields": {"city": "string", "geo.lat": "float64"}}},
        {"n": NUMBERS, "o": ['{"city": "Seoul", "geo": {"lat": 37.5}}', None, "null", "[1]", '{"city": 5}']}, (0, 0, 1),
    ),
    "explode": Case(
        {"explode": {"column": "l", "type": "int32"}}, {"n": NUMBERS, "l": ["[1, 2, 3]", "[]", None, '["x"]', "[4, null]"]}, (3, 0, 1)
    ),
    "explode_json": Case({"explode": "l"}, {"l": ['[{"a": 1}, "b"]', "[]", None, "7", "[null]"]}, (1, 0, 1)),
    "explode_list": Case(
        {"explode": {"column": "l", "empty": "drop"}}, {"l": [[1, 2], [], None, [3]]}, (1, 2, 0), {"l": pl.List(pl.Int64)}
    ),
    "hash": Case({"hash": {"columns": ("a", "n"), "salt": "${env:TEST_SALT}"}}, {"a": TEXTS, "n": NUMBERS}),
    "mask": Case({"mask": {"columns": ("a",), "first": 1}}, {"a": TEXTS}),
    "lookup": Case(
        {"lookup": {"source": {"type": "csv", "path": "t.csv"}, "by": {"n": "id"}, "add": {"city": "string", "m": {"column": "size", "type": "int8"}},
                    "missing": "reject"}},
        {"n": NUMBERS}, (0, 0, 2),
    ),
    "format_payload": Case(
        {"format_payload": {"format": "esl_format", "company_code": "{company}", "store_code": "S1"}},
        {"id": NUMBERS, "name": TEXTS, "price": NUMBERS},
    ),
    "python": Case({"python": "own.rows:twice"}, {"n": NUMBERS}, (3, 2, 0)),
    "python_pandas": Case({"python": {"function": "own.rows:margin", "adds": {"margin": "int64"}}}, {"n": NUMBERS}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SALT", "a long text nobody guesses")


@pytest.fixture
def means(tmp_path: Path) -> Means:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "rows.py").write_text(MODULE, encoding="utf-8")
    return Means(tmp_path, {"company": "C7"}, lambda source, columns, most: TABLE.select(list(columns)))


def _frame(case: Case) -> pl.DataFrame:
    columns = [pl.Series(name, values, dtype=case.types.get(name)) for name, values in case.rows.items()]
    return pl.DataFrame(columns).with_row_index(POSITION, offset=2).cast({POSITION: pl.Int64})


def _cut(frame: pl.DataFrame, size: int) -> Iterator[Batch]:
    for number, part in enumerate(frame.iter_slices(size)):
        yield Batch(part, number)


def _run(case: Case, batches: Iterator[Batch], means: Means) -> tuple[list[pl.DataFrame], TransformTally]:
    tally = TransformTally()
    transform = build(Processor.model_validate(case.item), 0, means)
    made = list(transform.apply(batches, tally, means.root / "spill"))
    assert len({batch.number for batch in made}) == len(made)
    return [batch.frame for batch in made], tally


def _types(frame: pl.DataFrame) -> dict[str, DataType | None]:
    return {name: of_polars(dtype) for name, dtype in frame.schema.items() if name != POSITION}


def test_every_processor_has_a_case() -> None:
    assert set(TRANSFORMS) == {next(iter(case.item)) for case in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_a_processor_keeps_its_word(name: str, means: Means) -> None:
    case = CASES[name]
    frame = _frame(case)
    whole, tally = _run(case, _cut(frame, 100), means)
    out = pl.concat(whole)
    positions = out[POSITION].to_list()
    rejected = sum(rows.frame.height for rows in tally.rejected)

    # Place and order.
    assert positions == sorted(positions)
    assert set(positions) <= set(frame[POSITION].to_list())
    # Conservation, and what the case says of it.
    assert frame.height + tally.added == out.height + tally.dropped + rejected
    assert (tally.added, tally.dropped, rejected) == case.counts
    # Rejected rows are as they came, and their checks are declared.
    declared = {refusal.check for refusal in refusals(Processor.model_validate(case.item))}
    for rows in tally.rejected:
        assert rows.frame.columns == frame.columns
        assert rows.check in declared
    assert set(tally.evaluated) <= declared
    # What comes out is what columns_after says, in this order.
    expected = build(Processor.model_validate(case.item), 0, means).output(_types(frame))
    assert [column for column in out.columns if column != POSITION] == list(expected)
    assert {column: out.schema[column] for column in expected} == {
        column: polars_type(kind) for column, kind in expected.items() if kind is not None
    }
    # Batches cut differently give the same.
    for size in (1, 2):
        pieces, again = _run(case, _cut(frame, size), means)
        assert pl.concat(pieces).equals(out)
        assert (again.added, again.dropped, sum(rows.frame.height for rows in again.rejected)) == case.counts
        assert again.evaluated == tally.evaluated


@pytest.mark.parametrize("name", CASES)
def test_no_rows_and_only_nulls(name: str, means: Means) -> None:
    case = CASES[name]
    frame = _frame(case)
    expected = build(Processor.model_validate(case.item), 0, means).output(_types(frame))
    for rows in (
        frame.head(0),
        frame.head(2).with_columns(
            pl.lit(None, dtype).alias(column) for column, dtype in frame.schema.items() if column != POSITION
        ),
    ):
        made, tally = _run(case, _cut(rows, 100) if rows.height else iter([Batch(rows)]), means)
        assert not tally.rejected
        for part in made:
            assert {column: part.schema[column] for column in expected} == {
                column: polars_type(kind) for column, kind in expected.items() if kind is not None
            }
