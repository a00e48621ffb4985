"""A task or DAG of anybody's in, its contract's latest verdict told out: for callbacks of DAGs that the factory did not build."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow.sdk import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk import Context


class DataSyncNotifier(BaseNotifier):
    """Says in the log how the contract's latest run ended, and sends the messages that wait for it.

    Args:
        contract: path of the contract's file.

    DAGs of the factory need none: their `notify` task does this whatever happens, which callbacks do not.
    """

    template_fields: Sequence[str] = ("contract",)

    def __init__(self, contract: str) -> None:
        super().__init__()
        self.contract = contract

    def notify(self, context: Context) -> None:
        """Tell it."""
        from datasync.airflow.given import Given
        from datasync.airflow.outcome import tell
        from datasync.airflow.places import airflow_connection, find_path
        from datasync.sync.project import open_project
        from datasync.sync.recorded import recorded
        from datasync.sync.telling import send

        loaded = Given(find_path(self.contract)).load()
        project = open_project(loaded.path)
        result = recorded(project, None, loaded.contract.contract)
        send(project, result.run_id, airflow_connection)
        tell(result)
