"""Rows that were set aside on a page: a few per reason, what is wrong marked, and never more of a value than its column allows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasync.cli.app import invoke
from datasync.history.store import History
from datasync.reports.html import RunPage
from datasync.sync.project import open_project
from datasync.sync.recorded import recorded
from datasync.sync.reported import gather_run

CONTRACT = """\
contract: people
version: 1.0.0
source: {type: csv, path: in.csv}
transform:
  - drop: [secret]
columns:
  id:    {type: int64, key: true, samples: show}
  name:  {type: string, required: true}
  mail:  {type: string, format: email, samples: hide}
  age:   {type: int64, min: 0, samples: show}
quarantine: {allow: 100%}
target: {type: duckdb, database: out.duckdb, table: t, write: replace}
"""
CANARIES = ("Ottilie", "canary@nowhere", "Tresorwort", "Zeilenrest")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("datasync.toml").touch()
    Path("c.yaml").write_text(CONTRACT, encoding="utf-8")


def _page(rows: str, capfd: pytest.CaptureFixture[str]) -> RunPage:
    Path("in.csv").write_text("id,name,mail,age,secret\n" + rows, encoding="utf-8")
    assert invoke(["run", "c.yaml", "--json"]) in (0, 1)
    result = json.loads(capfd.readouterr().out)
    project = open_project(Path.cwd(), {})
    history = History(project.history_url)
    try:
        return gather_run(project, history, recorded(project, result["run_id"]))
    finally:
        history.close()


def test_cells_show_what_their_columns_allow(capfd: pytest.CaptureFixture[str]) -> None:
    page = _page("1,Ottilie,canary@nowhere,-5,Tresorwort\n2,Ottilie,a@b.de,7,Tresorwort\n", capfd)
    (row,) = page.aside["age.min"]
    assert row.place == "in.csv:2"
    assert {cell.column: (cell.text, cell.bad) for cell in row.cells} == {
        "id": ("1", False), "name": ("aaaaaaa", False), "mail": ("hidden", True), "age": ("-5", True),
    }  # fmt: skip
    assert set(row.reasons) == {"age.min", "mail.format"}
    assert [cell.column for cell in row.short.cells] == ["id", "age", "mail"]


def test_no_value_of_a_masked_column_is_on_any_page(capfd: pytest.CaptureFixture[str]) -> None:
    _page("1,Ottilie,canary@nowhere,-5,Tresorwort\n2,Ottilie,Zeilenrest\nx,Ottilie,canary@nowhere,1,Tresorwort\n", capfd)
    for form in ("html", "json", "markdown", "junit", "github", "terminal"):
        assert invoke(["report", "--format", form, "--output", f"out.{form}"]) == 0
        text = Path(f"out.{form}").read_text(encoding="utf-8")
        assert [canary for canary in CANARIES if canary in text] == []
    assert invoke(["report", "--site", "site", "--data-docs"]) == 0
    for file in Path("site").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert [canary for canary in CANARIES if canary in text] == [], file


def test_a_line_that_is_no_row_shows_its_shape(capfd: pytest.CaptureFixture[str]) -> None:
    page = _page("1,Ottilie,a@b.de,5,x\n2,Ottilie,Zeilenrest\n", capfd)
    (row,) = page.aside["row.readable"]
    assert [(cell.column, cell.text) for cell in row.cells] == [("line as it stood", "9,aaaaaaa,aaaaaaaaaa")]


def test_a_few_rows_per_reason_are_enough(capfd: pytest.CaptureFixture[str]) -> None:
    page = _page("".join(f"{number},a,a@b.de,-1,x\n" for number in range(200)), capfd)
    assert len(page.aside["age.min"]) == 5
    assert page.reasons == {"age.min": 200}


def test_rows_that_retention_took_are_left_out(capfd: pytest.CaptureFixture[str]) -> None:
    Path("in.csv").write_text("id,name,mail,age,secret\n1,a,a@b.de,-1,x\n", encoding="utf-8")
    assert invoke(["run", "c.yaml", "--json"]) == 0
    capfd.readouterr()
    for file in Path(".datasync/quarantine").rglob("*.parquet"):
        file.unlink()
    project = open_project(Path.cwd(), {})
    history = History(project.history_url)
    page = gather_run(project, history, recorded(project, None))
    history.close()
    assert (dict(page.aside), page.reasons) == ({}, {"age.min": 1})


def test_the_page_knows_what_changed_since_the_last_good_run(capfd: pytest.CaptureFixture[str]) -> None:
    _page("1,a,a@b.de,5,x\n", capfd)
    Path("c.yaml").write_text(CONTRACT.replace("min: 0", "min: 9").replace("100%", "0%"), encoding="utf-8")
    page = _page("1,a,a@b.de,5,x\n", capfd)
    Path("c.yaml").unlink()
    assert page.diff is not None
    changed = {
        line.kind: line.text.strip() for line in page.diff.lines if line.kind in ("added", "removed") and "age" in line.text
    }
    assert changed == {
        "removed": "age:   {type: int64, min: 0, samples: show}",
        "added": "age:   {type: int64, min: 9, samples: show}",
    }
    project = open_project(Path.cwd(), {})
    history = History(project.history_url)
    again = gather_run(project, history, page.result)
    history.close()
    assert again.contract is not None
    assert again.contract.places["age.min"] == 10
    assert [one.subject for one in again.incidents or ()] == ["age.min"]
