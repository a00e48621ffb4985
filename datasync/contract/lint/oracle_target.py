"""Problems of a `target:` that is Oracle: types and keys it cannot hold, and what it takes for NULL."""

from __future__ import annotations

from datasync.contract.endpoints import OracleTarget
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.lint.finding import Finder
from datasync.contract.types import DataType

_NO_KEYS = ("json", "binary")


def find(finder: Finder) -> None:
    """Look at the columns, if the target is Oracle."""
    target = finder.contract.target
    if not isinstance(target, OracleTarget):
        return
    for name, column in finder.contract.columns.items():
        found, instead = _lacking(column.type)
        if found:
            finder.add(("columns", name, "type"), f"{found}, and the target is oracle", instead)
        elif column.key and column.type.name in _NO_KEYS:
            finder.add(("columns", name, "key"), f"a key of type {column.type}, and the target is oracle", "a text column",
                       "it is kept as a large object, which has no equality")  # fmt: skip
        try:
            quote_identifier(name, "oracle")
        except ExpressionError as error:
            finder.add(("columns", name), error.found, error.allowed, error.hint)
    _empty_texts(finder)


def _lacking(kind: DataType) -> tuple[str, str]:
    """Say what Oracle cannot hold exactly, and what to do instead; nothing where it can."""
    if kind.name == "list":
        return str(kind), "json"
    if kind.name == "time":
        return str(kind), "string, or a timestamp"
    if kind.name == "timestamp" and kind.unit == "ns":
        return f"{kind}, nanoseconds", "timestamp[us]"
    return "", ""


def _empty_texts(finder: Finder) -> None:
    """A run refuses an empty text as a whole, unless a gate has set its row aside."""
    texts = [
        name
        for name, column in finder.contract.columns.items()
        if column.type.name == "string" and not column.min_length and column.one_of is None and column.pattern is None
    ]
    if texts and finder.contract.source.type not in ("oracle", "csv", "xml"):
        shown = ", ".join(texts[:5]) + (", …" if len(texts) > 5 else "")
        finder.advise(
            ("target", "type"),
            f"oracle keeps an empty text as NULL, and a run with one is refused ({shown})",
            "min_length: 1 sets such rows aside; or map them to NULL in a transform",
        )
