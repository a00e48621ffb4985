"""Where a connection leads, and what is held to be there."""

from __future__ import annotations

from typing import Any

import pytest

from datasync.connectors.http.address import origin
from datasync.errors import PermanentError
from datasync.seams import Connection


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({"kind": "http", "host": "h.example", "port": 8080}, "http://h.example:8080"),
        ({"kind": "https", "host": "h.example"}, "https://h.example"),
        ({"kind": "rest", "host": "h.example"}, "https://h.example"),
        ({"kind": "http", "host": "h.example", "database": "https"}, "https://h.example"),
        ({"kind": "http", "host": "https://h.example/base/"}, "https://h.example"),
        ({"kind": "http", "host": "http://H.example:81", "port": 82}, "http://h.example:81"),
        ({"kind": "http", "host": "[::1]", "port": 82}, "http://[::1]:82"),
    ],
)
def test_scheme_host_and_port(settings: dict[str, Any], url: str) -> None:
    assert str(origin(Connection(id="c", **settings))) == url


def test_a_host_may_have_a_path_below_which_endpoints_lie() -> None:
    found = origin(Connection(id="c", kind="http", host="https://h.example/base/"))
    assert found.url("/v1/x") == "https://h.example/base/v1/x"


@pytest.mark.parametrize(
    "host", ["", "a b", "ftp://h.example", "http://", "http://user:pw@h.example", "h/../x y", "http://h:99999"]
)
def test_what_is_no_host_is_refused_without_showing_it(host: str) -> None:
    with pytest.raises(PermanentError) as caught:
        origin(Connection(id="c", kind="http", host=host))
    assert caught.value.code == "E_CONNECTION"
    assert "pw" not in str(caught.value)


def test_https_is_never_left() -> None:
    found = origin(Connection(id="c", kind="https", host="h.example"))
    with pytest.raises(PermanentError, match="plain http"):
        found.held("http://h.example/x")
    assert origin(Connection(id="c", kind="http", host="h.example")).held("https://h.example/x") == "https://h.example/x"


def test_a_connection_to_something_else_is_named() -> None:
    with pytest.raises(PermanentError) as caught:
        origin(Connection(id="shop_db", kind="postgres", host="/run/postgresql"))
    assert "shop_db" in caught.value.message
    assert "postgres" in caught.value.message
    assert "https" in caught.value.hint
