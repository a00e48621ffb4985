"""A request's headers and cookies in, who makes it out; and the marks that tell a form of ours from a forged one."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from datasync.errors import UsageError

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

COOKIE = "datasync_session"
SESSION = 12 * 3600
"""Seconds a login lasts."""
SHORTEST = 16
"""Characters of a token: guessing one is hopeless at any speed."""
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]", "::1")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


Deed = Literal["triage", "run", "decide"]
"""What people do about a contract: handle its incidents, start its runs, decide its held runs."""


def _anything(contract: str, deed: Deed) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Person:
    """Who makes a request.

    Attributes:
        name: stands in audit trails.
        contracts: names of the contracts that they may know of; None: all.
        may: tells whether they may do something about one of these.
    """

    name: str
    contracts: frozenset[str] | None = None
    may: Callable[[str, Deed], bool] = _anything

    def sees(self, contract: str) -> bool:
        """Tell whether they may know of a contract."""
        return self.contracts is None or contract in self.contracts


class Access(Protocol):
    """Tells who makes a request, and keeps forged forms out."""

    @property
    def by_token(self) -> bool:
        """People sign in with a token, on the page for it."""
        ...

    def person(self, request: HTTPConnection) -> Person | None:
        """Give who makes a request; None: nobody who is known."""
        ...

    def mark(self, person: Person) -> str:
        """Give what a form of ours carries."""
        ...


@dataclass(frozen=True, slots=True)
class Signed:
    """The part that every way in shares: marks of forms, made with a key that only this app has.

    Attributes:
        key: any bytes; processes that serve the same people share it.
    """

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def mark(self, person: Person) -> str:
        """Give what a form of a person carries; nobody else can make it or read it."""
        return hmac.new(self.key, f"form|{person.name}".encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Anybody:
    """Whoever reaches a server of this machine: the person who started it.

    The name of the host is looked at, so that a page elsewhere cannot reach in by a name of its own that leads here.
    """

    name: str
    signed: Signed = field(default_factory=Signed)
    by_token: bool = False

    def person(self, request: HTTPConnection) -> Person | None:
        """Give the person who started the server, for requests to this machine."""
        host = request.headers.get("host", "").lower()
        plain = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
        return Person(self.name) if plain in LOCAL_HOSTS else None

    def mark(self, person: Person) -> str:
        """Give what a form carries."""
        return self.signed.mark(person)


@dataclass(frozen=True, slots=True)
class Tokens:
    """People who know a token: in a session's cookie after signing in, or as `Authorization: Bearer`.

    Args:
        tokens: name to token.
    """

    tokens: Mapping[str, str] = field(repr=False)
    by_token: bool = True

    def holder(self, token: str) -> Person | None:
        """Give whose token it is; every token is compared, in constant time."""
        found = None
        for name, known in self.tokens.items():
            if hmac.compare_digest(known.encode(), token.encode()):
                found = Person(name)
        return found

    def person(self, request: HTTPConnection) -> Person | None:
        """Give whose session or token a request carries."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.holder(token.strip())
        return self._session(request.cookies.get(COOKIE, ""))

    def session(self, person: Person, now: float | None = None) -> str:
        """Give the cookie of a session: name, end and signature. It ends early when the person's token changes."""
        end = int((time.time() if now is None else now) + SESSION)
        name = urlsafe_b64encode(person.name.encode()).decode()
        return f"{name}.{end}.{self._sign(person, f'session|{end}')}"

    def _session(self, cookie: str) -> Person | None:
        name, _, rest = cookie.partition(".")
        end, _, signature = rest.partition(".")
        try:
            person = Person(urlsafe_b64decode(name.encode()).decode())
            over = int(end) < time.time()
        except ValueError:
            return None
        if over or person.name not in self.tokens or not signature.isascii():
            return None
        return person if hmac.compare_digest(self._sign(person, f"session|{end}"), signature) else None

    def _sign(self, person: Person, words: str) -> str:
        key = hashlib.sha256(b"datasync session|" + self.tokens[person.name].encode()).digest()
        return hmac.new(key, f"{words}|{person.name}".encode(), hashlib.sha256).hexdigest()

    def mark(self, person: Person) -> str:
        """Give what a form carries."""
        return self._sign(person, "form")


@dataclass(frozen=True, slots=True)
class Proxy:
    """People whom a reverse proxy has signed in: it names them in a header, which nobody else may send.

    Args:
        header: its name.
        networks: addresses the proxy calls from; from others the header means nothing.
    """

    header: str
    networks: Sequence[Network]
    signed: Signed = field(default_factory=Signed)
    by_token: bool = False

    def person(self, request: HTTPConnection) -> Person | None:
        """Give whom the proxy names."""
        names = request.headers.getlist(self.header)
        if len(names) != 1 or not names[0].strip() or request.client is None:
            return None
        try:
            address = ipaddress.ip_address(request.client.host)
        except ValueError:
            return None
        if not any(address in network for network in self.networks):
            return None
        return Person(names[0].strip()[:200])

    def mark(self, person: Person) -> str:
        """Give what a form carries."""
        return self.signed.mark(person)


def is_local(host: str) -> bool:
    """Tell whether a server at this address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def access_from(environment: Mapping[str, str], host: str, me: str) -> Tokens | Proxy | Anybody:
    """Read from the environment how people sign in.

    Args:
        environment: DATASYNC_UI_TOKEN (one token), DATASYNC_UI_TOKENS (`ada:TOKEN,grace:TOKEN`), or DATASYNC_UI_PROXY_HEADER with
            DATASYNC_UI_PROXY_FROM (networks, `10.0.0.0/8,127.0.0.1`).
        host: where the server is to listen.
        me: who starts it.

    Raises:
        UsageError: a token is too short, a network is none, both ways are set, or nobody has to sign in where others reach it.
    """
    tokens = _tokens(environment)
    header = environment.get("DATASYNC_UI_PROXY_HEADER", "").strip()
    if tokens and header:
        raise UsageError("people sign in by token or by a proxy, not both", code="E_UI_ACCESS", hint="unset one of DATASYNC_UI_…")
    if header:
        return Proxy(header, _networks(environment.get("DATASYNC_UI_PROXY_FROM", "")))
    if tokens:
        return Tokens(tokens)
    if not is_local(host):
        raise UsageError(
            f"whoever reaches {host[:60]} would get in without signing in", code="E_UI_ACCESS",
            hint="set DATASYNC_UI_TOKENS=name:TOKEN or DATASYNC_UI_PROXY_HEADER, or listen at 127.0.0.1",
        )  # fmt: skip
    return Anybody(me)


def _tokens(environment: Mapping[str, str]) -> dict[str, str]:
    pairs = [text.strip() for text in environment.get("DATASYNC_UI_TOKENS", "").split(",") if text.strip()]
    found = {}
    for number, pair in enumerate(pairs, 1):
        name, mark, token = pair.partition(":")
        if not mark or not name.strip() or name.strip() in found:
            raise UsageError(f"DATASYNC_UI_TOKENS, entry {number}: written name:TOKEN, each name once", code="E_UI_ACCESS")
        found[name.strip()[:200]] = token.strip()
    single = environment.get("DATASYNC_UI_TOKEN", "").strip()
    found |= {"somebody": single} if single else {}
    for name, token in found.items():
        if len(token) < SHORTEST:
            raise UsageError(
                f"the token of '{name}' has fewer than {SHORTEST} characters", code="E_UI_ACCESS", hint="openssl rand -hex 24"
            )
    return found


def _networks(text: str) -> tuple[Network, ...]:
    try:
        found = tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError("DATASYNC_UI_PROXY_FROM: networks such as 10.0.0.0/8,127.0.0.1", code="E_UI_ACCESS") from None
    if not found:
        raise UsageError(
            "DATASYNC_UI_PROXY_HEADER alone would let anybody be anybody", code="E_UI_ACCESS",
            hint="DATASYNC_UI_PROXY_FROM names the addresses that the proxy calls from",
        )  # fmt: skip
    return found
