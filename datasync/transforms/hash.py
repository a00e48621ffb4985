"""`hash: {columns: [email], salt: "${env:PII_SALT}"}`: values in, pseudonyms that only the salt's holder can make again out."""

from __future__ import annotations

import hmac
import os

import polars as pl

from datasync.errors import UsageError
from datasync.seams import TransformTally
from datasync.transforms.each import EachBatch

SHORTEST = 16
"""Characters of a salt, at least: a short one can be guessed, and with it every value that can be listed."""


class Hash(EachBatch):
    """HMAC-SHA256 (RFC 2104) of a value's UTF-8 text, in hexadecimal; equal values have equal pseudonyms under one salt."""

    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Hash the columns; a missing value stays missing."""
        wanted = self.item.hash
        assert wanted is not None
        salt = _salt(wanted.salt.removeprefix("${env:").removesuffix("}"))
        return frame.with_columns(_pseudonyms(frame[name].cast(pl.String), salt) for name in wanted.columns)


def _salt(name: str) -> bytes:
    value = os.environ.get(name, "")
    if len(value) < SHORTEST:
        found = "is not set" if not value else f"has fewer than {SHORTEST} characters"
        raise UsageError(
            f"hash: the environment variable {name} {found}", code="E_SALT", stage="transform",
            hint="set it to a long random text that stays the same, or pseudonyms change",
        )  # fmt: skip
    return value.encode()


def _pseudonyms(values: pl.Series, salt: bytes) -> pl.Series:
    made = [None if text is None else hmac.digest(salt, text.encode(), "sha256").hex() for text in values]
    return pl.Series(values.name, made, dtype=pl.String)
