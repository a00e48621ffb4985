"""A connection id in, datasync's view of it out, for tasks of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import BaseHook

from datasync.airflow.places import airflow_connection
from datasync.results.model import RunResult
from datasync.seams import Connection


class DataSyncHook(BaseHook):
    """Runs and checks contracts with Airflow's connections.

    Args:
        conn_id: the connection that `get_conn` and `test_connection` are about; contracts name their own.
    """

    conn_name_attr = "conn_id"
    default_conn_name = "datasync_default"
    conn_type = "datasync"
    hook_name = "datasync"

    def __init__(self, conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conn_id = conn_id

    def get_conn(self) -> Connection:
        """Give host and sign-in.

        Raises:
            PermanentError: Airflow has no such connection.
        """
        return airflow_connection(self.conn_id)

    def test_connection(self) -> tuple[bool, str]:
        """Ask the system behind the connection whether it answers."""
        from datasync.connectors.probing import probe_connection
        from datasync.errors import ConnectorError

        try:
            problem = probe_connection(self.get_conn())
        except ConnectorError as error:
            problem = error.message
        return not problem, problem or "the system answers"

    def check(self, contract: str | Path, **options: Any) -> RunResult:
        """Run a contract's gates only; options as for `datasync.load(...).check`."""
        return self._load(contract).check(connections=airflow_connection, **options)  # type: ignore[no-any-return]

    def run(self, contract: str | Path, **options: Any) -> RunResult:
        """Run a whole sync; options as for `datasync.load(...).run`."""
        return self._load(contract).run(connections=airflow_connection, **options)  # type: ignore[no-any-return]

    def _load(self, contract: str | Path) -> Any:
        from datasync.airflow.places import find_path
        from datasync.sync.api import Sync
        from datasync.sync.loading import load_any

        return Sync(load_any(find_path(contract), None, airflow_connection))
