"""Columns before a transform that makes new ones in, columns after it out: the table's part that `column_flow` asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from datasync.contract.column_flow import Columns, text_there, there
from datasync.contract.processing import Flatten, FormatPayload, JsonField, LookupColumn, ParseJson, Processor
from datasync.contract.types import STRING, DataType

Made = dict[str, DataType | None]

FORMATS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "default": {},
    "esl_format": {
        "article_id": ("id", "product_id", "sku"),
        "article_name": ("product_name", "name"),
        "article_price": ("price", "sale_price"),
    },
    "inventory_format": {
        "item_id": ("id", "product_id", "sku"),
        "item_quantity": ("quantity", "stock", "stock_quantity"),
    },
}
"""Format -> its column -> the columns that it is taken from, the first that is there."""
IDENTIFIERS = ("article_id", "article_name", "item_id")
"""Columns of formats that are text, whatever they are taken from."""
CODES = ("company_code", "store_code")


def _normalise_unicode(item: Processor, columns: Made, known: bool) -> Made:
    assert item.normalise_unicode is not None
    text_there("normalise_unicode takes", item.normalise_unicode.columns, columns, known)
    return columns


def _mask(item: Processor, columns: Made, known: bool) -> Made:
    assert item.mask is not None
    text_there("mask hides", item.mask.columns, columns, known)
    return {name: STRING if name in item.mask.columns else kind for name, kind in columns.items()}


def _hash(item: Processor, columns: Made, known: bool) -> Made:
    assert item.hash is not None
    for name in item.hash.columns:
        there(name, columns, known)
        kind = columns.get(name)
        if kind is not None and not (kind.is_text or kind.is_integer):
            raise ValueError(f"hash takes text and whole numbers, and {name} is {kind}; cast it to string first")
        columns[name] = STRING
    return columns


def _parse_json(item: Processor, columns: Made, known: bool) -> Made:
    assert item.parse_json is not None
    return _members(item.parse_json, "parse_json reads", columns, known)


def _flatten(item: Processor, columns: Made, known: bool) -> Made:
    assert item.flatten is not None
    return _members(item.flatten, "flatten reads", columns, known)


def _members(wanted: ParseJson | Flatten, what: str, columns: Made, known: bool) -> Made:
    text_there(what, [wanted.column], columns, known)
    if not wanted.keep:
        columns.pop(wanted.column, None)
    members = wanted.members()
    if len(members) < len(wanted.fields):
        raise ValueError("two fields would have one name")
    _new(members, columns)
    for name, (_, field) in members.items():
        _reads_text(name, field)
        columns[name] = field.type
    return columns


def _new(names: Iterable[str], columns: Columns) -> None:
    for name in names:
        if name in columns:
            raise ValueError(f"there is a column '{name}' already; rename or drop it first")


def _reads_text(name: str, field: JsonField | LookupColumn) -> None:
    """`parse` and `timezone` say how text is read, for types that have such a form."""
    if field.parse is not None and not field.type.is_temporal:
        raise ValueError(f"parse on {field.type}: {name} is neither a date nor a time")
    if field.timezone is None:
        return
    if field.type.name != "timestamp" or field.type.zone is None:
        raise ValueError(f"timezone on {field.type}: {name} holds no instants")
    try:
        ZoneInfo(field.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{field.timezone}' is not an IANA time zone") from error


def _explode(item: Processor, columns: Made, known: bool) -> Made:
    wanted = item.explode
    assert wanted is not None
    there(wanted.column, columns, known)
    kind = columns.get(wanted.column)
    if kind is not None and kind.name == "list":
        if wanted.type is not None and wanted.type != kind.item:
            raise ValueError(f"{wanted.column} is {kind}: its elements are {kind.item}, not {wanted.type}")
        columns[wanted.column] = kind.item
        return columns
    text_there("explode takes lists and", [wanted.column], columns, known)
    columns[wanted.column] = wanted.type or (DataType("json") if known or kind is not None else None)
    return columns


def _lookup(item: Processor, columns: Made, known: bool) -> Made:
    wanted = item.lookup
    assert wanted is not None
    for name in wanted.by:
        there(name, columns, known)
        kind = columns.get(name)
        if kind is not None and (kind.is_float or kind.name in ("list", "binary")):
            raise ValueError(f"{name} is {kind}, which is no key")
    _new(wanted.add, columns)
    for name, (_, column) in wanted.columns().items():
        _reads_text(name, column)
        columns[name] = column.type
    return columns


def taken_from(wanted: FormatPayload, columns: Columns, known: bool = True) -> dict[str, str]:
    """Give each column of a payload's format and the column it is taken from.

    Raises:
        ValueError: there is none to take it from, or `fields` names no column of the format.
    """
    parts = FORMATS[wanted.format]
    for name in wanted.fields:
        if name not in parts:
            raise ValueError(f"{wanted.format} has no column '{name}'; it has {', '.join(parts) or 'none of its own'}")
    found = {}
    for name, candidates in parts.items():
        if name in wanted.fields:
            there(wanted.fields[name], columns, known)
            found[name] = wanted.fields[name]
            continue
        here = [candidate for candidate in candidates if candidate in columns]
        if not here and known:
            raise ValueError(
                f"{wanted.format} takes {name} from {' or '.join(candidates)}, and there is none; name it in fields:"
            )
        found[name] = here[0] if here else candidates[0]
    return found


def _format_payload(item: Processor, columns: Made, known: bool) -> Made:
    wanted = item.format_payload
    assert wanted is not None
    codes = {name: STRING for name in CODES if getattr(wanted, name) is not None}
    if wanted.format != "default" and len(codes) < len(CODES):
        raise ValueError(f"{wanted.format} needs company_code and store_code")
    made: Made = dict(codes)
    for name, origin in taken_from(wanted, columns, known).items():
        kind = columns.get(origin)
        if name in IDENTIFIERS:
            if kind is not None and not (kind.is_text or kind.is_integer):
                raise ValueError(f"{name} is text, and {origin} is {kind}; cast it to string first")
            made[name] = STRING
        else:
            made[name] = kind
    if not wanted.keep:
        return made or columns
    _new(made, columns)
    return {**made, **columns}


def _python(item: Processor, columns: Made, known: bool) -> Made:
    wanted = item.python
    assert wanted is not None
    for name in wanted.drops:
        there(name, columns, known)
        columns.pop(name, None)
    return {**columns, **wanted.adds}


MAKERS: Mapping[str, Callable[[Processor, Made, bool], Made]] = {
    "normalise_unicode": _normalise_unicode, "mask": _mask, "hash": _hash, "parse_json": _parse_json, "flatten": _flatten,
    "explode": _explode, "lookup": _lookup, "format_payload": _format_payload, "python": _python,
}  # fmt: skip
"""Kind of transform -> its columns after."""
