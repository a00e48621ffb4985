"""A URL and a connection in, the objects of its bucket out; every error of a store's library leaves in our words."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from datasync.connectors.files.stores.settings import SCHEMES, settings
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Connection, Surroundings

_DRIVERS = {"s3": ("s3fs", "S3FileSystem", "s3"), "gs": ("gcsfs", "GCSFileSystem", "gcs"),
            "abfs": ("adlfs", "AzureBlobFileSystem", "azure")}  # fmt: skip
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,62}")
MAGIC = re.compile(r"[*?\[]")
BLOCK = 8 << 20
_DENIED = ("AuthenticationError", "NoCredentialsError", "CredentialRetrievalError", "RefreshError", "DefaultCredentialsError",
           "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError", "PermissionError")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Facts:
    """An object as it is now: path in its store, bytes, nanoseconds since 1970, and the store's own mark of its content."""

    path: str
    size: int
    modified: int
    tag: str


class Store:
    """One store, seen through one bucket.

    Args:
        url: `scheme://bucket/key`, the key perhaps with a glob.
        connection: who signs in.

    Raises:
        PermanentError: no such scheme, or a path that leads out of what it names.
    """

    def __init__(self, url: str, connection: Connection | None) -> None:
        self.scheme, self.path = parsed(url)
        self.bucket = self.path.partition("/")[0]
        self._connection = connection
        self._opened: Any = None
        root = str((connection.extra if connection else {}).get("root") or "").strip("/")
        if root and not f"{self.path}/".startswith(f"{root}/"):
            raise PermanentError(
                f"{url} lies outside of what connection '{connection.id if connection else ''}' allows", code="E_PATH",
                hint="its extra has a root: a bucket, or a bucket and folder",
            )  # fmt: skip

    @property
    def fs(self) -> Any:
        """The library's file system; opened when first asked."""
        if self._opened is None:
            import importlib

            module, name, extra = _DRIVERS[self.scheme]
            try:
                driver = getattr(importlib.import_module(module), name)
            except ImportError as error:
                raise PermanentError(
                    f"nothing here can use {self.scheme}://", code="E_STORE", hint=f'pip install "datasync[{extra}]"'
                ) from error
            with translated(self.url(self.bucket)):
                # What others write is seen at once: nothing is remembered of any folder.
                self._opened = driver(
                    **settings(self.scheme, self._connection), use_listings_cache=False, skip_instance_cache=True
                )
        return self._opened

    def url(self, path: str) -> str:
        """Name a path as contracts do."""
        return f"{self.scheme}://{path}"

    def facts(self, path: str) -> Facts | None:
        """Look at one object; None: there is none."""
        with translated(self.url(path)):
            try:
                found = self.fs.info(path)
            except FileNotFoundError:
                return None
        return self._facts(found) if found.get("type") == "file" else None

    def glob(self, pattern: str) -> list[Facts]:
        """Give the objects that a pattern matches, sorted."""
        with translated(self.url(pattern)):
            found = self.fs.glob(pattern, detail=True)
        return self._files(found.values())

    def within(self, folder: str) -> list[Facts]:
        """Give the objects right in a folder, sorted; of one that is not there none.

        Raises:
            PermanentError: the bucket is not there.
        """
        with translated(self.url(folder)):
            try:
                found = self.fs.ls(folder, detail=True)
            except FileNotFoundError:
                if folder != self.bucket and self._has_bucket():
                    return []
                raise PermanentError(
                    f"there is no bucket {self.url(self.bucket)}, or it is not shown to this connection",
                    code="E_NO_BUCKET",
                    hint="check path, and the connection's endpoint_url and key",
                ) from None
        return self._files(found)

    def _has_bucket(self) -> bool:
        try:
            self.fs.ls(self.bucket, detail=False)
        except FileNotFoundError:
            return False
        return True

    def _files(self, found: Any) -> list[Facts]:
        facts = [self._facts(entry) for entry in found if entry.get("type") == "file"]
        return sorted((item for item in facts if item.path.startswith(f"{self.bucket}/")), key=lambda item: item.path)

    def _facts(self, entry: dict[str, Any]) -> Facts:
        moment = entry.get("LastModified") or entry.get("mtime") or entry.get("last_modified") or datetime(1970, 1, 1, tzinfo=UTC)
        tag = entry.get("ETag") or entry.get("generation") or entry.get("etag") or ""
        return Facts(str(entry["name"]), int(entry["size"]), round(moment.timestamp() * 10**6) * 1000, str(tag).strip('"'))

    def open(self, path: str) -> IO[bytes]:
        """Open an object for reading; whatever goes wrong while it is read is said in our words."""
        with translated(self.url(path)):
            raw = self.fs.open(path, "rb", block_size=BLOCK)
        return io.BufferedReader(_Translated(raw, self.url(path)), 1 << 20)

    def fetch(self, path: str, to: Path) -> None:
        """Copy an object to a file of this machine."""
        with translated(self.url(path)):
            self.fs.get_file(path, str(to))

    def put(self, file: Path, path: str) -> None:
        """Copy a file of this machine to a new object, and see that it is all there.

        Raises:
            TransientError: the object has another size.
        """
        with translated(self.url(path)):
            self.fs.put_file(str(file), path)
        found = self.facts(path)
        if found is None or found.size != file.stat().st_size:
            raise TransientError(f"{self.url(path)} was not written whole", code="E_STORE_WRITE")

    def read(self, path: str) -> bytes | None:
        """Give a small object; None: there is none."""
        with translated(self.url(path)):
            try:
                found: bytes = self.fs.cat_file(path)
            except FileNotFoundError:
                return None
            return found

    def create(self, path: str, content: bytes) -> bool:
        """Write a small object that must not be there yet; tell whether it was ours to write, as far as the store can tell."""
        with translated(self.url(path)):
            try:
                self.fs.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
            return True

    def remove(self, path: str) -> None:
        """Remove an object; one that is not there is fine."""
        with translated(self.url(path)):
            try:
                self.fs.rm_file(path)
            except FileNotFoundError:
                return

    def close(self) -> None:
        """Forget the file system; its sessions close with it."""
        self._opened = None


def store_of(url: str, connection: str | None, surroundings: Surroundings) -> Store:
    """Open the store that a URL is in, with the connection that the contract names."""
    return Store(url, surroundings.connection(connection) if connection else None)


def parsed(url: str) -> tuple[str, str]:
    """Give scheme and path of a URL.

    Raises:
        PermanentError: it could lead out of what it names, or names no bucket.
    """
    scheme, _, path = url.partition("://")
    bucket, _, key = path.partition("/")
    why = ""
    if scheme not in SCHEMES:
        why = f"{scheme[:20]}:// is no store; known: {', '.join(f'{name}://' for name in SCHEMES)}"
    elif not _BUCKET.fullmatch(bucket):
        why = "the bucket is no literal name"
    elif (
        (key and any(part in ("", ".", "..") for part in key.removesuffix("/").split("/")))
        or "\\" in key
        or any(ord(c) < 32 for c in key)
    ):
        why = "an empty part, '.', '..', a backslash or a control character in the path"
    elif "#" in key or key.startswith("?"):
        why = "a query or fragment behind the path"
    if why:
        raise PermanentError(f"{url[:200]}: {why}", code="E_PATH", hint="write scheme://bucket/folder/name")
    return scheme, path.rstrip("/")


class _Translated(io.RawIOBase):
    """A library's stream whose errors are said in our words."""

    def __init__(self, raw: Any, name: str) -> None:
        super().__init__()
        self._raw = raw
        self._name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self._raw.seek(offset, whence))

    def tell(self) -> int:
        return int(self._raw.tell())

    def readinto(self, buffer: Any) -> int:
        with translated(self._name):
            data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._raw.close()
        super().close()


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Say what the libraries raise in our words: no text of theirs, which may carry keys and signed URLs."""
    try:
        yield
    except (ConnectorError, FileExistsError):
        raise
    except FileNotFoundError as error:
        raise PermanentError(f"{name} is not there", code="E_SOURCE_MISSING", hint="check the path and the bucket") from error
    except Exception as error:
        kinds = {kind.__name__ for kind in type(error).__mro__}
        if (
            kinds & set(_DENIED)
            or getattr(error, "code", None) in (401, 403)
            or getattr(error, "status_code", None) in (401, 403)
        ):
            raise PermanentError(
                f"{name}: the store refuses this connection", code="E_SIGN_IN", hint="check its login, password and extra"
            ) from None
        if "FileExpired" in kinds:
            raise PermanentError(f"{name} changed while it was read", code="E_SOURCE_CHANGED", hint="run again") from None
        if isinstance(error, ValueError | TypeError):
            raise PermanentError(
                f"{name}: the connection does not fit the store: {type(error).__name__}", code="E_CONNECTION"
            ) from None
        raise TransientError(
            f"{name}: the store did not answer as it should: {type(error).__name__}", code="E_STORE",
            hint="is its endpoint reachable?",
        ) from None  # fmt: skip
