"""A contract's `transform:` list in, one chain over batches out; one file per kind, one table of them all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from datasync.contract.processing import Processor
from datasync.contract.types import DataType
from datasync.errors import UnknownName
from datasync.seams import Batch, Transform, TransformTally

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
}


def build(item: Processor, number: int = 0) -> Transform:
    """Give the transform of one item; `number` is its place in the list.

    Raises:
        UnknownName: no such kind.
    """
    if item.kind not in TRANSFORMS:
        raise UnknownName("transform", item.kind, TRANSFORMS)
    module, _, name = TRANSFORMS[item.kind].partition(":")
    made: Any = getattr(importlib.import_module(module), name)
    transform: Transform = made(item, number)
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


def chain(items: Sequence[Processor]) -> Chain:
    """Give the chain of a contract's transforms."""
    return Chain([build(item, number) for number, item in enumerate(items)])
