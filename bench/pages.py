"""A REST API that answers each page after 50 ms, read by the source alone: wall time beside the sum of the latencies."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import time
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

LATENCY = 0.05
PAGE = 500
STYLES: Mapping[str, Mapping[str, Any]] = {
    "cursor, one by one": {"style": "cursor", "token": "$.next"},
    "next_url, one by one": {"style": "next_url", "token": "$.url"},
    "page without a total, one by one": {"style": "page", "size": {"limit": PAGE}},
    "page with a total, side by side": {"style": "page", "size": {"limit": PAGE}, "total": "$.total"},
    "offset with a total, side by side": {"style": "offset", "size": {"limit": PAGE}, "total": "$.total"},
}


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure each style against a server of our own."""
    number = rows or 20_000
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(number, theirs), daemon=True)
    server.start()
    port = ours.recv()
    pages = -(-number // PAGE)
    try:
        _once(port, STYLES["cursor, one by one"], number)  # what is imported once is no page's
        print(f"\nREST source, {number:,} rows in pages of {PAGE}, {LATENCY * 1000:.0f} ms each")
        bare = statistics.median(_bare(port) for _ in range(times))
        _say("requests and json alone, one by one", bare, pages)
        for name, style in STYLES.items():
            took = statistics.median(_once(port, style, number) for _ in range(times))
            # Without a total, one more page is asked for: the empty one that ends it.
            _say(name, took, pages + ("without" in name))
    finally:
        server.terminate()
        server.join()


def _say(name: str, took: float, pages: int) -> None:
    print(f"  {name:<40} {took:6.2f} s  {pages:4} pages, latencies {pages * LATENCY:5.2f} s  {took / (pages * LATENCY):5.2f} x")


def _bare(port: int) -> float:
    """What anyone would write first: each page asked for and parsed, no row kept."""
    import requests

    began, url = time.monotonic(), "/?cursor=0"
    with requests.Session() as session:
        while url:
            url = session.get(f"http://127.0.0.1:{port}{url}", timeout=30).json()["url"]
    return time.monotonic() - began


def _serve(number: int, tell: Any) -> None:
    """The API, in a process of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler([_body(at, number) for at in range(0, number + PAGE, PAGE)]))
    tell.send(server.server_port)
    server.serve_forever()


def _body(at: int, number: int) -> bytes:
    data = [
        {"id": row, "name": f"name {row}", "price": row / 4, "tags": ["a", row], "at": "2026-01-01T00:00:00Z"}
        for row in range(at, min(at + PAGE, number))
    ]
    more = at + PAGE < number
    return json.dumps(
        {
            "data": data,
            "total": number,
            "next": str(at + PAGE) if more else None,
            "url": f"/?cursor={at + PAGE}" if more else None,
        }
    ).encode()


def _handler(bodies: list[bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            at = (
                int(query["page"][0]) - 1
                if "page" in query
                else int((query.get("offset") or query.get("cursor") or ["0"])[0]) // PAGE
            )
            time.sleep(LATENCY)
            # In one piece, so that no delayed acknowledgement waits between head and body.
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(bodies[at])}\r\n\r\n"
            self.wfile.write(head.encode() + bodies[at])

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    return Handler


def _once(port: int, style: Mapping[str, Any], number: int) -> float:
    from datasync.connectors.registry import open_source
    from datasync.contract.endpoints import RestSource
    from datasync.seams import Connection, ReadRequest, Surroundings

    endpoint = RestSource.model_validate(
        {"type": "rest", "connection": "bench", "endpoint": "/", "records": "$.data[*]", "pagination": style}
    )
    here = Path(__file__).parent / "data"
    around = Surroundings(here, here, lambda name: Connection(name, "http", host=f"http://127.0.0.1:{port}"))
    began = time.monotonic()
    with closing(open_source(endpoint, around)) as source, source.read(ReadRequest()) as reading:
        read = sum(batch.frame.height for batch in reading.batches())
    assert read == number
    return time.monotonic() - began
