"""Every processor of `transform:`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.contract.processing import Processor
from datasync.contract.types import parse_type
from datasync.errors import UnknownName
from datasync.seams import POSITION, Batch, TransformTally
from datasync.transforms import TRANSFORMS, build, chain


def _apply(item: dict[str, Any], data: dict[str, Any], folder: Path, parts: int = 1) -> tuple[pl.DataFrame, TransformTally]:
    frame = pl.DataFrame(data).with_row_index(POSITION, offset=2).cast({POSITION: pl.Int64})
    size = max(1, -(-frame.height // parts))
    batches = [Batch(part, number) for number, part in enumerate(frame.iter_slices(size))]
    tally = TransformTally()
    found = [batch.frame for batch in build(Processor.model_validate(item)).apply(iter(batches), tally, folder)]
    return pl.concat(found) if found else frame.head(0), tally


@pytest.mark.parametrize(
    ("item", "data", "expected"),
    [
        ({"rename": {"a": "b"}}, {"a": [1]}, {"b": [1]}),
        ({"select": ("b",)}, {"a": [1], "b": [2]}, {"b": [2]}),
        ({"drop": ("a",)}, {"a": [1], "b": [2]}, {"b": [2]}),
        ({"cast": {"a": "int64"}}, {"a": ["1", "x", None]}, {"a": [1, None]}),
        ({"derive": {"c": "a + 1"}}, {"a": [1, None]}, {"a": [1, None], "c": [2, None]}),
        ({"filter": "a > 1"}, {"a": [1, 2, None]}, {"a": [2]}),
        ({"dedupe": {"by": ("a",)}}, {"a": [1, 2, 1, None, None]}, {"a": [1, 2, None]}),
        ({"trim": ("a",)}, {"a": [" x ", "", None]}, {"a": ["x", "", None]}),
        ({"fill": {"a": 0}}, {"a": [1, None]}, {"a": [1, 0]}),
        ({"map_values": {"column": "a", "values": {"N": "new"}}}, {"a": ["N", "x", None]}, {"a": ["new", "x", None]}),
        ({"map_values": {"column": "a", "values": {"N": "new"}, "default": "null"}}, {"a": ["N", "x"]}, {"a": ["new", None]}),
        (
            {"map_values": {"column": "a", "values": {"N": "new"}, "default": "reject"}},
            {"a": ["N", "x", None]},
            {"a": ["new", None]},
        ),
    ],
)
def test_each(item: dict[str, Any], data: dict[str, list[Any]], expected: dict[str, list[Any]], tmp_path: Path) -> None:
    found, _ = _apply(item, data, tmp_path)
    assert found.drop(POSITION).to_dict(as_series=False) == expected


def test_rejected_and_dropped_rows_are_counted(tmp_path: Path) -> None:
    _, tally = _apply({"cast": {"a": "int64"}}, {"a": ["1", "x"]}, tmp_path)
    assert [(rows.check, rows.frame[POSITION].to_list()) for rows in tally.rejected] == [("a.cast", [3])]
    assert tally.evaluated == {"a.cast": 2}
    assert _apply({"filter": "a > 1"}, {"a": [1, 2, None]}, tmp_path)[1].dropped == 2


@pytest.mark.parametrize(
    ("order", "keep", "lines"),
    [(None, "first", [2, 3]), (None, "last", [3, 4]), ("v desc", "first", [3, 4]), ("v", "first", [2, 3]), ("v", "last", [3, 4])],
)
def test_dedupe_across_batches(order: str | None, keep: str, lines: list[int], tmp_path: Path) -> None:
    item = {"dedupe": {"by": ("k",), "keep": keep, **({"order": order} if order else {})}}
    found, tally = _apply(item, {"k": [1, 2, 1], "v": [1, 5, 9]}, tmp_path, parts=3)
    assert found[POSITION].to_list() == lines
    assert tally.dropped == 1
    assert not list(tmp_path.iterdir())


def test_convert_timezone_keeps_instants(tmp_path: Path) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    found, _ = _apply({"convert_timezone": {"columns": ("a",), "to": "Asia/Seoul"}}, {"a": [moment]}, tmp_path)
    assert found["a"].dtype == pl.Datetime("us", "Asia/Seoul")
    assert found["a"][0] == moment


def test_chain_follows_columns() -> None:
    items = [Processor.model_validate(item) for item in ({"rename": {"a": "b"}}, {"derive": {"c": "b * 2.0"}}, {"drop": ("b",)})]
    output = chain(items).output({"a": parse_type("decimal(4,1)")})
    assert list(output) == ["c"]
    with pytest.raises(ValueError, match="no column 'a'"):
        chain([*items, items[0]]).output({"a": parse_type("decimal(4,1)")})


def test_derive_is_exact(tmp_path: Path) -> None:
    prices = pl.Series([Decimal("0.10")], dtype=pl.Decimal(5, 2))
    found, _ = _apply({"derive": {"c": "a * 2"}}, {"a": prices}, tmp_path)
    assert found["c"].to_list() == [Decimal("0.20")]


def test_one_file_per_kind() -> None:
    assert set(TRANSFORMS) == set(Processor.model_fields)
    with pytest.raises((UnknownName, StopIteration)):
        build(Processor())
