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


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_module_is_a_pleasant_place(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert len(text.splitlines()) <= LINES
    assert ast.get_docstring(tree), "a module opens with one sentence"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            migration = "migrations" in path.parts
            model = isinstance(node, ast.ClassDef) and "contract" in path.parts
            assert ast.get_docstring(node) or migration or model, node.name


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_light_modules_import_nothing_heavy_at_the_top(path: Path) -> None:
    if path.relative_to(ROOT).parts[0] not in LIGHT:
        return
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not [name for name in names if name.partition(".")[0] in HEAVY]


@pytest.mark.parametrize(
    "module", ["datasync", "datasync.contract.loader", "datasync.plan.build", "datasync.seams", "datasync.cli.app"]
)
def test_parsing_stays_light(module: str) -> None:
    code = (
        f"import sys, {module}; found = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(str(found) if found else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_nothing_is_evaluated(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec"), node.lineno
