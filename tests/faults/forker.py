"""Commands in, exit codes out: a process without threads that has imported what a run imports and forks a child for each command.

Forking the test process itself would copy the locks of its libraries' threads, and a child could wait for them for ever.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import warnings
from pathlib import Path

MODULES = (
    "great_expectations", "great_expectations.checkpoint", "adbc_driver_postgresql.dbapi", "alembic.command", "datasync.cli.execution",
    "datasync.cli.run", "datasync.connectors.duckdb.source", "datasync.connectors.duckdb.target", "datasync.connectors.files.parquet",
    "datasync.connectors.delta.target", "datasync.connectors.mysql.target", "datasync.connectors.postgres.target",
    "datasync.connectors.sqlite.target", "datasync.gates.at_rest", "datasync.gates.in_flight",
    "pandera.polars", "polars", "pyarrow.parquet", "s3fs", "sqlglot",
)  # fmt: skip


def main() -> None:
    """Serve until stdin ends."""
    warnings.simplefilter("ignore")
    for name in MODULES:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    for line in sys.stdin:
        command = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(command)
        _, status = os.waitpid(pid, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _run(command: dict[str, object]) -> None:
    """The child: run the command line and never come back."""
    try:
        os.close(0)
        os.open(os.devnull, os.O_RDONLY)
        os.chdir(Path(str(command["folder"])))
        os.environ.update(command["environment"])  # type: ignore[call-overload]
        from datasync.cli.app import invoke

        os._exit(invoke(list(command["arguments"])))  # type: ignore[call-overload]
    finally:
        os._exit(70)


if __name__ == "__main__":
    main()
