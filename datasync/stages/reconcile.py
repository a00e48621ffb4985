"""A commit in, whether the target really holds what was staged out: the write itself is verified."""

from __future__ import annotations

from datasync.failpoints import failpoint
from datasync.seams import Commit
from datasync.stages.context import Context, Flow, Progress
from datasync.stages.publish import Audited


def reconcile(context: Context, flow: Flow, audited: Audited, commit: Commit) -> None:
    """Compare the rows that this run wrote, as the target now has them, with staging's figures.

    Skipped when a later commit came between, or when the target cannot tell this run's rows apart.
    """
    from datasync.gates.fidelity import Figures, difference, staged_figures

    context.progress(Progress("reconcile", audited.rows))
    failpoint("reconcile.begin")
    with flow.working():
        staging = context.target.staging(audited.spec)
        written = context.target.published(audited.spec, commit)
        if written is None:
            flow.detail["verdict"] = "skipped"
        else:
            columns = audited.spec.columns
            known = Figures.from_plain(audited.figures) if written.expected is None else None
            expected = known or staged_figures(staging, columns, written.expected)
            found = staged_figures(staging, columns, written.found)
            flow.rows_in, flow.rows_out = audited.rows, found.rows
            problem = difference(expected, found)
            flow.detail["verdict"] = "error" if problem else "passed"
            if problem:
                flow.detail["mismatch"] = problem
    failpoint("reconcile.done")
    flow.finish()
