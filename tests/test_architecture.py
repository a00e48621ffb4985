"""The house rules: sizes, docstrings and what may not be imported at the top of a module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(sys.modules["datasync"].__path__[0]) if "datasync" in sys.modules else Path(__file__).parent.parent / "datasync"
MODULES = sorted(ROOT.rglob("*.py"))
LINES = 400
LIGHT = ("contract", "plan", "results", "cli")
HEAVY = (
    "polars",
    "pandas",
    "pyarrow",
    "duckdb",
    "sqlalchemy",
    "pandera",
    "great_expectations",
    "psycopg",
    "adbc_driver_postgresql",
    "rich",
)


def _name(path: Path) -> str:
    return path.relative_to(ROOT.parent).as_posix()


def _by_part() -> dict[str, list[Path]]:
    """Modules by the part of the package that they are in: a test for each module takes longer than its look."""
    found: dict[str, list[Path]] = {}
    for path in MODULES:
        found.setdefault(path.relative_to(ROOT).parts[0], []).append(path)
    return found


PARTS = _by_part()
every_part = pytest.mark.parametrize("part", PARTS)


def _unpleasant(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    found = [] if len(text.splitlines()) <= LINES else [f"{_name(path)} has over {LINES} lines"]
    if not ast.get_docstring(tree):
        found.append(f"{_name(path)}: a module opens with one sentence")
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            migration = "migrations" in path.parts
            model = isinstance(node, ast.ClassDef) and "contract" in path.parts
            if not (ast.get_docstring(node) or migration or model):
                found.append(f"{_name(path)}: {node.name} has no docstring")
    return found


@every_part
def test_modules_are_pleasant_places(part: str) -> None:
    assert [words for path in PARTS[part] for words in _unpleasant(path)] == []


@pytest.mark.parametrize("part", LIGHT)
def test_light_modules_import_nothing_heavy_at_the_top(part: str) -> None:
    for path in PARTS[part]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.partition(".")[0] in HEAVY], _name(path)


@pytest.mark.parametrize(
    "module", ["datasync", "datasync.contract.loader", "datasync.plan.build", "datasync.seams", "datasync.cli.app"]
)
def test_parsing_stays_light(module: str) -> None:
    code = (
        f"import sys, {module}; found = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr


@every_part
def test_nothing_is_evaluated(part: str) -> None:
    for path in PARTS[part]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), f"{_name(path)}:{node.lineno}"
