"""A server's column in, how it is selected exactly and what arrives out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import DataType, Dialect


@dataclass(frozen=True, slots=True)
class FormedColumn:
    """How a column is read.

    Attributes:
        type: the contract's type of what arrives; None: text that the gate casts, or a type that cannot be read (`refused`).
        form: how it is selected, `{}` for its quoted name.
        refused: the server's type, when no contract can name it.
    """

    name: str
    type: DataType | None
    form: str = "{}"
    refused: str = ""
    dialect: ClassVar[Dialect]

    def selected(self) -> str:
        """The column's expression in a SELECT list."""
        quoted = quote_identifier(self.name, self.dialect)
        # A name may hold braces: only the form's own are filled.
        return quoted if self.form == "{}" else f"{self.form.replace('{}', quoted)} AS {quoted}"


def select_list(columns: Sequence[FormedColumn]) -> str:
    """Give the SELECT list that reads these columns exactly."""
    return ", ".join(column.selected() for column in columns)
