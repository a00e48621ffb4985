"""What single processors make of values, and what they refuse."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.contract.processing import Processor
from datasync.contract.yaml_tree import read_tree
from datasync.errors import DataSyncError, PermanentError, UsageError
from datasync.seams import Batch, Means, TransformTally
from datasync.transforms import build
from datasync.transforms.explode import MOST_ROWS

SALT = "a long text nobody guesses"
PAGE = Path(__file__).parent.parent.parent / "docs" / "transforms.md"


def _apply(item: dict[str, Any], frame: pl.DataFrame, means: Means | None = None) -> tuple[pl.DataFrame, TransformTally]:
    tally = TransformTally()
    made = [batch.frame for batch in build(Processor.model_validate(item), 0, means).apply(iter([Batch(frame)]), tally, Path())]
    return pl.concat(made), tally


def _column(item: dict[str, Any], values: list[Any], name: str = "a") -> list[Any]:
    return _apply(item, pl.DataFrame({name: values}))[0][name].to_list()


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"last": 4}, ["*******5678", "****", "", None, "*바나나우유"]),
        ({"first": 3, "last": 4}, ["010****5678", "****", "", None, "*****"]),
        ({"by": "$"}, ["$$$$$$$$$$$", "$$$$", "", None, "$$$$$"]),
    ],
)
def test_mask(options: dict[str, Any], shown: list[str | None]) -> None:
    expected = shown if options != {"last": 4} else [*shown[:4], "*나나우유"]
    assert _column({"mask": {"columns": ("a",), **options}}, ["01012345678", "1234", "", None, "바나나우유"]) == expected


def test_a_mask_hides_line_ends() -> None:
    assert _column({"mask": {"columns": ("a",), "first": 1}}, ["a\nbc"]) == ["a***"]


def test_hash_is_hmac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S", SALT)
    expected = hmac.new(SALT.encode(), b"7", hashlib.sha256).hexdigest()
    assert _column({"hash": {"columns": ("a",), "salt": "${env:S}"}}, [7, None]) == [expected, None]


@pytest.mark.parametrize(("salt", "said"), [(None, "is not set"), ("", "is not set"), ("short", "fewer than 16")])
def test_a_salt_must_be_there(salt: str | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S", raising=False)
    if salt is not None:
        monkeypatch.setenv("S", salt)
    with pytest.raises(UsageError, match=said) as caught:
        _column({"hash": {"columns": ("a",), "salt": "${env:S}"}}, ["x"])
    assert salt is None or salt == "" or salt not in str(caught.value)


def test_normalised_texts_are_equal() -> None:
    assert _column({"normalise_unicode": {"columns": ("a",)}}, ["e\u0301", "é"]) == ["é", "é"]
    assert _column({"normalise_unicode": {"columns": ("a",), "form": "NFKC"}}, ["ﬁ"]) == ["fi"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("decimal(38,2)", "123456789012345678901234567890123456.78", "123456789012345678901234567890123456.78"),
        ("string", "1.50", "1.50"), ("string", '"é\\u00e9"', "éé"), ("bool", "true", "True"), ("int64", "1e3", None),
        ("string", '{"b": [1.0, "x"]}', '{"b":[1.0,"x"]}'), ("json", '"x"', '"x"'), ("date", '"2026-02-30"', None),
        ("list<int64>", "[1, 2]", "[1, 2]"), ("string", '"\\ud800"', None), ("float64", "NaN", None),
    ],
)  # fmt: skip
def test_json_values_are_cast_exactly(kind: str, text: str, value: str | None) -> None:
    made, tally = _apply({"parse_json": {"column": "a", "fields": {"v": kind}}}, pl.DataFrame({"a": [f'{{"v": {text}}}']}))
    found = [str(cell.to_list() if isinstance(cell, pl.Series) else cell) for cell in made["v"]]
    assert found == ([] if value is None else [value])
    assert bool(tally.rejected) == (value is None)


def test_deep_json_is_set_aside() -> None:
    _, tally = _apply({"parse_json": {"column": "a", "fields": {"v": "string"}}}, pl.DataFrame({"a": ["[" * 100_000]}))
    assert [rows.check for rows in tally.rejected] == ["a.parse_json"]


@pytest.mark.parametrize(("path", "kept"), [("v", ["{}", "[]", "null"]), ("$", ['"{\\"v\\": 1}"', "7", "{}", "[]", "null"])])
def test_a_text_that_was_encoded_twice_has_no_fields_and_is_set_aside(path: str, kept: list[str]) -> None:
    texts = ['"{\\"v\\": 1}"', "7", "{}", "[]", "null"]
    item = {"parse_json": {"column": "a", "fields": {"v": {"path": path, "type": "json"}}}}
    made, tally = _apply(item, pl.DataFrame({"a": texts}))
    assert made["a"].to_list() == kept
    assert {rows.check for rows in tally.rejected} <= {"a.parse_json"}


def test_long_lists_come_in_pieces() -> None:
    frame = pl.DataFrame({"a": [list(range(MOST_ROWS)), [1], list(range(MOST_ROWS)), []], "n": [0, 1, 2, 3]})
    tally = TransformTally()
    batches = list(build(Processor.model_validate({"explode": "a"})).apply(iter([Batch(frame, 7)]), tally, Path()))
    assert [batch.number for batch in batches] == list(range(len(batches)))
    assert len(batches) > 1
    assert max(batch.frame.height for batch in batches) <= 2 * MOST_ROWS
    assert tally.added == 2 * MOST_ROWS + 2 - 4


def _lookup(table: dict[str, list[Any]], keys: list[Any], **more: Any) -> tuple[pl.DataFrame, TransformTally]:
    def read(source: Any, columns: Any, most: int) -> pl.DataFrame:
        reads.append(most)
        return pl.DataFrame(table).select(list(columns))

    reads: list[int] = []
    wanted = {"source": {"type": "csv", "path": "t.csv"}, "by": {"k": "id"}, "add": {"v": "int64"}, **more}
    found = _apply({"lookup": wanted}, pl.DataFrame({"k": keys}, schema={"k": pl.Int64}), Means(table=read))
    assert len(reads) == 1
    return found


def test_lookup_finds_and_misses() -> None:
    made, tally = _lookup({"id": ["1", "2"], "v": ["10", None]}, [2, 1, 9, None])
    assert made["v"].to_list() == [None, 10, None, None]
    assert tally.rejected == []
    made, tally = _lookup({"id": ["1", "2"], "v": ["10", None]}, [2, 1, 9, None], missing="reject")
    assert made["k"].to_list() == [2, 1, None]
    assert [(rows.check, rows.frame["k"].to_list()) for rows in tally.rejected] == [("k.lookup", [9])]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"id": ["1", "1"], "v": ["1", "2"]}, "2 rows of the table share their key"),
        ({"id": ["secret"], "v": ["1"]}, "1 values of id in the table are no int64"),
        ({"id": ["1"], "v": ["secret"]}, "1 values of v in the table are no int64"),
    ],
)
def test_a_bad_table_ends_the_run(table: dict[str, list[Any]], said: str) -> None:
    with pytest.raises(PermanentError, match=said) as caught:
        _lookup(table, [1])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("def f(frame: pl.DataFrame):\n    raise ValueError('canary')", "own:f raised ValueError at own.py:4"),
        ("def f(frame: pl.DataFrame):\n    return 5", "own:f gave int"),
        ("def f(frame: pl.DataFrame):\n    return frame.drop('n')", "lacks n"),
        ("def f(frame: pl.DataFrame):\n    return frame.with_columns(x=1)", "has x too"),
        ("def f(frame: pl.DataFrame):\n    return frame.with_columns(n=pl.lit('canary'))", "2 values of n are no int64"),
        ("def f(frame: pl.DataFrame):\n    return frame.drop('__row').head(1)", "without the column __row"),
        ("def f(frame: pl.DataFrame):\n    return frame.with_columns(__row=9)", "changed the column __row"),
        ("def f(frame):\n    return frame", "does not say which frame"),
        ("def g(frame: pl.DataFrame):\n    return frame", "no function f"),
        ("raise RuntimeError('canary')", "cannot be imported: RuntimeError"),
    ],
)
def test_what_functions_do_wrong(body: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"import polars as pl\n\n{body}\n", encoding="utf-8")
    with pytest.raises(DataSyncError) as caught:
        _apply({"python": "own:f"}, pl.DataFrame({"n": [1, 2]}), Means(tmp_path))
    assert said in str(caught.value)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None or "cannot be imported" in said


def test_functions_come_from_the_root_alone(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("STEP = 5\n", encoding="utf-8")
    (tmp_path / "json.py").write_text(
        "import polars as pl\nfrom helper import STEP\n\ndef f(frame: pl.DataFrame) -> pl.DataFrame:\n"
        "    return frame.drop('__row').with_columns(pl.col('n') + STEP)\n",
        encoding="utf-8",
    )
    made, _ = _apply({"python": "json:f"}, pl.DataFrame({"n": [1]}), Means(tmp_path))
    assert made["n"].to_list() == [6]
    with pytest.raises(UsageError, match=r"no os\.py in the project root"):
        _apply({"python": "os:getcwd"}, pl.DataFrame({"n": [1]}), Means(tmp_path))


def test_formats_name_their_columns() -> None:
    item = {
        "format": "inventory_format",
        "company_code": "C",
        "store_code": "S",
        "fields": {"item_quantity": "left"},
        "keep": False,
    }
    made, _ = _apply({"format_payload": item}, pl.DataFrame({"sku": [5], "left": [3]}))
    assert made.to_dicts() == [{"company_code": "C", "store_code": "S", "item_id": "5", "item_quantity": 3}]
    made, _ = _apply({"format_payload": {"store_code": "S"}}, pl.DataFrame({"a": [1]}))
    assert made.to_dicts() == [{"store_code": "S", "a": 1}]


def test_the_documentations_examples_are_processors() -> None:
    blocks = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1:]
    items = [item for block in blocks for item in read_tree(block.split("```")[0].encode()).value]
    assert {next(iter(item)) for item in items} >= {"mask", "hash", "lookup", "python", "explode", "flatten", "format_payload"}
    for item in items:
        Processor.model_validate(item)
