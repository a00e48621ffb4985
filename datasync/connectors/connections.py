"""A connection's id in, host and sign-in out: from Airflow's environment variable, else from connections.yaml."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from datasync.contract.yaml_tree import read_tree
from datasync.errors import ContractError, PermanentError, did_you_mean
from datasync.seams import Connection

FILE = "connections.yaml"
PREFIX = "AIRFLOW_CONN_"
_ENV = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_KINDS = {"postgresql": "postgres", "pg": "postgres", "mariadb": "mysql"}


def lookup(name: str, root: Path) -> Connection:
    """Find a connection.

    Args:
        name: the id that a contract names.
        root: the project root, where connections.yaml may be.

    Raises:
        PermanentError: there is none, or it cannot be read; no value stands in the message.
    """
    text = os.environ.get(PREFIX + name.upper())
    if text is not None:
        return _json(name, text) if text.lstrip().startswith("{") else _uri(name, text)
    known = _file(root)
    if name in known:
        return _mapping(name, known[name])
    hint = did_you_mean(name, known) or f"set {PREFIX}{name.upper()}, or add it to {FILE}"
    raise PermanentError(f"there is no connection '{name[:60]}'", code="E_CONNECTION", hint=hint)


def configured(root: Path) -> dict[str, str]:
    """Give every connection's id and where it is configured."""
    found = {name: FILE for name in _file(root)}
    return found | {key.removeprefix(PREFIX).lower(): "environment" for key in os.environ if key.startswith(PREFIX)}


def _file(root: Path) -> dict[str, Any]:
    path = root / FILE
    if not path.is_file():
        return {}
    try:
        tree = read_tree(path.read_bytes(), FILE)
    except (OSError, ContractError) as error:
        raise PermanentError(f"{FILE} cannot be read", code="E_CONNECTION", hint=str(error)[:200]) from error
    if tree.problems or not isinstance(tree.value, dict | None):
        first = str(tree.problems[0]) if tree.problems else "it is no mapping of ids"
        raise PermanentError(f"{FILE} cannot be read", code="E_CONNECTION", hint=first)
    return tree.value or {}


def _uri(name: str, text: str) -> Connection:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise _unreadable(name, "it is no URI") from error
    extra: dict[str, Any] = dict(parse_qsl(parts.query))
    if "__extra__" in extra:
        try:
            extra = json.loads(extra["__extra__"])
        except ValueError as error:
            raise _unreadable(name, "its __extra__ is no JSON") from error
    host = unquote(parts.hostname or "")
    return Connection(
        id=name,
        kind=_kind(parts.scheme),
        host=host,
        port=port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.removeprefix("/")),
        extra=extra,
    )


def _json(name: str, text: str) -> Connection:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise _unreadable(name, "it is no JSON") from error
    return _mapping(name, found)


def _unreadable(name: str, why: str) -> PermanentError:
    return PermanentError(f"connection '{name}' cannot be read: {why}", code="E_CONNECTION")


_KEYS = ("conn_type", "type", "host", "port", "login", "user", "password", "schema", "database", "extra", "description")


def _mapping(name: str, found: Any) -> Connection:
    if isinstance(found, str):
        return _uri(name, _filled(name, found))
    if not isinstance(found, Mapping):
        raise _unreadable(name, "it is no mapping")
    for key in found:
        if key not in _KEYS:
            raise _unreadable(name, f"unknown key '{str(key)[:40]}' {did_you_mean(str(key), _KEYS)}".strip())
    values = {key: _filled(name, value) for key, value in found.items()}
    extra = values.get("extra") or {}
    if isinstance(extra, str):
        try:
            extra = json.loads(extra)
        except ValueError as error:
            raise _unreadable(name, "its extra is no JSON") from error
    port = values.get("port")
    return Connection(
        id=name,
        kind=_kind(str(values.get("conn_type") or values.get("type") or "")),
        host=str(values.get("host") or ""),
        port=int(port) if port not in (None, "") else None,
        login=str(values.get("login") or values.get("user") or ""),
        password=str(values.get("password") or ""),
        database=str(values.get("schema") or values.get("database") or ""),
        extra=extra,
    )


def _filled(name: str, value: Any) -> Any:
    """Replace `${env:NAME}`."""
    if isinstance(value, Mapping):
        return {key: _filled(name, item) for key, item in value.items()}
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise PermanentError(
                f"connection '{name}' needs the environment variable {match[1]}, which is not set", code="E_CONNECTION"
            )
        return os.environ[match[1]]

    return _ENV.sub(put, value)


def _kind(scheme: str) -> str:
    plain = scheme.partition("+")[0].replace("-", "_")
    return _KINDS.get(plain, plain)
