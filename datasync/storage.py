"""A folder's text in, a place for files out: on this machine, or in any file system that fsspec knows.

Local files are replaced in one step and synced to the disk. An object store's `put` is one step by itself.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from datasync.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

Place = Any
"""A `pathlib.Path`, or the like of it over fsspec (`upath.UPath`), which is no subclass."""


def place(text: str) -> Place:
    """Give a folder.

    Args:
        text: a local path, or a URL: `s3://bucket/folder`, `gs://…`, `abfs://…`, `memory://…`.

    Raises:
        UsageError: the libraries for it are not installed.
    """
    if "://" not in text:
        return Path(text).expanduser().resolve()
    kind = text.partition("://")[0]
    try:
        from upath import UPath

        found = UPath(text)
        # Looks the driver up.
        assert found.fs is not None
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"nothing here can use {kind}://",
            code="E_WORKSPACE",
            hint=f'pip install "datasync[workspace]" and the fsspec driver for {kind}',
        ) from error
    return found


def is_local(where: Place) -> bool:
    """Tell whether a place is on this machine."""
    return isinstance(where, Path)


def write_bytes(file: Place, content: bytes) -> None:
    """Write a whole file in one step."""
    _write(file, lambda stream: stream.write(content))


def write_frame(file: Place, frame: pl.DataFrame) -> None:
    """Write rows as a Parquet file in one step.

    Raises:
        OSError: it cannot be written.
    """
    from polars.exceptions import ComputeError

    try:
        _write(file, lambda stream: frame.write_parquet(stream, compression="zstd"))
    except ComputeError as error:
        # polars tells what the system said in its text only: "No space left on device (os error 28)".
        found = re.search(r"os error (\d+)", str(error))
        if found is None:
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number)) from error


def _write(file: Place, put: Callable[[IO[bytes]], Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    if not is_local(file):
        with file.open("wb") as stream:
            put(stream)
        return
    sibling = file.with_suffix(".tmp")
    with sibling.open("wb") as stream:
        put(stream)
        stream.flush()
        os.fsync(stream.fileno())
    sibling.replace(file)


def read_frame(file: Place | str) -> pl.DataFrame:
    """Read a Parquet file.

    Raises:
        OSError: it is not there.
    """
    import polars as pl

    found = place(file) if isinstance(file, str) else file
    if is_local(found):
        return pl.read_parquet(found)
    with found.open("rb") as stream:
        return pl.read_parquet(stream)


def matches(folder: Place, pattern: str) -> list[Place]:
    """Give what lies in a folder, sorted; another process may just have written it."""
    if not is_local(folder):
        folder.fs.invalidate_cache()
    try:
        return sorted(folder.glob(pattern), key=str)
    except FileNotFoundError:
        return []


def remove(where: Place) -> None:
    """Remove a file or a folder with all that it holds; one that is not there is fine."""
    if is_local(where):
        shutil.rmtree(where, ignore_errors=True) if where.is_dir() else where.unlink(missing_ok=True)
        return
    try:
        where.fs.rm(where.path, recursive=True)
    except FileNotFoundError:
        return
