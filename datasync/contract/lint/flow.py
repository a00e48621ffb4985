"""Problems of `transform:`: columns followed through every processor up to what is promised."""

from __future__ import annotations

from datasync.contract.column_flow import BEFORE_CASTING, Columns, columns_after
from datasync.contract.lint.finding import HTTP_KINDS, TEXT_KINDS, Finder


def find(finder: Finder) -> None:
    """Follow the columns; a source that declares none is known only by what transforms name."""
    contract = finder.contract
    if not contract.transform:
        _without_transform(finder)
        return
    declared = contract.source.columns
    known = False
    columns: Columns = {name: column.type for name, column in (declared or {}).items()}
    casting = declared is None and contract.source.type in (*TEXT_KINDS, *HTTP_KINDS)
    for number, item in enumerate(contract.transform):
        path = ("transform", number)
        if len(item.model_fields_set) != 1:
            finder.add(path, f"{len(item.model_fields_set)} processors in one item", "one processor per item")
            return
        if casting and item.kind not in BEFORE_CASTING:
            finder.add((*path, item.kind), f"{item.kind} over columns that are still text", ", ".join(BEFORE_CASTING),
                       "declare source.columns, so that a gate casts them first")  # fmt: skip
            return
        try:
            columns = columns_after(item, columns, known)
        except ValueError as error:
            finder.add((*path, item.kind), str(error), code="E_TRANSFORM")
            return
        known = known or item.kind == "select"
    if known:
        for name in contract.columns:
            if name not in columns:
                finder.unknown(("columns", name), name, "column behind the transforms called", columns)
    _types_agree(finder, columns)


def _without_transform(finder: Finder) -> None:
    """Both gates see the same columns: what the source promises must be what is promised on."""
    source = finder.contract.source.columns
    for name, column in (source or {}).items():
        promised = finder.contract.columns.get(name)
        if promised is not None and promised.type != column.type:
            finder.add(
                ("columns", name, "type"), f"{promised.type}, and source.columns says {column.type}", "the same type, or a cast"
            )


def _types_agree(finder: Finder, columns: Columns) -> None:
    for name, kind in columns.items():
        promised = finder.contract.columns.get(name)
        if kind is None or promised is None or promised.type == kind:
            continue
        both = (promised.type.is_numeric and kind.is_numeric) or (promised.type.is_text and kind.is_text)
        family = both or kind.name in (promised.type.name, "string")
        if not family:
            finder.add(
                ("columns", name, "type"),
                f"{promised.type}, and the transforms give {kind}",
                "a type that holds it",
                "add a cast",
            )
