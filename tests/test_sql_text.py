"""F71: no SQL is put together from anything but what our builders wrote; what is not theirs is bound.

Every text that reaches a driver is followed back through its function: it may hold constants, calls of the builders that quote
identifiers and write literals, and attributes that hold what they wrote. Whatever else goes into it is named here, with its reason.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(sys.modules["datasync"].__path__[0]) if "datasync" in sys.modules else Path(__file__).parent.parent / "datasync"
SINKS = {
    "execute": 0, "executemany": 0, "executescript": 0, "exec_driver_sql": 0, "text": 0, "sql": 0, "run": 0, "changed": 0,
    "rows": 0, "query": 0, "frames": 0, "first": 1,
}  # fmt: skip
"""Functions that take a statement, and which of their arguments it is."""
BUILDERS = frozenset((
    "quote_identifier", "quoted", "qualified", "quote_table", "name", "literal_sql", "storage_type", "names", "insert", "dml", "merge",
    "upsert", "bound", "condition", "window_condition", "same_key", "newer", "changed", "survivors", "relation", "select_list",
    "offending", "breaking_rows", "repeated_keys", "selected", "unknown_rows", "any_null", "cells", "true", "staging_name", "len",
    "int", "list_sql", "file_list", "cast_list", "quote", "listed", "local_name",
))  # fmt: skip
"""What writes SQL: identifiers quoted (`quote`: those of the books, which are ours), values as literals; and what gives a number."""
WRITTEN = frozenset((
    "quoted", "prefix", "target", "staging", "relation", "survivors", "sql", "reference", "oid", "_table", "_source", "_condition",
    "_where", "_relation",
))  # fmt: skip
"""Attributes that hold what a builder wrote."""
PARAMETERS = frozenset(
    ("sql", "where", "relation", "moving", "conditions", "clause", "kind", "statement", "table", "name", "flags")
)
"""Parameters that a function's callers give SQL in; the callers are looked at where they make it."""
REASONS = {
    ("duckdb/staging.py", "columns"): "quoted names, some inside a CAST (`_value`)",
    ("files/loading.py", "listed"): "what `declared` wrote: quoted names and types",
    ("files/loading.py", "selected"): "expressions of quoted names (`_stored`)",
    ("mysql/commits.py", "statement"): "DDL of the books, ours",
    ("mysql/commits.py", "kept"): "engine and collation: words that the server gave for its own",
    ("oracle/staging.py", "columns"): "what `declared` wrote: quoted names and types",
    ("sql/books.py", "one"): "a placeholder",
    ("sql/books.py", "marks"): "placeholders",
    ("sql/books.py", "ending"): "FOR UPDATE, by our own callers",
    ("sql/books.py", "wanted"): "a name of the books and a placeholder",
    ("sql/books.py", "staging"): "a quoted name",
    ("sql/parts.py", "source"): "what `relation` wrote",
    ("sql/reader.py", "self._asked.source"): "what `relation` wrote",
    ("sql/parts.py", "where"): "what `condition` wrote",
    ("files/staging.py", "relation"): "what the form wrote: quoted names and literals",
    ("postgres/source.py", "oids"): "numbers",
    ("postgres/source.py", "source"): "what `relation` wrote",
    ("postgres/streaming.py", "self._snapshot.name"): "the server's own: hexadecimal digits and hyphens",
    ("sql/source.py", "self._compared(column, source)"): "a quoted name, on Oracle in a form of ours",
    ("sqlite/source.py", "source"): "what `relation` wrote",
    ("sqlite/source.py", "cursor.incomparable()"): "a condition of a quoted name and literals",
    ("sqlite/staging.py", "marks"): "question marks",
    ("gates/at_rest.py", "flags"): "conditions that `offenders` wrote",
    ("gates/at_rest.py", "sums"): "conditions that `offenders` wrote",
    ("gates/at_rest.py", "condition"): "conditions that `offenders` wrote",
    ("gates/at_rest.py", "cell"): "what `offenders.cells` wrote",
    ("gates/removals.py", "relation"): "what a target wrote",
    ("gates/fidelity.py", "flat"): "figures of quoted names, and conditions that `offenders` wrote",
    ("gates/fidelity.py", "relation or staging.relation"): "what a target wrote",
}
"""Other parts of statements, each with why it can hold no one's text."""


def _scopes(tree: ast.Module) -> Iterator[tuple[ast.AST, list[ast.AST]]]:
    """Every function with the nodes that are its own, and the module with the rest."""
    todo: list[ast.AST] = [tree]
    while todo:
        scope = todo.pop()
        own: list[ast.AST] = []
        inner = list(ast.iter_child_nodes(scope))
        while inner:
            node = inner.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                todo.append(node)
                continue
            own.append(node)
            inner += ast.iter_child_nodes(node)
        yield scope, own


class Reader:
    """Follows texts back within one function."""

    def __init__(self, scope: ast.AST, own: list[ast.AST]) -> None:
        arguments = scope.args if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef) else None
        self.parameters = (
            {argument.arg for argument in ast.walk(arguments) if isinstance(argument, ast.arg)} if arguments else set()
        )
        self.bound: dict[str, list[ast.expr]] = {}
        self.busy: set[str] = set()
        for node in own:
            self._bind(node)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._name(target, node.value)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign) and node.value is not None:
            self._name(node.target, node.value)
        elif isinstance(node, ast.For | ast.comprehension):
            self._name(node.target, node.iter)

    def _name(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            self.bound.setdefault(target.id, []).append(value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for left, right in zip(target.elts, value.elts, strict=True):
                self._name(left, right)
        elif isinstance(target, ast.Tuple):
            for left in target.elts:
                self._name(left, value)

    def strangers(self, node: ast.expr) -> Iterator[ast.expr]:
        """Give the parts of a text that no builder wrote."""
        if isinstance(node, ast.Constant):
            return
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.FormattedValue) and not _is_number(part)]
        elif isinstance(node, ast.Call):
            parts = self._call(node)
        elif isinstance(node, ast.Name):
            parts = self._known(node)
        elif isinstance(node, ast.Attribute):
            parts = [] if node.attr.isupper() or node.attr in WRITTEN else [node]
        else:
            parts = self._parts(node)
        for part in parts:
            if part is node:
                yield node
            else:
                yield from self.strangers(part)

    def _call(self, node: ast.Call) -> list[ast.expr]:
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        if called.lstrip("_") in BUILDERS:
            return []
        if isinstance(function, ast.Attribute) and called in ("join", "strip", "encode", "items", "values", "replace"):
            return [function.value, *node.args]
        return [node]

    def _known(self, node: ast.Name) -> list[ast.expr]:
        if node.id.isupper() or (node.id in self.parameters and node.id in PARAMETERS) or node.id in self.busy:
            return []
        if node.id not in self.bound:
            return [node]
        self.busy.add(node.id)
        found = [stranger for value in self.bound[node.id] for stranger in self.strangers(value)]
        self.busy.discard(node.id)
        return [node] if found else []

    def _parts(self, node: ast.expr) -> list[ast.expr]:
        if isinstance(node, ast.BinOp):
            return [node.left, node.right]
        if isinstance(node, ast.IfExp):
            return [node.body, node.orelse]
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return list(node.elts)
        if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.SetComp):
            return [node.elt]
        if isinstance(node, ast.Starred | ast.Subscript):
            return [node.value]
        return [node]


def _statements(own: list[ast.AST]) -> Iterator[ast.expr]:
    """The texts that a function gives to a driver and makes itself: what it is given, its caller makes."""
    for node in own:
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
        place = SINKS.get(called)
        if place is not None and len(node.args) > place:
            yield node.args[place]


def _strangers(path: Path) -> dict[tuple[str, str], int]:
    name = "/".join(path.parts[-2:])
    found = {}
    for scope, own in _scopes(ast.parse(path.read_text(encoding="utf-8"))):
        reader = Reader(scope, own)
        for statement in _statements(own):
            made = reader.bound.get(statement.id, []) if isinstance(statement, ast.Name) else [statement]
            for text in made:
                if _is_made(text):
                    found |= {(name, ast.unparse(stranger)): statement.lineno for stranger in reader.strangers(text)}
    return found


def _is_number(part: ast.FormattedValue) -> bool:
    """Formatting by `:d` refuses everything but integers."""
    return part.format_spec is not None and ast.unparse(part.format_spec) == "f'd'"


def _is_made(text: ast.expr) -> bool:
    """Tell a text that is put together here from one that is given."""
    if isinstance(text, ast.Call):
        function = text.func
        # `"…".format(x)`, or a text made into bytes.
        return isinstance(function, ast.Attribute) and (function.attr == "format" or _is_made(function.value))
    return isinstance(text, ast.JoinedStr | ast.BinOp)


@pytest.mark.parametrize("part", ["connectors", "gates", "stages", "history", "sync", "transforms"])
def test_statements_hold_only_what_builders_wrote(part: str) -> None:
    found: dict[tuple[str, str], int] = {}
    for path in sorted((ROOT / part).rglob("*.py")):
        found |= _strangers(path)
    assert {key: line for key, line in found.items() if key not in REASONS} == {}


@pytest.mark.parametrize(
    "line",
    [
        'c.execute(f"SELECT * FROM {given}")',
        'c.execute("SELECT * FROM " + given)',
        'c.execute("SELECT * FROM %s" % given)',
        'c.execute("SELECT * FROM {}".format(given))',
        'c.execute(f"SELECT * FROM {given}".encode())',
        'sql = f"DELETE FROM {given}"; c.execute(sql)',
        'where = given; c.execute(f"DELETE FROM t WHERE {where}")',
        'c.execute(f"SELECT {quoted(a)} FROM t WHERE b = {given!r}")',
        'first(c, f"SELECT {given}")',
        'text(f"{given}")',
    ],
)
def test_it_would_be_noticed(line: str, tmp_path: Path) -> None:
    file = tmp_path / "somewhere" / "there.py"
    file.parent.mkdir()
    file.write_text(f"def f(given):\n    {line}\n", encoding="utf-8")
    assert _strangers(file)


def test_every_reason_is_needed() -> None:
    found = {key for path in sorted(ROOT.rglob("*.py")) for key in _strangers(path)}
    assert set(REASONS) - found == set()
