"""A table's schema and name in, how SQL, commit rows and locks name it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import Dialect


@dataclass(frozen=True, slots=True)
class TablePlace:
    """Where a table is or would be made, as its server has it.

    Attributes:
        schema: MySQL calls it a database.
        table: its name there.
    """

    schema: str
    table: str
    dialect: ClassVar[Dialect]

    @property
    def name(self) -> str:
        """As commit rows and locks name it."""
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> str:
        """As SQL names it."""
        return f"{self.prefix}{quote_identifier(self.table, self.dialect)}"

    @property
    def prefix(self) -> str:
        """The quoted schema and a point."""
        return f"{quote_identifier(self.schema, self.dialect)}."

    def beside(self, table: str) -> Self:
        """Another table of the same schema."""
        return type(self)(self.schema, table)
