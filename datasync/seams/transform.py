"""What a transform must offer, and what it may use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from datasync.contract.types import DataType
from datasync.seams.batches import Batch

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """Rows that a transform cannot carry on, with the check they break (`cast`: `a.type`, `map_values`: `a.map_values`)."""

    frame: pl.DataFrame
    check: str
    column: str


@dataclass(slots=True)
class TransformTally:
    """What transforms did to the rows so far; `added` and `dropped` count rows, `rejected` waits to be taken."""

    added: int = 0
    dropped: int = 0
    rejected: list[RejectedRows] = field(default_factory=list)
    evaluated: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Means:
    """What transforms may use beside the rows.

    Attributes:
        root: the project root, where a user's own functions are.
        variables: run variables and params.
        table: reads a lookup's table whole: (its source block, columns with their types, rows at most) to a frame; raises
            PermanentError when it has more rows or lacks a column.
    """

    root: Path = Path()
    variables: Mapping[str, Any] = field(default_factory=dict)
    table: Callable[[Any, Mapping[str, DataType], int], pl.DataFrame] | None = None


class Transform(Protocol):
    """One processor. Constructed by `transforms.build(item, number, means)`; pure but for spills and what `means` reads."""

    kind: str

    def output(self, columns: Mapping[str, DataType | None]) -> Mapping[str, DataType | None]:
        """Columns after this transform, given those before (None: still text or unknown).

        Raises:
            ValueError: the transform names a column that is not there, or does not fit its type; the message says which.
        """

    def apply(self, batches: Iterator[Batch], tally: TransformTally, spill: Path) -> Iterator[Batch]:
        """Carry the batches through, keeping `POSITION` and order, counting what is added and dropped."""
