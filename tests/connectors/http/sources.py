"""Sources over HTTP for tests: from a block of a contract and a server, and everything that they give."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import polars as pl
from pydantic import TypeAdapter

from datasync.connectors.registry import open_source
from datasync.contract import endpoints
from datasync.contract.types import parse_type
from datasync.seams import ReadRequest, Surroundings, UnreadableRow
from tests.connectors.http.servers import Asked, Handler, RawServer, connection, reply, serving

SOURCES: TypeAdapter[Any] = TypeAdapter(endpoints.Source)


def source_of(server: RawServer, block: Mapping[str, Any], root: Path | None = None, **settings: Any) -> Any:
    """Open a source; `settings` are the connection's."""
    folder = root or Path(tempfile.gettempdir())
    around = Surroundings(folder, folder, lambda name: connection(server.url, name, **settings))
    return open_source(SOURCES.validate_python({"connection": "api", **block}), around)


def request_of(types: Mapping[str, str] | None = None, **settings: Any) -> ReadRequest:
    """A read of columns of some types."""
    return ReadRequest(types={name: parse_type(kind) for name, kind in (types or {}).items()}, **settings)


def everything(source: Any, request: ReadRequest | None = None) -> tuple[pl.DataFrame, list[UnreadableRow]]:
    """All rows, and what was none."""
    with closing(source), source.read(request or ReadRequest()) as reading:
        frames = [batch.frame for batch in reading.batches()]
        return (pl.concat(frames) if frames else pl.DataFrame()), reading.unreadable


@contextmanager
def rest(handler: Handler, block: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[tuple[Any, RawServer]]:
    """A REST source and its server."""
    with serving(handler) as server:
        yield source_of(server, {"type": "rest", "endpoint": "/v1/things", **(block or {})}, **settings), server


def query(asked: Asked) -> dict[str, str]:
    """The query's parameters, the last of each name."""
    return {name: values[-1] for name, values in parse_qs(urlsplit(asked.target).query, keep_blank_values=True).items()}


def api(answer: Callable[[dict[str, str]], Any]) -> Handler:
    """A handler that answers a query with JSON."""
    return lambda asked, sock: reply(json.dumps(answer(query(asked))))


def numbered(count: int) -> list[dict[str, Any]]:
    """Some records."""
    return [{"id": number, "name": f"n{number}"} for number in range(count)]
