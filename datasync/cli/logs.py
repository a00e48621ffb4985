"""A choice of form in, the process's log on stderr out: JSON with one object per line, or text."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

FORMS = ("text", "json")


class JsonLines(logging.Formatter):
    """One JSON object per record: time, level, logger, event or message, and the event's fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record; a traceback becomes the name of its exception."""
        event = getattr(record, "event", None)
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": event or record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            entry["exception"] = record.exc_info[0].__name__
        return json.dumps(entry, ensure_ascii=False, default=str)


class Text(logging.Formatter):
    """One line per record, and tracebacks that say nothing that others said."""

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging's own name
        """Write a traceback."""
        from datasync.cli.traces import trace

        return trace(ei[1]) if ei[1] is not None else ""


def configure(form: str) -> None:
    """Send the log to stderr: datasync's own from INFO on, everybody else's warnings."""
    handler = logging.StreamHandler(sys.stderr)
    text = Text("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if form == "json" else text)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("datasync").setLevel(logging.INFO)
