"""Checkpoints to run in, Great Expectations' verdicts out, as lines of JSON: the audit's process of its own.

A process of its own keeps Great Expectations' 250 MB, its logging and its exit noise out of the run, and its import of several
seconds overlaps the extract without sharing an interpreter with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import queue
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from typing import IO, Any

from datasync.gates.gx_slim import EXPECTATIONS, slim


def serve(commands: IO[str], answers: IO[str], ready: Callable[[], str] | None = None) -> None:
    """Answer commands until the parent is gone; then leave at once, whatever runs.

    Args:
        commands: one JSON document a line.
        answers: one for each checkpoint, after one that says the worker is ready.
        ready: makes it so; default: `prepare`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    waiting: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(commands, waiting), daemon=True).start()
    # A forked worker inherits its parent's filters, which may turn a library's warning into a failed check.
    warnings.simplefilter("ignore")
    _say(answers, {"ready": (ready or prepare)()})
    while True:
        command = json.loads(waiting.get())
        if "expect" in command:
            _load_driver(command["expect"])
            continue
        try:
            answer: dict[str, Any] = validated(command)
        except Exception as error:
            answer = {"error": type(error).__name__}
            print(f"checkpoint failed: {error!r}"[:2000], file=sys.stderr, flush=True)
        _say(answers, answer)


def _listen(commands: IO[str], waiting: queue.Queue[str]) -> None:
    for line in commands:
        waiting.put(line)
    os._exit(0)


def _say(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


_PREPARED: list[str] = []


def prepare() -> str:
    """Import what is slow, once; the version says that it worked."""
    if _PREPARED:
        return _PREPARED[0]
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import logging

    import great_expectations as gx

    logging.captureWarnings(False)
    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    _listen_to_engines()
    _rehearse()
    _PREPARED.append(str(gx.__version__))
    return _PREPARED[0]


def _rehearse() -> None:
    """Judge one row in memory: what Great Expectations imports and builds on first use is ready when the audit begins."""
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    source = context.data_sources.add_sqlite(name="rehearsal", connection_string="sqlite://", create_temp_table=False)
    batch = source.add_query_asset(name="one", query="SELECT 1 AS n").add_batch_definition_whole_table("all")
    query = "SELECT 1 FROM {batch} WHERE n > 1"
    entry = {"type": ROWS, "kwargs": {"unexpected_rows_query": query}, "meta": {"check": "n"}, "severity": "critical"}
    _judge(context, batch, [entry])
    source.get_execution_engine().close()


_DIALECTS = {"postgres": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite", "duckdb": "duckdb"}


def _load_driver(dialect: str) -> None:
    """Import what reads a system; where that is not installed, the checkpoint says so."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import NoSuchModuleError

    with suppress(ImportError, NoSuchModuleError, KeyError):
        create_engine(f"{_DIALECTS[dialect]}://").dispose()


def checkpoint(command: dict[str, Any]) -> list[dict[str, Any]]:
    """Run one checkpoint; give each expectation's outcome as plain values."""
    found: list[dict[str, Any]] = validated(command)["outcomes"]
    return found


def validated(command: dict[str, Any]) -> dict[str, Any]:
    """Run one checkpoint; give `outcomes`, and `validation`: what Great Expectations' own pages are drawn from.

    DuckDB is first given little memory, in which most questions are answered as fast, and more where that was not enough.
    """
    if command["dialect"] != "duckdb":
        return _checkpoint(command)
    _MEMORY[:] = [DUCKDB_MEMORY]
    found = _checkpoint(command)
    _MEMORY.clear()
    starved = any(OUT_OF_MEMORY in outcome["error"] for outcome in found["outcomes"])
    return _checkpoint(command) if starved else found


def _checkpoint(command: dict[str, Any]) -> dict[str, Any]:
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    source = _data_source(context, command)
    try:
        name = _name(command["table"], command["dialect"])
        schema = _as_written(command["schema"]) if command.get("schema") else None
        asset = source.add_table_asset(name="staging", table_name=name, schema_name=schema)
        batch = asset.add_batch_definition_whole_table("all")
        return _judge(context, batch, command["expectations"])
    finally:
        source.get_execution_engine().close()
        _close_all()


def _judge(context: Any, batch: Any, expectations: list[dict[str, Any]]) -> dict[str, Any]:
    from great_expectations.checkpoint.checkpoint import Checkpoint
    from great_expectations.core import ExpectationSuite, ValidationDefinition
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = context.suites.add(ExpectationSuite(name="datasync"))
    for entry in expectations:
        suite.add_expectation(_expectation(entry))
    definition = context.validation_definitions.add(ValidationDefinition(name="datasync", data=batch, suite=suite))
    checkpoint = Checkpoint(name="datasync", validation_definitions=[definition], result_format={
        "result_format": "SUMMARY", "partial_unexpected_count": 0,
    })  # fmt: skip
    found = next(iter(context.checkpoints.add(checkpoint).run().run_results.values()))
    return {"outcomes": [_outcome(result) for result in found.results], "validation": _validation(found)}


def _name(table: str, dialect: str) -> Any:
    return _as_written(table) if dialect == "postgres" else table


def _as_written(name: str) -> Any:
    """Mark a name as quoted: Great Expectations writes every other schema in small letters."""
    from sqlalchemy.sql import quoted_name

    return quoted_name(name, quote=True)


def _data_source(context: Any, command: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"name": "staging", "connection_string": command["url"], "create_temp_table": False}
    if command["dialect"] == "postgres":
        return context.data_sources.add_postgres(**options)
    if command["dialect"] == "sqlite":
        return context.data_sources.add_sqlite(**options)
    if command["dialect"] == "mysql":
        return context.data_sources.add_sql(**options)
    return context.data_sources.add_sql(**options, kwargs={"connect_args": {"read_only": True}})


DUCKDB_MEMORY = "384MB"
OUT_OF_MEMORY = "OutOfMemory"
_MEMORY: list[str] = []
"""What DuckDB's connections of this process may use; empty: its own default, most of the machine's."""
_OPEN: list[Any] = []
"""DuckDB connections of this process: the file must be free again when a checkpoint is over."""


def _close_all() -> None:
    while _OPEN:
        _OPEN.pop().close()


def _listen_to_engines() -> None:
    """Teach every engine of this process what its dialect needs; Great Expectations makes engines of its own."""
    from sqlalchemy import Engine, event
    from sqlalchemy.engine.cursor import FullyBufferedCursorFetchStrategy

    @event.listens_for(Engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        if type(connection).__module__.startswith("sqlite3"):
            from datasync.contract.expressions.to_sql import register_sqlite

            register_sqlite(connection)
        elif "duckdb" in type(connection).__module__:
            _OPEN.append(connection)
            for memory in _MEMORY:
                connection.execute(f"SET memory_limit = '{memory}'")
        elif type(connection).__module__.startswith("pymysql"):
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION time_zone = '+00:00', max_sort_length = 4096")

    @event.listens_for(Engine, "after_cursor_execute")
    def executed(connection: Any, cursor: Any, _statement: Any, _parameters: Any, context: Any, _many: Any) -> None:
        # DuckDB's results are empty for Great Expectations unless each cursor is buffered in full.
        if connection.dialect.name == "duckdb" and cursor.description:
            context.cursor_fetch_strategy = FullyBufferedCursorFetchStrategy(
                cursor, initial_buffer=cursor.fetchall(), alternate_description=cursor.description
            )


ROWS = "unexpected_rows_expectation"


@cache
def _counted_rows() -> str:
    """Teach Great Expectations to count unexpected rows without fetching them too, which runs the query twice."""
    from great_expectations.expectations.core.unexpected_rows_expectation import UnexpectedRowsExpectation

    class ExpectNoRows(UnexpectedRowsExpectation):
        metric_dependencies = ("unexpected_rows_query.row_count",)

        def _validate(self, metrics: dict[str, Any], *rest: Any, **named: Any) -> Any:
            return super()._validate({**metrics, "unexpected_rows_query.table": []}, *rest, **named)

    return str(ExpectNoRows.expectation_type)


def _expectation(entry: dict[str, Any]) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    # It is known to Great Expectations once it is imported, which `slim` leaves to us.
    importlib.import_module(f"{EXPECTATIONS}.{entry['type']}")
    if entry["type"] == ROWS:
        entry = entry | {"type": _counted_rows()}
    configuration = ExpectationConfiguration(
        type=entry["type"], kwargs=entry["kwargs"], meta=entry["meta"], severity=entry["severity"]
    )
    return configuration.to_domain_obj()


def _outcome(result: Any) -> dict[str, Any]:
    """What one expectation said: no row's values, whatever the result holds."""
    config = result.expectation_config
    observed = (result.result or {}).get("observed_value")
    plain = observed if isinstance(observed, int | float | bool) else None
    return {
        "check": config.meta.get("check"),
        "success": bool(result.success),
        "error": _exception(result.exception_info or {}),
        "observed": plain,
        "evaluated": bool(result.result) or bool(result.success),
    }


NUMBERS = ("element_count", "unexpected_count", "unexpected_percent", "missing_count", "missing_percent",
           "unexpected_percent_nonmissing", "unexpected_percent_total", "observed_value")  # fmt: skip


def _validation(found: Any) -> dict[str, Any]:
    """What a checkpoint found, as plain values: counts and shares, of what was observed only numbers, and no row's values."""
    import great_expectations as gx

    results = []
    for one in found.results:
        config = one.expectation_config.to_json_dict()
        kept = {name: config[name] for name in ("type", "kwargs", "meta", "severity") if config.get(name) is not None}
        kept["kwargs"] = {name: value for name, value in kept["kwargs"].items() if name != "batch_id"}
        if kept["type"].startswith("expect_no_rows"):
            kept["type"] = ROWS
        figures = {
            name: value for name, value in (one.result or {}).items() if name in NUMBERS and isinstance(value, int | float)
        }
        error = _exception(one.exception_info or {})
        results.append({"success": bool(one.success), "expectation": kept, "result": figures, "error": error})
    return {"version": str(gx.__version__), "results": results}


def _exception(info: dict[str, Any]) -> str:
    """Great Expectations' two shapes of "an exception was raised": flat, or one per metric."""
    parts = [info] if "raised_exception" in info else [part for part in info.values() if isinstance(part, dict)]
    for part in parts:
        if part.get("raised_exception"):
            message = str(part.get("exception_message") or "raised")
            print(f"expectation failed to run: {message}"[:2000], file=sys.stderr, flush=True)
            return message.partition(":")[0].rpartition("(")[2].strip(" '\")")[:80] or "raised"
    return ""


def _prepare_alone() -> str:
    """Prepare in a process that is the audit's alone, without what it cannot ask for; imports leave no garbage to collect."""
    gc.disable()
    try:
        with slim():
            return prepare()
    finally:
        gc.freeze()
        gc.enable()


WHOLE = "--whole"
"""Leave nothing of Great Expectations out."""


def main() -> None:
    """Serve on stdin and stdout; whatever else is printed goes to stderr, which the parent keeps in a log.

    `--whole` leaves nothing of Great Expectations out: for a version that insists on what we do without.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    serve(sys.stdin, answers, prepare if WHOLE in sys.argv else _prepare_alone)


if __name__ == "__main__":
    main()
