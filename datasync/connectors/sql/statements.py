"""A spec and two table names in, the statements that publish it out, in each dialect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from datasync.contract.expressions.dialects import literal_sql, quote_identifier
from datasync.contract.expressions.sql_text import comparable
from datasync.contract.types import Dialect
from datasync.plan.local_time import held
from datasync.seams import TargetSpec, WindowValue


@dataclass(frozen=True, slots=True)
class Collation:
    """How MySQL compares a text column of someone else's table.

    Attributes:
        charset, name: the column's character set and collation.
        ours: the collation of the columns that we make, which tells apart whatever differs.
    """

    charset: str
    name: str
    ours: str


@dataclass(frozen=True, slots=True)
class Tables:
    """Quoted names of the two tables and their dialect.

    Attributes:
        collations: MySQL: of the target's text columns that were not made by us, by name.
        database: MySQL: quoted, and a point; a session without a database of its own makes temporary tables there.
    """

    target: str
    staging: str
    dialect: Dialect
    collations: Mapping[str, Collation] = field(default_factory=dict)
    database: str = ""

    def name(self, column: str) -> str:
        """Quote a column."""
        return quote_identifier(column, self.dialect)


def names(spec: TargetSpec, tables: Tables, prefix: str = "") -> str:
    """List the published columns, quoted, each with a prefix."""
    return ", ".join(prefix + tables.name(column) for column in spec.columns)


def insert(spec: TargetSpec, tables: Tables) -> str:
    """Insert all staged rows."""
    return f"INSERT INTO {tables.target} ({names(spec, tables)}) SELECT {names(spec, tables)} FROM {tables.staging}"


def window_condition(spec: TargetSpec, tables: Tables) -> str:
    """Select the target's rows inside the run's window."""
    assert spec.window is not None
    assert spec.cursor is not None
    column = tables.name(spec.cursor)
    parts = [f"{column} < {bound(spec, spec.window.end, tables.dialect)}"]
    if spec.window.start is not None:
        parts.insert(0, f"{column} >= {bound(spec, spec.window.start, tables.dialect)}")
    return " AND ".join(parts)


def bound(spec: TargetSpec, value: WindowValue, dialect: Dialect) -> str:
    """Write a window's bound as a literal of the cursor's type; naive columns are in the cursor's zone."""
    assert spec.cursor is not None
    kind = spec.columns[spec.cursor]
    return literal_sql(held(value, kind, spec.cursor_zone), kind, dialect)


def same_key(spec: TargetSpec, tables: Tables, left: str = "t", right: str = "s") -> str:
    """Join on the key; `left` is the target, `right` a relation of ours."""
    return " AND ".join(_same(tables, column, left, right) for column in spec.key)


def _same(tables: Tables, column: str, left: str, right: str) -> str:
    name = tables.name(column)
    if column not in tables.collations:
        return f"{left}.{name} = {right}.{name}"
    # The target's collation finds by its index what may be the same, ours by staging's what is: whichever the server begins with.
    other = tables.collations[column]
    found = f"{left}.{name} = CONVERT({right}.{name} USING {other.charset}) COLLATE {other.name}"
    return f"{found} AND {right}.{name} = CONVERT({left}.{name} USING utf8mb4) COLLATE {other.ours}"


def exact_key(spec: TargetSpec, tables: Tables, prefix: str = "") -> list[str]:
    """List the key's columns so that keys which the target's collation takes for one are kept apart."""
    columns = ((name, prefix + tables.name(name)) for name in spec.key)
    return [comparable(column, "mysql") if name in tables.collations else column for name, column in columns]


def key_hash(spec: TargetSpec, tables: Tables, columns: Sequence[str], side: str) -> str:
    """Give the SHA-256 of these text and binary cells' bytes, for MySQL: short enough for every index and hash join of it."""
    cells = ", ".join(exact_bytes(spec, tables, column, side) for column in columns)
    return f"UNHEX(SHA2(CONCAT({cells}), 256))"


def staged_key(spec: TargetSpec, tables: Tables) -> str:
    """Tell rows `t` of the target whose key staging has."""
    return f"EXISTS (SELECT 1 FROM {tables.staging} AS s WHERE {same_key(spec, tables)})"


def exact_bytes(spec: TargetSpec, tables: Tables, column: str, side: str) -> str:
    """Give a cell of a text or binary column as MySQL compares it byte by byte."""
    name = f"{side}.{tables.name(column)}"
    return f"CAST({name} AS BINARY)" if spec.columns[column].name == "binary" else comparable(name, "mysql")


def newer(spec: TargetSpec, tables: Tables, left: str = "t", right: str = "s") -> str:
    """Tell rows whose cursor in the target is newer than the staged one; never true without a cursor."""
    if spec.cursor is None:
        return "FALSE" if tables.dialect != "sqlite" else "0"
    column = tables.name(spec.cursor)
    return f"{left}.{column} IS NOT NULL AND ({right}.{column} IS NULL OR {left}.{column} > {right}.{column})"


def changed(spec: TargetSpec, tables: Tables, left: str = "t", right: str = "s", passed_over: tuple[str, ...] = ()) -> str:
    """Tell rows that differ in any column that is neither of the key nor passed over."""
    others = [column for column in spec.columns if column not in spec.key and column not in passed_over]
    if not others:
        return "FALSE" if tables.dialect != "sqlite" else "0"
    return "(" + " OR ".join(_differs(spec, tables, column, (left, right)) for column in others) + ")"


def _differs(spec: TargetSpec, tables: Tables, column: str, sides: tuple[str, str]) -> str:
    left, right = (_comparable(spec, tables, column, side) for side in sides)
    if tables.dialect == "mysql":
        return f"NOT ({left} <=> {right})"
    return f"{left} {'IS NOT' if tables.dialect == 'sqlite' else 'IS DISTINCT FROM'} {right}"


def _comparable(spec: TargetSpec, tables: Tables, column: str, side: str) -> str:
    """PostgreSQL's json has no equality: compare its text; its floats take -0 for 0: compare what they are sent as.

    MySQL's collations take different texts for the same: compare their bytes.
    """
    name, kind = f"{side}.{tables.name(column)}", spec.columns[column]
    if tables.dialect == "mysql" and (kind.is_text or kind.name == "list"):
        return comparable(name, "mysql")
    if tables.dialect != "postgres":
        return name
    if kind.is_float:
        return f"float{'4' if kind.name == 'float32' else '8'}send({name})"
    inner = kind.item if kind.item is not None else kind
    return f"{name}::text" if inner.name == "json" else name


def merge(spec: TargetSpec, tables: Tables) -> str:
    """Upsert by key in DuckDB and Oracle: change rows that differ and are not newer, add the others."""
    others = [column for column in spec.columns if column not in spec.key]
    updates = ", ".join(f"{tables.name(column)} = s.{tables.name(column)}" for column in others)
    update = (
        f"WHEN MATCHED AND {changed(spec, tables)} AND NOT ({newer(spec, tables)}) THEN UPDATE SET {updates} " if others else ""
    )
    return (
        f"MERGE INTO {tables.target} AS t USING {tables.staging} AS s ON {same_key(spec, tables)} {update}"
        f"WHEN NOT MATCHED THEN INSERT ({names(spec, tables)}) VALUES ({names(spec, tables, 's.')})"
    )


def upsert(spec: TargetSpec, tables: Tables) -> str:
    """Upsert by key with ON CONFLICT (PostgreSQL, SQLite); needs a unique constraint on the key."""
    key = ", ".join(tables.name(column) for column in spec.key)
    others = [column for column in spec.columns if column not in spec.key]
    listed = names(spec, tables)
    head = f"INSERT INTO {tables.target} AS t ({listed}) SELECT {listed} FROM {tables.staging} AS s WHERE TRUE"
    if not others:
        return f"{head} ON CONFLICT ({key}) DO NOTHING"
    updates = ", ".join(f"{tables.name(column)} = excluded.{tables.name(column)}" for column in others)
    condition = f"{changed(spec, tables, 't', 'excluded')} AND NOT ({newer(spec, tables, 't', 'excluded')})"
    return f"{head} ON CONFLICT ({key}) DO UPDATE SET {updates} WHERE {condition}"


def update_and_insert(spec: TargetSpec, tables: Tables) -> list[str]:
    """Upsert by key in two statements (MySQL), for ON DUPLICATE KEY would also change a row that another unique key finds."""
    others = [column for column in spec.columns if column not in spec.key]
    same = same_key(spec, tables)
    there = f"SELECT 1 FROM {tables.target} AS t WHERE {same}"
    insertion = (
        f"INSERT INTO {tables.target} ({names(spec, tables)}) SELECT {names(spec, tables, 's.')} FROM {tables.staging} AS s "
        f"WHERE NOT EXISTS ({there})"
    )
    if not others:
        return [insertion]
    updates = ", ".join(f"t.{tables.name(column)} = s.{tables.name(column)}" for column in others)
    condition = f"{changed(spec, tables)} AND NOT ({newer(spec, tables)})"
    update = f"UPDATE {tables.target} AS t JOIN {tables.staging} AS s ON {same} SET {updates} WHERE {condition}"
    return [update, insertion]


def dml(spec: TargetSpec, tables: Tables) -> list[str]:
    """Give the statements that make staging the target's content, for a spec without history and deletes."""
    if spec.write == "append":
        return [insert(spec, tables)]
    if spec.write == "merge" and tables.dialect == "mysql":
        return update_and_insert(spec, tables)
    if spec.write == "merge":
        return [merge(spec, tables) if tables.dialect in ("duckdb", "oracle") else upsert(spec, tables)]
    if spec.write == "replace":
        return [f"DELETE FROM {tables.target}", insert(spec, tables)]
    return [f"DELETE FROM {tables.target} WHERE {window_condition(spec, tables)}", insert(spec, tables)]


def survivors(spec: TargetSpec, tables: Tables) -> str | None:
    """Give SQL after FROM for the target's rows that publishing leaves as they are; None: none."""
    columns = names(spec, tables)
    if spec.write == "append":
        return f"(SELECT {columns} FROM {tables.target}) AS survivors"
    if spec.write == "merge":
        return f"(SELECT {names(spec, tables, 't.')} FROM {tables.target} AS t WHERE NOT {staged_key(spec, tables)}) AS survivors"
    if spec.write == "replace_window":
        inside = window_condition(spec, tables)
        return f"(SELECT {columns} FROM {tables.target} WHERE ({inside}) IS NOT TRUE) AS survivors"
    return None
