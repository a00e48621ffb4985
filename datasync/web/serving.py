"""An app and an address in, the app served there until told to stop out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datasync.errors import PermanentError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

GRACE = 2
"""Seconds that requests have to end when the server does."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how long to listen.

    Attributes:
        host, port: port 0 takes a free one.
        stop: set by whoever ends it.
        ready: told the address once it listens.
    """

    host: str
    port: int
    stop: threading.Event
    ready: Callable[[str], None] = lambda url: None


def serve(app: ASGIApp, where: Listening) -> None:
    """Serve an app until told to stop.

    Raises:
        PermanentError: the port is taken.
    """
    import uvicorn

    with socket.socket(socket.AF_INET6 if ":" in where.host else socket.AF_INET) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((where.host, where.port))
            # Whoever is told the address may call at once, before the server's loop runs.
            listener.listen(128)
        except OSError as error:
            raise PermanentError(
                f"port {where.port} of {where.host} cannot be used", code="E_PORT", hint=str(error.strerror)
            ) from None
        # Whom the address of a caller is, is nothing that a header may say: the proxy's networks are told by it.
        config = uvicorn.Config(
            app, log_level="critical", access_log=False, lifespan="off", proxy_headers=False, server_header=False,
            timeout_graceful_shutdown=GRACE,
        )  # fmt: skip
        server = uvicorn.Server(config)
        # Signals are the caller's: a thread that is not the main one leaves them alone.
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="http")
        thread.start()
        host = f"[{where.host}]" if ":" in where.host else where.host
        where.ready(f"http://{host}:{listener.getsockname()[1]}")
        while not where.stop.wait(1) and thread.is_alive():
            pass
        server.should_exit = True
        thread.join()
