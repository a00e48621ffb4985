"""A GraphQL source against a server of this machine: variables, relay pages, errors beside data."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import ReadRequest
from tests.connectors.http.servers import CANARY, Asked, Handler, reply, serving
from tests.connectors.http.sources import everything, numbered, source_of

QUERY = "query Orders($first: Int, $after: String) { orders(first: $first, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"
BLOCK = {
    "type": "graphql",
    "query": QUERY,
    "records": "$.data.orders.nodes[*]",
    "pagination": {"style": "relay", "size": {"first": 10}},
}


def relay(rows: list[Any], **info: Any) -> Handler:
    def answer(asked: Asked, sock: socket.socket) -> bytes:
        given = json.loads(asked.body)["variables"]
        at = int(given["after"] or 0)
        end = at + given["first"]
        page = {"hasNextPage": end < len(rows), "endCursor": str(end), **info}
        return reply(
            json.dumps(
                {"data": {"orders": {"nodes": rows[at:end], "edges": [{"node": row} for row in rows[at:end]], "pageInfo": page}}}
            )
        )

    return answer


def failing(handler: Handler, **block: Any) -> ConnectorError:
    with serving(handler) as server, pytest.raises(ConnectorError) as caught:
        everything(source_of(server, {**BLOCK, **block}))
    assert CANARY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("records", ["$.data.orders.nodes[*]", "$.data.orders.edges[*].node"])
@pytest.mark.parametrize("count", [0, 10, 25])
def test_relay_pages(count: int, records: str) -> None:
    with serving(relay(numbered(count))) as server:
        frame, _ = everything(source_of(server, {**BLOCK, "records": records}), ReadRequest())
        assert frame.height == count
        if count:
            assert frame["id"].to_list() == [str(number) for number in range(count)]
        assert len(server.asked) == max(1, -(-count // 10))
        assert server.asked[0].line.startswith("POST /graphql ")


def test_variables_keep_their_types() -> None:
    block = {"type": "graphql", "query": "query($r: String, $n: Int) { rows(r: $r, n: $n) { id } }", "records": "$.data.rows[*]",
             "variables": {"r": "{region}", "n": "{low}", "f": {"since": "{window_start}"}}}  # fmt: skip
    with serving(lambda asked, sock: reply('{"data": {"rows": []}}')) as server:
        everything(source_of(server, block), ReadRequest(variables={"region": 'K"R', "low": 7}))
        assert json.loads(server.asked[0].body)["variables"] == {"r": 'K"R', "n": 7, "f": {"since": None}}


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request"])
@pytest.mark.parametrize("data", [None, {"orders": {"nodes": numbered(1)}}])
def test_errors_are_errors_whatever_the_status(status: str, data: Any) -> None:
    body = {"data": data, "errors": [{"message": CANARY, "extensions": {"code": "BAD_USER_INPUT"}}]}
    found = failing(lambda asked, sock: reply(json.dumps(body), status))
    assert isinstance(found, PermanentError)
    assert (found.code, "BAD_USER_INPUT" in found.message) == ("E_GRAPHQL", True)


def test_errors_that_may_pass_are_transient() -> None:
    body = {
        "errors": [
            {"message": CANARY, "extensions": {"code": "THROTTLED"}},
            CANARY,
            {"extensions": CANARY},
            {"extensions": {"code": f"{CANARY} x"}},
        ]
    }
    assert isinstance(failing(lambda asked, sock: reply(json.dumps(body))), TransientError)


@pytest.mark.parametrize(
    ("handler", "code"),
    [
        (relay(numbered(50), endCursor="same", hasNextPage=True), "E_PAGE_LOOP"),
        (relay(numbered(50), endCursor=None), "E_PAGINATION"),
        (relay(numbered(50), hasNextPage="yes"), "E_PAGINATION"),
        (lambda asked, sock: reply('{"data": {"orders": {"nodes": []}}}'), "E_PAGINATION"),
        (lambda asked, sock: reply('{"data": null}'), "E_RECORDS"),
        (lambda asked, sock: reply('{"data": {"order": []}}'), "E_RECORDS"),
        (lambda asked, sock: reply("[]"), "E_GRAPHQL"),
        (lambda asked, sock: reply("<html>", content_type="text/html"), "E_HTML"),
    ],
)
def test_answers_that_do_not_fit(handler: Any, code: str) -> None:
    def first_as_asked(asked: Asked, sock: socket.socket) -> bytes:
        if b'"after":"same"' in asked.body:
            return reply(json.dumps({"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "same"}}}}))
        return bytes(handler(asked, sock))

    assert failing(first_as_asked).code == code


def test_pages_end() -> None:
    found = failing(relay(numbered(100)), pagination={"style": "relay", "size": {"first": 10}, "max_pages": 3})
    assert found.code == "E_LIMIT"


def test_a_plan_asks_nothing() -> None:
    with serving(lambda asked, sock: reply()) as server:
        lines = source_of(server, BLOCK, password=CANARY).explain(ReadRequest())
        assert lines[0] == "POST /graphql (api)"
        assert lines[-1] == "pages by relay, after from $.data.orders.pageInfo, first 10"
        assert server.asked == []
