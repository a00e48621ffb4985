"""Reading text files of growing size: JSON, XML, and JSON through gzip; memory must stay flat from one size to ten times it."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from bench.measure import Contender, show, side_by_side

DATA = Path(__file__).parent / "data"
READ = """
import sys
from pathlib import Path
from datasync.connectors.registry import open_source
from datasync.contract import endpoints
from datasync.contract.types import parse_type
from datasync.seams import ReadRequest, Surroundings
kind, path, key, value = sys.argv[1:]
types = {"id": parse_type("int64"), "name": parse_type("string"), "price": parse_type("decimal(12,2)"), "at": parse_type("string")}
root = Path.cwd()
endpoint = endpoints.FILE_SOURCES[kind].model_validate({"type": kind, "path": path, "options": {key: value}})
source = open_source(endpoint, Surroundings(root, root / ".datasync", lambda name: None))
with source.read(ReadRequest(types=types, files=source.files())) as reading:
    print(path, sum(batch.frame.height for batch in reading.batches()), len(reading.unreadable))
"""
ROW = {"json": '{{"id":{0},"name":"name of {0}","price":{0}.25,"at":"2026-11-27T00:00:00Z"}}',
       "xml": "<order id='{0}'><name>name of {0}</name><price>{0}.25</price><at>2026-11-27T00:00:00Z</at></order>"}  # fmt: skip
ENDS = {"json": ('{"items":[', ",\n", "]}"), "xml": ("<orders>", "\n", "</orders>")}
OPTIONS = {"json": ("records", "$.items[*]"), "xml": ("row_tag", "order")}


def _make(kind: str, megabytes: int) -> Path:
    path = DATA / f"orders-{megabytes}.{kind}"
    if path.is_file():
        return path
    DATA.mkdir(exist_ok=True)
    before, between, after = ENDS[kind]
    with path.open("w", encoding="utf-8") as stream:
        stream.write(before)
        number = 0
        while stream.tell() < megabytes << 20:
            stream.write((between if number else "") + between.join(ROW[kind].format(n) for n in range(number, number + 20_000)))
            number += 20_000
        stream.write(after)
    return path


def _packed(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    if not packed.is_file():
        with path.open("rb") as plain, gzip.open(packed, "wb", compresslevel=1) as stream:
            while block := plain.read(1 << 20):
                stream.write(block)
    return packed


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure; `rows` is the smaller size in MB (default 100), the other ten times it."""
    size = rows or 100
    for kind in ("json", "xml"):
        paths = [_make(kind, size), _make(kind, 10 * size)]
        if kind == "json":
            paths.append(_packed(paths[1]))
        contenders = [Contender(path.name, [sys.executable, "-c", READ, kind, path.name, *OPTIONS[kind]]) for path in paths]
        show(f"Reading {kind}, {size} MB and {10 * size} MB", side_by_side(contenders, times, DATA))
