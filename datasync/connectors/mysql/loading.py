"""Frames in, rows of a MySQL staging table out: by LOAD DATA LOCAL from memory, else by INSERT."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from datasync.connectors.mysql.catalog import Limit
from datasync.connectors.mysql.engine import Session
from datasync.connectors.mysql.staging import quoted
from datasync.contract.types import DataType, polars_type
from datasync.errors import PermanentError
from datasync.failpoints import failpoint
from datasync.seams import POSITION, TargetSpec

_PACKET = 1 << 20
"""Bytes of a packet of data."""
_ROWS = 5_000
"""Rows of one INSERT, at most."""
_QUERY = 0x03


def wire_frame(frame: pl.DataFrame, columns: Mapping[str, DataType], limits: Mapping[str, Limit]) -> pl.DataFrame:
    """Give columns the form in which MySQL reads their values without altering them.

    Args:
        frame: typed as `columns` says, and `POSITION` where the run has it.
        columns: name to type.
        limits: how long texts and binaries may be, where the target's column is shorter than ours.

    Returns:
        Numbers, dates, times, naive timestamps, and text; binaries are hexadecimal digits, booleans 0 and 1.

    Raises:
        PermanentError: a column has another type, or a value that MySQL would alter or refuse.
    """
    made = []
    for name, dtype in frame.schema.items():
        if name == POSITION:
            made.append(frame[name])
            continue
        kind = columns[name]
        if dtype != polars_type(kind):
            raise PermanentError(f"column {name} arrives as {dtype}, the contract says {kind}", code="E_STAGING_TYPE")
        _refuse(frame[name], kind, limits.get(name))
        made.append(_wire(frame[name], kind))
    return pl.DataFrame(made)


def _refuse(series: pl.Series, kind: DataType, limit: Limit | None) -> None:
    reason = ""
    if kind.is_float and not series.is_finite().all():
        reason = "NaN or infinity, which MySQL cannot hold"
    elif kind.name == "time" and (series.cast(pl.Int64) % 1000 != 0).any():
        reason = "times with nanoseconds; MySQL keeps microseconds"
    elif limit is not None and (kind.is_text or kind.name == "binary") and _longest(series, kind, limit) > limit.length:
        reason = f"values longer than the {limit.length} {'bytes' if limit.in_bytes else 'characters'} of its column"
    if reason:
        raise PermanentError(f"column {series.name} has {reason}", code="E_VALUE")


def _longest(series: pl.Series, kind: DataType, limit: Limit) -> int:
    if kind.name == "binary":
        sizes = series.bin.size("b")
    else:
        sizes = series.str.len_bytes() if limit.in_bytes else series.str.len_chars()
    longest = sizes.max()
    return longest if isinstance(longest, int) else 0


def _wire(series: pl.Series, kind: DataType) -> pl.Series:
    if kind.name == "bool":
        return series.cast(pl.Int8)
    if kind.name == "float32":
        return series.cast(pl.Float64)
    if kind.name == "binary":
        return series.bin.encode("hex")
    if kind.zone is not None:
        return series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if kind.name == "list" and kind.item is not None:
        return pl.Series(series.name, [array_text(cell, kind.item) for cell in series], dtype=pl.String)
    return series


def array_text(cell: pl.Series | None, item: DataType) -> str | None:
    """Write a list as a JSON array; elements that JSON has no exact form for are text."""
    if cell is None:
        return None
    _refuse(cell, item, None)
    if item.name == "list" and item.item is not None:
        inner = item.item
        return "[" + ", ".join(array_text(value, inner) or "null" for value in cell) + "]"
    if item.name == "bool" or item.is_integer or item.is_float:
        return json.dumps(cell.to_list(), allow_nan=False)
    text = _wire(cell, item)
    if item.name == "timestamp":
        text = text.dt.strftime("%Y-%m-%d %H:%M:%S%.6f") + ("+00:00" if item.zone else "")
    return json.dumps(text.cast(pl.String).to_list(), ensure_ascii=False)


def csv_bytes(frame: pl.DataFrame) -> bytes:
    """Write a wire frame for LOAD DATA: text in quotes that are doubled inside, nothing escaped, NULL for what is missing."""
    out = io.BytesIO()
    stamp, clock = "%Y-%m-%d %H:%M:%S%.6f", "%H:%M:%S%.6f"
    frame.write_csv(
        out, include_header=False, quote_style="non_numeric", null_value="NULL", datetime_format=stamp, time_format=clock
    )
    return out.getvalue()


def load_statement(table: str, columns: Mapping[str, DataType], names: list[str]) -> str:
    """Give the LOAD DATA of a wire frame's columns; the name of the file is one that nobody opens."""
    binary = {name: f"@b{number}" for number, name in enumerate(names) if name != POSITION and columns[name].name == "binary"}
    listed = ", ".join(binary.get(name, quoted(name)) for name in names)
    sets = ", ".join(f"{quoted(name)} = UNHEX({variable})" for name, variable in binary.items())
    return (
        f"LOAD DATA LOCAL INFILE 'datasync' INTO TABLE {table} CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' "
        f"({listed}){f' SET {sets}' if sets else ''}"
    )


class MysqlWriter:
    """Loads batches into a new staging table, in one transaction.

    Args:
        session: of its own; it may answer LOAD DATA LOCAL.
        spec: what is staged.
        ddl: makes the table; MySQL commits it by itself.
        table: its quoted name.
        limits: see `wire_frame`.
    """

    def __init__(self, session: Session, spec: TargetSpec, ddl: list[str], table: str, limits: Mapping[str, Limit]) -> None:
        self._session = session
        self._spec = spec
        self._table = table
        self._limits = limits
        self._rows = 0
        self._local = bool(session.run("SELECT @@GLOBAL.local_infile")[0][0])
        for statement in ddl:
            session.run(statement)
        failpoint("stage.after_create")
        session.run("START TRANSACTION")

    def write(self, frame: pl.DataFrame) -> None:
        """Add rows.

        Raises:
            PermanentError: a column is not of the contract's type, or the server would alter a value.
            TransientError: the connection was lost, or the load was cancelled.
        """
        wired = wire_frame(frame, self._spec.columns, self._limits)
        if wired.height:
            (self._load if self._local else self._insert)(wired)
            self._rows += wired.height
        failpoint("stage.after_batch")

    def _load(self, wired: pl.DataFrame) -> None:
        statement = load_statement(self._table, self._spec.columns, wired.columns)
        rows, warnings = _sent(self._session, statement, csv_bytes(wired))
        # LOCAL makes warnings of what strict mode would refuse: a warning is an altered value.
        if warnings or rows != wired.height:
            raise PermanentError(
                f"mysql {self._session.name}: the server would alter or leave out values of {max(warnings, 1):,} cells",
                code="E_VALUE",
                hint="a value does not fit its column",
            )

    def _insert(self, wired: pl.DataFrame) -> None:
        marks = ", ".join(
            "UNHEX(%s)" if name != POSITION and self._spec.columns[name].name == "binary" else "%s" for name in wired.columns
        )
        names = ", ".join(quoted(name).replace("%", "%%") for name in wired.columns)
        statement = f"INSERT INTO {self._table.replace('%', '%%')} ({names}) VALUES ({marks})"
        live = self._session.live
        with self._session.translated(), live.cursor() as cursor:
            for part in wired.iter_slices(_ROWS):
                cursor.executemany(statement, part.rows())

    def finish(self) -> int:
        """Commit."""
        failpoint("stage.before_commit")
        self._session.run("COMMIT")
        if self._spec.write in ("merge", "scd2"):
            # MariaDB joins what has no index row by row; one that is made after the load is made in one go.
            key = ", ".join(quoted(name) for name in self._spec.key)
            self._session.run(f"ALTER TABLE {self._table} ADD INDEX ({key})")
        self._session.run(f"ANALYZE TABLE {self._table}")
        self._session.close()
        failpoint("stage.after_commit")
        return self._rows

    def abandon(self) -> None:
        """Remove what was staged."""
        self._session.stop.clear()
        # A statement that was cut off may have left the connection in the middle of an answer.
        self._session.close()
        self._session.run(f"DROP TABLE IF EXISTS {self._table}")
        self._session.close()


def _sent(session: Session, statement: str, data: bytes) -> tuple[int, int]:
    """Run LOAD DATA LOCAL with data from memory; give the rows it stored and its warnings.

    pymysql would open the file that the server names; a server could name any. Here whatever it asks for is this data.
    """
    from pymysql.protocol import OKPacketWrapper

    live: Any = session.live
    with session.translated():
        live._execute_command(_QUERY, statement)
        packet = live._read_packet()
        if not packet.is_load_local_packet():
            raise PermanentError(f"mysql {session.name}: the server did not ask for the data", code="E_LOCAL_INFILE")
        view = memoryview(data)
        for start in range(0, len(data), _PACKET):
            live.write_packet(bytes(view[start : start + _PACKET]))
        live.write_packet(b"")
        answer = OKPacketWrapper(live._read_packet())
    return int(answer.affected_rows), int(answer.warning_count)
