"""A contract's `transform:` list in, one chain over batches out; one file per kind, one table of them all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasync.contract.processing import Processor
from datasync.contract.types import DataType
from datasync.errors import UnknownName
from datasync.seams import Batch, Means, Transform, TransformTally

TRANSFORMS = {
    "rename": "datasync.transforms.rename:Rename",
    "select": "datasync.transforms.select:Select",
    "drop": "datasync.transforms.drop:Drop",
    "cast": "datasync.transforms.cast:Cast",
    "derive": "datasync.transforms.derive:Derive",
    "filter": "datasync.transforms.filter:Filter",
    "dedupe": "datasync.transforms.dedupe:Dedupe",
    "map_values": "datasync.transforms.map_values:MapValues",
    "trim": "datasync.transforms.trim:Trim",
    "fill": "datasync.transforms.fill:Fill",
    "convert_timezone": "datasync.transforms.convert_timezone:ConvertTimezone",
    "normalise_unicode": "datasync.transforms.normalise_unicode:NormaliseUnicode",
    "parse_json": "datasync.transforms.parse_json:ParseJson",
    "flatten": "datasync.transforms.flatten:Flatten",
    "explode": "datasync.transforms.explode:Explode",
    "hash": "datasync.transforms.hash:Hash",
    "mask": "datasync.transforms.mask:Mask",
    "lookup": "datasync.transforms.lookup:Lookup",
    "format_payload": "datasync.transforms.format_payload:FormatPayload",
    "python": "datasync.transforms.python:Python",
}


def build(item: Processor, number: int = 0, means: Means | None = None) -> Transform:
    """Give the transform of one item; `number` is its place in the list, `means` what it may use beside the rows.

    Raises:
        UnknownName: no such kind.
    """
    if item.kind not in TRANSFORMS:
        raise UnknownName("transform", item.kind, TRANSFORMS)
    module, _, name = TRANSFORMS[item.kind].partition(":")
    made: Any = getattr(importlib.import_module(module), name)
    transform: Transform = made(item, number, means)
    return transform


class Chain:
    """Transforms in order; itself a transform."""

    kind = "chain"

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self._transforms = tuple(transforms)

    def output(self, columns: Mapping[str, DataType | None]) -> Mapping[str, DataType | None]:
        """Columns behind the last transform."""
        for transform in self._transforms:
            columns = transform.output(columns)
        return columns

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Carry the batches through all of them."""
        for transform in self._transforms:
            batches = transform.apply(batches, tally, spill)
        return batches


def chain(items: Sequence[Processor], means: Means | None = None) -> Chain:
    """Give the chain of a contract's transforms."""
    return Chain([build(item, number, means) for number, item in enumerate(items)])
