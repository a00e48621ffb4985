"""Contracts with broken sources over HTTP, each with the place and the words of its problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.contract.lint import http
from datasync.contract.loader import lint_paths
from datasync.errors import Problem

HEAD = "contract: c\nversion: 1.0.0\nparams: {region: {type: string, default: KR}}\n"
TAIL = """\
columns:
  id: {type: int64, key: true}
  at: {type: "timestamp[us, UTC]"}
freshness: {column: at, max_age: 1d}
target: {type: duckdb, database: out.duckdb, table: t, write: merge}
"""
REST = """\
source:
  type: rest
  connection: api
  endpoint: /v1/{region}/things
  query_params: {since: "{window_start:%Y-%m-%d}", kinds: [a, b], n: 3}
  headers: {X-Trace: "{run_id}"}
  records: $.data[*]
  pagination: {style: cursor, token: $.next, size: {limit: 10}}
  cursor: {column: at}
"""
GRAPHQL = """\
source:
  type: graphql
  connection: api
  query: "query($r: String, $first: Int, $after: String) { o(r: $r, first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
  variables: {r: "{region}"}
  records: $.data.o.nodes[*]
  pagination: {style: relay, size: {first: 10}}
"""
SOAP = "source: {type: soap, connection: api, wsdl: o.wsdl, operation: Get, arguments: {r: '{region}'}}\n"


def problems(tmp_path: Path, source: str, tail: str = TAIL) -> list[Problem]:
    (tmp_path / "datasync.toml").touch()
    path = tmp_path / "c.yaml"
    path.write_text(HEAD + source + tail, encoding="utf-8")
    return [problem for problem in lint_paths([path])[1] if problem.severity == "error"]


@pytest.mark.parametrize("source", [REST, GRAPHQL, SOAP])
def test_sound_ones_have_no_problem(tmp_path: Path, source: str) -> None:
    assert problems(tmp_path, source) == []


@pytest.mark.parametrize(
    ("source", "old", "new", "where", "says"),
    [
        (REST, "/v1/{region}/things", "https://evil.example/x", "source.endpoint", "with a host"),
        (REST, "/v1/{region}/things", "//evil.example/x", "source.endpoint", "with a host"),
        (REST, "/v1/{region}/things", "user@evil.example", "source.endpoint", "with a host"),
        (REST, "/v1/{region}/things", "/v1?x=1", "source.endpoint", "a query"),
        (REST, "/v1/{region}/things", "/v1/../x", "source.endpoint", ".."),
        (REST, "{region}/things", "{regoin}/things", "source.endpoint", "no variable 'regoin'"),
        (REST, "{window_start:%Y-%m-%d}", "{window_strat}", "source.query_params.since", "window_strat"),
        (REST, "X-Trace: \"{run_id}\"", "Authorization: Bearer x", "source.headers.Authorization", "signs in"),
        (REST, "X-Trace: \"{run_id}\"", "X-Api-Key: x", "source.headers.X-Api-Key", "signs in"),
        (REST, "X-Trace: \"{run_id}\"", "Host: x", "source.headers.Host", "set by datasync"),
        (REST, "X-Trace: \"{run_id}\"", '"a b": x', "source.headers.a b", "a b"),
        (REST, "n: 3", "api_key: abc", "source.query_params.api_key", "named like a secret"),
        (REST, "$.data[*]", "data[*]", "source.records", "does not begin with $"),
        (REST, "$.data[*]", '"$.["', "source.records", "no JSONPath"),
        (REST, "$.next", "next", "source.pagination.token", "does not begin"),
        (REST, "token: $.next, ", "", "source.pagination", "cursor without token"),
        (REST, "token: $.next, ", "token: $.next, start: 1, ", "source.pagination.start", "start with style cursor"),
        (REST, "style: cursor", "style: link_header", "source.pagination.token", "token with style link_header"),
        (REST, "style: cursor", "style: curser", "source.pagination.style", "curser"),
        (REST, "{limit: 10}", "{limit: 10, n: 2}", "source.pagination.size", "single parameter"),
        (REST, "{limit: 10}", "{limit: 0}", "source.pagination.size", "single parameter"),
        (REST, "column: at}", "column: id}", "source.cursor.column", "id is int64"),
        (REST, "column: at}", "column: nothing}", "source.cursor.column", "declared nowhere"),
        (REST, "  cursor: {column: at}\n", "", "source.query_params.since", "has no cursor"),
        (REST, "  cursor:", "  body: {a: 1}\n  cursor:", "source.body", "a body with GET"),
        (REST, "  cursor:", "  method: POST\n  changes: {by: modified}\n  cursor:", "source.changes.by", "modified with POST"),
        (REST, "  cursor:", "  changes: {query: SELECT 1}\n  cursor:", "source.changes.query", "a query on rest"),
        (REST, "  cursor:", "  rate_limit: fast\n  cursor:", "source.rate_limit", "10/s"),
        (REST, "  cursor:", "  timeout: 0s\n  cursor:", "source.timeout", "no time"),
        (REST, "  cursor:", "  partition: {column: id, size: 3}\n  cursor:", "source.partition", "unknown key"),
        (REST, "connection: api", "conection: api", "source.conection", "unknown key"),
        (GRAPHQL, "query($r", "mutation($r", "source.query", "writes"),
        (GRAPHQL, "query($r", "# query\\n subscription($r", "source.query", "writes"),
        (GRAPHQL, "pageInfo { hasNextPage endCursor }", "", "source.query", "no pageInfo"),
        (GRAPHQL, "{r: \"{region}\"}", "{}", "source.variables", "$r has no value"),
        (GRAPHQL, "{r: \"{region}\"}", "{r: 1, s: 2}", "source.variables.s", "'s'"),
        (GRAPHQL, "style: relay, ", "style: relay, param: next, ", "source.pagination", "no $next"),
        (GRAPHQL, "  pagination", "  changes: {by: modified}\n  pagination", "source.changes.by", "modified on graphql"),
        (SOAP, "o.wsdl", "../o.wsdl", "source.wsdl", "outside the project"),
        (SOAP, "o.wsdl", "file:///o.wsdl", "source.wsdl", "the URL file"),
        (SOAP, "{region}", "{nobody}", "source.arguments.r", "nobody"),
    ],
)  # fmt: skip
def test_broken_ones_are_named(tmp_path: Path, source: str, old: str, new: str, where: str, says: str) -> None:
    assert old in source
    found = problems(tmp_path, source.replace(old, new, 1))
    assert [str(problem) for problem in found if problem.where == where and says in str(problem)], [
        str(problem) for problem in found
    ]
    assert all(problem.line > 0 for problem in found)


def test_count_tolerance_needs_a_total(tmp_path: Path) -> None:
    counted = TAIL + "count: {tolerance: 1%}\n"
    assert [problem.where for problem in problems(tmp_path, REST, counted)] == ["count.tolerance"]
    assert problems(tmp_path, REST.replace("token: $.next", "token: $.next, total: $.n"), counted) == []


def test_the_form_of_a_cursor_stands_where_it_is_read(tmp_path: Path) -> None:
    formed = """at: {type: "timestamp[us, UTC]", parse: '%d.%m.%Y %z'}"""
    tail = TAIL.replace('at: {type: "timestamp[us, UTC]"}', formed)
    assert [problem.where for problem in problems(tmp_path, REST, tail)] == ["columns.at.parse"]
    assert problems(tmp_path, REST + f"  columns: {{id: {{type: int64}}, {formed}}}\n", tail) == []


def test_an_append_needs_what_makes_its_rows_new(tmp_path: Path) -> None:
    plain = (
        REST.replace("  cursor: {column: at}\n", "").replace('since: "{window_start:%Y-%m-%d}", ', "").replace("X-Trace", "X-T")
    )
    appended = TAIL.replace("write: merge", "write: append")
    assert problems(tmp_path, plain, appended) == []
    without = plain.replace('"{run_id}"', "x")
    assert [problem.where for problem in problems(tmp_path, without, appended)] == ["target.write"]


def test_one_params_rows_do_not_erase_anothers(tmp_path: Path) -> None:
    replaced = TAIL.replace("write: merge", "write: replace")
    assert [problem.where for problem in problems(tmp_path, SOAP, replaced)] == ["target.write"]


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "find_spec", lambda name: None)
    (found,) = problems(tmp_path, SOAP)
    assert (found.where, found.hint) == ("source.type", 'pip install "datasync[soap]"')
