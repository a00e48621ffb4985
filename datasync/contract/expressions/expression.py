"""A checked expression in, a polars expression or one dialect's SQL out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from datasync.contract.expressions.tree import Node
from datasync.contract.types import DataType, Dialect
from datasync.errors import UsageError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that has been parsed and type-checked.

    Attributes:
        text: as the author wrote it; empty when code built it.
        node: the typed tree.
        type: type of the result.
        columns: names of the columns it reads, in order of appearance.
        uses_clock: it calls now() or today(), so emitting it needs a clock.
    """

    text: str
    node: Node
    type: DataType
    columns: tuple[str, ...]
    uses_clock: bool

    def polars(self, clock: datetime | None = None) -> pl.Expr:
        """Give the polars expression; three-valued, its dtype is that of `type`.

        Args:
            clock: the run's instant, with a zone; needed when `uses_clock`.

        Raises:
            UsageError: the expression uses the clock and none was given, or it has no zone.
        """
        from datasync.contract.expressions.to_polars import emit

        return emit(self.node, self._clock(clock))

    def sql(self, dialect: Dialect, clock: datetime | None = None, qualifier: str = "") -> str:
        """Give the SQL of one dialect: values as literals, identifiers quoted, safe to stand anywhere an operand can.

        Args:
            dialect: `duckdb`, `sqlite`, `postgres` or `mysql`.
            clock: the run's instant, with a zone; needed when `uses_clock`.
            qualifier: a table alias put before every column.

        Raises:
            ExpressionError: the dialect cannot hold a type or name that the expression uses.
            UsageError: the expression uses the clock and none was given, or it has no zone.
        """
        from datasync.contract.expressions.to_sql import emit

        return emit(self.node, dialect, self._clock(clock), qualifier)

    def _clock(self, clock: datetime | None) -> datetime | None:
        if self.uses_clock and (clock is None or clock.tzinfo is None):
            raise UsageError("the expression uses the clock, but no instant with a zone was given")
        return clock
