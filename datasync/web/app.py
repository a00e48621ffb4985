"""A project and the ways into it in, the web app out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from datasync.errors import ContractError, DataSyncError, StorageError, UsageError
from datasync.web import aside, editor, listed, measured, planned, reading, signing, starting, triage
from datasync.web.asked import House, NotAllowed, SignIn
from datasync.web.frame import HEADERS, POLICY, Addresses, show
from datasync.web.jobs import Jobs

log = logging.getLogger("datasync")
MOST = 64_000_000
"""Bytes of a request: corrected rows are the largest there are."""
ROUTERS = (signing, measured, planned, listed, reading, triage, aside, starting, editor)
"""Modules with a `router`, each one part of the app."""


def make_app(house: House, more: Sequence[BaseRoute] = (), framed_by: str = "'none'") -> FastAPI:
    """Give the app, to be served or mounted; it has no documentation pages and fetches nothing from outside.

    Args:
        house: what it shows.
        more: routes that sign their requests themselves: Slack's.
        framed_by: whose pages may show it in a frame, as `frame-ancestors` names them.
    """
    app = FastAPI(title="datasync", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.house = house
    app.state.jobs = Jobs(house.start, house.project.home)
    for module in ROUTERS:
        app.include_router(module.router)
    app.router.routes.extend(more)
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.add_middleware(_Guarded, framed_by=framed_by)
    return app


class _Guarded:
    """Bounds what comes in and puts the app's headers on what goes out."""

    def __init__(self, app: ASGIApp, framed_by: str) -> None:
        self._app = app
        headers = {**HEADERS, "Content-Security-Policy": f"{POLICY}; frame-ancestors {framed_by}"}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *self._headers]
            await send(message)

        given = dict(scope["headers"])
        size = given.get(b"content-length", b"0")
        too_large = size.isdigit() and int(size) > MOST
        if too_large or b"transfer-encoding" in given:
            answer = PlainTextResponse("too large, or of no known length", 413 if too_large else 411)
            await answer(scope, receive, guarded)
            return
        await self._app(scope, receive, guarded)


def _signed_out(request: Request, error: Exception) -> Response:
    """Send people to the page for signing in; programs are told."""
    root = str(request.scope.get("root_path", "")).rstrip("/")
    house: House = request.app.state.house
    reads = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    elsewhere = house.sign_in(str(request.url)) if reads else ""
    if elsewhere:
        return RedirectResponse(elsewhere, 303)
    if not house.access.by_token:
        return _said(request, 401, "Who are you?", "Nobody who is known asks here.")
    if not reads:
        return PlainTextResponse("sign in first\n", 401, {"WWW-Authenticate": "Bearer"})
    wanted = request.url.path.removeprefix(root) + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(Addresses(root).to("login", next=wanted), 303)


def _said(request: Request, status: int, title: str, text: str, hint: str = "") -> HTMLResponse:
    return HTMLResponse(show("said.html.j2", None, title=title, text=text, hint=hint), status)


def _not_allowed(request: Request, error: Exception) -> Response:
    return _said(request, 403, "That is not allowed", str(error))


def _broken(request: Request, error: Exception) -> Response:
    assert isinstance(error, DataSyncError)
    wrong = isinstance(error, UsageError | ContractError)
    status = 404 if error.code in ("E_RUN_ID", "E_NO_CONTRACT") else 400 if wrong else 503
    if isinstance(error, StorageError):
        log.warning("the web app: %s", error.message)
    return _said(request, status, "That did not work", f"{error.code} {error.message}", error.hint)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {404: "There is no such page", 405: "That cannot be done here"}
    return _said(request, error.status_code, words.get(error.status_code, "That did not work"), "Go back, or begin at the list.")


def _malformed(request: Request, error: Exception) -> Response:
    # What was sent is not repeated.
    return _said(request, 400, "That did not work", "The form was not filled in as it must be.")


HANDLERS: dict[Any, Any] = {
    SignIn: _signed_out,
    NotAllowed: _not_allowed,
    DataSyncError: _broken,
    HTTPException: _http,
    RequestValidationError: _malformed,
}
"""Kind of error -> what answers it; nothing that goes wrong shows a value of a row."""
