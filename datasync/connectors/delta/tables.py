"""A contract's path and connection in, the Delta table there out; deltalake's errors leave in our words."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from datasync.connectors.paths import local_path
from datasync.errors import DataSyncError, PermanentError, TransientError
from datasync.seams import Connection, Surroundings

if TYPE_CHECKING:
    from deltalake import DeltaTable


@dataclass(frozen=True, slots=True)
class Location:
    """Where a table is.

    Attributes:
        name: as the contract writes it.
        uri: as deltalake takes it.
        local: the folder, for local tables.
        options: of the object store; they hold the secrets.
    """

    name: str
    uri: str
    local: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def open(self, version: int | None = None) -> DeltaTable | None:
        """Open the table, at its newest version unless another is asked for; None when there is none.

        Raises:
            PermanentError: its log cannot be read, or it needs what deltalake cannot do.
            TransientError: the object store does not answer.
        """
        from deltalake import DeltaTable
        from deltalake.exceptions import TableNotFoundError

        with translated(self.name):
            try:
                return DeltaTable(self.uri, version=version, storage_options=dict(self.options))
            except TableNotFoundError:
                return None


def locate(path: str, connection: str | None, surroundings: Surroundings) -> Location:
    """Find out where a path leads, without I/O.

    Args:
        path: local and confined to the project, or the URL of an object store.
        connection: id of the store's connection; None: what the environment gives (an instance's role, `AWS_…`, `AZURE_…`).
        surroundings: of the run.

    Raises:
        PermanentError: a path outside the project, a scheme that is not known, or a connection that does not fit.
    """
    scheme, separator, _ = path.partition("://")
    if not separator:
        folder = local_path(path, surroundings)
        return Location(path, str(folder), folder)
    if scheme not in STORES:
        raise PermanentError(f"{scheme}:// is no object store; known: {', '.join(STORES)}", code="E_PATH")
    settings = surroundings.connection(connection) if connection is not None else None
    return Location(path, path, None, STORES[scheme](settings))


def _s3(connection: Connection | None) -> dict[str, str]:
    """Options of S3; two writers of one version are told apart by a conditional put."""
    options = {"aws_conditional_put": "etag"}
    if connection is None:
        return options
    _check_kind(connection, ("aws", "s3"))
    extra = connection.extra
    given = {
        "AWS_ACCESS_KEY_ID": connection.login, "AWS_SECRET_ACCESS_KEY": connection.password,
        "AWS_SESSION_TOKEN": extra.get("aws_session_token"), "AWS_REGION": extra.get("region_name"),
        "AWS_ENDPOINT_URL": extra.get("endpoint_url"),
    }  # fmt: skip
    return options | _given(given) | _plain_http(extra.get("endpoint_url"), "AWS_ALLOW_HTTP")


def _azure(connection: Connection | None) -> dict[str, str]:
    if connection is None:
        return {}
    _check_kind(connection, ("wasb", "azure", "adls", "azure_data_lake", "abfs"))
    extra = connection.extra
    endpoint = extra.get("endpoint_url")
    given = {
        "AZURE_STORAGE_ACCOUNT_NAME": connection.login or extra.get("account_name"),
        "AZURE_STORAGE_ACCOUNT_KEY": connection.password or extra.get("account_key"),
        "AZURE_STORAGE_SAS_TOKEN": extra.get("sas_token"), "AZURE_STORAGE_TENANT_ID": extra.get("tenant_id"),
        "AZURE_STORAGE_CLIENT_ID": extra.get("client_id"), "AZURE_STORAGE_CLIENT_SECRET": extra.get("client_secret"),
        "AZURE_STORAGE_ENDPOINT": endpoint,
    }  # fmt: skip
    found = _given(given) | _plain_http(endpoint, "AZURE_ALLOW_HTTP")
    if extra.get("use_emulator"):
        # Azurite cannot list from a name on; so told, the client does not ask it to. It is found by AZURITE_BLOB_STORAGE_URL.
        found.pop("AZURE_STORAGE_ENDPOINT", None)
        found["AZURE_STORAGE_USE_EMULATOR"] = "true"
    return found


def _gcs(connection: Connection | None) -> dict[str, str]:
    if connection is None:
        return {}
    _check_kind(connection, ("google_cloud_platform", "gcs", "gcpssh", "gs"))
    key = connection.extra.get("keyfile_dict")
    given = {
        "GOOGLE_SERVICE_ACCOUNT": connection.extra.get("key_path"),
        "GOOGLE_SERVICE_ACCOUNT_KEY": json.dumps(key) if isinstance(key, dict) else key,
    }
    return _given(given)


STORES: Mapping[str, Callable[[Connection | None], dict[str, str]]] = {
    "s3": _s3, "s3a": _s3, "abfs": _azure, "abfss": _azure, "az": _azure, "gs": _gcs,
}  # fmt: skip
"""Schemes of object stores, and what makes their options of a connection."""


def _check_kind(connection: Connection, kinds: tuple[str, ...]) -> None:
    if connection.kind not in ("", *kinds):
        hint = f"name a connection of type {' or '.join(kinds)}, or correct this one's type"
        raise PermanentError(
            f"connection '{connection.id}' is of type {connection.kind}, not {kinds[0]}", code="E_CONNECTION", hint=hint
        )


def _given(options: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in options.items() if value}


def _plain_http(endpoint: object, option: str) -> dict[str, str]:
    """Only an endpoint that its connection spells http:// is spoken to without TLS."""
    return {option: "true"} if str(endpoint or "").startswith("http://") else {}


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Say deltalake's, polars' and the file system's errors in our words; their texts may hold values and stay out."""
    import polars as pl
    from deltalake.exceptions import CommitFailedError, DeltaError

    try:
        yield
    except (DataSyncError, CommitFailedError):
        raise
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise say(error, name) from error


def say(error: Exception, name: str) -> DataSyncError:
    """Say one error; what is not known is permanent."""
    from deltalake.exceptions import DeltaProtocolError

    text = str(error)
    if (absent := _absent(error, text, name)) is not None:
        return absent
    if isinstance(error, DeltaProtocolError):
        return PermanentError(f"{name} needs a feature of Delta that this reader lacks", code="E_SOURCE_TYPE")
    if any(word in text for word in ("403 Forbidden", "401 Unauthorized", "AccessDenied", "Unauthenticated", "Unauthorized")):
        return PermanentError(f"{name}: the object store refuses the connection's key", code="E_PERMISSION")
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left" in text:
        return PermanentError(f"{name}: no space left", code="E_DISK_FULL", hint="free disk space and run again")
    if isinstance(error, PermissionError) or "Permission denied" in text:
        return PermanentError(f"{name}: no permission there", code="E_PERMISSION")
    if isinstance(error, OSError) or "error sending request" in text or "after 10 retries" in text:
        return TransientError(f"{name}: the object store or file system did not answer", code="E_CONNECT")
    if any(word in text for word in ("Json error", "Kernel error", "Parquet error", "Invalid JSON")):
        return PermanentError(f"{name}: the Delta table is damaged", code="E_SOURCE_CORRUPT", hint="restore its _delta_log")
    return PermanentError(f"{name}: {type(error).__name__}", code="E_DELTA")


def _absent(error: Exception, text: str, name: str) -> PermanentError | None:
    """Say what is not there: the bucket, the table, or a file of it."""
    from deltalake.exceptions import TableNotFoundError

    if isinstance(error, TableNotFoundError) or "Path does not exist" in text:
        return PermanentError(f"there is no Delta table {name}", code="E_SOURCE_MISSING", hint="check path")
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        return PermanentError(
            f"{name}: there is no such bucket, or it is not shown to this connection",
            code="E_NO_BUCKET",
            hint="check path, and the connection's endpoint_url and key",
        )
    if isinstance(error, FileNotFoundError) or "No such file" in text or "404 Not Found" in text:
        return PermanentError(
            f"{name}: a file of the table is gone", code="E_SOURCE_CORRUPT", hint="a vacuum may have removed it while it was read"
        )
    return None
