"""A story that does not hold ends with 1, and a folder of somebody's own is left alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from datasync.testing.walkthrough import Story, Walkthrough, walk

CONTRACT = """\
contract: things
version: 1.0.0
source: {type: csv, path: things.csv}
columns: {id: {type: int64, key: true}}
target: {type: duckdb, database: out.duckdb, table: things, write: replace}
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    home = tmp_path / "things"
    home.mkdir()
    (home / "datasync.toml").touch()
    (home / "things.yaml").write_text(CONTRACT, encoding="utf-8")
    (home / "things.csv").write_text("id\n1\n2\n", encoding="utf-8")
    return home / "example.py"


@pytest.fixture
def tell(example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Walkthrough], None]], int]:
    monkeypatch.setattr(sys, "argv", ["example.py", "--folder", str(tmp_path / "out")])
    return lambda story: walk(str(example), Story("things", story))


def test_a_story_that_holds(
    tell: Callable[[Callable[[Walkthrough], None]], int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def story(told: Walkthrough) -> None:
        told.step("It runs", "as ever")
        run = told.run("things.yaml")
        told.promise("two things", run.rows.published == 2)
        told.table("Rows", [{"id": 1, "of": None}], "one of them")
        told.quote("Words", "a [bold]word[/] " + "and more " * 30)

    assert tell(story) == 0
    output = capfd.readouterr().out
    assert output.index("It runs") < output.index("$ datasync run things.yaml") < output.index("✓ two things")
    assert "a [bold]word[/]" in output
    assert all(line.startswith("   ") for line in output.partition("Words\n")[2].partition("\n\n")[0].splitlines())
    assert tell(story) == 0  # the folder is made anew


@pytest.mark.parametrize("flags", [("--full", "--window-start", "1"), ()])
def test_a_story_that_does_not_hold(
    tell: Callable[[Callable[[Walkthrough], None]], int], flags: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    def story(told: Walkthrough) -> None:
        told.run("things.yaml", *flags)
        told.promise("three things", False)

    assert tell(story) == 1
    assert "✗ this did not happen: " + ("datasync run ended with" if flags else "three things") in capfd.readouterr().out


def test_told_within_its_own_folder(example: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(example.parent)
    monkeypatch.setattr(sys, "argv", ["example.py"])
    for _ in range(2):
        assert (
            walk("example.py", Story("things", lambda told: told.promise("it is", (told.folder / "things.yaml").is_file()))) == 0
        )
    assert not (example.parent / "build" / "examples" / "things" / "build").exists()


def test_a_folder_of_somebody_is_left_alone(
    tell: Callable[[Callable[[Walkthrough], None]], int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years", encoding="utf-8")
    assert tell(lambda told: None) == 1
    assert (tmp_path / "out" / "thesis.txt").read_text(encoding="utf-8") == "years"
    assert "name another --folder" in capfd.readouterr().err
