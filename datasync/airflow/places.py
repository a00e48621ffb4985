"""A path as a DAG's author writes it in, the file or folder he means out; and how Airflow's connections reach connectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasync.contract.lint.surroundings import project_root
from datasync.errors import PermanentError
from datasync.seams import Connection

_KINDS = {"postgresql": "postgres", "mariadb": "mysql"}


def find_path(path: str | Path, beside: Path | None = None) -> Path:
    """Find a contract or a folder of contracts.

    Args:
        path: absolute, or relative to `beside`, to the project it lies in, or to the working directory, in this order.
        beside: the DAG's file.

    Returns:
        The first that exists; else what it would be in the project.
    """
    given = Path(path).expanduser()
    if given.is_absolute():
        return given
    folders = [] if beside is None else [beside.resolve().parent, project_root(beside.resolve())]
    found = [folder / given for folder in (*folders, Path.cwd())]
    return next((place for place in found if place.exists()), found[-2] if len(found) > 1 else found[-1])


def airflow_connection(name: str) -> Connection:
    """Look a connection up in Airflow: its database, its secrets backends and its environment variables.

    Raises:
        PermanentError: Airflow has none of that name.
    """
    from airflow.sdk import BaseHook

    try:
        found = BaseHook.get_connection(name)
    except Exception as error:
        raise PermanentError(
            f"Airflow has no connection '{name[:60]}'", code="E_CONNECTION", hint="Admin, Connections, or AIRFLOW_CONN_…"
        ) from error
    return to_connection(found)


def to_connection(found: Any) -> Connection:
    """Say an Airflow connection in our words."""
    kind = (found.conn_type or "").replace("-", "_")
    extra = found.extra_dejson
    return Connection(
        id=found.conn_id,
        kind=_KINDS.get(kind, kind),
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        database=found.schema or "",
        extra=extra if isinstance(extra, dict) else {},
    )
