"""A SOAP service of this machine, by spyne."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server


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


@contextmanager
def orders() -> Iterator[str]:
    """The service for the time of a test; gives its address."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = make_server("127.0.0.1", 0, application(), handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
