"""A command in, the audit's process started before anything else is imported: its imports are the longest wait of a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasync.gates.auditor import Auditor


@contextmanager
def started_auditor() -> Iterator[Auditor]:
    """Give the runs of one command an audit process to share, already importing: paid once, while we import ourselves."""
    with tempfile.TemporaryDirectory(prefix="datasync-") as folder:
        auditor = Auditor(Path(folder) / "audit.log")
        try:
            auditor.start()
            yield auditor
        finally:
            auditor.close()
