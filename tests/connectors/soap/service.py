"""A SOAP service of this machine, by spyne."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

ROOT = Path(__file__).parents[3]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *words: Any) -> None:
        """Say nothing."""


def application() -> Any:
    """The service: orders, faults, and an operation without a result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from spyne import Application, Array, ComplexModel, Date, DateTime, Fault, Integer, ServiceBase, Unicode, rpc
        from spyne import Decimal as SoapDecimal
        from spyne.protocol.soap import Soap11
        from spyne.server.wsgi import WsgiApplication

        class Order(ComplexModel):
            __namespace__ = "orders"
            id = Integer
            name = Unicode
            price = SoapDecimal
            day = Date
            at = DateTime

        class Orders(ServiceBase):
            @rpc(Integer, Date, Unicode, _returns=Array(Order))
            def GetOrders(ctx: Any, count: int, since: Any, word: str) -> Any:
                return [
                    Order(id=9007199254740993 + number, name=word or None, price=Decimal("1.10"), day=since or date(2026, 1, 1),
                          at=datetime(2026, 1, 1, 1, 2, 3, 456789, tzinfo=UTC))
                    for number in range(count)
                ]  # fmt: skip

            @rpc(Unicode, _returns=Unicode)
            def Fail(ctx: Any, code: str) -> Any:
                raise Fault(f"{code}.CANARY", "CANARY-9f3b7c is the row")

            @rpc()
            def Nothing(ctx: Any) -> Any:
                return None

        made = Application([Orders], "orders", in_protocol=Soap11(validator="lxml"), out_protocol=Soap11())
        return WsgiApplication(made)


def main() -> None:
    """Serve until the process is ended; the port is said first."""
    server = make_server("127.0.0.1", 0, application(), handler_class=_Quiet)
    print(server.server_port, flush=True)
    server.serve_forever()


@contextmanager
def orders() -> Iterator[str]:
    """The service for the time of a test; gives its address.

    It has a process of its own: spyne leaves importers of old behind, which warn whenever something else is imported.
    """
    command = [sys.executable, "-W", "ignore", "-m", "tests.connectors.soap.service"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


if __name__ == "__main__":
    main()
