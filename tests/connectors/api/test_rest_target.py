"""REST as a target: batches, keys, templates, rejections and refusals, by what the API received."""

from __future__ import annotations

import json
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.connectors.api.project import Project
from tests.connectors.api.server import Api, Received, Reply, ok

ROWS = [{"id": n, "name": name, "seq": n} for n, name in enumerate("abcde", 1)]


def test_rows_arrive_in_keyed_batches(project: Project, api: Api) -> None:
    code, result = project.run()
    assert (code, result["status"], result["rows"]["published"]) == (0, "passed", 5)
    assert api.rows() == ROWS
    assert [len(request.json) for request in api.received] == [2, 2, 1]
    assert len({request.key for request in api.received}) == 3
    assert result["stages"][-1] == {**result["stages"][-1], "name": "reconcile", "status": "passed", "rows_out": 5}


def test_the_watermark_moves_and_only_new_rows_are_sent(project: Project, api: Api) -> None:
    project.run()
    code, result = project.run()
    assert (code, result["rows"]["published"], len(api.received)) == (0, 0, 3)
    project.source([(6, "f", 6)])
    assert project.run()[1]["rows"]["published"] == 1
    assert api.rows() == [*ROWS, {"id": 6, "name": "f", "seq": 6}]


def test_a_rate_limit_spreads_requests(project: Project, api: Api) -> None:
    project.write("rate_limit: 10/s")
    began = time.monotonic()
    assert project.run()[0] == 0
    # Three requests have two gaps between them, however slow the machine.
    assert (len(api.received), time.monotonic() - began >= 0.2) == (3, True)


def test_the_watermark_is_history_s_where_the_ledger_is_gone(project: Project, api: Api) -> None:
    import shutil

    project.run()
    shutil.rmtree(project.root / ".datasync" / "sends")
    project.source([(5, "e", 5), (6, "f", 6)])
    assert project.run()[1]["rows"]["published"] == 1
    assert api.rows()[-1]["id"] == 6


def test_rejected_records_go_to_quarantine_with_what_the_api_said(project: Project, api: Api) -> None:
    def reply(request: Received) -> Reply:
        errors = [
            {"index": place, "message": f"no {row['name']}"} for place, row in enumerate(request.json) if row["name"] in "bc"
        ]
        return ok({"ok": True, "errors": errors})

    api.reply = reply
    project.write('response: {accepted: "$.ok", rejected: "$.errors[*]"}')
    code, result = project.run()
    assert (code, result["status"]) == (0, "warned")
    assert (result["rows"]["accepted"], result["rows"]["quarantined"], result["rows"]["published"]) == (3, 2, 3)
    check = next(check for check in result["checks"] if check["name"] == "api.rejected")
    assert (check["status"], check["evaluated"], check["failed"]) == ("warned", 5, 2)
    shown = json.dumps(project.call("quarantine", "show", result["run_id"])[1])
    assert "no b" in shown
    assert "no c" in shown
    assert "no b" not in json.dumps(result)
    assert {stage["name"]: stage["status"] for stage in result["stages"]}["reconcile"] == "passed"


@pytest.mark.parametrize(
    ("response", "made"),
    [
        (
            '{rejected: "$.bad[*]", index: "$.line", index_from: 1, reason: "$.why"}',
            lambda place, row: {"line": place + 1, "why": "x"},
        ),
        ('{rejected: "$.bad[*]", key: {id: "$.item.id"}}', lambda place, row: {"item": {"id": row["id"]}}),
        ('{rejected: "$.bad[*]", key: {id: "$.id", name: "$.n"}}', lambda place, row: {"id": str(row["id"]), "n": row["name"]}),
    ],
)
def test_a_rejection_names_its_row_by_place_or_by_values(project: Project, api: Api, response: str, made: Any) -> None:
    api.reply = lambda request: ok({"bad": [made(place, row) for place, row in enumerate(request.json) if row["id"] in (2, 5)]})
    project.write(f"response: {response}")
    _, result = project.run()
    assert (result["rows"]["published"], result["rows"]["quarantined"]) == (3, 2)
    shown = project.call("quarantine", "show", result["run_id"])[1]
    assert sorted(row["id"] for row in shown["rows"]) == [2, 5] if "rows" in shown else "5" in json.dumps(shown)


@pytest.mark.parametrize(
    ("response", "answer", "code"),
    [
        ('{accepted: "$.ok"}', {"ok": False}, "E_API_REFUSED"),
        ('{accepted: "$.ok"}', {"status": "fine"}, "E_API_RESPONSE"),
        ('{accepted: "$.taken"}', {"taken": 1}, "E_API_RESPONSE"),
        ('{accepted: "$.taken[*]"}', {"taken": []}, "E_API_RESPONSE"),
        ('{rejected: "$.errors[*]"}', {"errors": [{"message": "who?"}]}, "E_API_RESPONSE"),
        ('{rejected: "$.errors[*]"}', {"errors": [{"index": 7}]}, "E_API_RESPONSE"),
        ('{rejected: "$.errors[*]"}', {"errors": [{"index": True}]}, "E_API_RESPONSE"),
        ('{rejected: "$.errors[*]", key: {id: "$.id"}}', {"errors": [{"id": 99}]}, "E_API_RESPONSE"),
    ],
)
def test_an_unclear_answer_is_never_a_yes(project: Project, api: Api, response: str, answer: Any, code: str) -> None:
    api.reply = lambda request: ok(answer)
    project.write(f"response: {response}")
    exit_code, result = project.run()
    assert (exit_code, result["error"]["code"], result["rows"]["published"]) == (3, code, 0)
    assert len(api.received) == 1


def test_an_answer_that_is_no_json_is_unclear(project: Project, api: Api) -> None:
    api.reply = lambda request: (200, {"Content-Type": "text/html"}, b"<html>sign in</html>")
    project.write('response: {accepted: "$.ok"}')
    code, result = project.run()
    assert (code, result["error"]["code"]) == (3, "E_API_RESPONSE")


def test_more_rejections_than_allowed_stop_sending(project: Project, api: Api) -> None:
    api.reply = lambda request: ok({"errors": [{"index": 0}]})
    project.write('response: {rejected: "$.errors[*]"}', more="quarantine: {allow: 20%}")
    code, result = project.run()
    assert (code, result["status"]) == (1, "failed")
    assert len(api.received) == 2
    assert result["rows"] == {**result["rows"], "accepted": 3, "quarantined": 2, "published": 2}
    assert any("2 rows were sent and stay at the target" in note for note in result["notes"])
    assert {stage["name"]: stage["status"] for stage in result["stages"]}["publish"] == "failed"
    with closing(sqlite3.connect(".datasync/history.db")) as history:
        assert history.execute("SELECT count(*) FROM watermarks").fetchone() == (0,)
        assert history.execute("SELECT DISTINCT state FROM quarantine").fetchall() == [("evidence",)]


def test_a_refused_batch_is_terminal_and_said(project: Project, api: Api) -> None:
    api.before = lambda request: ok({"detail": "secret 4711"}, 422) if request.json[0]["id"] == 3 else None
    code, result = project.run()
    assert (code, result["status"], result["error"]["code"]) == (3, "error", "E_API_REFUSED")
    assert result["rows"]["published"] == 2
    assert "2 rows were sent" in result["error"]["kept"]
    assert "4711" not in json.dumps(result)
    assert len(api.received) == 2


def test_busy_answers_are_asked_again_under_the_same_key(project: Project, api: Api) -> None:
    turns = iter([ok(None, 429, **{"Retry-After": "0"}), ok(None, 503, **{"Retry-After": "0"}), None, None, None])
    api.before = lambda request: next(turns)
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 5)
    assert len({request.key for request in api.received[:3]}) == 1
    assert api.rows() == ROWS


def test_a_lost_answer_has_its_effect_once(project: Project, api: Api) -> None:
    lost = iter([True, False, False, False])

    def after(request: Received) -> None:
        if next(lost):
            raise ConnectionError

    api.after = after
    assert project.run()[0] == 0
    assert len(api.received) == 4
    assert api.rows() == ROWS


def test_without_a_key_it_is_at_least_once(project: Project, api: Api) -> None:
    lost = iter([True, False, False, False])

    def after(request: Received) -> None:
        if next(lost):
            raise ConnectionError

    api.after = after
    project.write("idempotency_header: null")
    assert project.run()[0] == 0
    assert all(request.key is None for request in api.received)
    assert api.rows() == [*ROWS[:2], *ROWS]


def test_one_record_at_a_time_by_its_key(project: Project, api: Api) -> None:
    hostile = ["../../admin", "a/b?c=d#e", "..", "é %2e", "{run_id}"]
    project.source([(number, name, number) for number, name in enumerate(hostile, 1)])
    contract = """\
contract: items
version: 1.0.0
source: {type: duckdb, database: src.duckdb, table: src}
columns:
  id: {type: int64, required: true}
  name: {type: string, key: true}
  seq: {type: int64}
quarantine: {allow: 50%}
target: {type: rest, connection: shop, endpoint: "/v1/{ds:%Y}/items/{name}", method: PUT, write: merge, batch_rows: 1}
"""
    project.write(contract=contract)
    code, result = project.run()
    assert (code, result["rows"]["published"], result["rows"]["quarantined"]) == (0, 4, 1)
    assert all(request.method == "PUT" and request.path.count("/") == 4 for request in api.received)
    assert [request.path.rpartition("/")[2] for request in api.received] == [
        "..%2F..%2Fadmin", "a%2Fb%3Fc%3Dd%23e", "%C3%A9%20%252e", "%7Brun_id%7D",
    ]  # fmt: skip
    assert api.rows()[0] == {"id": 1, "name": "../../admin", "seq": 1}


def test_a_status_may_refuse_one_record(project: Project, api: Api) -> None:
    api.before = lambda request: ok({"message": "odd"}, 422) if request.json["id"] in (2, 4) else None
    project.write("response: {reject_on: [422]}")
    text = (project.root / "items.yaml").read_text().replace("batch_rows: 2", "batch_rows: 1")
    (project.root / "items.yaml").write_text(text)
    code, result = project.run()
    assert (code, result["rows"]["published"], result["rows"]["quarantined"]) == (0, 3, 2)


def test_hostile_values_stay_values_of_the_payload(project: Project, api: Api) -> None:
    hostile = [
        '"}],"admin":true,"x":[{"',
        "{records}",
        "{run_id}",
        "{0.__class__}",
        "%s",
        "\\u0000\\",
        "line\nbreak\t\x01",
        "{{ ds }}",
    ]
    project.source([(number, name, number) for number, name in enumerate(hostile, 1)])
    project.write('payload: {meta: {run: "run {run_id}", odd: "{ not a name }", n: 7, none: null}, items: "{records}"}')
    assert project.run()[0] == 0
    assert [row["name"] for row in api.rows("items")] == hostile
    for request in api.received:
        assert set(request.json) == {"meta", "items"}
        assert request.json["meta"] == {**request.json["meta"], "odd": "{ not a name }", "n": 7, "none": None}
        assert request.json["meta"]["run"].startswith("run 2")


def test_a_param_with_quotes_is_text(project: Project, api: Api) -> None:
    project.write('payload: {who: "{who}", all: "{who}!", items: "{records}"}\nheaders: {X-Who: "{who}"}',
                  more='params: {who: {type: string, default: x}}')  # fmt: skip
    assert project.run("--param", 'who=a"b\\c')[0] == 0
    assert api.received[0].json["who"] == 'a"b\\c'
    assert api.received[0].json["all"] == 'a"b\\c!'
    assert api.received[0].headers["x-who"] == 'a"b\\c'


def test_a_param_cannot_begin_another_header(project: Project, api: Api) -> None:
    project.write('headers: {X-Who: "{who}"}', more="params: {who: {type: string, default: x}}")
    code, result = project.run("--param", "who=a\r\nX-Admin: yes")
    assert code in (2, 3)
    assert not api.effects
    assert "X-Admin" not in json.dumps(result)


def test_checks_and_shadow_runs_send_nothing(project: Project, api: Api) -> None:
    assert project.call("check", "items.yaml")[0] == 0
    assert project.run("--shadow")[0] == 2
    assert not api.received
    assert project.run()[1]["rows"]["published"] == 5


def test_check_at_target_is_refused(project: Project) -> None:
    code, result = project.call("check", "items.yaml", "--at", "target")
    assert code == 2
    assert "cannot be read back" in json.dumps(result)


def test_a_failed_audit_sends_nothing(project: Project, api: Api) -> None:
    project.source([(1, "a", 1), (1, "b", 2), (2, "c", 3)])
    code, _ = project.run()
    assert code == 1
    assert not api.received


def test_a_held_run_is_sent_when_it_is_released(project: Project, api: Api) -> None:
    project.source([(1, "a", 1), (1, "b", 2), (2, "c", 3)])
    project.write(more="on_violation: hold")
    code, result = project.run()
    assert (code, result["status"], len(api.received)) == (1, "held", 0)
    code, result = project.call("runs", "release", result["run_id"], "--reason", "fine")
    assert (code, result["status"], result["rows"]["published"]) == (0, "warned", 1)
    assert api.rows() == [{"id": 2, "name": "c", "seq": 3}]


def test_an_append_adds_a_window_once(project: Project, api: Api) -> None:
    project.write(write="append")
    window = ("--window-start", "1", "--window-end", "4")
    assert project.run(*window)[1]["rows"]["published"] == 3
    code, result = project.run(*window)
    assert (code, result["rows"]["published"]) == (0, 0)
    assert project.run("--window-start", "2", "--window-end", "6")[0] == 4
    assert [row["id"] for row in api.rows()] == [1, 2, 3]


def test_quarantined_rows_are_replayed_once(project: Project, api: Api) -> None:
    bad = {"b"}
    api.reply = lambda request: ok({"errors": [{"index": n} for n, row in enumerate(request.json) if row["name"] in bad]})
    project.write('response: {rejected: "$.errors[*]"}')
    _, result = project.run()
    bad.clear()
    code, _ = project.call("quarantine", "replay", result["run_id"])
    assert code == 0
    assert [row["id"] for row in api.rows()] == [1, 2, 3, 4, 5, 2]


def test_the_contract_of_the_documents_runs(project: Project, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[3] / "docs" / "connectors" / "api-targets.md"
    found = re.search(r"```yaml\n(contract:.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    (project.root / "items.yaml").write_text(found[1], encoding="utf-8")
    (project.root / "prices.csv").write_text("sku,price\nA-1,1.10\nA-2,2\n", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_TAGS", f"http://127.0.0.1:{api.port}")
    api.reply = lambda request: ok({"ok": True, "errors": []})
    code, result = project.run()
    assert (code, result["rows"]["published"]) == (0, 2)
    assert b'[{"sku": "A-1", "price": 1.10}, {"sku": "A-2", "price": 2.00}]' in api.received[0].body


def test_a_connection_that_is_none_is_said_before_anything_is_read(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", "postgres://user@/shop")
    code, result = project.run()
    assert (code, result["error"]["code"], result["rows"]["extracted"]) == (3, "E_CONNECTION", 0)
    monkeypatch.delenv("AIRFLOW_CONN_SHOP")
    code, result = project.run()
    assert (code, result["error"]["code"], result["rows"]["extracted"]) == (3, "E_CONNECTION", 0)
