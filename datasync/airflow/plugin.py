"""The plugin: "Data contracts" in the menu, "Validation" on every DAG run, and the web app behind them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.plugins_manager import AirflowPlugin

from datasync.airflow.links import MOUNT, ReportLink

if TYPE_CHECKING:
    from datasync.errors import DataSyncError

log = logging.getLogger("datasync")


class _LazyApp:
    """The pages' application, made on the first request: every process of Airflow imports the plugin, one serves it."""

    def __init__(self) -> None:
        self._app: Any = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            from starlette.concurrency import run_in_threadpool

            from datasync.airflow.pages import make_app
            from datasync.errors import DataSyncError

            try:
                async with self._making:
                    self._app = self._app or await run_in_threadpool(make_app)
            except DataSyncError as error:
                # The next request tries again.
                await _broken(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _broken(error: DataSyncError) -> Any:
    from starlette.responses import PlainTextResponse

    log.warning("the pages of datasync: %s", error)
    return PlainTextResponse("datasync's history cannot be used: the API server's log says why\n", 503)


class DataSyncPlugin(AirflowPlugin):
    """See Airflow's plugin reference; `href`s have no leading slash there."""

    name = "datasync"
    fastapi_apps: list[Any] = [{"app": _LazyApp(), "url_prefix": MOUNT, "name": "datasync"}]
    external_views: list[Any] = [
        {
            "name": "Data contracts",
            "href": f"{MOUNT.strip('/')}/",
            "destination": "nav",
            "category": "browse",
            "url_route": "datasync-contracts",
        },
        {
            "name": "Validation",
            "href": f"{MOUNT.strip('/')}/dags/{{DAG_ID}}/runs/{{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "datasync-validation",
        },
    ]
    operator_extra_links: list[Any] = [ReportLink()]
