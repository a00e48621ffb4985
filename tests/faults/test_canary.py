"""A planted secret and a planted personal value, through every command and every kind of failure: I8, F73, F87."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.canary import PERSON, SECRET, leaks
from tests.mail import Mailbox, body_of, mail_server

CONTRACT = """\
contract: people
version: 1.0.0
owner: {{team: hr, email: hr@example.com}}
source: {{type: csv, path: in.csv}}
transform: [{{map_values: {{column: state, values: {{a: active}}, default: reject}}}}]
columns:
  id: {{type: int64, key: true}}
  name: {{type: string, pattern: '^[a-z]+$', max_length: 5, one_of: [ada], checks: [{{name: mail, format: email}}]}}
  born: {{type: date}}
  state: {{type: string}}
  boss: {{type: string{references}}}
rules:
  - {{name: short, rule: "length(name) < 3"}}
  - {{name: one_name, unique: [name]}}
expectations:
  - {{type: expect_column_values_to_be_in_set, column: name, value_set: [ada]}}
  - {{type: expect_column_distinct_values_to_be_in_set, column: boss, value_set: [ada]}}
run: {{audit: full}}
target: {target}
alerts:
  - {{when: "violated OR error_occurred", to: [email], message: "{{failed_checks}} failed: {{error_message}}"}}
"""
TARGETS = {
    "duckdb": "{type: duckdb, database: out.duckdb, table: people, write: merge}",
    "sqlite": "{type: sqlite, database: out.sqlite, table: people, write: merge}",
    "files": "{type: csv, path: out.csv, write: replace}",
    "dead": "{type: postgres, connection: dead, table: people, write: merge}",
}
ROWS = (
    "id,name,born,state,boss\n"
    f"1,{PERSON},2000-01-01,a,{PERSON}\n2,{PERSON},{PERSON},a,\n{PERSON},ada,2000-01-01,a,x\n3,ada,2000-01-01,{PERSON},\n"
    f'4,ada,2000-01-01,a,{PERSON},"{PERSON}\n'
)


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, int]]:
    with mail_server() as found:
        yield found


def _environment(port: int) -> dict[str, str]:
    mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "password": SECRET,
            "extra": {"disable_tls": True, "from_email": "d@example.com", "token": SECRET}}  # fmt: skip
    dead = f"postgresql://reader:{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}"
    slack = {"conn_type": "slack", "password": SECRET, "extra": {"base_url": "http://127.0.0.1:1/api/", "signing_secret": SECRET}}
    return os.environ | {"AIRFLOW_CONN_SMTP_DEFAULT": json.dumps(mail), "AIRFLOW_CONN_DEAD": dead,
                         "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(slack)}  # fmt: skip


def _commands(kind: str) -> list[list[str]]:
    file = "people.yaml"
    looks = [["lint", file], ["plan", file], ["changed", file], ["connections", "list"], ["connections", "test"],
             ["alerts", "pending", "--all"], ["incidents", "list"], ["incidents", "show", "1"], ["quarantine", "list"],
             ["report"], ["compile", file]]  # fmt: skip
    formats = [["report", "--format", name] for name in ("json", "junit", "markdown", "html")]
    runs = [["run", file], ["run", file, "--json"], ["check", file], ["--debug", "run", file]]
    return [*runs, *looks, *formats, *([] if kind == "dead" else [["check", file, "--at", "target"]])]


@pytest.mark.parametrize("kind", TARGETS)
def test_no_output_holds_a_secret_or_a_value(tmp_path: Path, mail: tuple[Mailbox, int], kind: str) -> None:
    (tmp_path / "datasync.toml").touch()
    (tmp_path / "in.csv").write_text(ROWS, encoding="utf-8")
    references = "" if kind == "files" else ", references: {table: bosses, column: name}"
    (tmp_path / "people.yaml").write_text(CONTRACT.format(target=TARGETS[kind], references=references), encoding="utf-8")
    mailbox, port = mail
    script = (
        "import json, sys\nfrom datasync.cli.app import invoke\n"
        "for command in json.loads(sys.argv[1]):\n    print('$', command[0]); print('exit', invoke(command)); sys.stdout.flush()\n"
    )
    commands = _commands(kind)
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(commands)], cwd=tmp_path, env=_environment(port), capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.stdout.count("exit") == len(commands), done.stderr[-2000:]
    assert leaks(done.stdout) == []
    assert leaks(done.stderr) == []
    assert mailbox.mails, "the violation was told"
    for message in mailbox.mails:
        assert leaks(message.as_string() + body_of(message, "plain") + body_of(message, "html")) == []
    for file in _written(tmp_path, kind):
        assert leaks(file.read_bytes().decode("utf-8", "replace")) == [], file


def _written(root: Path, kind: str) -> list[Path]:
    """Every file that datasync wrote but the quarantine store and what holds the rows themselves."""
    own = ("in.csv", "people.yaml", "out.duckdb", "out.sqlite", "out.csv")
    files = [path for path in root.rglob("*") if path.is_file() and not path.name.startswith(own)]
    return [path for path in files if "quarantine" not in path.parts and not {"parts", "staged", "spill"} & set(path.parts)]
