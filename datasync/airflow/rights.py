"""A request with Airflow's sign-in in, who makes it, and what of contracts they may know of and do, out.

A contract belongs to the DAG of its name; where there is none, to the DAG that ran it last. Whoever may read the runs of that DAG
may know of the contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from anyio import from_thread
from fastapi import HTTPException
from sqlalchemy import select

from datasync.airflow.operators import dag_run_of
from datasync.history import lists
from datasync.history.store import History
from datasync.sync.project import Project
from datasync.web.access import Deed, Person, Signed
from datasync.web.catalogue import files_of

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.base_auth_manager import ResourceMethod
    from starlette.requests import HTTPConnection

NEEDED: Mapping[Deed, tuple[ResourceMethod, DagAccessEntity]] = {
    "triage": ("PUT", DagAccessEntity.RUN),
    "run": ("POST", DagAccessEntity.RUN),
    "decide": ("PUT", DagAccessEntity.HITL_DETAIL),
}
"""What must be allowed with a DAG for what people do about its contract; decide: answer what Airflow asks of people."""


@dataclass(frozen=True, slots=True)
class AirflowAccess:
    """People whom Airflow signed in, by its cookie or as `Authorization: Bearer`.

    Args:
        project: whose contracts.
        history: which contracts ran, and by which DAG.
        signed: marks of forms; processes that serve the same people share its key.
    """

    project: Project
    history: History
    signed: Signed
    by_token: bool = False

    def person(self, request: HTTPConnection) -> Person | None:
        """Give whom Airflow knows; called from a worker thread, as FastAPI's dependencies are."""
        user = from_thread.run(_user, request)
        if user is None:
            return None
        dags = self._dags()
        readable = {dag for dag in set(dags.values()) if _allowed(user, "GET", DagAccessEntity.RUN, dag)}
        seen = {contract: dag for contract, dag in dags.items() if dag in readable}
        return Person(str(user.get_name())[:200], frozenset(seen), partial(_may, user, seen))

    def mark(self, person: Person) -> str:
        """Give what a form carries."""
        return self.signed.mark(person)

    def _dags(self) -> dict[str, str]:
        """Give the DAG that each contract belongs to; a contract without one is nobody's here."""
        names = lists.names(self.history) | {file.name for file in files_of(self.project) if file.name}
        with create_session() as session:
            named = set(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(names))))
        found = {name: name for name in named}
        for name in names - named:
            ran = dag_run_of(lists.last_origin(self.history, name))
            if ran is not None:
                found[name] = ran[0]
        return found


async def _user(request: Any) -> Any:
    try:
        return await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return None


def _may(user: Any, dags: Mapping[str, str], contract: str, deed: Deed) -> bool:
    return contract in dags and _allowed(user, *NEEDED[deed], dags[contract])


def _allowed(user: Any, method: ResourceMethod, entity: DagAccessEntity, dag_id: str) -> bool:
    team = DagModel.get_team_name(dag_id) if conf.getboolean("core", "multi_team", fallback=False) else None
    details = DagDetails(id=dag_id, team_name=team)
    return bool(get_auth_manager().is_authorized_dag(method=method, access_entity=entity, details=details, user=user))
