"""Problems of single processors: what they name outside the rows, which is tables, variables and functions."""

from __future__ import annotations

import pathlib
import symtable

from datasync.contract.column_making import CODES
from datasync.contract.lint.finding import SQL_KINDS, Finder
from datasync.contract.lint.source import table_or_query
from datasync.contract.lint.surroundings import project_root
from datasync.contract.processing import FormatPayload, Lookup, Python
from datasync.contract.variables import RUN_VARIABLES, placeholders
from datasync.contract.yaml_tree import Path
from datasync.errors import did_you_mean


def find(finder: Finder) -> None:
    """Look at each item of `transform:`."""
    for number, item in enumerate(finder.contract.transform):
        path = ("transform", number)
        if item.lookup is not None:
            _lookup(finder, item.lookup, (*path, "lookup"))
        if item.format_payload is not None:
            _variables(finder, item.format_payload, (*path, "format_payload"))
        if item.python is not None:
            _function(finder, item.python, (*path, "python"))


def _lookup(finder: Finder, wanted: Lookup, path: Path) -> None:
    """The table is read whole: nothing of its block may speak of windows or promises."""
    at = (*path, "source")
    for name in ("cursor", "changes", "columns", "partition"):
        if getattr(wanted.source, name, None) is not None:
            finder.add((*at, name), f"{name} in a lookup, which reads its table whole", "what says where the table is",
                       "the types stand in add:")  # fmt: skip
    if wanted.source.type in SQL_KINDS:
        table_or_query(finder, wanted.source, at)


def _variables(finder: Finder, wanted: FormatPayload, path: Path) -> None:
    known = (*RUN_VARIABLES, *finder.contract.params)
    for code in CODES:
        for name, _ in placeholders(getattr(wanted, code) or ""):
            if name not in known:
                finder.unknown((*path, code), name, "variable", known)


def _function(finder: Finder, wanted: Python, path: Path) -> None:
    """The module is a file of the project; it is read, and not imported before a run needs it."""
    module, _, function = wanted.function.partition(":")
    module = module.replace(".", "/")
    root = project_root(finder.file)
    places = [root / place for place in (f"{module}.py", f"{module}/__init__.py")]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        finder.add(path, f"there is no {module}.py in the project root", "module:function of a file there",
                   "the root is the folder with datasync.toml")  # fmt: skip
    else:
        _bound(finder, file, function, path)
    for name in wanted.drops:
        if name in wanted.adds:
            finder.add(path, f"{name} both added and dropped", "one of them")


def _bound(finder: Finder, file: pathlib.Path, function: str, path: Path) -> None:
    """Look for a function among the names of a file; what a star or `__getattr__` brings only an import would tell."""
    try:
        text = file.read_text(encoding="utf-8")
        symbols = symtable.symtable(text, file.name, "exec").get_symbols()
    except (OSError, ValueError, SyntaxError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        finder.add(path, f"{file.name} cannot be read{line}: {type(error).__name__}", "a file of Python")
        return
    names = [symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()]
    if function not in names and "__getattr__" not in names and "import *" not in text:
        finder.add(path, f"{file.name} has no function {function}", "", did_you_mean(function, names))
