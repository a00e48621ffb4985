"""Columns before a transform in, columns after it out; pure, so that lint and runs agree on names and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from datasync.contract.processing import Processor
from datasync.contract.types import DataType
from datasync.errors import did_you_mean

Columns = Mapping[str, DataType | None]
"""Name to type; None: still text, or unknown."""

BEFORE_CASTING = (
    "rename", "select", "drop", "trim", "map_values", "cast",
    "normalise_unicode", "parse_json", "flatten", "explode", "hash", "mask",
)  # fmt: skip
"""What may run over columns that no gate has cast yet."""


def columns_after(item: Processor, columns: Columns, known: bool = True) -> dict[str, DataType | None]:
    """Give the columns after one processor.

    Args:
        item: the processor.
        columns: before it, in order.
        known: `columns` is all there is; else a name that is not in it may still be there.

    Raises:
        ValueError: it names a column that is not there, makes one that is there already, or does not fit a type.
    """
    from datasync.contract.column_making import MAKERS

    makers: dict[str, Callable[[Processor, dict[str, DataType | None], bool], dict[str, DataType | None]]] = {
        "rename": _rename, "select": _select, "drop": _drop, "cast": _cast, "derive": _derive, "filter": _filter,
        "dedupe": _dedupe, "map_values": _map_values, "trim": _trim, "fill": _fill, "convert_timezone": _convert_timezone,
        **MAKERS,
    }  # fmt: skip
    return makers[item.kind](item, dict(columns), known)


def there(name: str, columns: Columns, known: bool) -> None:
    """Refuse a name that is not there.

    Raises:
        ValueError: it says which columns there are.
    """
    if known and name not in columns:
        raise ValueError(
            f"there is no column '{name}' here; there are {', '.join(columns)}. {did_you_mean(name, columns)}".rstrip(". ")
        )


def text_there(what: str, names: Iterable[str], columns: Columns, known: bool) -> None:
    """Refuse names that are not there or not text; `what` says what is done to them.

    Raises:
        ValueError: see above.
    """
    for name in names:
        there(name, columns, known)
        kind = columns.get(name)
        if kind is not None and not kind.is_text:
            raise ValueError(f"{what} text, and {name} is {kind}")


def _rename(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    new = item.rename or {}
    for old in new:
        there(old, columns, known)
        columns.setdefault(old, None)
    found: dict[str, DataType | None] = {}
    for name, kind in columns.items():
        after = new.get(name, name)
        if after in found:
            raise ValueError(f"two columns would be called '{after}'")
        found[after] = kind
    return found


def _select(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    for name in item.select or ():
        there(name, columns, known)
    return {name: columns.get(name) for name in item.select or ()}


def _drop(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    for name in item.drop or ():
        there(name, columns, known)
        columns.pop(name, None)
    return columns


def _cast(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    for name, kind in (item.cast or {}).items():
        there(name, columns, known)
        columns[name] = kind
    return columns


def _derive(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    from datasync.contract.expressions import ExpressionError, compile_expression

    typed = {name: kind for name, kind in columns.items() if kind is not None}
    for name, text in (item.derive or {}).items():
        try:
            columns[name] = compile_expression(text, typed).type
        except ExpressionError as error:
            raise ValueError(f"{name}: {_said(error)}") from error
    return columns


def _said(error: Exception) -> str:
    parts = [getattr(error, "found", str(error)), getattr(error, "allowed", ""), getattr(error, "hint", "")]
    return "; ".join(part for part in parts if part)


def _filter(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    from datasync.contract.expressions import ExpressionError, compile_expression

    typed = {name: kind for name, kind in columns.items() if kind is not None}
    try:
        compile_expression(item.filter or "", typed, boolean=True)
    except ExpressionError as error:
        raise ValueError(_said(error)) from error
    return columns


def dedupe_order(text: str | None) -> tuple[str, bool] | None:
    """Read `column`, `column asc` or `column desc`; give the column and whether it descends.

    Raises:
        ValueError: another form.
    """
    if text is None:
        return None
    column, _, direction = text.strip().partition(" ")
    if direction.strip().lower() not in ("", "asc", "desc"):
        raise ValueError(f"order '{text}' is not of the form: column, column asc or column desc")
    return column, direction.strip().lower() == "desc"


def _dedupe(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    assert item.dedupe is not None
    for name in item.dedupe.by:
        there(name, columns, known)
    order = dedupe_order(item.dedupe.order)
    if order is not None:
        there(order[0], columns, known)
    return columns


def _map_values(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    assert item.map_values is not None
    name = item.map_values.column
    text_there("map_values maps", [name], columns, known)
    return columns


def _trim(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    text_there("trim cuts", item.trim or (), columns, known)
    return columns


def _fill(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    from datasync.contract.literals import literal_value

    for name, value in (item.fill or {}).items():
        there(name, columns, known)
        kind = columns.get(name)
        if kind is not None:
            literal_value(value, kind)
    return columns


def _convert_timezone(item: Processor, columns: dict[str, DataType | None], known: bool) -> dict[str, DataType | None]:
    assert item.convert_timezone is not None
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    zone = item.convert_timezone.to
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{zone}' is not an IANA time zone") from error
    for name in item.convert_timezone.columns:
        there(name, columns, known)
        kind = columns.get(name)
        if kind is not None and (kind.name != "timestamp" or kind.zone is None):
            raise ValueError(f"convert_timezone moves instants, and {name} is {kind}; a naive column gets its zone by timezone:")
        if kind is not None:
            columns[name] = replace(kind, zone=zone)
    return columns
