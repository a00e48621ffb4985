"""Where connections come from, and what is said of those that cannot be used: never a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasync.connectors.connections import configured, lookup
from datasync.connectors.probing import probe, probe_connection
from datasync.errors import PermanentError
from datasync.seams import Connection

SECRET = "s3cr3t-canary"


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ann:{SECRET}@db.example:5433/shop?sslmode=require",
        f"postgres://ann:{SECRET}@db.example:5433/shop?__extra__=%7B%22sslmode%22%3A%20%22require%22%7D",
        json.dumps({"conn_type": "postgres", "login": "ann", "password": SECRET, "host": "db.example", "port": 5433,
                    "schema": "shop", "extra": {"sslmode": "require"}}),
        json.dumps({"conn_type": "postgres", "login": "ann", "password": SECRET, "host": "db.example", "port": "5433",
                    "schema": "shop", "extra": '{"sslmode": "require"}'}),
    ],
)  # fmt: skip
def test_airflows_own_forms(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", text)
    wanted = Connection("shop_db", "postgres", "db.example", 5433, "ann", SECRET, "shop", {"sslmode": "require"})
    assert lookup("shop_db", tmp_path) == wanted
    assert configured(tmp_path)["shop_db"] == "environment"


def test_escaped_passwords(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DB", "mysql://u%40corp:p%2Fw%3A%40@h/d")
    found = lookup("db", tmp_path)
    assert (found.kind, found.login, found.password, found.database) == ("mysql", "u@corp", "p/w:@", "d")


def test_the_file_and_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "connections.yaml").write_text(
        "shop: {type: mariadb, host: h, user: u, password: '${env:SHOP_PASSWORD}', database: d}\nlake: 's3://${env:LAKE}'\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    found = lookup("shop", tmp_path)
    assert (found.kind, found.login, found.password, found.database) == ("mysql", "u", SECRET, "d")
    assert configured(tmp_path) == {"shop": "connections.yaml", "lake": "connections.yaml"} | {
        name: "environment" for name, where in configured(tmp_path).items() if where == "environment"
    }
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "postgres://other")
    assert lookup("shop", tmp_path).host == "other"
    with pytest.raises(PermanentError, match="needs the environment variable LAKE"):
        lookup("lake", tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'{{"conn_type": "postgres", "password": "{SECRET}"', "no JSON"),
        (f"postgres://u:{SECRET}@h:port/d", "no URI"),
        (json.dumps({"conn_type": "postgres", "passwrd": SECRET}), "unknown key 'passwrd'"),
        (json.dumps({"conn_type": "postgres", "extra": SECRET}), "extra is no JSON"),
    ],
)
def test_what_is_wrong_is_said_without_secrets(text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", text)
    with pytest.raises(PermanentError) as found:
        lookup("shop", tmp_path)
    assert SECRET not in str(found.value) + found.value.hint
    assert said in str(found.value)


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text("warehouse: {type: postgres, host: h}\n", encoding="utf-8")
    with pytest.raises(PermanentError, match="there is no connection 'warehose'") as found:
        lookup("warehose", tmp_path)
    assert "did you mean 'warehouse'" in found.value.hint


def test_a_file_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / "connections.yaml").write_text("a: {type: postgres\n", encoding="utf-8")
    with pytest.raises(PermanentError, match=r"connections\.yaml cannot be read"):
        lookup("a", tmp_path)


def test_probing(postgres_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.services import connection_of

    assert probe_connection(connection_of(postgres_database)) == ""
    monkeypatch.setenv("AIRFLOW_CONN_NOBODY", f"postgres://u:{SECRET}@127.0.0.1:1/d")
    said = probe("nobody", tmp_path)
    assert said
    assert SECRET not in said
    assert "no connection" in probe("missing", tmp_path)
    assert "cannot be tested" in probe_connection(Connection("x", "ftp"))


@pytest.mark.parametrize(
    ("status", "said"),
    [("200 OK", ""), ("404 Not Found", ""), ("401 Unauthorized", "refused the sign-in"), ("403 x", "refused the sign-in")],
)
def test_probing_over_http(status: str, said: str) -> None:
    from tests.connectors.http.servers import connection, reply, serving

    with serving(lambda asked, sock: reply(SECRET, status)) as server:
        answer = probe_connection(connection(server.url, password=SECRET, extra={"auth": "bearer"}))
    assert said in answer
    assert bool(answer) is bool(said)
    assert SECRET not in answer
