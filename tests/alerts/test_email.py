"""Mails as a real SMTP server gets them (F81)."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult, LoginPassword

from datasync.alerts.email import EmailChannel
from datasync.alerts.message import Card, Delivery, Line, Note, OwnerFacts, Post
from datasync.errors import PermanentError, TransientError
from datasync.history.outbox import Thread
from datasync.seams import Connection
from tests.mail import Mailbox, body_of, mail_server

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
LINE = Line(7, "price.min", "prepared", "no negative price", "error", "open", failed=6, evaluated=20_000, share="0.03 %",
            expected="at least 0", first_seen=AT, occurrences=3, samples=("-9",), place="orders.yaml:7")  # fmt: skip
CARD = Card("orders", "1.0.0", "run-1", "failed", "Blocked at the gate: 1 of 9 checks failed.", AT, owner=OwnerFacts(team="retail"),
            figures=(("rows", "20,000 extracted"),), lines=(LINE,), notes=("six bad rows",), links={"report": "https://sync.example/runs/run-1"})  # fmt: skip


@pytest.fixture
def served() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as found:
        yield found


@pytest.fixture
def mailbox(served: tuple[Mailbox, int]) -> Mailbox:
    return served[0]


@pytest.fixture
def plain_server(served: tuple[Mailbox, int]) -> int:
    return served[1]


def _channel(port: int, **extra: Any) -> EmailChannel:
    given = {"disable_tls": True, "from_email": "datasync@example.com", "timeout": 5} | extra
    return EmailChannel(Connection("smtp_default", "smtp", "127.0.0.1", port, extra=given))


def test_a_mail_says_it_all(plain_server: int, mailbox: Mailbox) -> None:
    _channel(plain_server).deliver(Delivery("k1", "ada@example.com", card=CARD, attachment=b"<!doctype html>report"))
    (mail,) = mailbox.mails
    assert mail["Subject"] == "[datasync] orders blocked: price.min"
    assert mailbox.recipients == [["ada@example.com"]]
    for text in (body_of(mail, "plain"), body_of(mail, "html")):
        for words in (
            "no negative price",
            "6 of 20,000 rows (0.03 %)",
            "3rd run",
            "orders.yaml:7",
            "six bad rows",
            "-9",
            "https://sync.example",
        ):
            assert words in text
    (attached,) = mail.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("orders-run-1.html", "<!doctype html>report")


def test_one_thread_per_incident(plain_server: int, mailbox: Mailbox) -> None:
    channel = _channel(plain_server)
    first = channel.deliver(Delivery("k1", "ada@example.com", card=CARD))
    thread = Thread("orders", "email", "ada@example.com", AT, first.ref, id=1)
    again = channel.deliver(
        Delivery("k2", "ada@example.com", card=CARD, posts=(Post("worse", "price.min got worse", (7,)),), thread=thread)
    )
    assert again.ref == first.ref
    begin, answer = mailbox.mails
    assert answer["In-Reply-To"] == answer["References"] == begin["Message-ID"]
    assert answer["Subject"] == "Re: [datasync] orders blocked: price.min"
    assert body_of(answer, "plain").startswith("price.min got worse")
    assert answer["Message-ID"] != begin["Message-ID"]


def test_sent_twice_it_has_one_name(plain_server: int, mailbox: Mailbox) -> None:
    for _ in range(2):
        _channel(plain_server).deliver(Delivery("run-1/failed/email/x", "ada@example.com", card=CARD))
    assert len({mail["Message-ID"] for mail in mailbox.mails}) == 1
    assert {mail["X-Datasync-Key"] for mail in mailbox.mails} == {"run-1/failed/email/x"}


@pytest.mark.parametrize("evil", ["x\r\nBcc: evil@example.com", "x\nSubject: other", "x\x00y", "x\u2028Bcc: evil@example.com"])
def test_headers_cannot_be_added(plain_server: int, mailbox: Mailbox, evil: str) -> None:
    note = Note("orders", "run-1", evil, "warn", AT)
    _channel(plain_server).deliver(Delivery("k", "ada@example.com", note=note))
    card = replace(CARD, lines=(replace(LINE, check=evil),), contract="orders")
    _channel(plain_server).deliver(Delivery("k", "ada@example.com", card=card))
    for mail in mailbox.mails:
        assert mail["Bcc"] is None
        assert len(mail.get_all("Subject") or []) == 1
    assert mailbox.recipients == [["ada@example.com"]] * 2
    with pytest.raises(PermanentError):
        _channel(plain_server).deliver(Delivery("k", f"ada@example.com{evil}", card=CARD))


def test_hostile_text_stays_text(plain_server: int, mailbox: Mailbox) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    _channel(plain_server).deliver(
        Delivery("k", "a@example.com", card=replace(CARD, notes=(evil,), links={"report": "javascript:alert(1)"}))
    )
    html = body_of(mailbox.mails[0], "html")
    assert "<script>" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_nobody_to_send_it_to(plain_server: int) -> None:
    with pytest.raises(PermanentError, match="no address"):
        _channel(plain_server).deliver(Delivery("k", "", card=CARD))


def test_the_connections_own_address(plain_server: int, mailbox: Mailbox) -> None:
    _channel(plain_server, to_email="ops@example.com").deliver(Delivery("k", "", card=CARD))
    assert mailbox.recipients == [["ops@example.com"]]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("451 greylisted, try later", TransientError), ("554 spam: SSN-123", PermanentError), ("421 closing", TransientError)],
)
def test_what_the_server_says(plain_server: int, mailbox: Mailbox, answer: str, kind: type[Exception]) -> None:
    mailbox.answer = answer
    with pytest.raises(kind) as caught:
        _channel(plain_server).deliver(Delivery("k", "ada@example.com", card=CARD))
    assert "SSN" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"), [("450 mailbox busy", TransientError), ("550 no such user ada@example.com", PermanentError)]
)
def test_what_it_says_of_an_address(plain_server: int, mailbox: Mailbox, answer: str, kind: type[Exception]) -> None:
    mailbox.refuse_recipient = answer
    with pytest.raises(kind) as caught:
        _channel(plain_server).deliver(Delivery("k", "ada@example.com", card=CARD))
    assert "ada@" not in str(caught.value)


def test_a_closed_port_is_tried_again() -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        _channel(1).deliver(Delivery("k", "ada@example.com", card=CARD))


def test_without_starttls_nothing_is_sent(plain_server: int, mailbox: Mailbox) -> None:
    with pytest.raises(PermanentError, match="STARTTLS"):
        _channel(plain_server, disable_tls=False).deliver(Delivery("k", "ada@example.com", card=CARD))
    assert mailbox.mails == []


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True,
    )  # fmt: skip
    return key, cert


def test_starttls_and_login(certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data == LoginPassword(b"datasync", b"right")
        return AuthResult(success=good, handled=False)

    settings = {"tls_context": context, "require_starttls": True, "authenticator": authenticate, "auth_required": True}
    with mail_server(**settings) as (mailbox, port):
        connection = Connection("smtp_default", "smtp", "127.0.0.1", port, login="datasync", password="right",
                                extra={"from_email": "datasync@example.com", "ca_file": str(cert)})  # fmt: skip
        EmailChannel(connection).deliver(Delivery("k", "ada@example.com", card=CARD))
        assert len(mailbox.mails) == 1
        with pytest.raises(PermanentError, match="sign-in"):
            EmailChannel(replace(connection, password="wrong")).deliver(Delivery("k", "ada@example.com", card=CARD))
        with pytest.raises(PermanentError, match="certificate"):
            EmailChannel(replace(connection, extra={"from_email": "d@example.com"})).deliver(
                Delivery("k", "ada@example.com", card=CARD)
            )
