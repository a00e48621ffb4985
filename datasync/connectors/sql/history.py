"""A spec of `write: scd2` in, the statements that lay staging into the table's history out, in each dialect.

A staged row holds from its cursor on, or from the window's end where there is no cursor. Rows that say what the version before
them says make no version. Rows older than what history knows of their key are left out, so that nothing behind the present is
rewritten. What changes is first put down as events in a temporary table: keys, from when, until when; then versions are closed
and added.

MySQL joins by a hash of a key's texts, and compares their bytes behind it: a text of 700 characters is too long for the index
that it makes of a derived table, and its hash joins keep room for all of them in each row, so that they scan again and again.

Numbers of rows, which begin at 1, are asked to be below 2: PostgreSQL takes what equals 1 for next to nothing, and joins two such
relations by a loop over both.

In the SQL, `l` is a key's latest version, `s` a staged row with its instant, `e` an event.
"""

from __future__ import annotations

from datasync.connectors.sql.deletes import gone, not_staged
from datasync.connectors.sql.statements import (
    Tables,
    bound,
    changed,
    exact_bytes,
    exact_key,
    key_hash,
    names,
    same_key,
    staged_key,
)
from datasync.contract.expressions.dialects import literal_sql
from datasync.seams import HistoryColumns, Published, Removals, TargetSpec

AT, SINCE, UNTIL, GONE, LAST, RANK, OLD, HASH = (
    "_datasync_at", "_datasync_since", "_datasync_until", "_datasync_gone", "_datasync_last", "_datasync_rank", "_datasync_old",
    "_datasync_hash",
)  # fmt: skip
EVENTS = "_datasync_events"


class Laying:
    """The parts of the statements, each as SQL.

    Args:
        spec: of a run that writes scd2.
        tables: target and staging.
    """

    def __init__(self, spec: TargetSpec, tables: Tables) -> None:
        assert spec.history is not None
        self._spec = spec
        self._tables = tables
        self._columns: HistoryColumns = spec.history
        self._from = tables.name(spec.history.valid_from)
        self._to = tables.name(spec.history.valid_to)
        self._current = tables.name(spec.history.current)
        self._key = ", ".join(tables.name(name) for name in spec.key)
        prefixes = {"mysql": tables.database, "postgres": "pg_temp."}
        self._events = prefixes.get(tables.dialect, "temp.") + EVENTS
        long = tables.dialect == "mysql"
        self._hashed = tuple(
            name for name in spec.key if long and (spec.columns[name].is_text or spec.columns[name].name == "binary")
        )

    # --- relations

    def _listed(self, prefix: str = "") -> str:
        return names(self._spec, self._tables, prefix)

    @property
    def end(self) -> str:
        """The window's end: when what is missing stopped to hold, and since when rows without a cursor hold."""
        window = self._spec.window
        assert window is not None
        if self._spec.cursor is not None:
            return bound(self._spec, window.end, self._tables.dialect)
        return literal_sql(window.end, self._columns.kind, self._tables.dialect)

    def _latest(self, condition: str = "") -> str:
        """Each staged key's latest version, with the target's own names."""
        staged = staged_key(self._spec, self._tables)
        listed = self._listed("t.")
        key = self._apart("t.")
        return (
            f"SELECT * FROM (SELECT {listed}, t.{self._from}, t.{self._to}, t.{self._current}, {self._hash_as('t')}"
            f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY t.{self._from} DESC) AS {RANK} "
            f"FROM {self._tables.target} AS t WHERE {staged}) AS versions WHERE {RANK} < 2"
        )

    def _staged(self) -> str:
        """Staged rows with their instant, whether they are gone, and whether they are the last of their key."""
        since = f"s.{self._tables.name(self._spec.cursor)}" if self._spec.cursor is not None else self.end
        dead = gone(self._spec, self._tables)
        flag = f"CASE WHEN {dead} THEN 1 ELSE 0 END" if dead else "0"
        key = self._apart("s.")
        order = f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {since} DESC)" if self._spec.cursor is not None else "1"
        return (
            f"SELECT {self._listed('s.')}, {self._hash_as('s')}{since} AS {SINCE}, {flag} AS {GONE}, {order} AS {LAST} "
            f"FROM {self._tables.staging} AS s"
        )

    @property
    def _both(self) -> str:
        return f"WITH latest AS ({self._latest()}), staged AS ({self._staged()})"

    def _same(self, left: str, right: str) -> str:
        return same_key(self._spec, self._tables, left, right)

    def _apart(self, prefix: str = "") -> str:
        """The key to partition and group by."""
        return ", ".join(exact_key(self._spec, self._tables, prefix))

    def _hash(self, side: str) -> str:
        """The hash of a key's texts, of a relation that has them."""
        return key_hash(self._spec, self._tables, self._hashed, side)

    def _hash_as(self, side: str) -> str:
        """The hash as an item of a SELECT list and the comma behind it; nothing where keys are joined as they are."""
        return f"{self._hash(side)} AS {HASH}, " if self._hashed else ""

    def _hash_of(self, prefix: str = "") -> str:
        """The same, of a relation that has the hash."""
        return f"{prefix}{HASH}, " if self._hashed else ""

    def _alike(self, left: str, right: str, hashed: str = "") -> str:
        """Join two relations neither of which is the target.

        Args:
            left: has the hash, unless `hashed` is its SQL.
            right: has the hash.
        """
        parts = [f"{right}.{HASH} = {hashed or f'{left}.{HASH}'}"] if self._hashed else []
        for name in self._spec.key:
            long = name in self._hashed
            one, other = (
                exact_bytes(self._spec, self._tables, name, side) if long else f"{side}.{self._tables.name(name)}"
                for side in (left, right)
            )
            parts.append(f"{one} = {other}")
        return " AND ".join(parts)

    @property
    def _late(self) -> str:
        """Staged rows that history has overtaken."""
        closed = f"l.{self._current} IS NOT TRUE AND (s.{SINCE} < l.{self._to} OR s.{SINCE} = l.{self._from})"
        return f"(l.{self._from} > s.{SINCE} OR ({closed}))"

    @property
    def _back(self) -> str:
        """Of a complete read: rows that are there although their key was closed."""
        if not self._spec.complete:
            return "1 = 0"
        return f"l.{self._current} IS NOT TRUE AND s.{LAST} < 2 AND s.{GONE} = 0"

    @property
    def _returned(self) -> str:
        """Of these: the ones whose cursor is older than the closing."""
        return f"({self._back} AND s.{SINCE} < l.{self._to})"

    @property
    def _when(self) -> str:
        """From when a staged row holds: what returned does so at the window's end."""
        return f"CASE WHEN {self._returned} THEN {self.end} ELSE s.{SINCE} END" if self._spec.complete else f"s.{SINCE}"

    def _changed(self, left: str, right: str) -> str:
        """Tell whether two versions differ in what is tracked."""
        return changed(self._spec, self._tables, left, right, self._untracked)

    @property
    def _untracked(self) -> tuple[str, ...]:
        """Columns that make no version: the cursor, which moves with any touch, and the one that says deleted."""
        deletes = self._spec.deletes
        return tuple(name for name in (self._spec.cursor, deletes.column if deletes is not None else None) if name is not None)

    # --- statements

    @property
    def _temporary(self) -> str:
        """MySQL's DROP TABLE commits, its DROP TEMPORARY TABLE does not; others have only the one."""
        return "TEMPORARY TABLE" if self._tables.dialect == "mysql" else "TABLE"

    def statements(self) -> list[str]:
        """Correct, close and add versions; then close what is missing."""
        found = [self._correct(), *self._collect(), self._close(), self._add(), f"DROP {self._temporary} {self._events}"]
        return [*found, self._close_missing()] if self._spec.complete else found

    def _correct(self) -> str:
        """Give the version that begins at a staged row's very instant its values; one that was closed there holds again."""
        same = f"l.{self._current} IS TRUE AND s.{SINCE} = l.{self._from} AND {self._changed('s', 'l')}"
        again = f"{self._back} AND l.{self._from} = {self._when}"
        rows = (
            f"{self._both} SELECT {self._listed('s.')}, l.{self._from} AS {SINCE} FROM staged AS s "
            f"JOIN latest AS l ON {self._alike('l', 's')} WHERE s.{GONE} = 0 AND (({same}) OR ({again}))"
        )
        values = {
            self._tables.name(name): f"c.{self._tables.name(name)}" for name in self._spec.columns if name not in self._spec.key
        }
        values |= {self._to: "NULL", self._current: "TRUE"}
        return self._update(values, (rows, "c"), f"{self._same('t', 'c')} AND t.{self._from} = c.{SINCE}")

    def _collect(self) -> list[str]:
        """Put down what changes, and from when until when, as rows of a temporary table."""
        key, listed = self._apart(), self._listed()
        taken = (
            f"SELECT {self._listed('s.')}, {self._hash_of('s.')}s.{SINCE} AS {AT}, {self._when} AS {SINCE}, s.{GONE} AS {GONE}, "
            f"0 AS {OLD} FROM staged AS s LEFT JOIN latest AS l ON {self._alike('l', 's')} WHERE l.{self._from} IS NULL "
            f"OR (NOT {self._late} AND (s.{GONE} = 1 OR s.{SINCE} <> l.{self._from})) "
            f"OR ({self._returned} AND l.{self._from} <> {self._when})"
        )
        before = (
            f"SELECT {listed}, {self._hash_of()}{self._from} AS {AT}, {self._from} AS {SINCE}, "
            f"CASE WHEN {self._current} IS TRUE THEN 0 ELSE 1 END AS {GONE}, 1 AS {OLD} FROM latest"
        )
        numbered = (
            f"SELECT chain.*, ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {SINCE}, {OLD} DESC) AS {RANK} "
            f"FROM ({before} UNION ALL {taken}) AS chain"
        )
        differs = (
            f"(p.{RANK} IS NULL AND n.{GONE} = 0) OR p.{GONE} <> n.{GONE} "
            f"OR (p.{GONE} = 0 AND n.{GONE} = 0 AND {self._changed('n', 'p')})"
        )
        events = (
            f"SELECT n.* FROM numbered AS n LEFT JOIN numbered AS p ON {self._alike('p', 'n')} AND p.{RANK} = n.{RANK} - 1 "
            f"WHERE n.{OLD} = 0 AND ({differs})"
        )
        select = (
            f"{self._both}, numbered AS ({numbered}), events AS ({events}) "
            f"SELECT {self._key}, {self._hash_of()}{AT}, {SINCE}, {GONE}, "
            f"LEAD({SINCE}) OVER (PARTITION BY {key} ORDER BY {SINCE}) AS {UNTIL} FROM events"
        )
        if self._tables.dialect != "mysql":
            return [f"CREATE TEMPORARY TABLE {EVENTS} AS {select}"]
        # A server may ask every table to have a key; and what a try left behind that was rolled back must go.
        index = f", {HASH} BINARY(32) NOT NULL, KEY ({HASH})" if self._hashed else ""
        row = f"({RANK} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY{index}) ENGINE = InnoDB"
        drop = f"DROP {self._temporary} IF EXISTS {self._events}"
        return [drop, f"CREATE TEMPORARY TABLE {self._events} {row} AS {select}"]

    def _close(self) -> str:
        """End the current version of each key at its first event."""
        first = f"SELECT {self._key}, min({SINCE}) AS {SINCE} FROM {self._events} GROUP BY {self._apart()}"
        values = {self._to: f"e.{SINCE}", self._current: "FALSE"}
        return self._update(values, (first, "e"), f"{self._same('t', 'e')} AND t.{self._current} IS TRUE")

    def _add(self) -> str:
        """Add the versions; the last of each key holds on."""
        listed = self._listed()
        at = f" AND s.{self._tables.name(self._spec.cursor)} = e.{AT}" if self._spec.cursor is not None else ""
        return (
            f"INSERT INTO {self._tables.target} ({listed}, {self._from}, {self._to}, {self._current}) "
            f"SELECT {self._listed('s.')}, e.{SINCE}, e.{UNTIL}, e.{UNTIL} IS NULL FROM {self._events} AS e "
            f"JOIN {self._tables.staging} AS s ON {self._alike('s', 'e', self._hash('s'))}{at} WHERE e.{GONE} = 0"
        )

    def _close_missing(self) -> str:
        end = f"CASE WHEN t.{self._from} > {self.end} THEN t.{self._from} ELSE {self.end} END"
        return f"UPDATE {self._tables.target} AS t SET {self._to} = {end}, {self._current} = FALSE WHERE {self._missing}"

    @property
    def _missing(self) -> str:
        """Current versions whose key a complete read did not hold; those before its beginning were not asked for."""
        return " AND ".join((f"t.{self._current} IS TRUE", not_staged(self._spec, self._tables), *self._asked_for))

    @property
    def _asked_for(self) -> list[str]:
        window = self._spec.window
        if window is None or window.start is None or self._spec.cursor is None:
            return []
        return [f"t.{self._from} >= {bound(self._spec, window.start, self._tables.dialect)}"]

    def _update(self, values: dict[str, str], source: tuple[str, str], on: str) -> str:
        rows, alias = source
        sets = ", ".join(f"{name} = {value}" for name, value in values.items())
        if self._tables.dialect == "mysql":
            sets = ", ".join(f"t.{name} = {value}" for name, value in values.items())
            return f"UPDATE {self._tables.target} AS t JOIN ({rows}) AS {alias} ON {on} SET {sets}"
        return f"UPDATE {self._tables.target} AS t SET {sets} FROM ({rows}) AS {alias} WHERE {on}"

    # --- what the audit and reconcile ask

    def removals(self) -> Removals:
        """Say which keys are closed without another version."""
        listed = self._listed("t.")
        current = f"FROM {self._tables.target} AS t WHERE t.{self._current} IS TRUE"
        parts = [f"SELECT {listed} {current} AND {self._missing}"] if self._spec.complete else []
        if gone(self._spec, self._tables):
            last = f"l.{self._current} IS TRUE AND s.{LAST} < 2 AND s.{GONE} = 1 AND s.{SINCE} >= l.{self._from}"
            parts.append(f"SELECT {self._listed('l.')} FROM staged AS s JOIN latest AS l ON {self._alike('l', 's')} WHERE {last}")
        closed = " UNION ALL ".join(parts) or f"SELECT {listed} {current} AND 1 = 0"
        return Removals(f"({self._both} {closed}) AS going", f"(SELECT {listed} {current}) AS living")

    def survivors(self) -> str:
        """Give the current versions that stay as they are."""
        listed = self._listed("t.")
        # Of those that are not staged; staging is asked once, for PostgreSQL makes no join of it behind an IS NOT TRUE.
        stay = f"({' AND '.join(self._asked_for) or '1 = 1'}) IS NOT TRUE AND " if self._spec.complete else ""
        where = f"t.{self._current} IS TRUE AND {stay}{not_staged(self._spec, self._tables)}"
        return f"(SELECT {listed} FROM {self._tables.target} AS t WHERE {where}) AS survivors"

    def written(self) -> Published:
        """Give what must agree: the last staged row of each key, and its current version; what is not tracked is that one's."""
        listed = ", ".join(
            f"{'l' if name in self._untracked else 's'}.{quoted} AS {quoted}"
            for name, quoted in ((name, self._tables.name(name)) for name in self._spec.columns)
        )
        join = f"FROM staged AS s LEFT JOIN latest AS l ON {self._alike('l', 's')} WHERE s.{LAST} < 2"
        counted = f"(l.{self._from} IS NULL OR NOT {self._late})"
        expected = f"{self._both} SELECT {listed} {join} AND s.{GONE} = 0 AND {counted}"
        found = f"{self._both} SELECT {self._listed('l.')} {join} AND l.{self._current} IS TRUE AND NOT {self._late}"
        if self._spec.complete:
            left = f"SELECT {self._listed('t.')} FROM {self._tables.target} AS t WHERE {self._missing}"
            found += f" UNION ALL {left}"
        return Published(f"({found}) AS written", f"({expected}) AS expected")
