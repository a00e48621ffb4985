"""A SOAP source against a real service, and against documents that attack whoever reads them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from datasync.cli.app import invoke
from datasync.connectors.soap.client import refuse_dtd
from datasync.errors import ConnectorError, PermanentError, TransientError, UsageError
from datasync.seams import ReadRequest
from tests.connectors.http.servers import CANARY, Asked, RawServer, reply, serving
from tests.connectors.http.sources import everything, source_of
from tests.connectors.soap.service import orders


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The service."""
    with orders() as url:
        yield url


class _At:
    def __init__(self, url: str) -> None:
        self.url = url


def soap(url: str, operation: str = "GetOrders", **block: Any) -> Any:
    return source_of(_At(url), {"type": "soap", "wsdl": f"{url}/?wsdl", "operation": operation, **block})  # type: ignore[arg-type]


def test_an_operation_gives_rows_whose_numbers_keep_their_digits(service: str) -> None:
    arguments = {"count": 3, "since": "{window_start}", "word": "{region}"}
    request = ReadRequest(variables={"region": "a < b & c", "window_start": date(2026, 1, 2)})
    frame, lost = everything(soap(service, arguments=arguments), request)
    assert frame.columns[:5] == ["id", "name", "price", "day", "at"]
    assert frame.row(2)[:5] == ("9007199254740995", "a < b & c", "1.10", "2026-01-02", "2026-01-01T01:02:03.456789+00:00")
    assert lost == []


def test_no_rows_are_none(service: str) -> None:
    assert everything(soap(service, arguments={"count": 0}))[0].is_empty()
    assert everything(soap(service, "Nothing"))[0].is_empty()


def test_a_wsdl_may_lie_in_the_project(service: str, tmp_path: Path) -> None:
    (tmp_path / "orders.wsdl").write_bytes(requests.get(f"{service}/?wsdl", timeout=10).content)
    block = {"type": "soap", "wsdl": "orders.wsdl", "operation": "GetOrders", "arguments": {"count": 2}}
    frame, _ = everything(source_of(_At(service), block, tmp_path))  # type: ignore[arg-type]
    assert frame.height == 2


def failing(source: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        everything(source)
    assert CANARY not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("code", "kind"), [("Client", PermanentError), ("Server", TransientError)])
def test_faults_are_errors_without_their_text(service: str, code: str, kind: type[ConnectorError]) -> None:
    found = failing(soap(service, "Fail", arguments={"code": code}))
    assert isinstance(found, kind)
    assert found.code == "E_SOAP_FAULT"


def test_an_unknown_operation_names_the_known_ones(service: str) -> None:
    with pytest.raises(UsageError) as caught:
        soap(service, "GetOrder").files()
    found = caught.value
    assert (found.code, "GetOrders" in found.message, found.hint) == ("E_OPERATION", True, "did you mean 'GetOrders'?")


def test_a_wrong_operation_is_the_contracts_fault(
    service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", service)
    Path("datasync.toml").touch()
    block = f"{{type: soap, connection: shop, wsdl: '{service}/?wsdl', operation: GetOrder, records: '$[*]'}}"
    target = "target: {type: duckdb, database: out.duckdb, table: t, write: replace}\n"
    Path("c.yaml").write_text(
        f"contract: c\nversion: '1'\nsource: {block}\ncolumns: {{id: {{type: int64, key: true}}}}\n{target}", encoding="utf-8"
    )
    for command in ("check", "plan", "run"):
        assert invoke([command, "c.yaml"]) == 2
        assert "did you mean 'GetOrders'?" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [{"cuont": 3}, {"count": CANARY}])
def test_arguments_that_do_not_fit(service: str, arguments: dict[str, Any]) -> None:
    assert failing(soap(service, arguments=arguments)).code in ("E_SOAP_ARGUMENTS", "E_SOAP_FAULT")


def test_arguments_that_do_not_fit_are_told_those_that_do(service: str) -> None:
    found = failing(soap(service, arguments={"cuont": 3}))
    assert (found.code, "cuont" in found.message) == ("E_SOAP_ARGUMENTS", True)
    assert "GetOrders(" in found.hint
    assert "count: " in found.hint


def test_records_that_lead_nowhere(service: str) -> None:
    assert failing(soap(service, arguments={"count": 1}, records="$.orders[*]")).code == "E_RECORDS"


@pytest.mark.parametrize(
    "wsdl",
    [
        "../outside.wsdl",
        "/etc/passwd",
        "http://127.0.0.2/?wsdl",
        "http://evil.example/?wsdl",
        "file:///etc/passwd",
        "absent.wsdl",
    ],
)
def test_a_wsdl_elsewhere_is_refused(service: str, wsdl: str, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside.wsdl").write_text("<x/>")
    block = {"type": "soap", "wsdl": wsdl, "operation": "GetOrders"}
    found = failing(source_of(_At(service), block, tmp_path / "root"))  # type: ignore[arg-type]
    assert found.code in ("E_PATH", "E_ELSEWHERE", "E_SOURCE_MISSING")


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a" + str(n - 1) + ";" if n else "&a;"}{"&a;" * 9}">' for n in range(9))
    + "]><x>&a8;</x>"
)
ATTACKS = {
    "entity": '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "remote": '<!DOCTYPE x [<!ENTITY e SYSTEM "{url}/canary">]><x>&e;</x>',
    "dtd": '<!DOCTYPE x SYSTEM "{url}/canary"><x/>',
    "parameter": '<!DOCTYPE x [<!ENTITY % p SYSTEM "{url}/canary">%p;]><x/>',
    "laughs": LAUGHS,
    "quadratic": '<!DOCTYPE x [<!ENTITY a "' + "a" * 50_000 + '">]><x>' + "&a;" * 50_000 + "</x>",
    "deep": "<x>" * 100_000 + "</x>" * 100_000,
    "declared": "<!DOCTYPE x><x/>",
}


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("where", ["wsdl", "answer"])
def test_documents_that_attack_are_refused(service: str, name: str, coding: str, where: str, tmp_path: Path) -> None:
    wsdl = requests.get(f"{service}/?wsdl", timeout=10).text

    def answer(asked: Asked, sock: socket.socket) -> bytes:
        if asked.target == "/canary":
            return reply(b"reached")
        if asked.line.startswith("GET") and where == "answer":
            return reply(wsdl.replace(service, server.url), content_type="text/xml")
        return reply(ATTACKS[name].replace("{url}", server.url).encode(coding), content_type="text/xml")

    with serving(answer) as server:
        found = failing(source_of(server, {"type": "soap", "wsdl": f"{server.url}/?wsdl", "operation": "GetOrders"}, tmp_path))
        assert all(asked.target != "/canary" for asked in server.asked)
    assert found.code == "E_XML_FORBIDDEN"


def test_a_wsdl_that_sends_calls_elsewhere_is_not_followed(service: str) -> None:
    wsdl = requests.get(f"{service}/?wsdl", timeout=10).text
    with serving(lambda asked, sock: reply(b"stolen")) as other:

        def answer(asked: Asked, sock: socket.socket) -> bytes:
            return reply(wsdl.replace(service, other.url), content_type="text/xml")

        with serving(answer) as server:
            found = failing(soap(server.url, arguments={"count": 1}))
            assert other.asked == []
    assert found.code == "E_ELSEWHERE"


def test_an_endpoint_stands_for_the_address_of_the_wsdl(service: str, tmp_path: Path) -> None:
    wsdl = requests.get(f"{service}/?wsdl", timeout=10).text.replace(service, "http://internal.example")
    (tmp_path / "orders.wsdl").write_text(wsdl)
    block = {"type": "soap", "wsdl": "orders.wsdl", "operation": "GetOrders", "arguments": {"count": 1}, "endpoint": "/"}
    assert everything(source_of(_At(service), block, tmp_path))[0].height == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (reply("<html>sign in</html>", content_type="text/html"), "E_HTML"),
        (reply("", "500 Oops"), "E_UNAVAILABLE"),
        (reply("<x><y>", content_type="text/xml"), "E_TRUNCATED"),
        (reply(f"<x>{CANARY}</y>", content_type="text/xml"), "E_NO_XML"),
        (reply(f"<x>{CANARY}</x>", content_type="text/xml"), "E_SOAP_ANSWER"),
        (reply("", "401 Unauthorized"), "E_SIGN_IN"),
    ],
)
def test_answers_that_are_none(service: str, raw: bytes, code: str) -> None:
    wsdl = requests.get(f"{service}/?wsdl", timeout=10).text

    def answer(asked: Asked, sock: socket.socket) -> bytes:
        return reply(wsdl.replace(service, server.url), content_type="text/xml") if asked.line.startswith("GET") else raw

    with serving(answer) as server:
        assert failing(soap(server.url, arguments={"count": 1})).code == code


def test_a_plan_asks_nothing() -> None:
    with serving(lambda asked, sock: reply()) as server:
        assert soap(server.url, arguments={"count": "{n}"}).explain(ReadRequest(variables={"n": 7})) == [
            f"GetOrders of {server.url}/?wsdl (api)", 'arguments {"count":7}', "records $[*]",
        ]  # fmt: skip
        assert isinstance(server, RawServer)
        assert server.asked == []


def test_sound_documents_pass() -> None:
    refuse_dtd(b'<?xml version="1.0"?><x a="1">&lt;&#65;</x>', "it")
