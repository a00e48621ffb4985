"""A connection in Airflow's form in, the arguments of the store's own library out; a key that nobody would heed is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from datasync.errors import PermanentError, did_you_mean
from datasync.seams import Connection

SCHEMES = ("s3", "gs", "abfs")
CONNECT_TIMEOUT, READ_TIMEOUT = 10, 60
"""Seconds."""


def settings(scheme: str, connection: Connection | None) -> dict[str, Any]:
    """Give what the library is opened with.

    Args:
        scheme: one of SCHEMES.
        connection: None: the library looks for credentials where it always does (environment, profile, instance role).

    Raises:
        PermanentError: the connection's extra has a key that means nothing here.
    """
    extra = dict(connection.extra) if connection is not None else {}
    # Older Airflow wrote `extra__google_cloud_platform__project` for `project`.
    extra = {key.rpartition("__")[2] if key.startswith("extra__") else key: value for key, value in extra.items()}
    extra.pop("root", None)
    makers: dict[str, tuple[Callable[[Connection | None, dict[str, Any]], dict[str, Any]], tuple[str, ...]]] = {
        "s3": (_s3, ("endpoint_url", "region_name", "region", "aws_session_token", "token", "profile_name", "anon", "verify")),
        "gs": (_gs, ("endpoint_url", "project", "project_id", "key_path", "keyfile_dict", "token", "anon")),
        "abfs": (_abfs, ("endpoint_url", "account_name", "account_key", "connection_string", "sas_token", "tenant_id", "anon")),
    }
    make, known = makers[scheme]
    for key in extra:
        if key not in known:
            raise PermanentError(
                f"connection '{connection.id if connection else ''}': nothing heeds the key '{str(key)[:40]}' of its extra",
                code="E_CONNECTION", hint=did_you_mean(str(key), known) or f"known: {', '.join((*known, 'root'))}",
            )  # fmt: skip
    return make(connection, extra)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in (None, "", {})}


def _s3(connection: Connection | None, extra: dict[str, Any]) -> dict[str, Any]:
    client = _given({
        "endpoint_url": extra.get("endpoint_url"), "region_name": extra.get("region_name") or extra.get("region"),
        "verify": extra.get("verify"),
    })  # fmt: skip
    limits = {
        "connect_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT, "retries": {"max_attempts": 3, "mode": "standard"},
    }  # fmt: skip
    return _given({
        "key": connection.login if connection else None, "secret": connection.password if connection else None,
        "token": extra.get("aws_session_token") or extra.get("token"), "profile": extra.get("profile_name"),
        "anon": True if extra.get("anon") else None, "client_kwargs": client, "config_kwargs": limits,
    })  # fmt: skip


def _gs(connection: Connection | None, extra: dict[str, Any]) -> dict[str, Any]:
    token = extra.get("token") or extra.get("key_path")
    keys = extra.get("keyfile_dict")
    if keys:
        token = json.loads(keys) if isinstance(keys, str) else keys
    if extra.get("anon"):
        token = "anon"  # noqa: S105 (the library's word for nobody)
    return _given({
        "project": extra.get("project") or extra.get("project_id"), "token": token, "endpoint_url": extra.get("endpoint_url"),
        "timeout": READ_TIMEOUT,
    })  # fmt: skip


def _abfs(connection: Connection | None, extra: dict[str, Any]) -> dict[str, Any]:
    login = connection.login if connection else ""
    password = connection.password if connection else ""
    tenant = extra.get("tenant_id")
    account = extra.get("account_name") or (None if tenant else login) or _account(connection)
    key = extra.get("account_key") or (None if tenant else password)
    text = extra.get("connection_string")
    if extra.get("endpoint_url") and key:
        # Another place than Azure itself: only a connection string can say so.
        text = (
            f"DefaultEndpointsProtocol={str(extra['endpoint_url']).partition(':')[0]};AccountName={account};AccountKey={key};"
            f"BlobEndpoint={extra['endpoint_url']};"
        )
    if text:
        return {"connection_string": text}
    return _given({
        "account_name": account, "account_key": key, "sas_token": extra.get("sas_token"), "tenant_id": tenant,
        "client_id": login if tenant else None, "client_secret": password if tenant else None, "anon": extra.get("anon"),
    })  # fmt: skip


def _account(connection: Connection | None) -> str | None:
    """The account's name in the host that Airflow's form asks for."""
    return connection.host.removeprefix("https://").partition(".")[0] if connection and connection.host else None
