"""A connection in, the one origin that may be spoken to out; every address is held to it before anything is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from datasync.errors import PermanentError
from datasync.seams import Connection

PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])$")
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port, and the path below which endpoints lie."""

    scheme: str
    host: str
    port: int
    base: str = ""

    def __str__(self) -> str:
        port = "" if PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}"

    def url(self, path: str) -> str:
        """Give the full URL of an endpoint's path (or of a URL that is here already).

        Raises:
            PermanentError: it leads to another place.
        """
        if _UNSAFE.search(path):
            raise _elsewhere("an address with blanks, backslashes or control characters")
        if "://" in path.partition("?")[0] or path.startswith("//"):
            return self.held(path)
        return self.held(f"{self}{self.base}/{path.removeprefix('/')}")

    def held(self, url: str, since: str = "") -> str:
        """Give an address that a server named, if it may be followed.

        Args:
            url: absolute, or relative to `since`.
            since: the URL that named it.

        Raises:
            PermanentError: another host, another port, plain http after https, or something that is no HTTP address.
        """
        full = urljoin(since, url) if since else url
        found = origin_of(full)
        if found.host != self.host:
            raise _elsewhere("another host than the connection's")
        if (found.scheme, self.scheme) == ("http", "https"):
            raise _elsewhere("plain http, where the connection is https")
        upgraded = found.scheme != self.scheme and found.port == PORTS["https"] and self.port == PORTS["http"]
        if (found.scheme, found.port) != (self.scheme, self.port) and not upgraded:
            raise _elsewhere("another port than the connection's")
        return full


def origin_of(url: str) -> Origin:
    """Read the origin of an absolute URL.

    Raises:
        PermanentError: it is none of http and https, carries a user, or is no URL.
    """
    if _UNSAFE.search(url):
        raise _elsewhere("an address with blanks, backslashes or control characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _elsewhere("an address that cannot be read") from None
    if parts.scheme not in PORTS:
        raise _elsewhere("an address that is neither http nor https")
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    if not _HOST.match(host):
        raise _elsewhere("an address without a proper host")
    if "@" in parts.netloc:
        raise _elsewhere("an address with a user in it")
    return Origin(parts.scheme, host, PORTS[parts.scheme] if port is None else port)


def origin(connection: Connection) -> Origin:
    """Find out where a connection leads.

    The scheme is that of a host written as a URL, else the connection's schema (`http` or `https`, as Airflow has it), else
    its type; anything that says none of the two is https.

    Raises:
        PermanentError: there is no host, or it is none.
    """
    host = connection.host.strip()
    named = connection.database if connection.database in PORTS else ""
    scheme = named or (connection.kind if connection.kind in PORTS else "https")
    text = host if "://" in host else f"{scheme}://{host}"
    if not host:
        raise PermanentError(f"connection '{connection.id}' names no host", code="E_CONNECTION", hint="such as api.example.com")
    try:
        found = origin_of(text)
    except PermanentError as error:
        raise PermanentError(
            f"connection '{connection.id}' of type {connection.kind}: its host is no address ({error.message})",
            code="E_CONNECTION", hint="give a connection of type https or http, whose host is such as api.example.com",
        ) from None  # fmt: skip
    own = urlsplit(text).port
    port = connection.port if connection.port is not None and own is None else found.port
    return Origin(found.scheme, found.host, port, urlsplit(text).path.rstrip("/"))


def _elsewhere(what: str) -> PermanentError:
    return PermanentError(
        f"the request would go to {what}", code="E_ELSEWHERE", hint="only the connection's own host is spoken to"
    )
