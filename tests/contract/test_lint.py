"""Broken contracts, each with the place and the words of its problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.contract.json_schema import json_schema
from datasync.contract.loader import examine, find_contracts, lint_paths, load_contract
from datasync.contract.yaml_tree import MAX_BYTES
from datasync.errors import ContractError

GOOD = """\
contract: c
version: 1.0.0
source: {type: duckdb, database: in.duckdb, table: src, cursor: {column: at}}
columns:
  id: {type: int64, key: true}
  name: {type: string}
  price: {type: "decimal(12,2)", min: 0}
  at: {type: "timestamp[us, UTC]", required: true}
freshness: {column: at, max_age: 1d}
target: {type: duckdb, database: out.duckdb, table: t, write: merge}
"""
SWAPS: list[tuple[str, str, str, str]] = [
    # what is replaced, by what, where the problem stands, what it says
    ("contract: c", "contract: Shop", "1:11", "'Shop'"),
    ("version: 1.0.0", "version: 1.10", "2:10", "the number 1.10"),
    ("version: 1.0.0", "version: 1.0.0\nversion: 2.0.0", "3:1", "stands twice"),
    ("version: 1.0.0", "version: 1.0.0\ntagz: [a]", "3:1", "unknown key 'tagz'"),
    ("{type: string}", "{type: strng}", "6:16", "'strng'"),
    ("{type: string}", "{type: string, minimum: 0}", "6:24", "unknown key 'minimum'"),
    ("{type: string}", "{type: string, one_of: [012]}", "6:33", "leading zero"),
    ("{type: string}", "{type: string, one_of: [1]}", "6:33", "write it in quotes"),
    ("{type: string}", "{type: string, min_length: 5, max_length: 2}", "6:36", "greater than max_length"),
    ("{type: string}", "{type: string, pattern: '('}", "6:33", ""),
    ("{type: string}", "{type: string, where: 'nme IS NULL'}", "6:31", "nme"),
    ("{type: string}", "{type: string, parse: '%d'}", "6:31", "parse on string"),
    ("{type: string}", "{type: string, timezone: UTC}", "6:34", "timezone on string"),
    ("{type: string}", "{type: string, references: {column: id}}", "6:36", "neither table nor contract"),
    ("{type: string}", "{type: string, references: {contract: d, column: id}}", "6:36", "a contract, and the target is duckdb"),
    ("{type: string}", "{type: string, tolerance: 5x}", "6:35", "'5x'"),
    ("{type: string}", "{type: string, severity: warning}", "6:34", "'warning'"),
    ("key: true}", "key: true, required: false}", "5:42", "required: false on a key"),
    ("{type: string}", "{type: bool, min: 0}", "6:27", "min on bool"),
    ("{type: string}", "{type: list<string>, unique: true}", "6:9", "unique or references on list<string>"),
    ("{type: string}", "&a {type: string}", "6:9", "anchor"),
    ("{type: string}", "!!python/object:os.system {type: string}", "6:9", "tag"),
    ("min: 0}", "min: 0.001}", "7:39", "more than 2 digits"),
    ("min: 0}", "min: 5, max: 1}", "7:39", "greater than max"),
    ("min: 0}", "distinct: {}}", "7:44", "neither min nor max"),
    ("table: src", "query: SELECT 1, cursr: {}", "3:62", "unknown key 'cursr'"),
    ("table: src", "table: src, query: SELECT 1", "3:9", "table and query together"),
    ("table: src", 'query: "DELETE FROM src"', "3:52", "DELETE"),
    ("table: src", 'query: "SELECT 1; SELECT 2"', "3:52", "2 statements"),
    ("table: src", 'query: "SELECT * FROM s WHERE a >= :window_start"', "3:52", "alone"),
    ("table: src", 'query: "SELECT * FROM s WHERE r = :regon"', "3:52", "no variable 'regon'"),
    ("database: in.duckdb", "database: ../in.duckdb", "3:34", "outside the project"),
    ("cursor: {column: at}", "cursor: {column: name}", "3:74", "name is string"),
    ("cursor: {column: at}", "cursor: {column: at, start: soon}", "3:85", "'soon'"),
    ("cursor: {column: at}", "cursor: {column: at, nulls: maybe}", "3:85", "'maybe'"),
    ("cursor: {column: at}", "cursor: {column: at, lag: 5}", "3:83", "a number before"),
    ("column: at, max_age: 1d", "column: att, max_age: 1d", "9:21", "no column 'att'"),
    ("column: at, max_age: 1d", "column: at, max_age: 1", "9:34", "1"),
    ("column: at, max_age: 1d", "column: name, max_age: 1d", "9:21", "name is string"),
    ("type: duckdb, database: out", "type: duckdbb, database: out", "10:9", "unknown type 'duckdbb'"),
    ("write: merge", "write: upsert", "10:63", "'upsert'"),
    ("type: duckdb, database: out.duckdb, table: t", "type: delta, path: ftp://x/y", "10:29", "the URL ftp://…"),
    ("type: duckdb, database: out.duckdb, table: t", "type: delta, path: s3://key:word@x/y", "10:29", "the URL s3://…:…"),
    ("type: duckdb, database: out.duckdb, table: t", "type: delta, path: ../lake", "10:29", "outside the project"),
    (
        "type: duckdb, database: out.duckdb, table: t, write: merge",
        "type: delta, path: lake/t, write: scd2",
        "10:44",
        "'scd2'",
    ),
    ("write: merge", "write: merge, scd2: {}", "10:76", "scd2 with write: merge"),
    ("write: merge", "write: scd2, scd2: {valid_from: Price}", "10:88", "is one of the contract's columns"),
    ("write: merge", "write: scd2, scd2: {valid_from: since, valid_to: since}", "10:105", "one of scd2.valid_from"),
    ("write: merge", "write: scd2, scd2: {current: _datasync_now}", "10:85", "_datasync_now"),
    ("write: merge", "write: scd2, deletes: {missing: delete}", "10:88", "with write: scd2"),
    ("write: merge", "write: merge, deletes: {}", "10:79", "neither column nor missing"),
    ("write: merge", "write: merge, deletes: {column: nme}", "10:88", "no column 'nme'"),
    ("write: merge", "write: merge, deletes: {column: name}", "10:88", "name is string"),
    ("write: merge", "write: merge, deletes: {missing: mark}", "10:89", "mark without a column"),
    ("write: merge", "write: merge, deletes: {missing: mark, column: NAME}", "10:103", "one of the contract's columns"),
    ("write: merge", "write: merge, deletes: {missing: delete, limit: 5x}", "10:104", "'5x'"),
    ("write: merge", "write: replace_window, deletes: {missing: delete}", "10:88", "deletes with write: replace_window"),
    ("write: merge", "write: merge, replace_by: swap", "10:82", "swap with write: merge"),
    ("freshness:", "rules: [{name: r, rule: 'price / 0 > 1'}]\nfreshness:", "9:25", ""),
    ("freshness:", "rules: [{name: r, rule: 'prce > 1'}]\nfreshness:", "9:25", "prce"),
    ("freshness:", "rules: [{name: r, rule: 'price > (SELECT 1)'}]\nfreshness:", "9:25", ""),
    ("freshness:", "rules: [{name: r}]\nfreshness:", "9:9", "nothing in one rule"),
    ("freshness:", "rules: [{name: r, unique: [nme]}]\nfreshness:", "9:28", "no column 'nme'"),
    (
        "freshness:",
        "rules: [{name: r, unique: [name]}, {name: r, unique: [id]}]\nfreshness:",
        "9:43",
        "a second check called 'r'",
    ),
    ("freshness:", "expectations: [{type: expect_nothing}]\nfreshness:", "9:23", "no expectation 'expect_nothing'"),
    ("freshness:", "expectations: [{suite: gone}]\nfreshness:", "9:24", "no expectations/gone.json"),
    ("freshness:", "alerts: [{when: 'rowz > 1', to: [slack]}]\nfreshness:", "9:17", "rowz"),
    ("freshness:", "alerts: [{when: violated, to: [pager]}]\nfreshness:", "9:32", "'pager'"),
    ("freshness:", "alerts: [{when: violated, to: [slack], message: '{rowz}'}]\nfreshness:", "9:49", "no metric 'rowz'"),
    ("freshness:", "alerts: [{when: violated, to: [slack], message: '{run_id:>9}'}]\nfreshness:", "9:49", "'{run_id:>9}'"),
    ("freshness:", "count: {min: 5, max: 1}\nfreshness:", "9:14", "greater than max"),
    ("freshness:", "schedule: '* * *'\nfreshness:", "9:11", "'* * *'"),
    ("freshness:", "timezone: Mars\nfreshness:", "9:11", "'Mars'"),
    ("freshness:", "transform: [{rename: {a: b}, drop: [c]}]\nfreshness:", "9:13", "2 processors"),
    ("freshness:", "transform: [{renam: {a: b}}]\nfreshness:", "9:14", "unknown key 'renam'"),
    ("freshness:", "transform: [{drop: [at]}]\nfreshness:", "3:74", "does not survive"),
    ("freshness:", "description: postgres://u:p@h/d\nfreshness:", "9:14", "a password in a URL"),
]


def _problems(text: str, folder: Path) -> list[str]:
    (folder / "datasync.toml").touch()
    file = folder / "c.yaml"
    file.write_text(text, encoding="utf-8")
    return [f"{problem.line}:{problem.column} {problem.found}" for problem in examine(file)[1] if problem.severity != "advice"]


@pytest.mark.parametrize(("old", "new", "place", "words"), SWAPS, ids=[swap[1] for swap in SWAPS])
def test_one_problem(old: str, new: str, place: str, words: str, tmp_path: Path) -> None:
    assert old in GOOD
    found = _problems(GOOD.replace(old, new, 1), tmp_path)
    assert any(problem.startswith(f"{place} ") and words in problem for problem in found), found


@pytest.mark.parametrize(("given", "hint"), [("slack", "write [slack]"), ("'#data'", 'write ["#data"]'), ("{}", "")])
def test_one_thing_where_a_list_is_wanted_is_shown_as_a_list(given: str, hint: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(GOOD + f"alerts: [{{when: violated, to: {given}}}]\n", encoding="utf-8")
    assert [(problem.allowed, problem.hint) for problem in examine(file)[1]] == [("a list", hint)]


@pytest.mark.parametrize("lag", ["0", "-1", "1.5", "'1'", "true", "99999999999999999999"])
def test_a_lag_that_is_none_is_answered_with_both_forms(lag: str, tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(GOOD.replace("cursor: {column: at}", f"cursor: {{column: at, lag: {lag}}}"), encoding="utf-8")
    assert [problem.allowed for problem in examine(file)[1]] == [
        "a duration, such as 10m; before an integer a whole number from 1 on"
    ]


def test_freshness_is_advised_where_a_column_can_promise_it(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    file = tmp_path / "c.yaml"
    cursor = GOOD.replace("freshness: {column: at, max_age: 1d}\n", "")
    file.write_text(cursor, encoding="utf-8")
    assert [problem.found for problem in examine(file)[1]] == ["reads by cursor and promises no freshness"]
    file.write_text(cursor.replace('"timestamp[us, UTC]"', "int64"), encoding="utf-8")
    assert examine(file)[1] == []


@pytest.mark.parametrize("name", ["", " ", ".t", "t.", "a.b.c", "a\\tb"])
def test_what_names_no_table_is_refused(name: str, tmp_path: Path) -> None:
    for old, place in (("table: src,", "3:52"), ("table: t,", "10:53")):
        assert old in GOOD
        found = _problems(GOOD.replace(old, f'table: "{name}",', 1), tmp_path)
        assert [problem.split(" ")[0] for problem in found] == [place]


def test_a_key_of_json_is_refused_where_it_cannot_be_indexed(tmp_path: Path) -> None:
    keyed = GOOD.replace("{type: string}", "{type: json, key: true}", 1)
    assert _problems(keyed, tmp_path) == []
    postgres = "type: postgres, connection: mart, table: t"
    assert _problems(keyed.replace("type: duckdb, database: out.duckdb, table: t", postgres), tmp_path) == [
        "6:27 a key of json, and the target is postgres"
    ]


def test_the_good_one_is_good(tmp_path: Path) -> None:
    assert _problems(GOOD, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "an empty file"),
        ("- a\n", "list"),
        ("a: [\n", "not YAML"),
        ("a:\n\t- b\n", "not YAML"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("a: " + "[" * 40 + "]" * 40, "nested too deep"),
        ("a: &x [1]\nb: *x\n", "alias"),
        ("<<: {a: 1}\n", "merge key"),
    ],
)
def test_yaml_that_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert any(words in problem for problem in _problems(text, tmp_path))


def test_size_and_encoding_are_bounded(tmp_path: Path) -> None:
    assert "bytes" in _problems("a: " + "x" * MAX_BYTES, tmp_path)[0]
    (tmp_path / "c.yaml").write_bytes(b"a: 1\nb: \xff\n")
    assert [(problem.line, problem.column) for problem in examine(tmp_path / "c.yaml")[1]] == [(2, 4)]


def test_all_problems_at_once(tmp_path: Path) -> None:
    found = _problems(
        GOOD.replace("1.0.0", "1.10").replace("write: merge", "write: upsert").replace("{type: string}", "{typ: string}"),
        tmp_path,
    )
    assert len(found) >= 4


def test_words_mean_what_they_say(tmp_path: Path) -> None:
    text = GOOD.replace("{type: string}", "{type: string, one_of: [NO, on, 1:30, '012']}")
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    assert load_contract(tmp_path / "c.yaml").contract.columns["name"].one_of == ("NO", "on", "1:30", "012")


def test_names_are_each_contracts_own(tmp_path: Path) -> None:
    (tmp_path / "datasync.toml").touch()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(GOOD, encoding="utf-8")
    _, problems = lint_paths([tmp_path])
    assert any("is also" in problem.found for problem in problems)
    with pytest.raises(ContractError):
        load_contract(_broken(tmp_path))


def test_a_project_within_a_folder_is_linted_and_is_none_of_its_contracts(tmp_path: Path) -> None:
    inner = tmp_path / "contracts" / "examples" / "shop"
    inner.mkdir(parents=True)
    for folder in (tmp_path, inner):
        (folder / "datasync.toml").touch()
    for file in (tmp_path / "contracts" / "a.yaml", inner / "a.yaml"):
        file.write_text(GOOD, encoding="utf-8")
    files, problems = lint_paths([tmp_path / "contracts"])
    assert len(files) == 2
    assert not problems
    assert list(find_contracts([tmp_path / "contracts"])) == [tmp_path / "contracts" / "a.yaml"]
    assert list(find_contracts([inner])) == [inner / "a.yaml"]


def _broken(folder: Path) -> Path:
    path = folder / "broken.yaml"
    path.write_text("contract: x\n", encoding="utf-8")
    return path


def test_the_schema_knows_every_key() -> None:
    schema = json_schema()
    assert set(schema["properties"]) >= {"contract", "version", "source", "columns", "rules", "target", "alerts"}
    assert schema["additionalProperties"] is False
