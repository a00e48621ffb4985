"""Parquet files: typed rows with their numbers, files matched by name, damage said."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasync.contract.types import parse_type
from datasync.errors import PermanentError
from datasync.seams import ReadRequest, Window
from tests.connectors.files.reading import read, source


def test_rows_are_numbered_over_batches_and_groups(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": list(range(10))}), tmp_path / "x.parquet", row_group_size=3)
    _, rows, bad = read(source("parquet", "x.parquet", tmp_path), batch_rows=4)
    assert rows == [(number + 1, number) for number in range(10)]
    assert bad == []


def test_a_window_keeps_the_numbers_of_the_file(tmp_path: Path) -> None:
    days = [datetime(2024, 1, day, tzinfo=UTC) for day in (3, 1, 2)]
    pl.DataFrame({"id": [1, 2, 3, 4], "at": [*days, None]}).write_parquet(tmp_path / "x.parquet")
    opened = source("parquet", "x.parquet", tmp_path)
    kind = opened.cursor_type("at", {})
    assert kind == parse_type("timestamp[us, UTC]")
    assert opened.max_cursor("at", {}) == days[0]
    window = Window(days[1], days[0])
    request = {"cursor": "at", "cursor_type": kind, "window": window}
    _, rows, _ = read(opened, **request)
    assert [row[:2] for row in rows] == [(2, 2), (3, 3)]
    with opened.read(ReadRequest(files=opened.files() or (), **request)) as reading:  # type: ignore[arg-type]
        assert reading.count() == 2
        assert reading.null_cursors() == 1


def test_columns_are_matched_by_name_and_projected(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": ["x"]}).write_parquet(tmp_path / "1.parquet")
    pl.DataFrame({"b": ["y"], "a": [2]}).write_parquet(tmp_path / "2.parquet")
    assert read(source("parquet", "*.parquet", tmp_path))[1] == [(1, 1, "x"), (1, 2, "y")]
    assert read(source("parquet", "*.parquet", tmp_path), columns=("b",))[1] == [(1, "x"), (1, "y")]


@pytest.mark.parametrize(("frame", "message"), [
    (pl.DataFrame({"a": [1]}), "2.parquet differs from 1.parquet in columns: b"),
    (pl.DataFrame({"a": [1.5], "b": ["y"]}), "column a is Float64, and Int64 in the first file"),
])  # fmt: skip
def test_files_that_differ_are_refused(frame: pl.DataFrame, message: str, tmp_path: Path) -> None:
    pl.DataFrame({"a": [1], "b": ["x"]}).write_parquet(tmp_path / "1.parquet")
    frame.write_parquet(tmp_path / "2.parquet")
    with pytest.raises(PermanentError, match=message):
        read(source("parquet", "*.parquet", tmp_path))


@pytest.mark.parametrize("keep", [0, 3, 4, 100, -1, -5])
def test_a_cut_file_is_corrupt(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": list(range(1000))}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(PermanentError) as caught:
        read(source("parquet", "x.parquet", tmp_path))
    assert caught.value.code == "E_SOURCE_CORRUPT"


def test_a_damaged_page_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"a": [str(number) * 50 for number in range(2000)]}).write_parquet(path, compression="zstd")
    data = bytearray(path.read_bytes())
    data[100:2000] = b"\xff" * 1900
    path.write_bytes(data)
    with pytest.raises(PermanentError) as caught:
        read(source("parquet", "x.parquet", tmp_path))
    assert caught.value.code == "E_SOURCE_CORRUPT"


def test_dictionaries_are_text_and_exact_types_stay(tmp_path: Path) -> None:
    table = pa.table({
        "word": pa.array(["a", None, "a"]).dictionary_encode(),
        "price": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(38, 2)),
        "nano": pa.array([1, None, 3], pa.timestamp("ns")),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "x.parquet")
    opened = source("parquet", "x.parquet", tmp_path)
    with opened.read(ReadRequest(files=opened.files() or ())) as reading:
        assert {name: str(kind) for name, kind in reading.types.items()} == {
            "word": "string", "price": "decimal(38,2)", "nano": "timestamp[ns]",
        }  # fmt: skip
        frame = next(reading.batches()).frame
    assert frame["word"].to_list() == ["a", None, "a"]
    assert frame["price"].to_list() == [Decimal("1.50"), None, Decimal("-0.01")]


def test_types_that_no_contract_can_name(tmp_path: Path) -> None:
    pl.DataFrame({"a": [{"x": 1}], "b": [1]}).write_parquet(tmp_path / "x.parquet")
    with pytest.raises(PermanentError, match="column a has a type that no contract can name"):
        read(source("parquet", "x.parquet", tmp_path))
    assert read(source("parquet", "x.parquet", tmp_path), columns=("b",))[1] == [(1, 1)]


def test_a_cursor_of_another_type_is_not_called_damage(tmp_path: Path) -> None:
    pl.DataFrame({"at": ["2024-01-01"]}).write_parquet(tmp_path / "x.parquet")
    window = Window(datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC))
    with pytest.raises(PermanentError) as caught:
        read(source("parquet", "x.parquet", tmp_path), cursor="at", cursor_type=parse_type("timestamp"), window=window)
    assert (caught.value.code, bool(caught.value.hint)) == ("E_SOURCE_TYPE", True)
