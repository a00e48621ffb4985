"""A connection in, what makes its requests signed out: a header or a query parameter, renewed where it can be."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from datasync.connectors.http.exchange import Answer, Request
from datasync.errors import PermanentError, did_you_mean
from datasync.seams import Connection

KINDS = ("none", "basic", "bearer", "api_key", "oauth2")


@dataclass(frozen=True, slots=True)
class Signature:
    """What is added to a request; `repr` shows nothing of it."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class SignIn(Protocol):
    """How requests are signed."""

    def signature(self) -> Signature:
        """Give what to add now.

        Raises:
            TransientError, PermanentError: it cannot be had.
        """

    def renew(self, refused: Signature) -> bool:
        """Replace a signature that the server refused; False: there is nothing to replace it by.

        Raises:
            TransientError, PermanentError: the new one cannot be had, or is the old one.
        """


@dataclass(frozen=True, slots=True)
class Fixed:
    """A signature that never changes."""

    given: Signature = Signature()

    def signature(self) -> Signature:
        """Give it."""
        return self.given

    def renew(self, refused: Signature) -> bool:
        """There is no other."""
        return False


Exchange = Callable[[Request, str], Answer]
"""Sends a request to an absolute URL, for sign-ins that must ask for a token."""


def sign_in(connection: Connection, exchange: Exchange) -> SignIn:
    """Read how a connection signs in.

    `extra.auth` says it; without it, a login means basic and nothing means none.

    Raises:
        PermanentError: an unknown way, or one that lacks what it needs.
    """
    kind = str(connection.extra.get("auth") or ("basic" if connection.login else "none"))
    if kind == "oauth2":
        from datasync.connectors.http.oauth import OAuth

        return OAuth(connection, exchange)
    makers: dict[str, Callable[[Connection], Signature]] = {
        "none": _none,
        "basic": _basic,
        "bearer": _bearer,
        "api_key": _api_key,
    }
    if kind not in makers:
        raise PermanentError(
            f"connection '{connection.id}': auth is none of {', '.join(KINDS)}",
            code="E_CONNECTION",
            hint=did_you_mean(kind, KINDS),
        )
    return Fixed(_MAKERS[kind](connection))


def secret_of(connection: Connection, what: str) -> str:
    """Give the connection's password, which must be there and fit into a header.

    Raises:
        PermanentError: it does not.
    """
    if not connection.password:
        raise PermanentError(f"connection '{connection.id}' has no password, which is the {what}", code="E_CONNECTION")
    return header_value(connection.password, connection.id)


def header_value(text: str, name: str) -> str:
    """Refuse what would end a header and begin another.

    Raises:
        PermanentError: the text has a control character, or one outside latin-1.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 or ord(letter) > 255 for letter in text):
        raise PermanentError(f"connection '{name}': a secret has characters that no header can carry", code="E_CONNECTION")
    return text


def _none(connection: Connection) -> Signature:
    if connection.password:
        raise PermanentError(
            f"connection '{connection.id}' has a password, and nothing says how to use it", code="E_CONNECTION",
            hint=f"say extra.auth: {', '.join(KINDS[1:])}",
        )  # fmt: skip
    return Signature()


def _basic(connection: Connection) -> Signature:
    pair = base64.b64encode(f"{connection.login}:{connection.password}".encode()).decode()
    return Signature(headers=(("Authorization", f"Basic {pair}"),))


def _bearer(connection: Connection) -> Signature:
    name = str(connection.extra.get("header") or "Authorization")
    return Signature(headers=((name, f"Bearer {secret_of(connection, 'token')}"),))


def _api_key(connection: Connection) -> Signature:
    key = secret_of(connection, "key")
    if connection.extra.get("query"):
        return Signature(query=((str(connection.extra["query"]), key),))
    return Signature(headers=((str(connection.extra.get("header") or "X-API-Key"), key),))


_MAKERS: dict[str, Callable[[Connection], Signature]] = {
    "none": _none, "basic": _basic, "bearer": _bearer, "api_key": _api_key,
}  # fmt: skip
