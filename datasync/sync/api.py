"""The Python API: a contract's path in, its plan, checks and runs out."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from datasync.contract.loader import LoadedContract
from datasync.contract.model import Contract
from datasync.contract.variables import resolve_params
from datasync.plan.explain import Explained, Statements, explain
from datasync.plan.steps import Plan
from datasync.results.model import RunResult
from datasync.sync.loading import load_any
from datasync.sync.options import RunOptions
from datasync.sync.prepare import Opened, Request, prepare
from datasync.sync.project import Project, open_project
from datasync.sync.session import Session, new_run_id
from datasync.sync.shadow import placed
from datasync.sync.systems import open_systems


class Sync:
    """One contract, ready to be planned, checked and run. Holds no connection and no state between calls.

    Args:
        loaded: the linted contract.
    """

    def __init__(self, loaded: LoadedContract) -> None:
        self._loaded = loaded

    @property
    def contract(self) -> Contract:
        """The typed contract."""
        return self._loaded.contract

    @property
    def project(self) -> Project:
        """Where its runs live."""
        return open_project(self._loaded.path)

    def run(self, **options: Any) -> RunResult:
        """Run the whole sync.

        Args:
            options: fields of `RunOptions`: window_start, window_end, params, full, begin, run_id, shadow, now, progress.

        Returns:
            The result; a violated contract or a broken system is a status, not an exception.

        Raises:
            UsageError: options that do not fit, or a target that differs from the contract.
            StorageError: history cannot be used.
        """
        return Session(self._loaded, RunOptions(**options)).carry_out()

    def check(self, **options: Any) -> RunResult:
        """Run the gates only; publish nothing. Options as for `run`, and data, at_target."""
        return Session(self._loaded, RunOptions(**{**options, "kind": "check"})).carry_out()

    def plan(self, **options: Any) -> tuple[Explained, ...]:
        """Explain the steps that a run would take now; reads the target's state and the source's clock, no data.

        Args:
            options: as for `run`; with `shadow` the steps are those of a shadow run.

        Raises:
            UsageError, Refused, ConnectorError: what the run itself would raise or report.
        """
        from datasync.history.store import History

        loaded, chosen = placed(self._loaded, RunOptions(**options))
        now = chosen.now or datetime.now(UTC)
        request = Request(chosen.run_id or new_run_id(now), chosen, resolve_params(self.contract, chosen.params), now)
        with ExitStack() as stack:
            history = History(self.project.history_url)
            stack.callback(history.close)
            systems = stack.enter_context(open_systems(loaded, self.project, request, audited=False))
            opened = Opened(loaded.contract, systems.source, systems.target, history)
            plan: Plan = prepare(opened, request, owned=False).plan
            target = systems.staging_target
            statements = Statements(
                read=lambda step: systems.source.explain(step.request),
                # Staging is the first thing that a target would make; the rest is what publishing does.
                write=lambda step: target.explain(step.spec)[:1] if step.name == "stage" else target.explain(step.spec)[1:],
            )
            return explain(plan, statements)


def load(path: str | Path, params: Mapping[str, str] | None = None) -> Sync:
    """Load and lint a contract; `params` serve an earlier configuration, whose source is asked for its columns.

    Raises:
        ContractError: everything that is wrong with it.
        UsageError: there is no such file.
    """
    return Sync(load_any(path, params))
