"""What goes wrong on the wire and between tries: detected, bounded in time and size, translated, without secrets."""

from __future__ import annotations

import email.utils
import gzip
import json
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from datasync.connectors.http.exchange import Answer, Limits, Request
from datasync.connectors.http.pace import Pace
from datasync.connectors.http.session import HttpSession
from datasync.contract.scalars import parse_rate
from datasync.errors import ConnectorError, PermanentError, TransientError
from tests.connectors.http.servers import CANARY, Asked, RawServer, connection, reply, serving

QUICK = Limits(timeout=2, deadline=6, retries=3, longest_wait=1, raw_bytes=1 << 20, decoded_bytes=4 << 20)
ONCE = Limits(timeout=1, deadline=2, retries=0, raw_bytes=1 << 20, decoded_bytes=4 << 20)
BODY = json.dumps({"data": [{"id": n, "name": f"name {n}"} for n in range(3000)]}).encode()
PACKED = gzip.compress(BODY)


def get(server: RawServer, limits: Limits = ONCE, request: Request | None = None, **settings: Any) -> Answer:
    session = HttpSession(connection(server.url, **settings), limits)
    try:
        return session.send(request or Request("GET", "/v1/things"))
    finally:
        session.close()


def failure(handler: Callable[[Asked, socket.socket], Any], limits: Limits = ONCE, **settings: Any) -> ConnectorError:
    with serving(handler) as server, pytest.raises(ConnectorError) as caught:
        get(server, limits, **settings)
    assert CANARY not in str(caught.value)
    assert "?" not in str(caught.value)
    return caught.value


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "encoding"),
        [(BODY, ""), (PACKED, "gzip"), (zlib.compress(BODY), "deflate"), (zlib.compress(BODY, wbits=-15), "deflate"),
         (gzip.compress(BODY[:5000]) + gzip.compress(BODY[5000:]), "gzip"), (PACKED, "X-Gzip")],
        ids=["plain", "gzip", "deflate", "bare deflate", "two members", "x-gzip"],
    )  # fmt: skip
    def test_come_whole(self, body: bytes, encoding: str) -> None:
        with serving(lambda asked, sock: reply(body, content_encoding=encoding)) as server:
            assert get(server).body == BODY

    @pytest.mark.parametrize(
        "raw",
        [
            pytest.param(reply(PACKED[: len(PACKED) // 2], content_encoding="gzip"), id="gzip cut, length of the cut"),
            pytest.param(reply(PACKED[:-8], content_encoding="gzip", content_length=""), id="gzip cut, no length"),
            pytest.param(reply(PACKED[:-1], content_encoding="gzip"), id="gzip without its last byte"),
            pytest.param(reply(PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:], content_encoding="gzip"), id="gzip crc"),
            pytest.param(reply(PACKED + b"garbage", content_encoding="gzip"), id="garbage behind gzip"),
            pytest.param(reply(zlib.compress(BODY)[:-5], content_encoding="deflate"), id="deflate cut"),
            pytest.param(reply(zlib.compress(BODY) + b"x", content_encoding="deflate"), id="garbage behind deflate"),
            pytest.param(reply(b"", content_encoding="gzip"), id="nothing where gzip was said"),
            pytest.param(reply(BODY, content_encoding="gzip"), id="plain where gzip was said"),
            pytest.param(reply(BODY[:100], content_length=str(len(BODY))), id="shorter than its length"),
            pytest.param(reply(b"20\r\nabc", content_length="", transfer_encoding="chunked"), id="chunk cut"),
            pytest.param(reply(b"3\r\nabc\r\n", content_length="", transfer_encoding="chunked"), id="no last chunk"),
            pytest.param(reply(b"zz\r\nabc\r\n", content_length="", transfer_encoding="chunked"), id="chunk without length"),
        ],
    )
    def test_that_are_cut_or_damaged_are_an_error(self, raw: bytes) -> None:
        found = failure(lambda asked, sock: raw)
        assert isinstance(found, TransientError)
        assert found.code == "E_TRUNCATED"

    def test_in_an_unknown_packing_are_refused(self) -> None:
        assert failure(lambda asked, sock: reply(b"x", content_encoding="br")).code == "E_ENCODING"

    def test_too_large_are_refused_by_what_they_say(self) -> None:
        assert failure(lambda asked, sock: reply(b"x", content_length=str(10**12))).code == "E_LIMIT"

    def test_that_never_end_are_cut_off(self) -> None:
        def endless(asked: Asked, sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            for _ in range(10_000):
                sock.sendall(b"x" * 65536)

        assert failure(endless).code == "E_LIMIT"

    def test_a_bomb_is_not_unpacked(self) -> None:
        bomb = gzip.compress(b"0" * (200 << 20))
        tracemalloc.start()
        try:
            assert failure(lambda asked, sock: reply(bomb, content_encoding="gzip")).code == "E_LIMIT"
            assert tracemalloc.get_traced_memory()[1] < 40 << 20
        finally:
            tracemalloc.stop()

    def test_204_has_none(self) -> None:
        with serving(lambda asked, sock: b"HTTP/1.1 204 No Content\r\n\r\n") as server:
            assert get(server).body == b""


class TestTime:
    def test_a_server_that_drips_is_cut_off(self) -> None:
        def drip(asked: Asked, sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                sock.sendall(b"x")
                time.sleep(0.1)

        began = time.monotonic()
        assert failure(drip).code == "E_TIMEOUT"
        assert time.monotonic() - began < 3

    def test_headers_that_drip_are_cut_off(self) -> None:
        def drip(asked: Asked, sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 OK\r\n")
            for _ in range(100):
                sock.sendall(b"X")
                time.sleep(0.1)

        began = time.monotonic()
        assert failure(drip).code == "E_TIMEOUT"
        assert time.monotonic() - began < 3

    def test_a_body_without_a_length_that_drips_is_cut_off(self) -> None:
        def drip(asked: Asked, sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(30):
                sock.sendall(b"x")
                time.sleep(0.1)

        assert failure(drip).code == "E_TIMEOUT"

    @pytest.mark.parametrize(
        "head", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nX: y", b"HTTP/1.1 200 OK\r\nX: y\r\n", b"HT", b""]
    )
    def test_headers_that_are_cut_are_no_empty_answer(self, head: bytes) -> None:
        assert isinstance(failure(lambda asked, sock: head), TransientError)

    def test_a_flood_of_headers_is_refused(self) -> None:
        flood = b"".join(b"X-%d: y\r\n" % number for number in range(10_000))
        assert isinstance(failure(lambda asked, sock: b"HTTP/1.1 200 OK\r\n" + flood + b"\r\n"), TransientError)

    def test_silence_is_not_waited_for(self) -> None:
        assert failure(lambda asked, sock: time.sleep(1.5)).code == "E_TIMEOUT"

    def test_cancel_ends_what_other_threads_wait_for(self) -> None:
        arrived = threading.Event()

        def slow(asked: Asked, sock: socket.socket) -> None:
            arrived.set()
            time.sleep(5)

        found: list[BaseException] = []
        with serving(slow) as server:
            session = HttpSession(connection(server.url), Limits(timeout=10))

            def send() -> None:
                try:
                    session.send(Request("GET", "/"))
                except ConnectorError as error:
                    found.append(error)

            thread = threading.Thread(target=send)
            thread.start()
            assert arrived.wait(5)
            began = time.monotonic()
            session.cancel()
            thread.join(timeout=5)
            assert time.monotonic() - began < 1
            server.done.set()
        assert [type(error) for error in found] == [TransientError]

    def test_a_pace_is_kept(self) -> None:
        with serving(lambda asked, sock: reply()) as server:
            session = HttpSession(connection(server.url), QUICK, Pace(parse_rate("20/s")))
            began = time.monotonic()
            for _ in range(5):
                session.send(Request("GET", "/"))
            assert time.monotonic() - began >= 0.2
            session.close()


def script(*answers: bytes | None) -> Callable[[Asked, socket.socket], bytes | None]:
    """One answer after another; None breaks the connection."""
    waiting = list(answers)
    return lambda asked, sock: waiting.pop(0) if len(waiting) > 1 else waiting[0]


BUSY = reply(CANARY, "503 Service Unavailable")


class TestRetries:
    @pytest.mark.parametrize("status", ["408 x", "429 x", "500 x", "502 x", "503 x", "504 x"])
    def test_a_burst_of_failures_passes(self, status: str) -> None:
        with serving(script(reply(b"", status), reply(b"", status), reply(BODY))) as server:
            assert get(server, QUICK).body == BODY
            assert len(server.asked) == 3

    def test_a_lost_connection_is_tried_again(self) -> None:
        with serving(script(None, reply(PACKED[:99], content_encoding="gzip"), reply(BODY))) as server:
            assert get(server, QUICK).body == BODY

    def test_retries_end(self) -> None:
        found = failure(lambda asked, sock: BUSY, QUICK)
        assert isinstance(found, TransientError)
        assert "503" in found.message

    @pytest.mark.parametrize(
        ("after", "least", "most"),
        [
            ("0", 0, 10),
            ("1", 0.9, 20),
            (email.utils.formatdate(time.time() + 3600, usegmt=True), 0.9, 20),
            (email.utils.formatdate(time.time() - 3600, usegmt=True), 0, 10),
            ("99999999999999999999999999", 0.9, 20),
            ("-5", 0, 10),
            ("soon", 0, 10),
            ("", 0, 10),
        ],
        # Names of their own: two processes that share the tests read the clock at different times.
        ids=["now", "a second", "a date to come", "a date gone by", "for ever", "negative", "words", "nothing"],
    )
    def test_retry_after_is_kept_and_capped(self, after: str, least: float, most: float) -> None:
        with serving(script(reply(b"", "429 Too Many", retry_after=after), reply(BODY))) as server:
            began = time.monotonic()
            get(server, QUICK)
            assert least <= time.monotonic() - began < most

    def test_a_post_is_repeated_only_when_it_may_be(self) -> None:
        once = Request("POST", "/v1/things", body=b"{}")
        with serving(script(BUSY, reply(BODY))) as server:
            with pytest.raises(TransientError):
                get(server, QUICK, once)
            assert len(server.asked) == 1
        with serving(script(BUSY, reply(BODY))) as server:
            assert get(server, QUICK, Request("POST", "/v1/things", body=b"{}", idempotent=True)).body == BODY
        with serving(script(reply(b"", "429 x"), reply(BODY))) as server:
            assert get(server, QUICK, once).body == BODY

    @pytest.mark.parametrize(
        ("status", "code"), [("401 x", "E_SIGN_IN"), ("403 x", "E_SIGN_IN"), ("404 x", "E_NOT_FOUND"), ("422 x", "E_REQUEST")]
    )
    def test_refusals_are_final(self, status: str, code: str) -> None:
        with serving(lambda asked, sock: reply(CANARY, status)) as server:
            with pytest.raises(PermanentError) as caught:
                get(server, QUICK)
            assert len(server.asked) == 1
        assert caught.value.code == code
        assert CANARY not in str(caught.value)

    def test_a_status_that_the_caller_judges_is_an_answer(self) -> None:
        with serving(lambda asked, sock: reply(BODY, "422 x")) as server:
            assert get(server, QUICK, Request("GET", "/", accepted=frozenset({422}))).status == 422

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        with pytest.raises(TransientError) as caught:
            HttpSession(connection(f"http://127.0.0.1:{port}"), ONCE).send(Request("GET", "/x"))
        assert caught.value.code == "E_CONNECT_REFUSED"

    def test_no_such_host(self) -> None:
        with pytest.raises(ConnectorError) as caught:
            HttpSession(connection("http://no-such-host.invalid"), ONCE).send(Request("GET", "/x"))
        assert caught.value.code == "E_DNS"


class TestRedirects:
    def test_on_the_same_host_are_followed(self) -> None:
        def answer(asked: Asked, sock: socket.socket) -> bytes:
            return reply(BODY) if asked.target == "/v2/things" else reply(b"", "302 Found", location="/v2/things")

        with serving(answer) as server:
            assert get(server, login="u", password=CANARY).body == BODY
            assert all(asked.header("authorization") for asked in server.asked)

    @pytest.mark.parametrize(
        "place",
        ["http://127.0.0.2:{port}/x", "http://127.0.0.1:{other}/x", "//evil.example/x", "https://127.0.0.1.evil.example/",
         "http://user@127.0.0.1:{port}/x", "gopher://127.0.0.1:{port}/x", "ftp://127.0.0.1/x", "file:///etc/passwd",
         "http://2130706433:{port}/", "http://0177.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://169.254.169.254/latest/"],
    )  # fmt: skip
    def test_to_another_place_are_refused(self, place: str) -> None:
        with serving(lambda asked, sock: reply(b"stolen")) as other:

            def answer(asked: Asked, sock: socket.socket) -> bytes:
                return reply(b"", "302 Found", location=place.format(port=server.port, other=other.port))

            with serving(answer) as server:
                with pytest.raises(PermanentError) as caught:
                    get(server, login="u", password=CANARY)
                assert len(server.asked) == 1
            assert other.asked == []
        assert caught.value.code == "E_REDIRECT"
        assert CANARY not in str(caught.value)

    def test_in_a_circle_end(self) -> None:
        assert failure(lambda asked, sock: reply(b"", "302 Found", location=asked.target)).code == "E_REDIRECT"

    def test_that_would_turn_a_post_into_another_request_are_refused(self) -> None:
        with (
            serving(lambda asked, sock: reply(b"", "302 Found", location="/login")) as server,
            pytest.raises(PermanentError) as caught,
        ):
            get(server, ONCE, Request("POST", "/x", body=b"{}", idempotent=True))
        assert caught.value.code == "E_REDIRECT"

    @pytest.mark.parametrize("path", ["//evil.example/x", "http://evil.example/", "/x\\..\\y", "/a b", "/x\r\nX: y"])
    def test_a_path_leads_nowhere_else(self, path: str) -> None:
        with serving(lambda asked, sock: reply()) as server:
            with pytest.raises(PermanentError):
                get(server, ONCE, Request("GET", path))
            assert server.asked == []


class TestSigningIn:
    @pytest.mark.parametrize(
        ("settings", "header", "value"),
        [
            ({"login": "me", "password": "pw"}, "authorization", "Basic bWU6cHc="),
            ({"password": "t0", "extra": {"auth": "bearer"}}, "authorization", "Bearer t0"),
            ({"password": "k", "extra": {"auth": "api_key"}}, "x-api-key", "k"),
            ({"password": "k", "extra": {"auth": "api_key", "header": "X-Shop"}}, "x-shop", "k"),
            ({}, "authorization", None),
        ],
    )
    def test_by_header(self, settings: dict[str, Any], header: str, value: str | None) -> None:
        with serving(lambda asked, sock: reply()) as server:
            get(server, **settings)
            assert server.asked[0].header(header) == value

    def test_by_a_key_in_the_query(self) -> None:
        key = {"password": CANARY, "extra": {"auth": "api_key", "query": "key"}}
        with serving(lambda asked, sock: reply()) as server:
            get(server, **key)
            assert server.asked[0].target == f"/v1/things?key={CANARY}"
        failure(lambda asked, sock: None, **key)
        failure(lambda asked, sock: reply(b"", "403 x"), **key)

    @pytest.mark.parametrize(
        "settings",
        [{"extra": {"auth": "bearer"}}, {"extra": {"auth": "magic"}}, {"password": CANARY}, {"extra": {"auth": "oauth2"}},
         {"password": f"{CANARY}\r\nX: y", "extra": {"auth": "bearer"}},
         {"extra": {"auth": "oauth2", "token_url": "http://tokens.example.com/"}},
         {"extra": {"auth": "oauth2", "token_url": "https://t.example.com/", "client_auth": "magic"}}],
    )  # fmt: skip
    def test_that_cannot_work_is_refused_at_once(self, settings: dict[str, Any]) -> None:
        with pytest.raises(PermanentError) as caught:
            HttpSession(connection("http://127.0.0.1:9", **settings))
        assert caught.value.code == "E_CONNECTION"
        assert CANARY not in str(caught.value)

    def test_a_netrc_is_not_looked_at(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
        (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login me password {CANARY}\n")
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with serving(lambda asked, sock: reply()) as server:
            get(server)
            assert server.asked[0].header("authorization") is None


class Tokens:
    """A token server and an API in one, whose tokens are good for some requests each."""

    def __init__(self, uses: int, same: bool = False, broken: str = "", **extra: Any) -> None:
        self.uses, self.same, self.broken, self.extra = uses, same, broken, extra
        self.given = 0
        self.used = 0
        self.forms: list[str] = []

    def __call__(self, asked: Asked, sock: socket.socket) -> bytes:
        if asked.target == "/token":
            self.forms.append(asked.body.decode())
            if self.broken and self.given:
                return reply(self.broken, "400 Bad Request")
            self.given += 1
            self.used = 0
            token = CANARY if self.same else f"{CANARY}-{self.given}"
            return reply(json.dumps({"access_token": token, "token_type": "Bearer", **self.extra}))
        self.used += 1
        expected = CANARY if self.same else f"{CANARY}-{self.given}"
        if asked.header("authorization") != f"Bearer {expected}" or self.used > self.uses:
            return reply(CANARY, "401 Unauthorized")
        return reply(BODY)


def oauth(server: RawServer, **extra: Any) -> HttpSession:
    more = {"auth": "oauth2", "token_url": f"{server.url}/token", "scope": "read", **extra}
    return HttpSession(connection(server.url, login="me", password=CANARY, extra=more), QUICK)


class TestTokens:
    def test_that_end_are_renewed_and_no_answer_is_lost(self) -> None:
        tokens = Tokens(uses=2)
        with serving(tokens) as server:
            session = oauth(server)
            assert [session.send(Request("GET", "/x")).status for _ in range(6)] == [200] * 6
        assert tokens.given == 3
        assert tokens.forms[0] == "grant_type=client_credentials&scope=read"

    def test_that_are_known_to_end_are_renewed_first(self) -> None:
        tokens = Tokens(uses=99, expires_in=1)
        with serving(tokens) as server:
            session = oauth(server)
            session.send(Request("GET", "/x"))
            session.send(Request("GET", "/x"))
            assert [asked.target for asked in server.asked] == ["/token", "/x", "/token", "/x"]

    def test_a_second_refusal_is_final(self) -> None:
        tokens = Tokens(uses=0)
        with serving(tokens) as server, pytest.raises(PermanentError) as caught:
            oauth(server).send(Request("GET", "/x"))
        assert caught.value.code == "E_SIGN_IN"
        assert tokens.given == 2

    def test_the_same_token_again_is_final(self) -> None:
        tokens = Tokens(uses=1, same=True)
        with serving(tokens) as server:
            session = oauth(server)
            session.send(Request("GET", "/x"))
            with pytest.raises(PermanentError, match="gives again") as caught:
                session.send(Request("GET", "/x"))
        assert CANARY not in str(caught.value)

    def test_a_refusal_of_the_token_server_is_final_and_names_its_reason(self) -> None:
        tokens = Tokens(uses=1, broken=json.dumps({"error": "invalid_client", "error_description": CANARY}))
        with serving(tokens) as server:
            session = oauth(server)
            session.send(Request("GET", "/x"))
            with pytest.raises(PermanentError, match="invalid_client") as caught:
                session.send(Request("GET", "/x"))
        assert CANARY not in str(caught.value)

    def test_a_refresh_token_is_used_and_replaced(self) -> None:
        tokens = Tokens(uses=1, refresh_token="second")
        with serving(tokens) as server:
            session = oauth(server, refresh_token="first", scope=None)
            session.send(Request("GET", "/x"))
            session.send(Request("GET", "/x"))
        assert tokens.forms == ["grant_type=refresh_token&refresh_token=first", "grant_type=refresh_token&refresh_token=second"]

    @pytest.mark.parametrize("body", ["", "[]", "{}", '{"access_token": 7}', "<html>", '{"access_token": "a\\nb"}'])
    def test_an_answer_without_a_token_is_an_error(self, body: str) -> None:
        with serving(lambda asked, sock: reply(body)) as server, pytest.raises(ConnectorError) as caught:
            oauth(server).send(Request("GET", "/x"))
        assert caught.value.code in ("E_SIGN_IN", "E_CONNECTION")

    def test_threads_renew_once(self) -> None:
        tokens = Tokens(uses=10**6)
        with serving(tokens) as server:
            session = oauth(server)
            old = session._sign_in.signature()
            threads = [threading.Thread(target=session._sign_in.renew, args=(old,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=10)
        assert tokens.given == 2
