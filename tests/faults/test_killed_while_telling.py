"""kill -9 around the sending of a message: it is sent at least once, a repeat has the same name, the run's end stands (F83, I6)."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from datasync.failpoints import VARIABLE
from tests.mail import Mailbox, mail_server

CONTRACT = """\
contract: shop
version: 1.0.0
owner: {email: shop@example.com}
source: {type: csv, path: in.csv}
columns: {id: {type: int64, key: true}, price: {type: int64, min: 0}}
target: {type: sqlite, database: out.sqlite, table: t, write: merge}
alerts: [{when: violated, to: [email]}]
"""


def _datasync(port: int, *arguments: str, at: str = "") -> subprocess.CompletedProcess[str]:
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": {"disable_tls": True, "from_email": "d@example.com"}}
    environment = os.environ | {"AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail)} | ({VARIABLE: f"{at}=kill"} if at else {})
    command = [sys.executable, "-m", "datasync.cli.app", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120, check=False)


def _history(query: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(".datasync/history.db", isolation_level=None)) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    ("point", "recorded", "before", "after"),
    [
        ("history.after_outbox", False, 0, 0),
        ("history.after_record", True, 0, 1),
        ("alert.before_send", True, 0, 1),
        ("alert.after_send", True, 1, 2),
    ],
)
def test_at_least_once_and_never_without_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, recorded: bool, before: int, after: int
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    Path("in.csv").write_text("id,price\n1,-1\n", encoding="utf-8")
    Path("c.yaml").write_text(CONTRACT, encoding="utf-8")
    with mail_server() as (mailbox, port):
        assert _datasync(port, "run", "c.yaml", at=point).returncode == -signal.SIGKILL
        assert len(mailbox.mails) == before
        assert _history("SELECT status FROM runs") == [("failed" if recorded else "running",)]
        assert _history("SELECT count(*) FROM outbox") == [(int(recorded),)], (
            "no message without the run, no run without its message"
        )
        # A claim of a process that died is over after some minutes.
        _history("UPDATE outbox SET claimed_until = NULL")
        assert _datasync(port, "alerts", "send").returncode == 0
        assert len(mailbox.mails) == after
        assert _names(mailbox) <= 1, "a repeat has the same name"
        assert _datasync(port, "alerts", "send").stdout.strip() == "nothing to send"
        assert len(mailbox.mails) == after


def _names(mailbox: Mailbox) -> int:
    return len({(mail["Message-ID"], mail["X-Datasync-Key"]) for mail in mailbox.mails})
