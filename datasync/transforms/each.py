"""The shape that transforms of one batch at a time share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from datasync.contract.column_flow import columns_after
from datasync.contract.processing import Processor
from datasync.contract.types import DataType
from datasync.seams import Batch, Means, RejectedRows, TransformTally

if TYPE_CHECKING:
    import polars as pl


class EachBatch(ABC):
    """A transform that needs to see no other batch. See `seams.Transform`."""

    def __init__(self, item: Processor, number: int = 0, means: Means | None = None) -> None:
        self.item = item
        self.number = number
        self.means = means or Means()

    @property
    def kind(self) -> str:
        """The key of the contract's item."""
        return self.item.kind

    def output(self, columns: Mapping[str, DataType | None]) -> Mapping[str, DataType | None]:
        """Columns behind this transform."""
        return columns_after(self.item, columns)

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Carry each batch through."""
        for batch in batches:
            yield Batch(self.frame(batch.frame, tally), batch.number)

    @abstractmethod
    def frame(self, frame: pl.DataFrame, tally: TransformTally) -> pl.DataFrame:
        """Carry one frame through, POSITION untouched."""


def without(frame: pl.DataFrame, bad: pl.Series, refusal: tuple[str, str], tally: TransformTally) -> pl.DataFrame:
    """Set rows aside and give the others.

    Args:
        frame: rows as they came to the transform, or as far as it carried them.
        bad: true for a row that cannot be carried on.
        refusal: the column, and the kind of the check it breaks.
        tally: counts them.
    """
    column, kind = refusal
    check = f"{column}.{kind}"
    tally.evaluated[check] = tally.evaluated.get(check, 0) + frame.height
    if not bad.any():
        return frame
    tally.rejected.append(RejectedRows(frame.filter(bad), check, column))
    return frame.filter(~bad)


def types_of(frame: pl.DataFrame) -> dict[str, DataType]:
    """Give the contract types of a frame's columns; those without one are left out."""
    from datasync.contract.types import of_polars

    found = {}
    for name, dtype in frame.schema.items():
        try:
            found[name] = of_polars(dtype)
        except ValueError:
            continue
    return found
