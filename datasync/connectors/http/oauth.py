"""A connection with a token server in, access tokens out: fetched when needed, renewed when they end."""

from __future__ import annotations

import json
import threading
from typing import Any

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749 import OAuth2Token
from authlib.oauth2.rfc6749.parameters import prepare_token_request

from datasync.connectors.http.address import PORTS, origin_of
from datasync.connectors.http.exchange import Answer, Request
from datasync.connectors.http.sign_in import Exchange, Signature, header_value
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Connection

LEEWAY = 5
"""Seconds before its end at which a token counts as ended."""
CLIENT_AUTH = {"basic": "client_secret_basic", "post": "client_secret_post"}
LONGEST = 100_000


class OAuth:
    """See `sign_in.SignIn`. Client credentials, or a refresh token where the connection's extra has one.

    The token server may be another host than the API's: the connection's owner named it. It gets login and password and
    nothing else; the API gets the token and nothing else.
    """

    def __init__(self, connection: Connection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._lock = threading.Lock()
        self._token: OAuth2Token | None = None
        self._refresh = str(connection.extra.get("refresh_token") or "")
        self._url = self._token_url()
        given = str(connection.extra.get("client_auth") or "basic")
        if given not in CLIENT_AUTH:
            raise self._wrong(f"client_auth is none of {', '.join(CLIENT_AUTH)}")
        self._client = ClientAuth(connection.login, connection.password, CLIENT_AUTH[given])

    def _token_url(self) -> str:
        url = str(self._connection.extra.get("token_url") or "")
        if not url:
            raise self._wrong("auth oauth2 needs extra.token_url")
        try:
            found = origin_of(url)
        except ConnectorError as error:
            raise self._wrong(f"its token_url is {error.message}") from None
        loopback = found.host in ("localhost", "127.0.0.1", "[::1]")
        if found.scheme != "https" and not loopback:
            raise self._wrong("its token_url is plain http: the secret would travel in the open")
        assert found.scheme in PORTS
        return url

    def _wrong(self, what: str) -> PermanentError:
        return PermanentError(f"connection '{self._connection.id}': {what}", code="E_CONNECTION")

    def signature(self) -> Signature:
        """Give the token, a new one when there is none or it has ended."""
        with self._lock:
            if self._token is None or self._token.is_expired(LEEWAY):
                self._token = self._fetched()
            return self._signature()

    def renew(self, refused: Signature) -> bool:
        """Fetch another token; when another thread did so meanwhile, that one counts.

        Raises:
            PermanentError: the token server gave the refused one again.
        """
        with self._lock:
            if self._token is not None and self._signature() != refused:
                return True
            self._token = self._fetched()
            if self._signature() == refused:
                raise PermanentError(
                    "the token server gives again the token that the server refuses", code="E_SIGN_IN",
                    hint="check the connection's scope and login",
                )  # fmt: skip
            return True

    def _signature(self) -> Signature:
        assert self._token is not None
        name = str(self._connection.extra.get("header") or "Authorization")
        return Signature(headers=((name, f"Bearer {self._token['access_token']}"),))

    def _fetched(self) -> OAuth2Token:
        extra = self._connection.extra
        settings = {"scope": extra.get("scope"), "audience": extra.get("audience")}
        grant = "refresh_token" if self._refresh else "client_credentials"
        if self._refresh:
            settings["refresh_token"] = self._refresh
        body = prepare_token_request(grant, **settings)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url, headers, body = self._client.prepare("POST", self._url, headers, body)
        request = Request(
            "POST", url, headers=headers, body=body.encode(), label="the token server", idempotent=not self._refresh,
            accepted=frozenset({400, 401, 403}),
        )  # fmt: skip
        return self._read(self._exchange(request, url))

    def _read(self, answer: Answer) -> OAuth2Token:
        """Nothing of the token server's answer stands in a message but the error's name, which the standard lists."""
        if answer.status in (400, 401, 403):
            raise PermanentError(
                f"the token server refused the sign-in ({answer.status}{_standard_error(answer)})", code="E_SIGN_IN",
                hint="check login, password, scope and token_url of the connection",
            )  # fmt: skip
        found = _object(answer)
        token = found.get("access_token")
        if not isinstance(token, str) or not token or len(token) > LONGEST:
            raise TransientError("the token server's answer has no access_token", code="E_SIGN_IN")
        if str(found.get("token_type") or "bearer").lower() != "bearer":
            raise PermanentError("the token server gives tokens that are no bearer tokens", code="E_SIGN_IN")
        header_value(token, self._connection.id)
        if isinstance(found.get("refresh_token"), str) and self._refresh:
            self._refresh = found["refresh_token"]
        return OAuth2Token({"access_token": token, **_ends(found)})


def _ends(found: dict[str, Any]) -> dict[str, int]:
    """How long a token lasts, where the server says it in a number that makes sense."""
    try:
        seconds = int(found.get("expires_in") or 0)
    except (TypeError, ValueError, OverflowError):
        return {}
    return {"expires_in": seconds} if 0 < seconds < 10**9 else {}


ERRORS = (
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
)  # fmt: skip


def _standard_error(answer: Answer) -> str:
    named = _object(answer).get("error")
    return f", {named}" if named in ERRORS else ""


def _object(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
