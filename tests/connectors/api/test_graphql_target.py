"""GraphQL as a target: variables, `errors` in an answer of 200, and errors that refuse single records."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from datasync.connectors.api.json_wire import JsonWire
from datasync.connectors.api.wire import BUSY_PATIENCE
from tests.connectors.api.project import CONTRACT, Project
from tests.connectors.api.server import Api, Received, Reply, ok

QUERY = "mutation($rows: [Item!]!, $run: String) { upsert(rows: $rows, run: $run) { ok } }"
GRAPHQL = CONTRACT.replace("  type: rest\n", "  type: graphql\n").replace("/v1/items", "/graphql")
TARGET = f"query: '{QUERY}'\nvariables: {{rows: '{{records}}', run: '{{run_id}}'}}"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JsonWire, "patience", replace(BUSY_PATIENCE, tries=3, first=0.01))


def _sent(api: Api) -> list[int]:
    return [row["id"] for request in api.effects for row in request.json["variables"]["rows"]]


def test_rows_are_variables_and_the_query_is_sent_as_it_stands(project: Project, api: Api) -> None:
    api.reply = lambda request: ok({"data": {"upsert": {"ok": True}}})
    project.write(f'{TARGET}\nresponse: {{accepted: "$.data.upsert.ok"}}', contract=GRAPHQL)
    code, result = project.run()
    assert (code, result["rows"]["published"], _sent(api)) == (0, 5, [1, 2, 3, 4, 5])
    assert {request.json["query"] for request in api.received} == {QUERY}
    assert {request.json["variables"]["run"] for request in api.received} == {result["run_id"]}
    assert {request.path for request in api.received} == {"/graphql"}


def test_errors_in_a_200_are_a_refusal(project: Project, api: Api) -> None:
    api.reply = lambda request: ok({"data": None, "errors": [{"message": "a 4711", "extensions": {"code": "BAD_USER_INPUT"}}]})
    project.write(TARGET, contract=GRAPHQL)
    code, result = project.run()
    assert (code, result["error"]["code"], result["rows"]["published"]) == (3, "E_API_REFUSED", 0)
    assert "BAD_USER_INPUT" in result["error"]["hint"]
    assert "4711" not in json.dumps(result)


@pytest.mark.parametrize(
    "errors",
    [[{"extensions": {"code": "Ada 4711"}}], [{"extensions": {"code": "Ada4711"}}], {"code": "4711"}, "4711", True, [4711]],
)
def test_what_is_no_code_is_not_shown(project: Project, api: Api, errors: object) -> None:
    api.reply = lambda request: ok({"data": None, "errors": errors})
    project.write(TARGET, contract=GRAPHQL)
    code, result = project.run()
    assert (code, result["error"]["code"]) == (3, "E_API_REFUSED")
    assert "4711" not in json.dumps(result)


def test_a_throttled_200_is_asked_again(project: Project, api: Api) -> None:
    turns = iter([ok({"errors": [{"extensions": {"code": "THROTTLED"}}]})])
    api.before = lambda request: next(turns, None)
    api.reply = lambda request: ok({"data": {}})
    project.write(TARGET, contract=GRAPHQL)
    assert project.run()[0] == 0
    assert (_sent(api), len(api.received)) == ([1, 2, 3, 4, 5], 4)
    assert api.received[0].key == api.received[1].key


def test_errors_may_name_single_records(project: Project, api: Api) -> None:
    def reply(request: Received) -> Reply:
        rows = request.json["variables"]["rows"]
        found = [{"message": "odd", "extensions": {"row": place}} for place, row in enumerate(rows) if row["id"] % 2]
        return ok({"data": {"upsert": {}}, "errors": found} if found else {"data": {}})

    api.reply = reply
    project.write(f'{TARGET}\nresponse: {{rejected: "$.errors[*]", index: "$.extensions.row"}}', more="quarantine: {allow: 60%}",
                  contract=GRAPHQL)  # fmt: skip
    code, result = project.run()
    assert (code, result["rows"]["published"], result["rows"]["quarantined"]) == (0, 2, 3)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_what_is_no_graphql_answer_is_unclear(project: Project, api: Api, body: bytes) -> None:
    api.reply = lambda request: (200, {}, body)
    project.write(TARGET, contract=GRAPHQL)
    code, result = project.run()
    assert (code, result["error"]["code"]) == (3, "E_API_RESPONSE")
