"""A person of Airflow's simple auth manager in, whether they may do something with a DAG out: rights DAG by DAG, for tests."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

from tests.airflow.people import GUEST, OF_GUEST, STRANGER


class PerDag(SimpleAuthManager):
    """As the simple one, but the guest knows of some DAGs only, and the stranger of none."""

    def is_authorized_dag(self, *, method: Any, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        name = user.get_name()
        if name == STRANGER or (name == GUEST and (details is None or details.id not in OF_GUEST)):
            return False
        return bool(super().is_authorized_dag(method=method, user=user, access_entity=access_entity, details=details))
