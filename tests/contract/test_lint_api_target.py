"""What lint says of APIs as targets."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from datasync.contract.endpoints import GraphqlTarget, RestTarget, SoapTarget
from datasync.contract.loader import lint_paths

CONTRACT = """\
contract: c
version: 1.0.0
source: {type: sqlite, database: s.sqlite, table: t}
params: {region: {type: string, default: KR}}
columns:
  id: {type: int64, key: true}
  name: {type: string}
target:
  type: rest
  connection: shop
  endpoint: /v1/items
  write: merge
"""


def _found(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> str:
    text = CONTRACT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "c.yaml"
    path.write_text(text + more, encoding="utf-8")
    _, problems = lint_paths((path,))
    return "\n".join(str(problem) for problem in problems if problem.severity != "advice")


def test_a_plain_one_has_no_problem(tmp_path: Path) -> None:
    assert _found(tmp_path) == ""
    more = '  headers: {X-Region: "{region}"}\n  payload: {day: "{ds}", n: 1, rows: "{records}"}\n'
    assert _found(tmp_path, more=more) == ""
    assert _found(tmp_path, ("/v1/items", "/v1/{region}/{id}"), more="  batch_rows: 1\n  method: PUT\n") == ""


@pytest.mark.parametrize(
    ("changes", "more", "said"),
    [
        ([("merge", "replace")], "", "replace on rest"),
        ([("merge", "replace_window")], "", "replace_window on rest"),
        ([("key: true", "required: true")], "", "merge without a key"),
        ([("/v1/items", "/v1/{name}")], "", "the column 'name'"),
        ([("/v1/items", "/v1/{name}")], "  batch_rows: 1\n", "there is no variable 'name'"),
        ([("/v1/items", "https://other.example/v1")], "", "a URL"),
        ([("/v1/items", "/v1/{regoin}")], "", "did you mean 'region'"),
        ([], "  payload: {a: 1}\n", "a template without {records}"),
        ([], '  payload: {a: "x{records}"}\n', "{records} within other text"),
        ([], '  payload: "{record}"\n', "{record} with many records"),
        ([], '  payload: {a: "{nobody}", b: "{records}"}\n', "there is no variable 'nobody'"),
        ([], "  headers: {Authorization: Bearer x}\n", "a header that signs in"),
        ([], "  headers: {X-Api-Key: x}\n", "a header that signs in"),
        ([], "  response: {rejected: '$.a['}\n", "is no JSONPath"),
        ([], "  response: {key: {nobody: '$.a'}}\n", "there is no column 'nobody'"),
        ([], "  response: {reject_on: [422]}\n", "reject_on with many records"),
        ([], "  batch_rows: 1\n  response: {reject_on: [429]}\n", "the status 429"),
        ([], "  batch_rows: 1\n  response: {reject_on: [fault]}\n", "fault on an API that is not SOAP"),
        ([], "  response: {rejcted: '$.a'}\n", "did you mean 'rejected'"),
        ([("name: {type: string}", "name: {type: string, references: {table: t, column: a}}")], "", "cannot be looked into"),
    ],
)  # fmt: skip
def test_problems(tmp_path: Path, changes: list[tuple[str, str]], more: str, said: str) -> None:
    assert said in _found(tmp_path, *changes, more=more)


@pytest.mark.parametrize("kind", ["rest", "graphql", "soap"])
def test_only_targets_of_json_say_how_decimals_stand(kind: str) -> None:
    fields = {
        "rest": {"endpoint": "/x"},
        "graphql": {"query": "q"},
        "soap": {"wsdl": "x.wsdl", "operation": "o", "arguments": {}},
    }[kind]
    model = {"rest": RestTarget, "graphql": GraphqlTarget, "soap": SoapTarget}[kind]
    given = {"type": kind, "connection": "c", "write": "append", "decimals": "string", **fields}
    if kind == "soap":
        with pytest.raises(ValidationError, match="decimals"):
            model.model_validate(given)
    else:
        assert model.model_validate(given).decimals == "string"  # type: ignore[attr-defined]
