"""Deliveries in, e-mails out: text and HTML, one thread per message that Slack would update in place.

A mail cannot be changed, so each delivery is a mail of its own: the first starts the thread, later ones answer it. Its Message-ID
is made of the delivery's key: a mail sent twice is shown once by programs that know the standard (RFC 5322, 3.6.4).
"""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from datasync.alerts.message import Card, Delivered, Delivery, Note
from datasync.alerts.posts import ordinal
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import Connection

if TYPE_CHECKING:
    from jinja2 import Environment

TIMEOUT = 30.0
MOST_ATTACHED = 5_000_000
"""Bytes of a report that go with a mail; a greater one is only linked."""
_TEMPORARY = range(400, 500)


class EmailChannel:
    """Sends by SMTP.

    Args:
        connection: Airflow's `smtp` connection: host, port, login, password; extra `from_email`, `to_email` (for contracts whose
            owner has no address), `disable_ssl` (default: port 465 is SSL, others are not), `disable_tls` (default: STARTTLS),
            `timeout` in seconds.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._extra = connection.extra

    def deliver(self, delivery: Delivery) -> Delivered:
        """Send one mail.

        Raises:
            TransientError: the server is away, busy, or greylists.
            PermanentError: it refuses the sender, the sign-in or the address; or no address is known.
        """
        mail = self.mail(delivery)
        with ExitStack() as stack:
            try:
                server = stack.enter_context(self._server())
                server.send_message(mail)
            except (smtplib.SMTPException, OSError, ssl.SSLError) as error:
                raise translate(error) from error
        ref = dict(delivery.thread.ref) if delivery.thread is not None else {}
        return Delivered({"message_id": str(mail["Message-ID"]), "subject": str(mail["Subject"]), **ref})

    def mail(self, delivery: Delivery) -> EmailMessage:
        """Write the mail of a delivery.

        Raises:
            PermanentError: nobody to send it to, or an address that is none.
        """
        mail = EmailMessage()
        content = delivery.card or delivery.note
        assert content is not None
        to = delivery.destination or str(self._extra.get("to_email") or "")
        if not to:
            raise PermanentError(
                "no address to send it to", code="E_MAIL_ADDRESS", hint="owner.email of the contract, or to_email of smtp_default"
            )
        sender = str(self._extra.get("from_email") or self._connection.login or "datasync@localhost")
        # Headers are set through the policy of EmailMessage, which refuses line breaks: nothing can be added to them.
        mail["From"] = Address("datasync", addr_spec=_address(sender))
        mail["To"] = Address(addr_spec=_address(to))
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = _message_id(delivery.key)
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Datasync-Key"] = delivery.key
        subject = _subject(content)
        if delivery.thread is not None and delivery.thread.ref.get("message_id"):
            root = delivery.thread.ref["message_id"]
            mail["In-Reply-To"], mail["References"] = root, root
            subject = f"Re: {delivery.thread.ref.get('subject', subject)}"
        mail["Subject"] = subject
        mail.set_content(_render("mail.txt", delivery))
        mail.add_alternative(_render("mail.html", delivery), subtype="html")
        if delivery.attachment is not None and len(delivery.attachment) <= MOST_ATTACHED:
            name = f"{content.contract}-{content.run_id}.html"
            mail.add_attachment(delivery.attachment, maintype="text", subtype="html", filename=name)
        return mail

    def _server(self) -> smtplib.SMTP:
        host, port = self._connection.host or "localhost", self._connection.port
        timeout = float(self._extra.get("timeout") or TIMEOUT)
        context = ssl.create_default_context(cafile=self._extra.get("ca_file") or None)
        implicit = not _yes(self._extra.get("disable_ssl", port != 465))
        if implicit:
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=timeout, context=context)
        else:
            server = smtplib.SMTP(host, port or 25, timeout=timeout)
        try:
            if not implicit and not _yes(self._extra.get("disable_tls", False)):
                # A server without it is refused: the password must not travel in the clear because somebody stripped an answer.
                server.starttls(context=context)
            if self._connection.login:
                server.login(self._connection.login, self._connection.password)
        except BaseException:
            server.close()
            raise
        return server


def _yes(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes")


def _address(text: str) -> str:
    """Refuse what is no plain address."""
    try:
        found = Address(addr_spec=text.strip())
    except (ValueError, IndexError) as error:
        raise PermanentError("an address that is none", code="E_MAIL_ADDRESS", hint="name@example.com") from error
    return str(found.addr_spec)


def _message_id(key: str) -> str:
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@datasync>"


def _subject(content: Card | Note) -> str:
    """One line, without the characters that end it, at most 150 characters."""
    if isinstance(content, Note):
        text = f"[datasync] {content.contract}: {content.text}"
    else:
        worst = content.lines[0].check if content.lines else ""
        more = f" and {len(content.lines) - 1} more" if len(content.lines) > 1 else ""
        words = {"failed": "blocked", "held": "held", "error": "broken", "warned": "warned"}.get(content.status, content.status)
        text = f"[datasync] {content.contract} {words}{': ' + worst + more if worst else ''}"
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:150]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader("datasync.alerts", "templates"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _render(template: str, delivery: Delivery) -> str:
    return (
        _environment()
        .get_template(template)
        .render(card=delivery.card, note=delivery.note, posts=delivery.posts, ordinal=ordinal)
    )


def translate(error: Exception) -> ConnectorError:
    """Say a mail server's failure in our words: its own text may repeat addresses and content."""
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [int(answer[0]) for answer in error.recipients.values()]
        code = max(codes, default=550)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return PermanentError(
            "the mail server offers no STARTTLS or sign-in",
            code="E_MAIL_TLS",
            hint="extra disable_tls: true for a server on a network of your own",
        )
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return PermanentError("the mail server refuses the sign-in", code="E_MAIL_LOGIN", hint="see the connection smtp_default")
    if isinstance(error, ssl.SSLError):
        return PermanentError(
            "the mail server's certificate is not trusted", code="E_MAIL_TLS", hint="extra ca_file names another authority"
        )
    if isinstance(code, int) and code > 0 and code not in _TEMPORARY:
        return PermanentError(f"the mail server refuses the mail ({code})", code="E_MAIL_REFUSED")
    words = f"answered {code}" if isinstance(code, int) and code > 0 else f"cannot be reached ({type(error).__name__})"
    return TransientError(f"the mail server {words}", code="E_MAIL_AWAY", hint="see the connection smtp_default")
