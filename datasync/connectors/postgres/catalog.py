"""A table's name in, what PostgreSQL's catalog knows about it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from datasync.connectors.postgres.engine import Session
from datasync.connectors.sql.compare import Additions, FoundColumn, compare
from datasync.connectors.sql.place import TablePlace
from datasync.contract.expressions.dialects import quote_identifier
from datasync.contract.types import Dialect
from datasync.errors import PermanentError, TargetMismatch
from datasync.seams import TargetSpec


@dataclass(frozen=True, slots=True)
class Place(TablePlace):
    """A table."""

    dialect: ClassVar[Dialect] = "postgres"


def find_place(session: Session, name: str) -> Place:
    """Say where `table` or `schema.table` is or would be made.

    Raises:
        PermanentError: no schema is on the user's search path.
    """
    schema, _, table = name.rpartition(".")
    if schema:
        return Place(schema, table)
    row = session.run(
        "SELECT coalesce((SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.oid = to_regclass(%s)), current_schema())",
        [quote_identifier(table, "postgres")],
    )[0]
    if row[0] is None:
        raise PermanentError(
            f"postgres {session.name}: no schema is on the search path", code="E_NO_TABLE", hint="write schema.table"
        )
    return Place(row[0], table)


def exists(session: Session, place: Place) -> bool:
    """Tell whether something has the name."""
    return bool(session.run("SELECT to_regclass(%s) IS NOT NULL", [place.quoted])[0][0])


def found_columns(session: Session, place: Place) -> dict[str, FoundColumn]:
    """Give a table's columns in order; none when it is absent.

    Raises:
        TargetMismatch: the name is a view's, or another thing's that is no table.
    """
    kinds = session.run("SELECT relkind::text FROM pg_class WHERE oid = to_regclass(%s)", [place.quoted])
    if not kinds:
        return {}
    if kinds[0][0] not in ("r", "p"):
        raise TargetMismatch(f"{place.name} is {'a view' if kinds[0][0] in 'vm' else 'no table'}; a target is a table")
    rows = session.run(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull, atthasdef OR attidentity <> '', "
        "attgenerated <> '' OR attidentity = 'a' FROM pg_attribute "
        "WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [place.quoted],
    )
    return {name: FoundColumn(*facts) for name, *facts in rows}


def check_table(session: Session, place: Place, spec: TargetSpec) -> tuple[dict[str, FoundColumn], Additions]:
    """Compare an existing table with a spec.

    Returns:
        Its columns, none when it is absent, and the columns to add.

    Raises:
        TargetMismatch: it differs in a way that is not additive, merge finds no unique constraint on the key, or the key's
            collation takes different texts for one.
    """
    found = found_columns(session, place)
    if not found:
        return {}, Additions({})
    additions = compare(spec, found, "postgres", place.name)
    if spec.write in ("merge", "scd2"):
        _check_collations(session, place, spec.key)
    if spec.write == "merge" and not _unique_on(session, place, spec.key):
        key = ", ".join(spec.key)
        raise TargetMismatch(
            f"{place.name} has no unique constraint on its key ({key}), which merge needs",
            hint=f"add one: datasync makes it only with a table of its own: ALTER TABLE … ADD UNIQUE ({key})",
        )
    return found, additions


def _check_collations(session: Session, place: Place, key: tuple[str, ...]) -> None:
    """Refuse keys that the table does not tell apart: an upsert would change another key's row."""
    rows = session.run(
        "SELECT a.attname::text FROM pg_attribute AS a JOIN pg_collation AS c ON c.oid = a.attcollation "
        "WHERE a.attrelid = to_regclass(%s) AND a.attname = ANY(%s) AND NOT c.collisdeterministic",
        [place.quoted, list(key)],
    )
    for (name,) in rows:
        raise TargetMismatch(
            f"{place.name}.{name} has a nondeterministic collation, which takes different keys for one",
            hint="keys are told apart by every byte: give the column a deterministic collation",
        )


def _unique_on(session: Session, place: Place, key: tuple[str, ...]) -> bool:
    """Tell whether a unique index that ON CONFLICT can use has exactly these columns."""
    rows = session.run(
        "SELECT (SELECT array_agg(a.attname::text) FROM generate_series(0, i.indnkeyatts - 1) AS k "
        "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k]) "
        "FROM pg_index i WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indimmediate "
        "AND i.indpred IS NULL AND i.indexprs IS NULL",
        [place.quoted],
    )
    return any(set(names or ()) == set(key) for (names,) in rows)
