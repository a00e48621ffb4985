"""A cursor as SQLite stores it in, SQL that compares as the cursor means and SQL that finds what it cannot compare out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType
from datasync.errors import PermanentError
from datasync.seams import WindowValue

_DAY = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_MOMENT = f"{_DAY}[ T][0-9][0-9]:[0-9][0-9]:[0-9][0-9]"


@dataclass(frozen=True, slots=True)
class Cursor:
    """How a cursor column compares.

    Attributes:
        name: the column's.
        kind: what it means.
        plain: its text is written by us, in the one form that literals have.
    """

    name: str
    kind: DataType
    plain: bool

    @property
    def _column(self) -> str:
        return quote_identifier(self.name, "sqlite")

    def expression(self) -> str:
        """SQL of the cursor in the form that literals have: timestamps with six digits of a second, zoned ones in UTC."""
        column = self._column
        if self.plain or self.kind.name != "timestamp":
            return column
        fraction = f"ltrim(replace(replace(substr({column}, 20), 'Z', ''), '+00:00', ''), '.')"
        zone = " || '+00:00'" if self.kind.zone else ""
        return f"(replace(substr({column}, 1, 19), 'T', ' ') || '.' || substr({fraction} || '000000', 1, 6){zone})"

    def incomparable(self) -> str:
        """SQL that is true for a cell that no window would find, or not at its place."""
        column = self._column
        if self.kind.is_integer:
            return f"typeof({column}) NOT IN ('integer', 'null')"
        if self.kind.name == "date":
            return f"{column} IS NOT NULL AND (typeof({column}) <> 'text' OR {column} NOT GLOB '{_DAY}')"
        rest = f"substr({column}, 20)"
        digits = f"ltrim({rest}, '.')"
        if self.kind.zone:
            ends = f"({rest} NOT LIKE '%Z' AND {rest} NOT LIKE '%+00:00')"
            digits = f"replace(replace({digits}, 'Z', ''), '+00:00', '')"
        else:
            ends = f"({rest} <> '' AND {rest} NOT LIKE '.%')"
        return (
            f"{column} IS NOT NULL AND (typeof({column}) <> 'text' OR {column} NOT GLOB '{_MOMENT}*' OR {ends} "
            f"OR {digits} GLOB '*[^0-9]*' OR length({digits}) > 6)"
        )

    def refuse(self) -> PermanentError:
        """Say that a cell cannot be compared."""
        hint = {"date": "YYYY-MM-DD", "timestamp": "YYYY-MM-DD HH:MM:SS, in UTC and with Z or +00:00 when the cursor is zoned"}
        return PermanentError(
            f"the cursor {self.name} holds values that do not compare as {self.kind}",
            code="E_CURSOR",
            hint=f"convert it in a query, to {hint.get(self.kind.name, 'integers')}",
        )


def value_of(cell: Any, kind: DataType | None) -> WindowValue | None:
    """Read a cursor's cell; text is a date or a timestamp, naive ones as they stand, zoned ones in UTC.

    Raises:
        ValueError: it is neither.
    """
    if cell is None or isinstance(cell, int):
        return cell
    if not isinstance(cell, str):
        raise ValueError(type(cell).__name__)
    if (kind is not None and kind.name == "date") or len(cell) == 10:
        return date.fromisoformat(cell)
    found = datetime.fromisoformat(cell)
    return found.astimezone(UTC) if found.tzinfo else found
