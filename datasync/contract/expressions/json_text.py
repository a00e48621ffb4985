"""A text in, whether it is one JSON document out: strict as RFC 8259 says, so no NaN, no trailing comma.

SQLite, PostgreSQL and (with a second look) DuckDB agree. MariaDB overlooks wrong escapes and `1.`, and refuses more than 32
levels; engines differ about half a surrogate pair written as an escape.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import polars as pl


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=lambda text: text, parse_float=lambda text: text)


def is_json(text: str | None) -> bool | None:
    """Tell whether a text is one JSON document; None for None."""
    if text is None:
        return None
    try:
        _DECODER.decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def valid_series(texts: pl.Series) -> pl.Series:
    """Tell it of every text of a series."""
    import polars as pl

    return pl.Series(texts.name, [is_json(text) for text in texts], dtype=pl.Boolean)
