"""SOAP as a target, against a service by spyne: arguments, rejections, faults."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from datasync.connectors.api.soap import SoapWire
from datasync.connectors.api.wire import BUSY_PATIENCE
from tests.connectors.api.project import Project

CONTRACT = """\
contract: items
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src, cursor: {column: seq}}
columns:
  id: {type: int64, key: true}
  name: {type: string}
  seq: {type: int64, required: true}
quarantine: {allow: 50%}
target:
  type: soap
  connection: shop
  wsdl: http://127.0.0.1:PORT/?wsdl
  operation: Upsert
  arguments: {run: "{run_id}", items: {Item: "{records}"}}
  write: merge
TARGET
"""


@dataclass
class Service:
    """What the service was told, and how it answers."""

    calls: list[list[tuple[int, str | None, int]]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    fault: str = ""
    faults: int = 10**6
    refused: tuple[int, ...] = ()
    port: int = 0


def _application(state: Service) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spyne import Application, Array, ComplexModel, Fault, Integer, ServiceBase, Unicode, rpc
        from spyne.protocol.soap import Soap11
        from spyne.server.wsgi import WsgiApplication

        class Item(ComplexModel):
            __namespace__ = "items"
            id = Integer
            name = Unicode
            seq = Integer

        class Refusal(ComplexModel):
            __namespace__ = "items"
            id = Integer
            message = Unicode

        class Items(ServiceBase):
            @rpc(Unicode, Array(Item), _returns=Array(Refusal))
            def Upsert(ctx: Any, run: str, items: Any) -> Any:
                state.keys.append(ctx.transport.req_env.get("HTTP_IDEMPOTENCY_KEY", ""))
                if state.fault and state.faults > 0:
                    state.faults -= 1
                    raise Fault(state.fault, "no 4711 here")
                state.calls.append([(item.id, item.name, item.seq) for item in items])
                return [Refusal(id=item.id, message=f"no {item.name}") for item in items if item.id in state.refused]

        made = Application([Items], "items", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
        return WsgiApplication(made)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = make_server("127.0.0.1", 0, _application(state), handler_class=_Quiet)
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


@pytest.fixture(autouse=True)
def _places(project: Project, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", f"http://127.0.0.1:{service.port}")
    monkeypatch.setattr(SoapWire, "patience", replace(BUSY_PATIENCE, tries=3, first=0.01))


def _write(project: Project, service: Service, target: str = "batch_rows: 2") -> None:
    text = CONTRACT.replace("PORT", str(service.port))
    project.write(target, contract=text)


def test_rows_are_arguments(project: Project, service: Service) -> None:
    project.source([(1, "<&\"'>", 1), (2, None, 2), (3, "]]>", 3)])  # type: ignore[list-item]
    _write(project, service)
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 3), result
    assert service.calls == [[(1, "<&\"'>", 1), (2, None, 2)], [(3, "]]>", 3)]]
    assert len(set(service.keys)) == 2


def test_a_wrong_operation_is_said_before_a_row_is_read(project: Project, service: Service) -> None:
    project.write("batch_rows: 2", contract=CONTRACT.replace("PORT", str(service.port)).replace("Upsert", "Upsrt"))
    code, found = project.run()
    assert (code, found["error"]["code"], found["error"]["hint"]) == (2, "E_OPERATION", "did you mean 'Upsert'?")
    assert project.call("runs", "list")[1] == []


def test_rejected_records_are_named_by_key(project: Project, service: Service) -> None:
    service.refused = (2, 5)
    _write(project, service, 'batch_rows: 2\nresponse: {rejected: "$[*]", key: {id: "$.id"}}')
    code, result = project.run()
    assert (code, result["rows"]["published"], result["rows"]["quarantined"]) == (0, 3, 2)
    assert "no b" in json.dumps(project.call("quarantine", "show", result["run_id"])[1])


def test_a_fault_of_the_client_is_terminal(project: Project, service: Service) -> None:
    service.fault = "Client.Bad"
    _write(project, service)
    code, result = project.run()
    assert (code, result["error"]["code"], len(service.keys)) == (3, "E_API_REFUSED", 1)
    assert "4711" not in json.dumps(result)


def test_a_fault_may_refuse_one_record(project: Project, service: Service) -> None:
    service.fault, service.faults = "Client.Bad", 2
    _write(project, service, "batch_rows: 1\nresponse: {reject_on: [fault]}")
    code, result = project.run()
    assert (code, result["rows"]["published"], result["rows"]["quarantined"]) == (0, 3, 2)


def test_a_fault_of_the_server_is_asked_again_under_the_same_key(project: Project, service: Service) -> None:
    service.fault, service.faults = "Server", 2
    _write(project, service)
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 5)
    assert len(set(service.keys[:3])) == 1


def test_arguments_that_do_not_fit_send_nothing(project: Project, service: Service) -> None:
    _write(project, service)
    path = project.root / "items.yaml"
    path.write_text(path.read_text().replace("{Item: ", "{Things: "))
    code, result = project.run()
    assert (code, result["error"]["code"], service.keys) == (3, "E_SOAP_ARGUMENTS", [])


def test_another_host_in_the_wsdl_is_not_followed(project: Project, service: Service) -> None:
    from urllib.request import urlopen

    text = urlopen(f"http://127.0.0.1:{service.port}/?wsdl").read().decode()
    (project.root / "items.wsdl").write_text(text.replace(f"127.0.0.1:{service.port}/", "example.invalid/"))
    _write(project, service)
    path = project.root / "items.yaml"
    path.write_text(path.read_text().replace(f"http://127.0.0.1:{service.port}/?wsdl", "items.wsdl"))
    code, result = project.run()
    assert (code, result["error"]["code"], service.keys) == (3, "E_ELSEWHERE", [])
    path.write_text(path.read_text().replace("  write: merge", "  write: merge\n  endpoint: /"))
    assert project.run()[0] == 0
