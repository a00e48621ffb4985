"""Problems of paths that lead to object stores, and of connections where no store is."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from datasync.contract.lint.finding import FILE_KINDS, Finder

URLS = ("s3://", "gs://", "abfs://")
"""Object stores, as files are named in them."""


def connected(finder: Finder, where: tuple[str | int, ...]) -> None:
    """A connection is of no use to files of this machine."""
    endpoint = getattr(finder.contract, str(where[0]))
    if endpoint.type in FILE_KINDS and endpoint.connection is not None:
        finder.add((where[0], "connection"), "a connection, and the path is of this machine", ", ".join(URLS))


def url(finder: Finder, where: tuple[str | int, ...], text: str) -> None:
    """An object store: its bucket is literal, and nothing in the path leads out of what it names."""
    scheme, _, path = text.partition("://")
    kind = getattr(finder.contract, str(where[0])).type
    bucket, _, key = path.partition("/")
    magic = re.search(r"[*?\[]", bucket if where[0] == "source" else path)
    if kind not in FILE_KINDS or where[1] != "path":
        finder.add(where, f"the URL {scheme}://…", "a local path")
    elif f"{scheme}://" not in URLS:
        finder.add(where, f"the URL {scheme}://…", f"a local path, or {', '.join(URLS)}")
    elif not bucket or magic:
        finder.add(where, "a glob where a name must stand" if magic else "no bucket", f"{scheme}://bucket/folder/name")
    elif any(part in ("", ".", "..") for part in key.rstrip("/").split("/")) and key:
        finder.add(where, "an empty part, '.' or '..' in the path", f"{scheme}://bucket/folder/name")
    elif where[0] == "target" and (not key or PurePosixPath(key).suffix):
        finder.add(
            where, "a single object as target", f"{scheme}://bucket/folder", "a folder of parts and its manifest, as docs say"
        )
