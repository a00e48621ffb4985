"""The mail server of tests, which is the one of examples."""

from __future__ import annotations

from datasync.testing.servers.mail import Mailbox, body_of, mail_server

__all__ = ["Mailbox", "body_of", "mail_server"]
