"""The SQL of every mode, as golden files: what nobody could try on a server must at least be read by people."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from datasync.connectors.oracle.commits import books_ddl
from datasync.connectors.oracle.target import OracleTarget
from datasync.connectors.oracle.wording import Wording
from datasync.connectors.sql.statements import Tables
from datasync.contract.endpoints import OracleTarget as Endpoint
from datasync.contract.types import INT64, TIMESTAMP_UTC, parse_type
from datasync.errors import TargetMismatch
from datasync.seams import Deletes, HistoryColumns, Surroundings, TargetSpec, Window

GOLDEN = Path(__file__).parent / "golden"
COLUMNS = {"ID": "int64", "region": "string", "doc": "json", "AT": "timestamp[us, UTC]", "dead": "bool", "price": "decimal(38,2)"}
WINDOW = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
HISTORY = HistoryColumns(TIMESTAMP_UTC)

MODES: dict[str, dict[str, Any]] = {
    "append": {"write": "append"},
    "replace": {"write": "replace"},
    "replace_window": {"write": "replace_window"},
    "merge": {"write": "merge"},
    "merge_without_cursor": {"write": "merge", "cursor": None, "key": ("ID", "region")},
    "merge_deletes": {"write": "merge", "deletes": Deletes(column="dead", missing="delete"), "complete": True},
    "merge_marks": {"write": "merge", "deletes": Deletes(missing="mark", mark="gone"), "complete": True},
    "scd2": {"write": "scd2", "history": HISTORY, "deletes": Deletes(column="dead"), "complete": True},
    "scd2_without_cursor": {"write": "scd2", "history": HISTORY, "cursor": None, "complete": True},
}


def spec_of(**other: Any) -> TargetSpec:
    columns = {name: parse_type(kind) for name, kind in COLUMNS.items()}
    settings: dict[str, Any] = {"key": ("ID",), "cursor": "AT", "window": WINDOW, "required": frozenset({"ID"}), **other}
    return TargetSpec("c/t", "c", "r1", columns=columns, **settings)


def explained(spec: TargetSpec) -> list[str]:
    """What `plan` shows; nothing is connected to."""
    endpoint = Endpoint(type="oracle", connection="erp", table="SHOP.ORDERS", write="append")

    def nowhere(_name: str) -> Any:
        raise AssertionError("plan connects to nothing")

    return OracleTarget(endpoint, Surroundings(Path(), Path(), nowhere)).explain(spec)


@pytest.mark.parametrize("mode", MODES)
def test_the_statements_of_a_mode(mode: str, refresh_golden: bool) -> None:
    text = ";\n\n".join(explained(spec_of(**MODES[mode]))) + ";\n"
    path = GOLDEN / f"{mode}.sql"
    if refresh_golden:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", MODES)
def test_no_statement_of_the_transaction_commits_or_is_not_oracles(mode: str) -> None:
    spec = spec_of(**MODES[mode])
    tables = Tables('"S"."T"', '"S"."G"', "oracle")
    for statement in Wording(spec, tables, '"S"."E"', frozenset({"doc"})).statements():
        assert statement.startswith(("INSERT INTO", "DELETE FROM", "MERGE INTO", "UPDATE ")), statement
        for word in (
            " AS s ",
            " IS TRUE",
            " IS NOT TRUE",
            " DISTINCT FROM ",
            "TEMPORARY",
            "TRUE",
            "FALSE",
            " LIMIT ",
            "datasync_literal",
        ):
            assert word not in statement, word
        assert "UPDATE" not in statement or " FROM (" not in statement.partition(" SET ")[2].partition(" WHERE ")[0]
        sqlglot.parse_one(statement, read="oracle")


def test_the_tables_of_the_books(refresh_golden: bool) -> None:
    text = ";\n\n".join(books_ddl('"SHOP".').values()) + ";\n"
    path = GOLDEN / "books.sql"
    if refresh_golden:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_large_objects_are_compared_by_their_function() -> None:
    tables = Tables("T", "G", "oracle")
    said = Wording(spec_of(write="merge"), tables, "E", frozenset({"doc"})).say(
        "UPDATE T AS t SET a = 1 WHERE t.doc IS DISTINCT FROM s.doc"
    )
    assert said == (
        'UPDATE "T" "t" SET "a" = 1 WHERE CASE WHEN "t"."doc" IS NULL AND "s"."doc" IS NULL THEN 0 WHEN "t"."doc" IS NULL '
        'OR "s"."doc" IS NULL THEN 1 WHEN "DBMS_LOB".COMPARE("t"."doc", "s"."doc") = 0 THEN 0 ELSE 1 END = 1'
    )


def test_what_is_not_true_may_be_null() -> None:
    say = Wording(spec_of(write="merge"), Tables("T", "G", "oracle"), "E").say
    assert say("DELETE FROM T AS t WHERE t.a IS NOT TRUE") == 'DELETE FROM "T" "t" WHERE NOT (NVL("t"."a", 0) = 1)'
    assert say("DELETE FROM T WHERE (a > 1) IS NOT TRUE") == 'DELETE FROM "T" WHERE NOT (CASE WHEN "a" > 1 THEN 1 ELSE 0 END = 1)'


def test_names_that_look_like_literals_stay_names() -> None:
    window = Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    name = "TIMESTAMP '2026-01-02 00:00:00.000000+00:00'"
    spec = TargetSpec("c/t", "c", "r1", "replace_window", {"AT": TIMESTAMP_UTC, name: INT64}, cursor="AT", window=window)
    said = Wording(spec, Tables('"T"', '"G"', "oracle"), '"E"').statements()
    assert said[0] == f'DELETE FROM "T" WHERE "AT" >= TIMESTAMP \'2026-01-01 00:00:00.000000+00:00\' AND "AT" < {name}'
    assert said[1] == f'INSERT INTO "T" ("AT", "{name}") SELECT "AT", "{name}" FROM "G"'


@pytest.mark.parametrize(("kind", "words"), [("list<int64>", "list"), ("time", "time"), ("timestamp[ns]", "microseconds")])
def test_types_that_oracle_lacks_are_refused(kind: str, words: str) -> None:
    columns = {"a": parse_type(kind)}
    with pytest.raises(TargetMismatch) as refused:
        explained(TargetSpec("c/t", "c", "r1", "append", columns))
    assert words in str(refused.value)


@pytest.mark.parametrize("kind", ["json", "binary"])
def test_keys_of_large_objects_are_refused(kind: str) -> None:
    with pytest.raises(TargetMismatch, match="keys"):
        explained(TargetSpec("c/t", "c", "r1", "merge", {"k": parse_type(kind)}, key=("k",)))
