"""A table and new content in, a new table of the same name, grants, indexes and comments out (`replace_by: swap`)."""

from __future__ import annotations

import re
from collections.abc import Callable

from datasync.connectors.postgres.catalog import Place
from datasync.connectors.postgres.engine import Session, lock_number
from datasync.connectors.postgres.staging import quoted
from datasync.contract.expressions.dialects import literal_sql
from datasync.contract.types import STRING
from datasync.errors import TargetMismatch

_REASONS = {
    "a view": "SELECT 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid WHERE d.classid = 'pg_rewrite'::regclass "
    "AND d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(%s) AND r.ev_class <> d.refobjid",
    "a foreign key": "SELECT 1 FROM pg_constraint WHERE contype = 'f' AND to_regclass(%s) IN (conrelid, confrelid)",
    "a trigger": "SELECT 1 FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = to_regclass(%s)",
    "a row policy": "SELECT 1 FROM pg_policy WHERE polrelid = to_regclass(%s)",
    "partitioning or inheritance": "SELECT 1 FROM pg_inherits i, pg_class c WHERE c.oid = to_regclass(%s) "
    "AND (c.oid IN (i.inhrelid, i.inhparent) OR c.relkind = 'p')",
    "a sequence of its own": "SELECT 1 FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
    "WHERE d.refobjid = to_regclass(%s) AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')",
    "a publication": "SELECT 1 FROM pg_publication_rel WHERE prrelid = to_regclass(%s)",
    "an exclusion constraint": "SELECT 1 FROM pg_constraint WHERE contype = 'x' AND conrelid = to_regclass(%s)",
}
"""What a swapped table would lose, and the query that finds it."""


def check_swappable(session: Session, place: Place) -> None:
    """Make sure that nothing depends on the table that a new one would not get.

    Raises:
        TargetMismatch: something does.
    """
    for reason, query in _REASONS.items():
        if session.run(f"{query} LIMIT 1", [place.quoted]):
            raise TargetMismatch(
                f"{place.name} cannot be swapped: {reason} depends on it and would be lost", hint="use replace_by: rows"
            )


def swap(session: Session, place: Place, fill: Callable[[str], str]) -> None:
    """Fill a new table of the same shape and give it the old one's name, in the open transaction.

    Args:
        session: in a transaction.
        place: of the table.
        fill: gives the INSERT for a quoted table name.
    """
    fresh = place.beside(f"_datasync_new_{lock_number(place.name) & 0xFFFFFFFFFFFF:x}")
    session.run(f"CREATE TABLE {fresh.quoted} (LIKE {place.quoted} INCLUDING ALL)")
    _copy_settings(session, place, fresh)
    session.run(fill(fresh.quoted))
    old_names, new_names = _indexes(session, place), _indexes(session, fresh)
    session.run(f"DROP TABLE {place.quoted}")
    session.run(f"ALTER TABLE {fresh.quoted} RENAME TO {quoted(place.table)}")
    for shape, names in new_names.items():
        for name, old in zip(names, old_names.get(shape, []), strict=False):
            if name != old:
                session.run(f"ALTER INDEX {place.prefix}{quoted(name)} RENAME TO {quoted(old)}")


def _indexes(session: Session, place: Place) -> dict[str, list[str]]:
    """Give index names by shape: what an index is, without its name and its table's."""
    rows = session.run(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid), i.indisprimary FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = to_regclass(%s) ORDER BY c.relname",
        [place.quoted],
    )
    found: dict[str, list[str]] = {}
    for name, definition, primary in rows:
        shape = f"{primary} {definition.startswith('CREATE UNIQUE')} {re.split(r' USING ', definition, maxsplit=1)[-1]}"
        found.setdefault(shape, []).append(name)
    return found


def _copy_settings(session: Session, place: Place, fresh: Place) -> None:
    """Copy the owner, the comment, storage settings and grants, which LIKE leaves out."""
    owner, comment, options = session.run(
        "SELECT pg_get_userbyid(relowner), obj_description(oid, 'pg_class'), reloptions FROM pg_class "
        "WHERE oid = to_regclass(%s)",
        [place.quoted],
    )[0]
    if comment is not None:
        session.run(f"COMMENT ON TABLE {fresh.quoted} IS {literal_sql(comment, STRING, 'postgres')}")
    for option in options or ():
        name, _, value = option.partition("=")
        session.run(f"ALTER TABLE {fresh.quoted} SET ({quoted(name)} = {literal_sql(value, STRING, 'postgres')})")
    for statement in _grants(session, place, fresh):
        session.run(statement)
    if owner != session.run("SELECT current_user")[0][0]:
        session.run(f"ALTER TABLE {fresh.quoted} OWNER TO {quoted(owner)}")


def _grants(session: Session, place: Place, fresh: Place) -> list[str]:
    rows = session.run(
        "SELECT a.grantee, pg_get_userbyid(a.grantee), a.privilege_type, a.is_grantable, g.attname FROM ("
        "SELECT relacl AS acl, NULL::name AS attname FROM pg_class WHERE oid = to_regclass(%s) UNION ALL "
        "SELECT attacl, attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND NOT attisdropped) g, aclexplode(g.acl) a",
        [place.quoted, place.quoted],
    )
    statements = []
    for number, role, privilege, grantable, column in rows:
        to = "PUBLIC" if number == 0 else quoted(role)
        what = f"{privilege} ({quoted(column)})" if column else privilege
        statements.append(f"GRANT {what} ON {fresh.quoted} TO {to}{' WITH GRANT OPTION' if grantable and number else ''}")
    return statements
