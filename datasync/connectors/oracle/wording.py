"""Statements of a write mode, as all SQL targets share them, in; the same in Oracle's words out.

Oracle before 23 knows neither booleans nor IS DISTINCT FROM, UPDATE … FROM, or an alias behind AS; and making a temporary table
commits. What a mode means is written down once (`sql/`), so its statements are read as trees and said anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from datasync.connectors.oracle.tables import LOCAL
from datasync.connectors.sql import modes
from datasync.connectors.sql.history import AT, GONE, SINCE, UNTIL
from datasync.connectors.sql.statements import Tables, bound
from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.seams import TargetSpec

if TYPE_CHECKING:
    from sqlglot import exp

_LITERAL = ":datasync_literal_"


@dataclass(frozen=True, slots=True)
class Wording:
    """How one run's statements are said.

    Attributes:
        spec: what is published.
        tables: quoted names of target and staging.
        events: quoted name of the table that takes a history's events.
        lobs: columns of large objects, which `=` cannot compare.
    """

    spec: TargetSpec
    tables: Tables
    events: str
    lobs: frozenset[str] = frozenset()

    def statements(self) -> list[str]:
        """Give the DML that makes staging the target's content; no statement among them commits."""
        return [said for statement in modes.dml(self.spec, self.tables) if (said := self.say(statement))]

    def say(self, statement: str) -> str:
        """Say one statement in Oracle's words; empty: there is nothing to do."""
        import sqlglot
        from sqlglot import exp

        literals = list(_literals(self.spec))
        for number, (literal, _) in enumerate(literals):
            # They mean the same in every session as they stand; read and written again they would not.
            statement = _replace(statement, literal, f"{_LITERAL}{number}")
        tree = sqlglot.parse_one(statement, read="oracle")
        if isinstance(tree, exp.Drop):
            return ""
        _tell_truth(tree)
        self._tell_apart(tree)
        _say_booleans(tree)
        for table in list(tree.find_all(exp.Table)):
            if table.db == "temp":
                table.replace(exp.to_table(self.events, dialect="oracle", alias=table.args.get("alias")))
        said = self._statement(tree)
        for number, (_, literal) in enumerate(literals):
            said = _replace(said, f"{_LITERAL}{number}", literal)
        return said

    def _statement(self, tree: exp.Expr) -> str:
        from sqlglot import exp

        if isinstance(tree, exp.Create):
            columns = ", ".join(quote_identifier(name, "oracle") for name in (*self.spec.key, AT, SINCE, GONE, UNTIL))
            return f"INSERT INTO {self.events} ({columns}) {_text(tree.expression)}"
        if isinstance(tree, exp.Update) and tree.args.get("from_") is not None:
            return _update_by_merge(tree)
        if isinstance(tree, exp.Merge):
            _settle_merge(tree)
        return _text(tree)

    def _tell_apart(self, tree: exp.Expr) -> None:
        """Say `IS DISTINCT FROM`: DECODE takes two NULLs for the same; large objects have a function of their own."""
        from sqlglot import exp

        for node in list(tree.find_all(exp.NullSafeNEQ)):
            left, right = _text(node.this), _text(node.expression)
            if isinstance(node.this, exp.Column) and node.this.name in self.lobs:
                test = (
                    f"CASE WHEN {left} IS NULL AND {right} IS NULL THEN 0 WHEN {left} IS NULL OR {right} IS NULL THEN 1 "
                    f"WHEN DBMS_LOB.COMPARE({left}, {right}) = 0 THEN 0 ELSE 1 END = 1"
                )
            else:
                test = f"DECODE({left}, {right}, 0, 1) = 1"
            node.replace(_tree(test))


def _literals(spec: TargetSpec) -> Iterator[tuple[str, str]]:
    """Give the literals of dates and times that the statements can hold, the window's bounds, and how each is said."""
    for value in (spec.window.start, spec.window.end) if spec.window is not None else ():
        if value is None or isinstance(value, int):
            continue
        kind = spec.columns[spec.cursor] if spec.cursor is not None else None
        if kind is not None:
            literal = bound(spec, value, "oracle")
        elif spec.history is not None:
            kind = spec.history.kind
            literal = literal_sql(value, kind, "oracle")
        if kind is not None:
            # CASE and UNION take no two types of instants.
            yield literal, f"CAST({literal} AS {LOCAL})" if spec.history is not None and kind.zone else literal


def _replace(statement: str, old: str, new: str) -> str:
    """Replace text outside of names; no name of Oracle's holds a double quote."""
    parts = statement.split('"')
    return '"'.join(part if number % 2 else part.replace(old, new) for number, part in enumerate(parts))


def _tree(sql: str) -> exp.Expr:
    import sqlglot

    return sqlglot.parse_one(sql, read="oracle")


def _text(tree: exp.Expr) -> str:
    return tree.sql("oracle", identify=True)


def _tell_truth(tree: exp.Expr) -> None:
    """Say `x IS TRUE` so that it is never unknown: a NULL is not true, whatever stands around it."""
    from sqlglot import exp

    for node in reversed(list(tree.find_all(exp.Is))):
        if not isinstance(node.expression, exp.Boolean):
            continue
        asked = node.this.unnest()
        test = f"NVL({_text(asked)}, 0) = 1" if isinstance(asked, exp.Column) else ""
        made = _tree(test or f"CASE WHEN {_text(asked)} THEN 1 ELSE 0 END = 1")
        assert node.expression.this, "IS FALSE is not said"
        node.replace(exp.not_(made) if node.args.get("negate") else exp.paren(made))


def _say_booleans(tree: exp.Expr) -> None:
    """Say TRUE and FALSE: 1 and 0 where a value stands, conditions elsewhere; and conditions where a value stands."""
    from sqlglot import exp

    for node in list(tree.find_all(exp.Boolean)):
        value = isinstance(node.parent, exp.Select | exp.Alias | exp.EQ)
        node.replace(_tree(f"{int(node.this)}" if value else f"1 = {int(node.this)}"))
    for select in list(tree.find_all(exp.Select)):
        for projection in select.expressions:
            asked = projection.unalias()
            if isinstance(asked, exp.Predicate | exp.Not | exp.Connector):
                asked.replace(_tree(f"CASE WHEN {_text(asked)} THEN 1 ELSE 0 END"))


def _update_by_merge(tree: exp.Update) -> str:
    """Say UPDATE … FROM as MERGE; no column that is set may stand in ON, so conditions on those stand behind it."""
    from sqlglot import exp

    target = tree.this
    set_names = {assignment.this.name for assignment in tree.expressions}
    where = tree.args["where"].this
    parts = list(where.flatten()) if isinstance(where, exp.And) else [where]
    behind = [part for part in parts if any(c.table == target.alias and c.name in set_names for c in part.find_all(exp.Column))]
    on = " AND ".join(_text(part) for part in parts if part not in behind)
    sets = ", ".join(_text(assignment) for assignment in tree.expressions)
    condition = f" WHERE {' AND '.join(_text(part) for part in behind)}" if behind else ""
    source = _text(tree.args["from_"].this)
    return f"MERGE INTO {_text(target)} USING {source} ON ({on}) WHEN MATCHED THEN UPDATE SET {sets}{condition}"


def _settle_merge(tree: exp.Merge) -> None:
    """Give MERGE Oracle's form: ON in parentheses, and conditions behind SET."""
    from sqlglot import exp

    tree.set("on", exp.paren(tree.args["on"]))
    for when in tree.args["whens"].expressions:
        condition = when.args.get("condition")
        if condition is not None:
            when.set("condition", None)
            when.args["then"].set("where", exp.Where(this=condition))
