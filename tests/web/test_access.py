"""Who gets in: by token, by proxy, by being here; and nobody else."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from datasync.errors import UsageError
from datasync.web.access import COOKIE, SESSION, Anybody, Person, Proxy, Tokens, access_from
from tests.web.stage import make_project, visitor

TOKEN = "t" * 24
OTHER = "u" * 24


def tokens() -> Tokens:
    return Tokens({"ada": TOKEN, "grace": OTHER})


def test_nothing_is_shown_without_a_token(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path, tokens()) as found:
        asked = found.get("/contracts/shop?x=1")
        assert (asked.status_code, asked.headers["location"]) == (303, "/login?next=%2Fcontracts%2Fshop%3Fx%3D1")
        for path in ("/", "/metrics", "/figures", "/runs/x"):
            assert found.client.get(path, follow_redirects=False).status_code == 401
        assert found.client.get("/health").json() == {"status": "ok"}
        assert found.client.get("/metrics", headers={"Authorization": f"Bearer {OTHER}"}).status_code == 200
        assert found.client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401


def test_signing_in_and_out(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path, tokens()) as found:
        wrong = found.post("/login", token="nonsense-nonsense", next="/figures")
        assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
        right = found.post("/login", token=TOKEN, next="/figures")
        assert (right.status_code, right.headers["location"]) == (303, "/figures")
        cookie = right.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert TOKEN not in cookie
        assert ">ada<" in found.get("/").text
        found.post("/logout")
        assert found.get("/").status_code == 303


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/\r\nx: y", ""]
)
def test_signing_in_leads_nowhere_else(tmp_path: Path, wanted: str) -> None:
    make_project(tmp_path)
    with visitor(tmp_path, tokens()) as found:
        assert found.post("/login", token=TOKEN, next=wanted).headers["location"] == "/"


def test_sessions_end_and_cannot_be_made_up(tmp_path: Path) -> None:
    make_project(tmp_path)
    access = tokens()
    good = access.session(Person("ada"))
    name, end, signature = good.split(".")
    old = access.session(Person("ada"), now=0)
    changed = Tokens({"ada": "another-token-another"}).session(Person("ada"))
    grace = access.session(Person("grace")).split(".")[0]
    for cookie in (
        "",
        "x",
        "..",
        old,
        changed,
        f"{grace}.{end}.{signature}",
        f"{name}.{int(end) + 1}.{signature}",
        f"{name}.{end}.ü",
        f"%ff.{end}.{signature}",
        f"{name}.9{'9' * 5000}.{signature}",
    ):
        with visitor(tmp_path, access) as found:
            assert found.get("/", cookie=f"{COOKIE}={cookie}".encode().decode("latin-1").encode("latin-1")).status_code == 303, (
                cookie
            )
    with visitor(tmp_path, access) as found:
        assert found.get("/", cookie=f"{COOKIE}={good}").status_code == 200
    assert SESSION <= 24 * 3600


def test_a_proxy_names_people_only_from_where_it_is(tmp_path: Path) -> None:
    make_project(tmp_path)
    access = Proxy("X-Forwarded-User", (ipaddress.ip_network("10.1.0.0/16"),))
    for address, headers, status in (
        ("10.1.2.3", {"X-Forwarded-User": "ada"}, 200), ("10.2.2.3", {"X-Forwarded-User": "ada"}, 401), ("10.1.2.3", {}, 401),
        ("10.2.2.3", {"X-Forwarded-User": "ada", "X-Forwarded-For": "10.1.2.3"}, 401), ("10.1.2.3", {"X-Forwarded-User": " "}, 401),
        ("unix", {"X-Forwarded-User": "ada"}, 401),
    ):  # fmt: skip
        with visitor(tmp_path, access, client=(address, 1)) as found:
            answered = found.get("/", **headers)
            assert answered.status_code == status, (address, headers)
            assert (">ada<" in answered.text) == (status == 200)


def test_a_name_of_another_site_that_leads_here_is_nobodys(tmp_path: Path) -> None:
    make_project(tmp_path)
    with visitor(tmp_path) as found:
        assert found.get("/", host="localhost:8080").status_code == 200
        assert found.get("/", host="[::1]:8080").status_code == 200
        for host in ("evil.example", "127.0.0.1.evil.example:8080", ""):
            assert found.get("/", host=host).status_code == 401


@pytest.mark.parametrize(
    ("environment", "host", "kind"),
    [
        ({}, "127.0.0.1", Anybody), ({}, "localhost", Anybody), ({}, "::1", Anybody), ({"DATASYNC_UI_TOKEN": TOKEN}, "0.0.0.0", Tokens),
        ({"DATASYNC_UI_TOKENS": f"ada:{TOKEN}, grace:{OTHER}"}, "::", Tokens),
        ({"DATASYNC_UI_PROXY_HEADER": "X-User", "DATASYNC_UI_PROXY_FROM": "10.0.0.0/8,127.0.0.1"}, "0.0.0.0", Proxy),
    ],
)  # fmt: skip
def test_the_environment_says_how_people_sign_in(environment: dict[str, str], host: str, kind: Any) -> None:
    found = access_from(environment, host, "me")
    assert isinstance(found, kind)
    assert TOKEN not in repr(found)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "without signing in"), ({"DATASYNC_UI_TOKEN": "short"}, "fewer than 16"), ({"DATASYNC_UI_TOKENS": TOKEN}, "name:TOKEN"),
        ({"DATASYNC_UI_TOKENS": f"a:{TOKEN},a:{OTHER}"}, "entry 2"), ({"DATASYNC_UI_PROXY_HEADER": "X-User"}, "anybody be anybody"),
        ({"DATASYNC_UI_PROXY_HEADER": "X", "DATASYNC_UI_PROXY_FROM": "home"}, "networks"),
        ({"DATASYNC_UI_PROXY_HEADER": "X", "DATASYNC_UI_TOKEN": TOKEN}, "not both"),
    ],
)  # fmt: skip
def test_what_would_let_anybody_in_is_refused(environment: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        access_from(environment, "0.0.0.0", "me")
    assert TOKEN not in str(refused.value)
