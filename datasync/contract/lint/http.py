"""Problems of sources over HTTP: addresses, headers, variables, JSONPaths, and how pages follow each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from datasync.contract.endpoints import GraphqlSource, Pagination, RestSource, SoapSource
from datasync.contract.json_path import parse_any
from datasync.contract.lint.finding import Finder
from datasync.contract.variables import RUN_VARIABLES, placeholders
from datasync.contract.yaml_tree import Path

FILLED = ("endpoint", "headers", "query_params", "body", "variables", "arguments")
"""Keys whose text may hold `{name}`."""
WINDOW = ("window_start", "window_end")
_SIGNING = re.compile(
    r"^(authorization|proxy-authorization|cookie)$|(^|[-_])(password|secret|token|api[-_]?key|credentials?)($|[-_])",
    re.IGNORECASE,
)
_FRAMING = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding")
_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")


def find(finder: Finder) -> None:
    """Look at a source of the kinds rest, graphql and soap."""
    source = finder.contract.source
    if _not_installed(finder):
        return
    _variables(finder)
    _endpoint(finder)
    _headers(finder)
    _cursor(finder)
    _json_path(finder, ("source", "records"), source.records)  # type: ignore[union-attr]
    if getattr(source, "timeout", None) is not None and not source.timeout:  # type: ignore[union-attr]
        finder.add(("source", "timeout"), "no time at all", "such as 30s")
    if isinstance(source, RestSource):
        _rest(finder, source)
    elif isinstance(source, GraphqlSource):
        _graphql(finder, source)
    elif isinstance(source, SoapSource):
        _wsdl(finder, source)


_LIBRARIES = {
    "rest": ("authlib", "jsonpath_ng"),
    "graphql": ("authlib", "jsonpath_ng"),
    "soap": ("authlib", "jsonpath_ng", "zeep"),
}


def _not_installed(finder: Finder) -> bool:
    """Say what a kind lacks here before anything stumbles over it."""
    kind = finder.contract.source.type
    lacking = [name for name in _LIBRARIES[kind] if find_spec(name) is None]
    if lacking:
        extra = "soap" if kind == "soap" else "rest"
        finder.add(
            ("source", "type"), f"{kind}, and {', '.join(lacking)} is not installed", "", f'pip install "datasync[{extra}]"'
        )
    return bool(lacking)


def named_variables(source: Any) -> set[str]:
    """Give the names that a source's requests take from the run; none for sources that make no requests."""
    return {name for _, name in _named(source)}


def _named(source: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(source, RestSource | GraphqlSource | SoapSource):
        return
    for key in FILLED:
        for path, text in _texts(("source", key), getattr(source, key, None)):
            for name, _ in placeholders(text):
                yield path, name


def _texts(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts((*path, str(key)), item)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _texts((*path, number), item)


def _variables(finder: Finder) -> None:
    known = (*RUN_VARIABLES, *finder.contract.params)
    cursor = finder.contract.source.cursor
    for path, name in _named(finder.contract.source):
        if name not in known:
            finder.unknown(path, name, "variable", known)
        elif name in WINDOW and cursor is None:
            finder.add(path, f"{{{name}}}, and the source has no cursor", "source.cursor")


def _endpoint(finder: Finder) -> None:
    endpoint = getattr(finder.contract.source, "endpoint", None)
    if endpoint is None:
        return
    path: Path = ("source", "endpoint")
    if "://" in endpoint or endpoint.startswith("//") or "@" in endpoint.partition("/")[0]:
        finder.add(path, "an address with a host", "a path below the connection's host, such as /v1/orders")
    elif "?" in endpoint or "#" in endpoint:
        finder.add(path, "a query in the endpoint", "a path", "write it into query_params: it is escaped there")
    elif re.search(r"[\x00-\x20\x7f\\]", endpoint) or ".." in endpoint.split("/"):
        finder.add(path, "blanks, backslashes or .. in the endpoint", "a path, such as /v1/orders")


def _headers(finder: Finder) -> None:
    for name in getattr(finder.contract.source, "headers", {}):
        path: Path = ("source", "headers", name)
        if not _HEADER.match(name):
            finder.add(path, f"'{name[:40]}'", "a header's name: letters, digits and -")
        elif _SIGNING.search(name):
            finder.add(
                path, "a header that signs in", "a connection's id", "the connection's auth says how to sign in", "E_SECRET"
            )
        elif name.lower() in _FRAMING:
            finder.add(path, f"{name}, which is set by datasync", "other headers")


def _cursor(finder: Finder) -> None:
    contract, cursor = finder.contract, finder.contract.source.cursor
    if cursor is None:
        return
    declared = {**contract.columns, **(contract.source.columns or {})}.get(cursor.column)
    if declared is None:
        finder.add(("source", "cursor", "column"), f"{cursor.column} is declared nowhere", "a column that is declared",
                   "an API does not say what type its values have")  # fmt: skip
    elif declared.type.is_integer:
        finder.add(("source", "cursor", "column"), f"{cursor.column} is {declared.type}", "a date or a timestamp",
                   "an API cannot be asked for its greatest number")  # fmt: skip
    elif declared.parse is not None and cursor.column not in (contract.source.columns or {}):
        finder.add(("columns", cursor.column, "parse"), "parse on the cursor of an API", "source.columns: {…: {parse: …}}",
                   "windows are kept where rows are read, before any transform")  # fmt: skip
    elif not named_variables(contract.source) & {*WINDOW, "last_run_time"}:
        finder.advise(("source", "cursor"), "no request names the window: everything is fetched, and the rest left out here",
                      "let the API select, such as query_params: {updated_since: '{window_start}'}")  # fmt: skip


def _json_path(finder: Finder, path: Path, text: str | None) -> None:
    if text is None:
        return
    problem = json_path_problem(text)
    if problem:
        finder.add(path, f"'{text[:60]}' {problem}", "a JSONPath, such as $.data[*]")


def json_path_problem(text: str) -> str:
    """Say what is wrong with a JSONPath; an empty text for a sound one."""
    if not text.startswith("$"):
        return "does not begin with $, the answer"
    try:
        parse_any(text)
    except ValueError as error:
        return f"is {error}"
    return ""


def _rest(finder: Finder, source: RestSource) -> None:
    if source.body is not None and source.method == "GET":
        finder.add(("source", "body"), "a body with GET", "method: POST")
    changes = source.changes
    if changes is not None and changes.by == "modified" and source.method != "GET":
        finder.add(("source", "changes", "by"), "modified with POST", "GET", "ETag and Last-Modified belong to GET")
    if source.pagination is not None:
        _pagination(finder, source.pagination)


_TAKES = {
    "page": ("param", "start", "size", "last", "total"),
    "offset": ("param", "start", "size", "last", "total"),
    "cursor": ("param", "size", "token", "last", "total"),
    "link_header": ("size", "last", "total"),
    "next_url": ("size", "token", "last", "total"),
}


def _pagination(finder: Finder, style: Pagination) -> None:
    where: Path = ("source", "pagination")
    takes = _TAKES[style.style]
    for key in ("param", "start", "size", "token", "last", "total"):
        if getattr(style, key) is not None and key not in takes:
            finder.add((*where, key), f"{key} with style {style.style}", ", ".join(takes))
    if style.style == "cursor" and style.token is None:
        finder.add(where, "cursor without token", "token: a JSONPath of the next page's cursor, such as $.next")
    _size(finder, style.size)
    for key in ("token", "last", "total"):
        _json_path(finder, (*where, key), getattr(style, key))


def _size(finder: Finder, size: Mapping[str, int] | None) -> None:
    if size is not None and (len(size) != 1 or next(iter(size.values())) < 1):
        finder.add(("source", "pagination", "size"), "no single parameter with a number of rows", "such as {limit: 100}")


_SKIPPED = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*')
_OPERATION = re.compile(r"^\s*(query|mutation|subscription)\b")
_VARIABLE = re.compile(r"\$([_A-Za-z][_0-9A-Za-z]*)")


def _graphql(finder: Finder, source: GraphqlSource) -> None:
    path: Path = ("source", "query")
    plain = _SKIPPED.sub(" ", source.query)
    operations = _outside_braces(plain)
    kinds = [match[1] for part in operations if (match := _OPERATION.match(part))]
    if any(kind != "query" for kind in kinds):
        finder.add(path, "a query that writes", "one query", "a source only reads")
    elif len(kinds) > 1 or not (kinds or plain.lstrip().startswith("{")):
        finder.add(path, f"{len(kinds)} queries", "one query")
    named = set(_VARIABLE.findall(plain))
    style = source.pagination
    paged = {style.param, *(style.size or {})} if style is not None else set()
    for name in source.variables:
        if name not in named:
            finder.unknown(("source", "variables", name), name, "variable in the query called", sorted(named))
    for name in sorted(named - set(source.variables) - paged):
        finder.add(("source", "variables"), f"the query's ${name} has no value", "a value for every variable", f"add {name}: …")
    for name in sorted(paged - named):
        finder.add(("source", "pagination"), f"the query has no ${name}", ", ".join(sorted(named)) or "none",
                   "declare it in the query: every page would be the first")  # fmt: skip
    if style is not None:
        _size(finder, style.size)
        _json_path(finder, ("source", "pagination", "page_info"), style.page_info)
        if "hasNextPage" not in plain or "endCursor" not in plain:
            finder.add(path, "no pageInfo in a query of several pages", "pageInfo { hasNextPage endCursor }")


def _outside_braces(text: str) -> list[str]:
    """What stands in front of each outermost `{ … }`."""
    found, depth, last = [], 0, 0
    for at, letter in enumerate(text):
        if letter == "{":
            if depth == 0:
                found.append(text[last:at])
            depth += 1
        elif letter == "}":
            depth -= 1
            last = at + 1
    return found


def _wsdl(finder: Finder, source: SoapSource) -> None:
    from datasync.contract.lint.source import inside

    if "://" not in source.wsdl:
        inside(finder, ("source", "wsdl"), source.wsdl)
    elif not source.wsdl.startswith(("http://", "https://")):
        finder.add(
            ("source", "wsdl"), f"the URL {source.wsdl.split('://', maxsplit=1)[0]}://…", "a file, or http:// and https://"
        )
