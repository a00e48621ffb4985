"""Problems of `source:` and of the variables it names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import PurePosixPath

from datasync.contract.endpoints import Source
from datasync.contract.lint import http, stores
from datasync.contract.lint.finding import FILE_KINDS, HTTP_KINDS, PARTED_KINDS, SQL_KINDS, TEXT_KINDS, Finder, is_table
from datasync.contract.variables import RUN_VARIABLES, bound_names, placeholders, replaced
from datasync.contract.yaml_tree import Path
from datasync.errors import UsageError

DELTA_SCHEMES = ("s3", "s3a", "abfs", "abfss", "az", "gs")
"""Object stores that a Delta table may lie in."""
LATER = ("window_start", "window_end", "last_run_time")
"""Run variables that are known when paths have been read."""


def find(finder: Finder) -> None:
    """Look at source, cursor, params and paths."""
    source = finder.contract.source
    if source.type in SQL_KINDS:
        table_or_query(finder, source, ("source",))
    if source.type in HTTP_KINDS:
        http.find(finder)
    _params(finder)
    _cursor(finder)
    _paths(finder)
    _source_columns(finder)
    _changes(finder)


def table_or_query(finder: Finder, source: Source, at: Path) -> None:
    """Look at what a SQL source reads; `at` is where its block stands."""
    table, query = getattr(source, "table", None), getattr(source, "query", None)
    if (table is None) == (query is None):
        finder.add(at, "table and query together" if table else "neither table nor query", "exactly one of table and query")
    if query is not None:
        _query(finder, query, source, (*at, "query"))
    elif table is not None and not is_table(table):
        finder.add((*at, "table"), f"'{table}'", "table or schema.table")


def _query(finder: Finder, query: str, source: Source, path: Path) -> None:
    names = {bound.name for bound in bound_names(query)}
    known = (*RUN_VARIABLES, *finder.contract.params)
    for name in sorted(names - set(known)):
        finder.unknown(path, name, "variable", known)
    own = names & {"window_start", "window_end"}
    if len(own) == 1:
        finder.add(path, f"the query uses :{next(iter(own))} alone", ":window_start and :window_end together, or neither")
    if own and source.cursor is None:
        finder.add(path, "the query bounds a window and the source has no cursor", "source.cursor")
    for name, _ in placeholders(query):
        if name not in finder.contract.params:
            finder.unknown(path, name, "param", finder.contract.params)
    _one_select(finder, query, source.type, path)


def _one_select(finder: Finder, query: str, dialect: str, path: Path) -> None:
    """The author's query is one SELECT and nothing else."""
    import logging

    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
    try:
        # What stands in braces will be an identifier.
        found = sqlglot.parse(replaced(query, lambda name, form: name), read=dialect)
    except (SqlglotError, RecursionError) as error:
        finder.add(path, f"the query cannot be read: {str(error).splitlines()[0][:150]}", "one SELECT", code="E_QUERY")
        return
    statements = [statement for statement in found if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        kind = type(statements[0]).__name__.upper() if statements else "nothing"
        finder.add(path, f"{len(statements)} statements, the first {kind}", "one SELECT", code="E_QUERY")
        return
    writes = (exp.Insert, exp.Update, exp.Delete, exp.Into, exp.Create, exp.Drop, exp.Alter, exp.Command)
    if any(True for _ in statements[0].find_all(*writes)):
        finder.add(path, "the query writes", "one SELECT that only reads", code="E_QUERY")


def _params(finder: Finder) -> None:
    from datasync.contract.variables import resolve_params

    for name, declared in finder.contract.params.items():
        path = ("params", name)
        if name in RUN_VARIABLES:
            finder.add(path, f"'{name}' is a run variable", "another name")
        if declared.default is None:
            continue
        alone = finder.contract.model_copy(update={"params": {name: declared}})
        try:
            resolve_params(alone, {})
        except UsageError as error:
            finder.add((*path, "default"), error.message)


def _cursor(finder: Finder) -> None:
    contract, cursor = finder.contract, finder.contract.source.cursor
    if cursor is None:
        return
    path = ("source", "cursor")
    if contract.source.type in TEXT_KINDS:
        finder.add(
            path, f"a cursor on {contract.source.type}, which has no types", "parquet and SQL sources", "cast and filter instead"
        )
        return
    declared = {**contract.columns, **(contract.source.columns or {})}.get(cursor.column)
    if (
        contract.source.columns is not None
        and cursor.column not in contract.source.columns
        and not contract.transform
        and (cursor.column not in contract.columns)
    ):
        finder.unknown((*path, "column"), cursor.column, "column", {**contract.source.columns, **contract.columns})
    if declared is None:
        return
    kind = declared.type
    if not (kind.is_integer or kind.name in ("date", "timestamp")):
        finder.add((*path, "column"), f"{cursor.column} is {kind}", "an integer, a date or a timestamp")
        return
    if kind.name == "timestamp" and kind.zone is None and cursor.timezone is None:
        finder.add(path, f"{cursor.column} has no zone", "cursor.timezone", "say which zone its values are in")
    if isinstance(cursor.lag, timedelta) and kind.is_integer:
        finder.add((*path, "lag"), "a duration before an integer", "a number")
    if isinstance(cursor.lag, int) and not kind.is_integer:
        finder.add((*path, "lag"), f"a number before {kind}", "a duration, such as 10m")
    _cursor_start(finder)


def _cursor_start(finder: Finder) -> None:
    contract, cursor = finder.contract, finder.contract.source.cursor
    assert cursor is not None
    declared = {**contract.columns, **(contract.source.columns or {})}[cursor.column]
    if cursor.start is None:
        return
    where: Path = ("source", "cursor", "start")
    text = str(cursor.start)
    try:
        if declared.type.is_integer:
            int(text)
        else:
            from datetime import date, datetime

            (date if declared.type.name == "date" else datetime).fromisoformat(text)
    except ValueError:
        finder.add(where, f"'{text}'", f"a value of {declared.type}")


def _paths(finder: Finder) -> None:
    for block in ("source", "target"):
        endpoint = getattr(finder.contract, block)
        for key in ("path", "database"):
            text = getattr(endpoint, key, None)
            if text is not None:
                _path(finder, (block, key), text)


def _path(finder: Finder, where: tuple[str | int, ...], text: str) -> None:
    known = (*(name for name in RUN_VARIABLES if name not in LATER), *finder.contract.params)
    for name, _ in placeholders(text):
        if name in LATER:
            # One path cannot name all the days of a window, and files are pinned before it is known.
            finder.add(where, f"'{{{name}}}' in a path", "{ds}, or a glob of which the cursor selects")
        elif name not in known:
            finder.unknown(where, name, "variable", known)
    if "://" in text and getattr(finder.contract, str(where[0])).type == "delta":
        _delta_url(finder, where, text)
        return
    if "://" in text:
        stores.url(finder, where, text)
        return
    stores.connected(finder, where)
    inside(finder, where, text)


def _delta_url(finder: Finder, where: tuple[str | int, ...], text: str) -> None:
    scheme, _, rest = text.partition("://")
    if scheme not in DELTA_SCHEMES:
        finder.add(where, f"the URL {scheme}://…", ", ".join(f"{known}://" for known in DELTA_SCHEMES))
    elif not rest.strip("/"):
        finder.add(where, f"the URL {scheme}://", f"{scheme}://bucket/table")
    elif ":" in rest.partition("/")[0]:
        finder.add(where, f"the URL {scheme}://…:…", f"{scheme}://bucket/table", "keys and hosts stand in the connection")


def inside(finder: Finder, where: tuple[str | int, ...], text: str) -> None:
    """A path that leads out of the project by its text alone is refused before anything is opened."""
    from datasync.contract.lint.surroundings import roots

    parts = PurePosixPath(text).parts
    depth = 0
    for part in parts:
        depth += -1 if part == ".." else 0 if part == "/" else 1
        if depth < 0:
            break
    outside = text.startswith("/") or depth < 0
    if outside and not any(_under(finder, text, root) for root in roots(finder.file)):
        finder.add(
            where, "a path outside the project", "a path below the project root", "list its folder under roots in datasync.toml"
        )


def _under(finder: Finder, text: str, root: object) -> bool:
    from pathlib import Path

    from datasync.contract.lint.surroundings import project_root

    full = Path(text) if text.startswith("/") else project_root(finder.file) / text
    return full.resolve().is_relative_to(Path(str(root)))


def _source_columns(finder: Finder) -> None:
    """The source gate judges rows; what needs whole tables is promised in columns."""
    for name, column in (finder.contract.source.columns or {}).items():
        for kind in ("unique", "references", "null_share", "distinct"):
            if any(getattr(checks, kind) not in (None, False) for checks in (column, *column.checks)):
                finder.add(
                    ("source", "columns", name, kind),
                    f"{kind} in source.columns",
                    "columns",
                    "whole tables are judged in staging",
                )
        if column.key:
            finder.add(("source", "columns", name, "key"), "key in source.columns", "columns", "the key is the target's")


def _changes(finder: Finder) -> None:
    source = finder.contract.source
    changes = source.changes
    if changes is None:
        return
    if changes.by is not None and changes.query is not None:
        finder.add(("source", "changes"), "by and query together", "one of them")
    if changes.by == "modified" and source.type not in (*FILE_KINDS, "rest", "delta"):
        finder.add(
            ("source", "changes", "by"), f"modified on {source.type}", "file, rest and delta sources", "use cursor or query"
        )
    if changes.query is not None and source.type not in SQL_KINDS:
        finder.add(("source", "changes", "query"), f"a query on {source.type}", "SQL sources", "use changes.by")
    if changes.by == "cursor" and source.cursor is None:
        finder.add(("source", "changes", "by"), "cursor, and the source has none", "source.cursor")
    partition = getattr(source, "partition", None)
    if partition is not None and source.type not in PARTED_KINDS:
        finder.add(("source", "partition"), f"partition on {source.type}", ", ".join(PARTED_KINDS))
