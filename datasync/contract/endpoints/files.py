"""Files as source and as target."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.endpoints.common import SourceBase, TargetBase


class CsvOptions(Model):
    """How a delimited file is written."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = Field(("",), description="Fields that mean missing; the empty field by default.")
    quote: str = Field('"', max_length=1)
    decimal: Literal[".", ","] = "."


class NoOptions(Model):
    """This kind has no options."""


class CsvSource(SourceBase):
    type: Literal["csv"]
    path: str
    options: CsvOptions = CsvOptions()


class ParquetSource(SourceBase):
    type: Literal["parquet"]
    path: str
    options: NoOptions = NoOptions()


class NdjsonSource(SourceBase):
    type: Literal["ndjson"]
    path: str
    options: NoOptions = NoOptions()


class CsvTarget(TargetBase):
    type: Literal["csv"]
    path: str
    options: CsvOptions = CsvOptions()


class ParquetTarget(TargetBase):
    type: Literal["parquet"]
    path: str
    options: NoOptions = NoOptions()


class NdjsonTarget(TargetBase):
    type: Literal["ndjson"]
    path: str
    options: NoOptions = NoOptions()
