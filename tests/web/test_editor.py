"""The editor: the linter's own words, and files written only where that is allowed, within the folder, and over nobody's work."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.web.stage import Visitor, make_project, visitor


def was(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_linter_speaks_while_one_writes(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    with visitor(tmp_path) as found:
        assert "no problem" in found.get("/files").text
        assert "Nothing is wrong" in found.get("/files/shop.yaml").text
        wrong = file.read_text().replace("type: int64", "type: int65")
        said = found.post("/lint", key="shop.yaml", text=wrong).text
        assert "int65" in said
        assert "line 6" in said
        assert "problem" in found.post("/lint", key="shop.yaml", text="contract: [").text
        assert found.post("/lint", key="shop.yaml", text=wrong, mark="x").status_code == 403
        assert found.post("/lint", key="shop.yaml", text="#" * 600_000).status_code == 400
        assert "<script>alert" not in found.post("/lint", key="shop.yaml", text="contract: <script>alert(1)</script>").text


def test_a_contract_is_saved_where_that_is_allowed(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    new = file.read_text().replace("[Seoul, Busan]", "[Seoul, Busan, 대구]")
    with visitor(tmp_path, edit=True) as found:
        before = was(file)
        assert found.post("/save", key="shop.yaml", text=new.replace("\n", "\r\n"), was=before, do="check").status_code == 200
        assert was(file) == before
        answered = found.post("/save", key="shop.yaml", text=new.replace("\n", "\r\n"), was=before, do="save")
        assert (answered.status_code, answered.headers["location"]) == (303, "/files/shop.yaml")
        assert file.read_text(encoding="utf-8") == new
        late = found.post("/save", key="shop.yaml", text=new, was=before, do="save")
        assert late.status_code == 409
        assert "Somebody else" in late.text
        wrong = found.post("/save", key="shop.yaml", text="contract: x", was=was(file), do="save")
        assert wrong.status_code == 409
        assert file.read_text(encoding="utf-8") == new


@pytest.mark.parametrize("more", [{}, {"edit": True, "read_only": True}])
def test_elsewhere_nothing_is_written(tmp_path: Path, more: dict[str, bool]) -> None:
    file = make_project(tmp_path)
    before = was(file)
    with visitor(tmp_path, **more) as found:
        assert 'value="save"' not in found.get("/files/shop.yaml").text
        assert found.post("/save", key="shop.yaml", text=file.read_text() + "\n", was=before, do="save").status_code == 403
    assert was(file) == before


@pytest.mark.parametrize("key", ["../datasync.toml", "../secret.yaml", "/etc/passwd", "..\\secret.yaml", "link.yaml", ".hidden.yaml", "connections.yaml", "%2e%2e/secret.yaml", "", "shop.yaml\x00", "folder/secret.yaml"])  # fmt: skip
def test_nothing_outside_the_folder_is_read_or_written(tmp_path: Path, key: str) -> None:
    make_project(tmp_path)
    secret = tmp_path / "secret.yaml"
    secret.write_text("password: hunter2\n")
    contracts = tmp_path / "contracts"
    (contracts / "link.yaml").symlink_to(secret)
    (contracts / "folder").symlink_to(tmp_path)
    for name in (".hidden.yaml", "connections.yaml"):
        (contracts / name).write_text("password: hunter2\n")

    def tried(found: Visitor) -> None:
        from urllib.parse import quote

        text = "contract: x"
        for answered in (
            found.get(f"/files/{quote(key, safe='')}"),
            found.post("/lint", key=key, text=text),
            found.post("/save", key=key, text=text, was=was(secret), do="save"),
        ):
            assert answered.status_code in (200, 307, 400, 404, 409)
            assert "hunter2" not in answered.text

    with visitor(tmp_path, edit=True) as found:
        tried(found)
    assert secret.read_text() == "password: hunter2\n"


def test_a_file_that_is_no_contract_can_be_mended(tmp_path: Path) -> None:
    file = make_project(tmp_path)
    good = file.read_text()
    file.write_text("contract: [")
    with visitor(tmp_path, edit=True) as found:
        assert "1 problem" in found.get("/files").text
        assert found.post("/save", key="shop.yaml", text=good, was=was(file), do="save").status_code == 303
        assert "no problem" in found.get("/files").text


def test_a_run_says_how_far_it_is(tmp_path: Path) -> None:
    from datasync.history.rows import RunFacts
    from datasync.stages.context import Progress
    from datasync.sync.progress import Noted, read_progress

    make_project(tmp_path)
    with visitor(tmp_path) as found:
        from datetime import UTC, datetime

        found.history.begin(RunFacts("going", "shop", "1.0.0", "shop", "run", "", datetime.now(UTC)))
        assert found.get("/runs/going").headers["location"] == "/running"
        assert "none yet" in found.get("/running").text
        workspace = found.project.run_folder("shop", "going")
        workspace.create()
        told: list[Progress] = []
        noted = Noted(workspace, told.append)
        for rows in (1234, 9999):
            noted(Progress("extract", rows))
        seen = read_progress(workspace)
        assert seen is not None
        assert seen.rows == {"extract": 1234}
        assert len(told) == 2
        assert "1,234" in found.get("/running/part").text
        (workspace.folder / "progress.json").write_text("[")
        assert "none yet" in found.get("/running/part").text
