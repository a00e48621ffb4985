"""Values that broke a check in, texts that may be shown outside the quarantine store out."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from datasync.contract.columns import Samples
from datasync.results.model import MAX_SAMPLES

if TYPE_CHECKING:
    import polars as pl

MAX_CHARACTERS = 40


def sample_texts(values: pl.Series, samples: Samples) -> tuple[str, ...]:
    """Show a few values as the column's `samples` allows.

    Args:
        values: the failing cells as they arrived; missing ones are passed over.
        samples: mask (shape only), show or hide.

    Returns:
        At most five texts of at most 40 characters, in the order of the rows.
    """
    if samples == "hide":
        return ()
    texts = [_text(value) for value in values.drop_nulls().head(MAX_SAMPLES).to_list()]
    if samples == "mask":
        texts = [shape(text[:MAX_CHARACTERS]) for text in texts]
    return tuple(text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…" for text in texts)


def shape(text: str) -> str:
    """Give the shape of a text: letters as `a`, digits as `9`, the rest as it stands."""
    return "".join(_SHAPES.get(unicodedata.category(letter)[0], letter) for letter in text)


# Marks belong to letters: kept, they would spell out vowels.
_SHAPES = {"L": "a", "M": "a", "N": "9", "C": " "}


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
