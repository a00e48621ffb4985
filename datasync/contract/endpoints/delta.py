"""Delta Lake tables as source and as target."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from datasync.contract.endpoints.common import SourceBase, TargetBase

_PATH = "A folder, or the URL of an object store: s3://bucket/table, abfs://container/table, gs://bucket/table."
_CONNECTION = "The object store's; without one its environment says how to sign in."


class DeltaSource(SourceBase):
    type: Literal["delta"]
    path: str = Field(description=_PATH)
    connection: str | None = Field(None, description=_CONNECTION)


class DeltaTarget(TargetBase):
    type: Literal["delta"]
    path: str = Field(description=_PATH)
    connection: str | None = Field(None, description=_CONNECTION)
