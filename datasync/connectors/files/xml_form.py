"""Rows in and out of XML: an element a row, an element a column that has a value, lists as items."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from datasync.connectors.duckdb.engine import Handle
from datasync.connectors.files.compression import writing
from datasync.connectors.files.forms import Types, as_text, finite
from datasync.connectors.files.loading import loaded, names_of
from datasync.connectors.files.xml_rows import ITEM, XmlRows
from datasync.contract.endpoints import XmlTargetOptions
from datasync.contract.types import STRING, DataType
from datasync.errors import PermanentError, TargetMismatch

_NAME = re.compile(r"[^\W\d][\w.-]*")
_NEVER = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x{fffe}\x{ffff}]"
"""Characters that no XML document can hold, not even escaped."""


class XmlForm:
    """See `forms.Form`. NULL is an element that is not there; a column that the contract does not name stays the text it is."""

    suffix = ".xml"
    extra: DataType | None = STRING

    def __init__(self, options: XmlTargetOptions) -> None:
        self._options = options

    def check(self, columns: Types) -> None:
        """Refuse columns that no element can be called."""
        for name in columns:
            if not _NAME.fullmatch(name):
                raise TargetMismatch(
                    f"the column {name[:60]} cannot be the name of an XML element",
                    hint="rename it, or use another kind of target",
                )

    def columns(self, paths: list[Path], wanted: Types) -> dict[str, DataType | None]:
        """Every column of every row, and what the contract wants."""
        return names_of(paths, wanted, self._rows(wanted))

    def relation(self, handle: Handle, paths: list[Path], columns: Types) -> str:
        """Load the rows."""
        return loaded(handle, paths, columns, self._rows(columns))

    def _rows(self, columns: Types) -> XmlRows:
        return XmlRows(self._options.row_tag, columns)

    def write(self, frames: Iterator[pl.DataFrame], path: Path, columns: Types) -> None:
        """Write one element a row, and in it one for every value that is there."""
        self.check(columns)
        tag, root = self._options.row_tag, self._options.root
        row = pl.concat_str(
            [pl.lit(f"<{tag}>"), *(_element(name, kind) for name, kind in columns.items()), pl.lit(f"</{tag}>\n")]
        )
        with writing(path) as stream:
            head = f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\n'
            stream.write(head.encode())
            for frame in frames:
                finite(frame, columns, "XML")
                _sayable(frame, columns)
                stream.write("".join(frame.select(row.alias("row")).to_series()).encode())
            stream.write(f"</{root}>\n".encode())


def _element(name: str, kind: DataType) -> pl.Expr:
    inside = _items(name, kind) if kind.name == "list" else _escaped(as_text(name, kind))
    return pl.concat_str([pl.lit(f"<{name}>"), inside, pl.lit(f"</{name}>")]).fill_null("")


def _items(name: str, kind: DataType) -> pl.Expr:
    assert kind.item is not None
    text = as_text("", kind.item)
    item = pl.concat_str([pl.lit(f"<{ITEM}>"), _escaped(text), pl.lit(f"</{ITEM}>")])
    return pl.col(name).list.eval(item.fill_null(f'<{ITEM} xsi:nil="true"/>')).list.join("")


def _escaped(text: pl.Expr) -> pl.Expr:
    """Escape what is markup, and the carriage return, which a reader would take for a line end."""
    return text.str.replace_many(["&", "<", ">", "\r"], ["&amp;", "&lt;", "&gt;", "&#13;"])


def _sayable(frame: pl.DataFrame, columns: Types) -> None:
    """Refuse characters that XML has no way to write.

    Raises:
        PermanentError: a value has one.
    """
    for name, kind in columns.items():
        texts = frame[name].explode(empty_as_null=True) if kind.name == "list" else frame[name]
        if texts.dtype == pl.String and texts.str.contains(_NEVER).any():
            raise PermanentError(
                f"column {name} holds a control character, which XML cannot say", code="E_VALUE",
                hint="give it a rule that refuses them, or another kind of target",
            )  # fmt: skip
