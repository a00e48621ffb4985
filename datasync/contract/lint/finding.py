"""What lint's themes share: the contract, its places, and one way to say a problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datasync.contract.model import Contract
from datasync.contract.types import DataType
from datasync.contract.yaml_tree import Path as KeyPath
from datasync.contract.yaml_tree import Tree, dotted
from datasync.errors import Problem, did_you_mean, shorten

TEXT_KINDS = ("csv", "ndjson", "json", "xml")
"""Sources whose cells are text until a gate casts them."""
FILE_KINDS = ("csv", "parquet", "ndjson", "json", "xml")
HTTP_KINDS = ("rest", "graphql", "soap")
"""Sources whose cells are text too, and that know windows by the variables of their requests."""
SQL_KINDS = ("postgres", "mysql", "oracle", "sqlite", "duckdb")
PARTED_KINDS = ("postgres", "mysql", "oracle")
"""Sources that are read in parts."""


def is_table(text: str) -> bool:
    """Tell whether a text is `table` or `schema.table`, as far as that can be told without the database."""
    names = text.split(".")
    return len(names) < 3 and all(name.strip() and name.isprintable() for name in names)


@dataclass
class Findings:
    """Collects problems of one file."""

    tree: Tree
    file: Path
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: KeyPath, found: str, allowed: str = "", hint: str = "", code: str = "E_CONTRACT") -> None:
        """Say a problem at the value of a path (or of its nearest parent in the text)."""
        place = self.tree.place(path)
        line, column = place.value_line or place.line, place.value_column or place.column
        self.problems.append(Problem(dotted(path), found, allowed, hint, str(self.file), line, column, code))

    def advise(self, path: KeyPath, found: str, hint: str) -> None:
        """Say something that refuses nothing."""
        place = self.tree.place(path)
        self.problems.append(
            Problem(dotted(path), found, "", hint, str(self.file), place.line, place.column, "A_CONTRACT", "advice")
        )

    def unknown(self, path: KeyPath, name: str, what: str, known: object) -> None:
        """Say that a name is not among those known."""
        names = [str(item) for item in known]  # type: ignore[attr-defined]
        self.add(path, f"there is no {what} '{name}'", ", ".join(names) or "none is declared", did_you_mean(name, names))

    def expression(self, path: KeyPath, text: str, types: dict[str, DataType], boolean: bool = True) -> None:
        """Compile an expression; say what is wrong with it at its own place."""
        from datasync.contract.expressions import ExpressionError, compile_expression

        try:
            compile_expression(text, types, boolean=boolean)
        except ExpressionError as error:
            self.add(path, error.found, error.allowed, error.hint, "E_EXPRESSION")

    def pattern(self, path: KeyPath, text: str) -> None:
        """Compile a regular expression; say what is wrong with it."""
        from datasync.contract.expressions import ExpressionError
        from datasync.contract.expressions.regex import compile_regex

        try:
            compile_regex(text)
        except ExpressionError as error:
            self.add(path, error.found, error.allowed, error.hint, "E_REGEX")

    def zone(self, path: KeyPath, name: str) -> None:
        """Say that a text names no time zone."""
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            hint = did_you_mean(name, sorted(available_timezones()))
            self.add(path, f"'{shorten(name, 60)}'", "an IANA time zone, such as UTC or Asia/Seoul", hint)


@dataclass
class Finder(Findings):
    """Collects problems of one contract."""

    contract: Contract = field(kw_only=True)

    @property
    def types(self) -> dict[str, DataType]:
        """The promised columns' types."""
        return {name: column.type for name, column in self.contract.columns.items()}
