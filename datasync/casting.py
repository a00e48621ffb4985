"""A column and a contract type in, exact values and a mask of the cells that are not such values out.

Nothing is rounded, trimmed, guessed or wrapped: what cannot be held exactly is a bad cell. The forms of text are the contract
reference's ("Types").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from datasync.contract.types import DataType, polars_type

TRUE = ("true", "t", "1", "yes", "y")
FALSE = ("false", "f", "0", "no", "n")
_INTEGER = r"^[+-]?[0-9]+$"
_DECIMAL = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)$"
_FLOAT = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
# A leap second has no place in any system's time: the parser would take it for the next minute.
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_LEAP = ":60"
_NAIVE = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}$"
_AWARE = rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}[T ]{_CLOCK}(?:[Zz]|[+-][0-9]{{2}}:?[0-9]{{2}})$"
_TIME = rf"^{_CLOCK}$"
_UUID = r"^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$"
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}


@dataclass(frozen=True, slots=True)
class _Form:
    """How text is written: `parse`, and the zone that values without one are in."""

    kind: DataType
    parse: str | None = None
    timezone: str | None = None


def cast_column(
    series: pl.Series, kind: DataType, *, parse: str | None = None, timezone: str | None = None
) -> tuple[pl.Series, pl.Series]:
    """Cast one column exactly.

    Args:
        series: text as it was read, or typed values.
        kind: what the contract says.
        parse: strptime form of text dates, times and timestamps; default ISO 8601.
        timezone: the zone of naive values that enter a zoned type.

    Returns:
        `(values, bad)`: a series of exactly `polars_type(kind)` and of the same length, and a Boolean series that is true
        where a cell is there but is no such value (it is null in `values`). A missing cell stays missing and is not bad.
    """
    wanted = polars_type(kind)
    form = _Form(kind, parse, timezone)
    if series.dtype == pl.Null:
        return series.cast(wanted), _no(series)
    if series.dtype == pl.String:
        values = _from_text(series, form, wanted)
    elif series.dtype == wanted:
        return series, _no(series)
    else:
        values = _from_typed(series, form, wanted)
    if values.dtype != wanted:
        values = values.cast(wanted, strict=False)
    if values.null_count() == series.null_count():
        return values, _no(series)
    return values, (values.is_null() & series.is_not_null()).alias(series.name)


def _no(series: pl.Series) -> pl.Series:
    return pl.repeat(False, len(series), dtype=pl.Boolean, eager=True).alias(series.name)


def _matching(series: pl.Series, pattern: str) -> pl.Series:
    """The cells that have the form; others become null."""
    fits = series.str.contains(pattern)
    return series if fits.all() else _keep(series, fits)


def _keep(series: pl.Series, mask: pl.Series) -> pl.Series:
    blank = pl.Series(series.name, [None], dtype=series.dtype)
    return series.zip_with(mask.fill_null(False), blank.extend_constant(None, len(series) - 1) if len(series) else series)


def _from_text(series: pl.Series, form: _Form, wanted: pl.DataType) -> pl.Series:
    kind = form.kind
    if kind.name == "string":
        return series
    makers: dict[str, Callable[[pl.Series, _Form], pl.Series]] = {
        "decimal": _text_decimal, "bool": _text_bool, "date": _text_date, "timestamp": _text_timestamp, "time": _text_time,
        "uuid": _text_uuid, "json": _text_json, "list": _text_list, "binary": _text_binary,
    }  # fmt: skip
    if kind.is_integer:
        return _text_integer(series, wanted)
    if kind.is_float:
        return _text_float(series, wanted)
    found = makers[kind.name](series, form)
    return _in_years(found, kind) if kind.name in ("date", "timestamp") else found


def _in_years(values: pl.Series, kind: DataType) -> pl.Series:
    """Keep what lies in the years 1 to 9999, also in UTC: what else ISO 8601 spells, no other system here has."""
    years = [values.dt.year()] if kind.zone is None else [values.dt.year(), values.dt.convert_time_zone("UTC").dt.year()]
    for year in years:
        if not year.is_between(1, 9999).all():
            values = _keep(values, year.is_between(1, 9999))
    return values


def _text_integer(series: pl.Series, wanted: pl.DataType) -> pl.Series:
    clean = _matching(series, _INTEGER)
    # A leading plus is the author's; the parser knows only the minus.
    return clean.str.strip_prefix("+").cast(wanted, strict=False)


def _text_float(series: pl.Series, wanted: pl.DataType) -> pl.Series:
    values = _matching(series, _FLOAT).str.strip_prefix("+").cast(pl.Float64, strict=False)
    if wanted == pl.Float32:
        values = values.cast(pl.Float32, strict=False)
    return _keep(values, values.is_finite())


def _text_decimal(series: pl.Series, form: _Form) -> pl.Series:
    """Digits in front of and behind the point are counted after the zeros that mean nothing are gone."""
    kind = form.kind
    clean = _matching(series, _DECIMAL).str.strip_prefix("+")
    parts = pl.DataFrame({"t": clean}).select(
        whole=pl.col("t").str.extract(r"^-?0*([0-9]*)", 1).str.len_bytes(),
        fraction=pl.col("t").str.extract(r"\.([0-9]*?)0*$", 1).fill_null("").str.len_bytes(),
    )
    fits = (parts["whole"] <= kind.precision - kind.scale) & (parts["fraction"] <= kind.scale)
    clean = clean if fits.all() else _keep(clean, fits)
    # Cut zeros behind the scale, so that the cast has nothing to round.
    plain = clean.str.replace(rf"(\.[0-9]{{{kind.scale}}})0+$", "$1") if kind.scale else clean.str.replace(r"\.0*$", "")
    normal = plain.str.replace(r"^(-?)\.", "${1}0.").str.replace(r"\.$", "")
    return normal.cast(pl.Decimal(kind.precision, kind.scale), strict=False)


def _text_bool(series: pl.Series, form: _Form) -> pl.Series:
    low = series.str.to_lowercase()
    yes, no = low.is_in(TRUE), low.is_in(FALSE)
    return _keep(yes, yes | no)


def _text_date(series: pl.Series, form: _Form) -> pl.Series:
    if form.parse:
        return _parsed(series, pl.Date(), form.parse)
    return _matching(series, _DATE).str.to_date("%Y-%m-%d", strict=False)


def _parsed(series: pl.Series, dtype: Any, form: str) -> pl.Series:
    try:
        return _keep(series, ~series.str.contains(_LEAP, literal=True)).str.strptime(dtype, form, strict=False, exact=True)
    except pl.exceptions.PolarsError:
        return pl.Series(series.name, [None], dtype=dtype).extend_constant(None, max(len(series) - 1, 0)).head(len(series))


def _text_time(series: pl.Series, form: _Form) -> pl.Series:
    if form.parse:
        return _parsed(series, pl.Time(), form.parse)
    clean = _matching(series, _TIME)
    full = pl.select(pl.when(clean.str.len_chars() == 5).then(clean + ":00").otherwise(clean)).to_series()
    values = full.str.to_time("%H:%M:%S%.f", strict=False)
    # No target keeps nanoseconds.
    return _keep(values, values.cast(pl.Int64) % 1000 == 0)


def _text_timestamp(series: pl.Series, form: _Form) -> pl.Series:
    if form.parse:
        zoned = "%z" in form.parse or "%Z" in form.parse or "%:z" in form.parse
        dtype = pl.Datetime("ns" if form.kind.unit == "ns" else "us", "UTC" if zoned else None)
        values = _parsed(series, dtype, form.parse)
        return _placed(values, form)
    if form.kind.zone is None:
        return _unit(_iso(_matching(series, _NAIVE), None, form.kind), form.kind)
    aware = series.str.contains(_AWARE)
    instants = _iso(_keep(series, aware), "UTC", form.kind)
    if form.timezone is None or aware.all():
        return _unit(instants, form.kind).dt.convert_time_zone(form.kind.zone)
    naive = _localised(_iso(_matching(series, _NAIVE), None, form.kind), form)
    both = pl.select(pl.coalesce(instants, naive.dt.convert_time_zone("UTC"))).to_series().alias(series.name)
    return _unit(both, form.kind).dt.convert_time_zone(form.kind.zone)


def _iso(series: pl.Series, zone: str | None, kind: DataType) -> pl.Series:
    """Read ISO 8601 text of the right form; more digits than the unit holds make the cell bad."""
    digits = _DIGITS[kind.unit]
    text = series.str.replace(r"^(.{10}) ", "${1}T").str.replace(r"^(.{13}:[0-9]{2})([Zz+-]|$)", "${1}:00${2}")
    fraction = text.str.extract(r"\.([0-9]*?)0*(?:[Zz+-]|$)", 1).fill_null("").str.len_bytes()
    exact = fraction <= digits
    text = text if exact.all() else _keep(text, exact)
    # Zeros behind the unit say nothing; the parser reads nine digits at most.
    dtype = pl.Datetime("ns" if kind.unit == "ns" else "us", zone)
    if zone is None:
        return text.str.strptime(dtype, "%Y-%m-%dT%H:%M:%S%.f", strict=False)
    offset = text.str.replace(r"[Zz]$", "+00:00").str.replace(r"([+-][0-9]{2})([0-9]{2})$", "${1}:${2}")
    return offset.str.strptime(dtype, "%Y-%m-%dT%H:%M:%S%.f%:z", strict=False)


def _localised(naive: pl.Series, form: _Form) -> pl.Series:
    """Local times become instants; ambiguous and non-existent ones become null."""
    assert form.timezone is not None
    return naive.dt.replace_time_zone(form.timezone, ambiguous="null", non_existent="null")


def _placed(values: pl.Series, form: _Form) -> pl.Series:
    """Bring parsed timestamps to the contract's zone, or leave them naive; a mismatch makes every cell bad."""
    has_zone = values.dtype.time_zone is not None  # type: ignore[attr-defined]
    if form.kind.zone is None:
        return _unit(values, form.kind) if not has_zone else _nothing(values, form.kind)
    if has_zone:
        return _unit(values, form.kind).dt.convert_time_zone(form.kind.zone)
    if form.timezone is None:
        return _nothing(values, form.kind)
    return _unit(_localised(values, form), form.kind).dt.convert_time_zone(form.kind.zone)


def _nothing(series: pl.Series, kind: DataType) -> pl.Series:
    return pl.Series(series.name, [None] * len(series), dtype=polars_type(kind))


def _unit(values: pl.Series, kind: DataType) -> pl.Series:
    """Bring a timestamp to its unit; what the unit cannot hold becomes null."""
    unit: Any = "ms" if kind.unit == "s" else kind.unit
    cast = values.dt.cast_time_unit(unit)
    back = cast.dt.cast_time_unit(values.dtype.time_unit)  # type: ignore[attr-defined]
    exact = back == values
    if kind.unit == "s":
        exact = exact & (values.dt.microsecond() == 0)
    return cast if exact.all() else _keep(cast, exact)


def _text_uuid(series: pl.Series, form: _Form) -> pl.Series:
    # One spelling for one value: systems with a uuid type give it back in lower case.
    return _matching(series, _UUID).str.to_lowercase()


def _text_json(series: pl.Series, form: _Form) -> pl.Series:
    return _keep(series, pl.Series([_json_fits(cell) for cell in series], dtype=pl.Boolean))


def _json_fits(cell: str | None) -> bool | None:
    import json

    if cell is None:
        return None
    try:
        json.loads(cell, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(word: str) -> None:
    raise ValueError(word)


def _text_list(series: pl.Series, form: _Form) -> pl.Series:
    """A JSON array; every element is cast as the list's own type says."""
    import json

    inner = form.kind.item
    assert inner is not None
    rows: list[list[Any] | None] = []
    for cell in series:
        try:
            found = json.loads(cell, parse_float=str, parse_int=str, parse_constant=_refuse) if cell is not None else None
        except (ValueError, RecursionError):
            found = None
        rows.append(_elements(found, inner))
    return pl.Series(series.name, rows, dtype=polars_type(form.kind))


def _elements(found: Any, inner: DataType) -> list[Any] | None:
    if not isinstance(found, list) or any(isinstance(item, dict) for item in found):
        return None
    if inner.name == "list":
        assert inner.item is not None
        nested = [None if item is None else _elements(item, inner.item) for item in found]
        return None if any(made is None and item is not None for made, item in zip(nested, found, strict=True)) else nested
    text = [None if item is None else str(item).lower() if isinstance(item, bool) else str(item) for item in found]
    values, bad = cast_column(pl.Series(text, dtype=pl.String), inner)
    return None if bad.any() else values.to_list()


def _text_binary(series: pl.Series, form: _Form) -> pl.Series:
    """Hexadecimal digits, two a byte, with or without PostgreSQL's `\\x` in front."""
    return _matching(series.str.strip_prefix("\\x"), r"^(?:[0-9A-Fa-f]{2})*$").str.decode("hex", strict=False)


def _from_typed(series: pl.Series, form: _Form, wanted: pl.DataType) -> pl.Series:
    """Typed values of another type: only what comes back unchanged is the same value."""
    kind, found = form.kind, series.dtype
    if isinstance(found, pl.Categorical | pl.Enum):
        return _from_text(series.cast(pl.String), form, wanted)
    if isinstance(found, pl.Datetime) and kind.name == "timestamp":
        return _placed(series, form)
    if isinstance(found, pl.Date) and kind.name == "timestamp" and kind.zone is None:
        return series.cast(wanted)
    if isinstance(found, pl.List) and kind.name == "list":
        return _cast_back(series, wanted)
    numeric = kind.is_numeric and found.is_numeric()
    if numeric and kind.is_float and isinstance(found, pl.Decimal):
        return _nothing(series, kind)
    if kind.is_integer and found.is_integer():
        # What does not fit becomes null, which is a cell that could not be cast.
        return series.cast(wanted, strict=False)
    if numeric:
        return _cast_back(series, wanted)
    return _nothing(series, kind)


def _cast_back(series: pl.Series, wanted: pl.DataType) -> pl.Series:
    """Cast, and keep what casting back gives again; NaN is itself."""
    values = series.cast(wanted, strict=False)
    back = values.cast(series.dtype, strict=False)
    same = (
        series.eq_missing(back) if isinstance(series.dtype, pl.List) else (back == series) | (back.is_null() & series.is_null())
    )
    return values if same.all() else _keep(values, same)
