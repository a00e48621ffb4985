"""Mails in, a mailbox to look into out: a real SMTP server on loopback."""

from __future__ import annotations

import email
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from email import policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import Envelope, Session


class Mailbox:
    """Keeps what arrives; answers as it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answer = "250 OK"
        self.refuse_recipient = ""

    async def handle_RCPT(self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            content = envelope.original_content or b""
            self.mails.append(email.message_from_bytes(content, policy=policy.default))
            self.recipients.append(list(envelope.rcpt_tos))
        return self.answer


class _OpenPort(Controller):
    """aiosmtpd asks itself by the port it was given: tell it the one it got."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = int(self.server.sockets[0].getsockname()[1])
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def mail_server(**settings: Any) -> Iterator[tuple[Mailbox, int]]:
    """Serve on a free port; gives the mailbox and the port."""
    mailbox = Mailbox()
    controller = _OpenPort(mailbox, hostname="127.0.0.1", port=0, **settings)
    controller.start()
    try:
        yield mailbox, controller.port
    finally:
        controller.stop()


def body_of(mail: EmailMessage, kind: str) -> str:
    """Give the part of a mail: plain or html."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())
