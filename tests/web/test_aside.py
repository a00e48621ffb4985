"""Quarantined rows in the app: as their columns let them be seen; whole, exported and replayed only where that is allowed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasync.alerts.slack_desk import StartRequest
from tests.web.stage import Visitor, make_project, run, visitor

HIDDEN = ("SECRETMAIL", "77123")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Visitor]:
    run(make_project(tmp_path), "first")
    with visitor(tmp_path) as found:
        yield found


def test_rows_show_as_their_columns_allow(shop: Visitor) -> None:
    assert 'href="/quarantine/first"' in shop.get("/quarantine").text
    for page in ("/quarantine/first", "/quarantine/first?reason=email.pattern", "/quarantine/first?reason=price.min"):
        text = shop.get(page).text
        assert not [value for value in HIDDEN if value in text]
    assert "Atlantis" in shop.get("/quarantine/first?reason=city.one_of").text
    assert "aaaaaaaaaa" in shop.get("/quarantine/first?reason=email.pattern").text


def test_rows_are_shown_whole_and_exported_only_where_allowed(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")
    with visitor(tmp_path) as found:
        for page in ("/quarantine/first?whole=true", "/export?run_id=first"):
            answered = found.get(page)
            assert answered.status_code == 403
            assert not [value for value in HIDDEN if value in answered.text]
    with visitor(tmp_path, values=True) as found:
        text = found.get("/quarantine/first?whole=true").text
        assert [value for value in HIDDEN if value in text] == list(HIDDEN)
        assert "SECRETMAIL" not in found.get("/quarantine/first").text
        exported = found.client.get("/export?run_id=first&form=parquet")
        assert 'filename="first.parquet"' in exported.headers["content-disposition"]
        assert pl.read_parquet(io.BytesIO(exported.content)).height == 3
        assert b"SECRETMAIL" in found.client.get("/export?run_id=first").content
        assert found.get("/export?run_id=first&form=exe").status_code == 400
        assert found.get("/export?run_id=nobody").status_code == 404


def test_formulas_do_not_leave_in_csv(tmp_path: Path) -> None:
    run(make_project(tmp_path, rows="id,email,city,price\n1,=cmd|x,Seoul,5\n2,b@c,Seoul,5\n"), "first")
    with visitor(tmp_path, values=True) as found:
        assert b"'=cmd|x" in found.client.get("/export?run_id=first").content


def test_many_rows_are_shown_a_page_at_a_time(tmp_path: Path) -> None:
    rows = "id,email,city,price\n" + "".join(f"{number},a@b,City{number},1\n" for number in range(130)) + "999,a@b,Seoul,1\n"
    file = make_project(tmp_path, rows=rows)
    file.write_text(file.read_text().replace("allow: 90%", "allow: 100%"))
    run(file, "first")
    with visitor(tmp_path) as found:
        seen: list[str] = []
        for page in (1, 2, 3):
            text = found.get(f"/quarantine/first?page={page}&reason=city.one_of").text
            seen += [f"City{number}" for number in range(130) if f">City{number}<" in text]
        assert seen == [f"City{number}" for number in range(130)]
        assert ">City0<" in found.get("/quarantine/first?page=-5").text
        assert ">City129<" in found.get("/quarantine/first?page=99999").text
        assert found.get("/quarantine/first?page=x").status_code == 400


def test_rows_that_are_gone_are_said(shop: Visitor) -> None:
    for file in (shop.project.root / ".datasync" / "quarantine").rglob("*.parquet"):
        file.unlink()
    answered = shop.get("/quarantine/first")
    assert answered.status_code == 503
    assert "cannot be read any more" in answered.text


@pytest.mark.parametrize("name", ["nobody", "<script>alert(1)</script>", "%2e%2e", "a" * 3000])
def test_runs_that_are_not_known(shop: Visitor, name: str) -> None:
    answered = shop.get(f"/quarantine/{name}")
    assert answered.status_code == 404
    assert "<script>alert" not in answered.text


def test_corrected_rows_are_sent_again(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")
    sent: list[tuple[StartRequest, str]] = []

    def start(request: StartRequest) -> str:
        assert request.data is not None
        sent.append((request, request.data.read_text()))
        return "published"

    with visitor(tmp_path, start=start) as found:
        files: Any = {"rows": ("../../evil.csv", b"_id,city\nx,Seoul\n", "text/csv")}
        assert found.post("/replay", files=files, run_id="first").status_code == 303
        found.client.app.state.jobs._pool.shutdown()  # type: ignore[attr-defined]
        ((request, text),) = sent
        assert (request.what, request.run_id, request.by, text) == (
            "replay",
            "first",
            "tester in the web app",
            "_id,city\nx,Seoul\n",
        )
        assert request.data is not None
        assert request.data.parent == tmp_path / ".datasync" / "uploads"
        assert not request.data.exists()
        assert "published" in found.get("/running").text


def test_what_is_no_export_is_not_kept(tmp_path: Path) -> None:
    run(make_project(tmp_path), "first")
    with visitor(tmp_path, start=lambda request: "") as found:
        files: Any = {"rows": ("evil.exe", b"x", "text/csv")}
        assert found.post("/replay", files=files, run_id="first").status_code == 400
        assert found.post("/replay", run_id="nobody").status_code == 404
        assert found.post("/replay", files=files, run_id="first", mark="x").status_code == 403
    with visitor(tmp_path, start=lambda request: "", read_only=True) as found:
        assert found.post("/replay", run_id="first").status_code == 403
        assert "<button" not in found.get("/quarantine/first").text
    assert not list((tmp_path / ".datasync").glob("uploads/*"))
