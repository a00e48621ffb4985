"""Differences that were planted are the differences that are found: over pairs of engines, kinds of keys, and whatever keys hold."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from datasync.compare import bisecting
from datasync.compare.comparing import Question, compare
from datasync.compare.values import Comparison
from tests.compare.engines import KINDS, Engines

PAIRS = [("postgres", "mysql"), ("mysql", "sqlite"), ("sqlite", "duckdb"), ("duckdb", "postgres"), ("mysql", "duckdb")]
DDL = {
    "postgres": "a bigint, b text, n numeric(12,2), s text",
    "mysql": "a bigint, b varchar(60) collate utf8mb4_general_ci, n decimal(12,2), s varchar(60)",
    "sqlite": "a integer, b text collate nocase, n decimal_text(12,2), s text",
    "duckdb": "a bigint, b varchar, n decimal(12,2), s varchar",
}
LETTERS = ["A", "a", "ä", "á", "b", "B", "ß", "z ", "Z", "é", "ö", "_", "-", "", "😀"]
Row = tuple[Any, ...]


def _rows(seed: int, number: int) -> list[Row]:
    numbers = random.Random(seed)
    return [
        (key * 3 - number, f"{numbers.choice(LETTERS)}{key}{numbers.choice(LETTERS)}", f"{key / 4:.2f}", f"row {key}")
        for key in range(number)
    ]


def _planted(rows: list[Row], seed: int) -> tuple[list[Row], Counter[str], Counter[str]]:
    """Change, add and drop rows; give the others, how many there are of each, and the columns that were changed."""
    numbers = random.Random(seed)
    chosen = numbers.sample(range(len(rows)), 30)
    made, kinds, columns = list(rows), Counter[str](), Counter[str]()
    for number in chosen[:10]:
        a, b, n, s = rows[number]
        what = numbers.choice(["n", "s", "both", "null"])
        made[number] = (a, b, "0.99" if what in ("n", "both") else n, {"s": f"{s} ", "both": "", "null": None}.get(what, s))
        kinds["different"] += 1
        columns.update({"n": ["n"], "s": ["s"], "both": ["n", "s"], "null": ["s"]}[what])
    gone = sorted(chosen[10:20], reverse=True)
    for number in gone:
        del made[number]
    kinds["only_a"] += len(gone)
    for number in range(7):
        made.append((10**12 + number, f"new {number}", "1.00", "new"))
    kinds["only_b"] += 7
    numbers.shuffle(made)
    return made, kinds, columns


def _kinds(found: Comparison) -> Counter[str]:
    return +Counter({"only_a": found.only_a, "only_b": found.only_b, "different": found.different})


@pytest.mark.parametrize("key", [("a",), ("b",), ("b", "a")], ids="-".join)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_found_is_what_was_planted(
    engines: Engines, pair: tuple[str, str], key: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that few rows are cut as many would be.
    monkeypatch.setattr(bisecting, "FEW_ROWS", 100)
    monkeypatch.setattr(bisecting, "ROWS_OF_A_RANGE", 100)
    rows = _rows(hash(pair[0]) % 1000, 3000)
    others, kinds, columns = _planted(rows, len("".join(key)))
    engines.fill(pair[0], DDL[pair[0]], rows)
    engines.fill(pair[1], DDL[pair[1]], others)
    found = compare(engines.open(pair[0]), engines.open(pair[1]), Question(key, samples=100, show=True))
    assert _kinds(found) == kinds
    assert Counter(found.by_column) == columns
    assert Counter(one.kind for one in found.samples) == kinds
    assert found.fetched < 2000
    assert (found.a.rows, found.b.rows) == (3000, 2997)


@pytest.mark.parametrize("key", [("a",), ("b",), ("a", "b")], ids="-".join)
@pytest.mark.parametrize("pair", PAIRS[:4], ids="-".join)
def test_keys_that_are_missing_or_stand_several_times(engines: Engines, pair: tuple[str, str], key: tuple[str, ...]) -> None:
    same: list[Row] = (
        [(None, None, "1.00", "nobody")] * 3
        + [(7, "twice", "1.00", "x")] * 2
        + [(8, "two", "1.00", "x"), (8, "two", "2.00", "y")]
    )
    engines.fill(pair[0], DDL[pair[0]], [*same, (None, None, "2.00", "only a"), (9, "once", "1.00", "x"), (10, "k", "1.00", "x")])
    engines.fill(pair[1], DDL[pair[1]], [*same, (None, None, "3.00", "only b"), (9, "once", "1.00", "x"), (9, "once", "1.00", "x"), (10, "k", "2.00", "x")])  # fmt: skip
    found = compare(engines.open(pair[0]), engines.open(pair[1]), Question(key, show=True))
    assert (found.a.null_keys, found.b.null_keys) == (4, 4)
    assert (found.a.duplicate_keys, found.a.duplicate_rows) == (2, 4)
    assert (found.b.duplicate_keys, found.b.duplicate_rows) == (3, 6)
    # Rows without a key are never two states of one row; the second (9, once) is only in B.
    assert _kinds(found) == Counter(only_a=1, only_b=2, different=1)
    assert dict(found.by_column) == {"n": 1}


def test_the_same_duplicates_on_both_sides_are_told_although_nothing_differs(engines: Engines) -> None:
    for kind in ("postgres", "mysql"):
        engines.fill(kind, DDL[kind], [(1, "x", "1.00", "x")] * 2)
    found = compare(engines.open("postgres"), engines.open("mysql"), Question(("a",)))
    assert found.same
    assert (found.a.duplicate_rows, found.b.duplicate_rows) == (2, 2)


def test_rows_that_stand_twice_do_not_cancel_each_other_out(engines: Engines) -> None:
    engines.fill("postgres", DDL["postgres"], [(1, "x", "1.00", "x")] * 2)
    engines.fill("mysql", DDL["mysql"], [(1, "x", "2.00", "x")] * 2)
    found = compare(engines.open("postgres"), engines.open("mysql"), Question(("a",)))
    assert (found.different, found.only_a, found.only_b) == (2, 0, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_keys_far_apart(engines: Engines, kind: str) -> None:
    keys = [-(2**63), -(2**63) + 1, -1, 0, 1, 2**62, 2**63 - 1, *range(1000, 3000)]
    rows = [(key, "x", "1.00", "x") for key in keys]
    other = "duckdb" if kind != "duckdb" else "postgres"
    engines.fill(kind, DDL[kind], rows)
    engines.fill(other, DDL[other], [(key, "x", "1.00", "y" if key in (-(2**63), 0, 2**63 - 1, 2500) else "x") for key in keys])
    found = compare(engines.open(kind), engines.open(other), Question(("a",)))
    assert (found.different, found.only_a, found.only_b) == (4, 0, 0)


def test_an_empty_table_and_one_of_each(engines: Engines) -> None:
    engines.fill("postgres", DDL["postgres"])
    engines.fill("sqlite", DDL["sqlite"], [(1, "x", "1.00", "x")])
    assert compare(engines.open("postgres"), engines.open("postgres"), Question(("a",))).same
    found = compare(engines.open("postgres"), engines.open("sqlite"), Question(("b",)))
    assert _kinds(found) == Counter(only_b=1)


def test_integers_of_sqlite_that_are_text(engines: Engines) -> None:
    engines.fill("sqlite", DDL["sqlite"], [(1, "x", "1.00", "x"), ("abc", "x", "1.00", "x")])
    engines.fill("duckdb", DDL["duckdb"], [(1, "x", "1.00", "x")])
    found = compare(engines.open("sqlite"), engines.open("duckdb"), Question(("a",), show=True))
    assert _kinds(found) == Counter(only_a=1)
    assert found.samples[0].key == ("?abc",)


def test_few_statements(engines: Engines) -> None:
    rows = _rows(1, 3000)
    engines.fill("postgres", DDL["postgres"], rows)
    engines.fill("mysql", DDL["mysql"], [*rows[:-1], (rows[-1][0], "other", "1.00", "x")])
    found = compare(engines.open("postgres"), engines.open("mysql"), Question(("a",)))
    assert (found.different, found.a.queries, found.b.queries) == (1, 7, 8)
    assert found.fetched < 2000


def test_one_scan_says_all_of_keys_that_are_cut_by_their_hash(engines: Engines) -> None:
    rows = _rows(1, 3000)
    engines.fill("postgres", DDL["postgres"], rows)
    engines.fill("mysql", DDL["mysql"], rows)
    same = compare(engines.open("postgres"), engines.open("mysql"), Question(("a", "b")))
    assert (same.same, same.a.queries, same.b.queries) == (True, 4, 5)
    # A table that somebody's snapshot sees cannot be made anew.
    engines.close()
    engines.fill("mysql", DDL["mysql"], [*rows[:-1], (*rows[-1][:2], "1.00", "x")])
    other = compare(engines.open("postgres"), engines.open("mysql"), Question(("a", "b")))
    assert (other.different, other.a.queries, other.b.queries) == (1, 5, 6)
    assert other.fetched < 10


def test_some_columns_some_rows_and_hidden_values(engines: Engines) -> None:
    engines.fill(
        "postgres",
        DDL["postgres"] + ", extra int",
        [(1, "x", "1.00", "secret", 1), (2, "x", "1.00", "s", 1), (30, "x", "7.00", "s", 1)],
    )
    engines.fill("mysql", DDL["mysql"], [(1, "x", "1.00", "public", ), (2, "x", "1.00", "s"), (30, "x", "8.00", "s")])  # fmt: skip
    found = compare(engines.open("postgres"), engines.open("mysql"), Question(("a",)))
    assert found.b.lacks == ("extra",)
    assert not found.same
    assert found.samples[0].columns == {"s": ("aaaaaa", "aaaaaa")}
    assert "secret" not in repr(found)
    assert compare(engines.open("postgres"), engines.open("mysql"), Question(("a",), ("b", "n"), "a < 30")).same
    found = compare(engines.open("postgres"), engines.open("mysql"), Question(("a",), ("n",), show=True))
    assert found.samples[0].key == ("30",)
    assert found.samples[0].columns == {"n": ("7", "8")}
