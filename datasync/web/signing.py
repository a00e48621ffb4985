"""A token in, a session out; and the end of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from datasync.web.access import COOKIE, SESSION, Tokens
from datasync.web.asked import Genuine, House, NotAllowed
from datasync.web.frame import Addresses, show

router = APIRouter()


@router.get("/login")
def form(request: Request, next: str = "/") -> HTMLResponse:
    """The page for signing in."""
    _tokens(request)
    return _form(request, next)


@router.post("/login")
def sign_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    """Begin a session for whoever knows a token."""
    tokens = _tokens(request)
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("another site sent this form")
    person = tokens.holder(token.strip())
    if person is None:
        return _form(request, next, 401)
    root = _root(request)
    answer = RedirectResponse(root.root + _within(next), 303)
    answer.set_cookie(
        COOKIE, tokens.session(person), max_age=SESSION, path=root.root or "/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


@router.post("/logout")
def sign_out(question: Genuine) -> Response:
    """End a session."""
    answer = RedirectResponse(question.at.to("login"), 303)
    answer.delete_cookie(COOKIE, path=question.at.root or "/")
    return answer


def _form(request: Request, wanted: str, status: int = 200) -> HTMLResponse:
    text = show("login.html.j2", None, at=_root(request), next=_within(wanted), wrong=status != 200)
    return HTMLResponse(text, status)


def _within(wanted: str) -> str:
    """Keep to this app: browsers take `//host` and `/\\host` for other sites."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if plain else "/"


def _tokens(request: Request) -> Tokens:
    house: House = request.app.state.house
    if not isinstance(house.access, Tokens):
        raise NotAllowed("nobody signs in here")
    return house.access


def _root(request: Request) -> Addresses:
    return Addresses(str(request.scope.get("root_path", "")).rstrip("/"))
