"""What a database says of a table or column that is not there in, its name and what to do out; no other word of it is kept."""

from __future__ import annotations

import re

from datasync.errors import shorten

_SAID = (
    re.compile(r'^relation "(?P<table>[^"\n]+)" does not exist'),
    re.compile(r'^column "?(?P<column>[^"\n]+?)"? does not exist'),
    re.compile(r'^schema "(?P<schema>[^"\n]+)" does not exist'),
    re.compile(r"^Table '(?P<table>[^'\n]+)' doesn't exist"),
    re.compile(r"^Unknown column '(?P<column>[^'\n]+)' in "),
    re.compile(r"Table with name (?P<table>\S+) does not exist"),
)
"""PostgreSQL's, MySQL's and DuckDB's words; such names stand in the statement, which is made of the contract alone."""


def missing(text: str) -> tuple[str, str]:
    """Read which thing is missing.

    Args:
        text: the database's own message, in English.

    Returns:
        What it is called, such as ` nope` to be put behind a word, and a hint; both empty where the text says something else.
    """
    for pattern in _SAID:
        if found := pattern.search(text):
            kind, name = next((kind, name) for kind, name in found.groupdict().items() if name is not None)
            where = "table or query" if kind != "column" else "query, cursor and columns"
            return f" {shorten(name, 80)}", f"check {where}, and which database and schema the connection names"
    return "", ""
