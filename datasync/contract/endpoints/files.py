"""Files as source and as target: of this machine, or of an object store."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from datasync.contract.base import Model
from datasync.contract.endpoints.common import SourceBase, TargetBase
from datasync.contract.json_path import ALLOWED, parse_path


class CsvOptions(Model):
    """How a delimited file is written."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    header: bool = True
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = Field(("",), description="Fields that mean missing; the empty field by default.")
    quote: str = Field('"', max_length=1)
    decimal: Literal[".", ","] = "."


class JsonOptions(Model):
    """Where the rows of a JSON document are."""

    records: str = Field(
        "$[*]",
        description="Path to the rows: $ and then .name, ['name'] or [*], such as $.data.items[*]; $: the document is one row.",
    )

    @field_validator("records")
    @classmethod
    def _followed(cls, text: str) -> str:
        try:
            parse_path(text)
        except ValueError as error:
            raise ValueError(f"{error}; allowed: {ALLOWED}") from error
        return text


_NAME = re.compile(r"[^\W\d][\w.-]*")


class XmlOptions(Model):
    """Which elements of an XML document are the rows."""

    row_tag: str = Field(description="Name of the element that is a row, without its namespace, at whatever depth.")

    @field_validator("row_tag")
    @classmethod
    def _name(cls, text: str) -> str:
        return _xml_name(text)


class XmlTargetOptions(Model):
    """How an XML document is written."""

    row_tag: str = Field("row", description="Name of the element that is a row.")
    root: str = Field("rows", description="Name of the element around all rows.")

    @field_validator("row_tag", "root")
    @classmethod
    def _name(cls, text: str) -> str:
        return _xml_name(text)


def _xml_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"'{text[:60]}' is no name of an element; allowed: letters, digits, _, - and ., a letter or _ first")
    return text


class NoOptions(Model):
    """This kind has no options."""


SignIn = Annotated[str | None, Field(description="Who signs in to an object store, and where; absent: as its library finds out.")]


class FileSource(SourceBase):
    """What every source of files takes."""

    path: str = Field(description="A file, a folder or a glob below the project root; or s3://, gs:// or abfs:// and a bucket.")
    connection: SignIn = None


class FileTarget(TargetBase):
    """What every target of files takes."""

    path: str = Field(
        description="A file (with its extension) or a folder below the project root; or a folder of an object store."
    )
    connection: SignIn = None


class CsvSource(FileSource):
    type: Literal["csv"]
    options: CsvOptions = CsvOptions()


class ParquetSource(FileSource):
    type: Literal["parquet"]
    options: NoOptions = NoOptions()


class NdjsonSource(FileSource):
    type: Literal["ndjson"]
    options: NoOptions = NoOptions()


class JsonSource(FileSource):
    type: Literal["json"]
    options: JsonOptions = JsonOptions()


class XmlSource(FileSource):
    type: Literal["xml"]
    options: XmlOptions


class CsvTarget(FileTarget):
    type: Literal["csv"]
    options: CsvOptions = CsvOptions()


class ParquetTarget(FileTarget):
    type: Literal["parquet"]
    options: NoOptions = NoOptions()


class NdjsonTarget(FileTarget):
    type: Literal["ndjson"]
    options: NoOptions = NoOptions()


class JsonTarget(FileTarget):
    type: Literal["json"]
    options: NoOptions = NoOptions()


class XmlTarget(FileTarget):
    type: Literal["xml"]
    options: XmlTargetOptions = XmlTargetOptions()


FILE_SOURCES: dict[str, type[FileSource]] = {
    "csv": CsvSource, "parquet": ParquetSource, "ndjson": NdjsonSource, "json": JsonSource, "xml": XmlSource,
}  # fmt: skip


def reading(target: FileTarget, path: str | None = None) -> FileSource:
    """Give the source that reads what a target writes, or files like it in another place."""
    kind = str(getattr(target, "type", ""))
    fields: dict[str, object] = {"type": kind, "path": path or target.path, "connection": target.connection}
    if isinstance(target, CsvTarget):
        fields["options"] = target.options
    elif isinstance(target, XmlTarget):
        fields["options"] = XmlOptions(row_tag=target.options.row_tag)
    return FILE_SOURCES[kind].model_validate(fields)
