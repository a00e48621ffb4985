"""A loaded contract and the caller's choices in, the run's result out: open, prepare, carry out, record, close."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from datasync.contract.loader import LoadedContract
from datasync.contract.model import Contract
from datasync.contract.variables import resolve_params
from datasync.errors import ConnectorError, DataSyncError, Interrupted, UsageError
from datasync.gates.auditor import Auditor
from datasync.history.rows import RunFacts
from datasync.history.store import History, Tell
from datasync.journal import RUN
from datasync.plan.build import sync_id
from datasync.results.model import RunResult
from datasync.runner import Execution, carry_out, earlier_outcomes, execute
from datasync.seams import STAGES, StageName, Staging, TargetSpec
from datasync.stages.context import Context
from datasync.stages.set_aside import Owner, SetAside
from datasync.sync.compose import broken, compose
from datasync.sync.earlier import UnendedError, end_unended, replace_held
from datasync.sync.judged import judged
from datasync.sync.noted import run_began, run_ended
from datasync.sync.options import RunOptions
from datasync.sync.parts import gather, list_parts
from datasync.sync.prepare import Opened, Prepared, Request, prepare
from datasync.sync.progress import Noted
from datasync.sync.project import Project, open_project
from datasync.sync.shadow import placed, same_place
from datasync.sync.supersede import Superseded, close, superseded
from datasync.sync.supervise import Supervised, supervise
from datasync.sync.systems import Systems, open_systems
from datasync.sync.telemetry import emit
from datasync.sync.telling import Telling, sent, tell_of
from datasync.sync.texts import keep_text
from datasync.sync.unfinished import Begun, end_lost
from datasync.sync.unsent import finish_first, unsent
from datasync.sync.written import facts_of, linked, manifest_of, rerun_notes
from datasync.workspace import Workspace

RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,99}")
FINAL = ("passed", "warned", "failed", "held")


def new_run_id(now: datetime) -> str:
    """Name a run: sortable by time, unique."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"


def plain_id(text: str) -> str:
    """Give a run's id back when it may name a folder.

    Raises:
        UsageError: it is no plain name.
    """
    if not RUN_NAME.fullmatch(text):
        raise UsageError(f"'{text[:40]}' names no run", code="E_RUN_ID", hint="letters, digits and . _ : + -, at most 100")
    return text


@dataclass
class Session:
    """One run from open to recorded; `carry_out` is the whole of it."""

    loaded: LoadedContract
    options: RunOptions
    auditor: Auditor | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    execution: Execution | None = None
    facts: RunFacts | None = None
    committed: bool = False
    over: bool = True
    """Nothing of the run is left to a later process."""

    def __post_init__(self) -> None:
        self.project: Project = open_project(self.loaded.path)
        self._given = self.loaded
        self.loaded, self.options = placed(self.loaded, self.options)
        self.loaded = replace(self.loaded, contract=judged(self.loaded.contract, self.options))
        self.contract: Contract = self.loaded.contract
        self.now = self.options.now or datetime.now(UTC)
        self.run_id = plain_id(self.options.run_id) if self.options.run_id is not None else new_run_id(self.now)
        self._superseded = Superseded()
        self._earlier: tuple[str, ...] = ()
        self._cancel: list[Any] = []

    def carry_out(self) -> RunResult:
        """Do it, supervised.

        Raises:
            UsageError: the choices do not fit the contract, or the target differs from it.
            StorageError: history cannot be used.
        """
        task = Supervised(self._work, self.stop, self._end, lambda: self.committed or self._published())
        result = supervise(task)
        if self.over:
            run_ended(result)
            emit(result)
        return sent(self.project, result, self.options.connections) if self.options.deliver and self.over else result

    def _published(self) -> bool:
        return self.execution is not None and self.execution.commit is not None

    def _end(self) -> None:
        for system in self._cancel:
            system.cancel()

    def _work(self) -> RunResult:
        started, clock = datetime.now(UTC), time.monotonic()
        self._resume()
        RUN.set(self.run_id)
        params = resolve_params(self.contract, self.options.params)
        with ExitStack() as stack:
            history = History(self.project.history_url)
            stack.callback(history.close)
            finished = self._finished(history)
            if finished is not None:
                return finished
            try:
                self._finish_earlier(params, lambda run_id: history.is_committed(run_id) is not False)
            except DataSyncError as error:
                return self._not_planned(history, error, started)
            try:
                return self._opened(history, params, (started, clock))
            except UnendedError as left:
                over = self._ended(history, left, started)
            return over or self._opened(history, params, (started, clock))

    def _ended(self, history: History, left: UnendedError, started: datetime) -> RunResult | None:
        """End the run that published last; a result: this run has nothing left to do."""
        try:
            self._earlier += end_unended(self.loaded, self.project, left.commit, self._other)
        except DataSyncError as error:
            return self._not_planned(history, error, started)
        if left.commit.run_id != self.run_id:
            return None
        return self._finished(history) or self._not_planned(history, left.published(), started)

    def _opened(self, history: History, params: Mapping[str, Any], begun: tuple[datetime, float]) -> RunResult:
        """Open the systems, and carry out what there is to do."""
        request = Request(self.run_id, self.options, params, self.now, self.loaded.hash, str(self.loaded.path))
        with ExitStack() as stack:
            try:
                systems = stack.enter_context(open_systems(self.loaded, self.project, request, self.auditor, self._audits()))
                self._cancel += [system for system in (systems.source, systems.target, systems.auditor) if system is not None]
                found = prepare(Opened(self.contract, systems.source, systems.target, history), request)
                self._earlier += end_lost(self.loaded, self.project, history, found.plan, Begun(params))
                prepared = self._noted(found)
            except UsageError:
                raise
            except DataSyncError as error:
                return self._not_planned(history, error, begun[0])
            return self._planned(prepared, history, systems, begun)

    @property
    def _process(self) -> str:
        """What tells this process from the others that share the run; empty for a run of one process."""
        return (self.options.begin or "extract") if self.options.until is not None else ""

    def _audits(self) -> bool:
        """Tell whether the stages that this process carries out include the audit."""
        until = self.options.until or STAGES[-1]
        return STAGES.index(self.options.begin or "extract") <= STAGES.index("audit") <= STAGES.index(until)

    def _resume(self) -> None:
        """Take up the run that is to be resumed: its window, files, params and time.

        Raises:
            UsageError: there is no such run, or the contract changed since.
        """
        if self.options.begin is None:
            return
        if self.options.run_id is None:
            history = History(self.project.history_url)
            found = history.unfinished(self.contract.contract, self.options.shadow)
            history.close()
            if found is None:
                raise UsageError(f"{self.contract.contract} has no unfinished run to resume", code="E_RUN_ID")
            self.run_id = found
        if self.options.begin == "extract" and self.options.until is not None:
            # The first of several processes: there is nothing to take up.
            return
        workspace = self.project.run_folder(self.contract.contract, self.run_id)
        manifest = workspace.read_manifest()
        if manifest is None:
            raise UsageError(f"run {self.run_id} left nothing to resume", code="E_RUN_ID", hint="run the contract from the start")
        if manifest["hash"] != self.loaded.hash:
            raise UsageError(
                f"the contract changed since run {self.run_id}", code="E_CONTRACT_CHANGED", hint="run it from the start"
            )
        same_place(self.run_id, str(manifest.get("kind")), self.options)
        manifest = gather(workspace, manifest)
        if self.options.begin == "audit" and manifest.get("auditing"):
            # An audit that was cut off has moved rows already: stage again what the gates left, or read it again where they
            # left nothing.
            split = self.contract.run.tasks == "split" and self.options.kind == "run"
            self.options = replace(self.options, begin="stage" if split else "extract")
        asked = manifest.get("asked", {})
        self.now = datetime.fromisoformat(manifest["now"])
        self.options = replace(
            self.options, recorded=manifest, params=asked.get("params", {}),
            origin=self.options.origin or manifest.get("origin"), released=self.options.released or manifest.get("released"),
            links=self.options.links or manifest.get("links", {}),
        )  # fmt: skip

    def _finish_earlier(self, params: Mapping[str, Any], recorded: Callable[[str], bool]) -> None:
        """Let an earlier run's send to an API end first, where it was cut off; if it is this very run's, go on with that."""
        options = self.options
        if options.kind == "check" or options.begin not in (None, "extract"):
            return
        found = unsent(self.loaded, self.project, params, recorded)
        if found is None:
            return
        if found.send.run_id == self.run_id and options.until is None:
            self.options = replace(options, begin="publish")
            self._resume()
            return
        self._earlier = (finish_first(self.loaded, self.project, found, self._other),)

    def _other(self, choices: RunOptions) -> RunResult:
        """Carry out another run of the contract."""
        chosen = replace(choices, connections=self.options.connections, progress=self.options.progress)
        return Session(self._given, chosen, self.auditor, self.stop).carry_out()

    def _noted(self, prepared: Prepared) -> Prepared:
        """Say what was finished first."""
        if not self._earlier:
            return prepared
        own = rerun_notes(prepared) if prepared.rerun is not None else prepared.notes
        return replace(prepared, notes=(*self._earlier, *own))

    def _finished(self, history: History) -> RunResult | None:
        """The result of a run that is over, when its id is given again."""
        if self.options.run_id is None or self.options.begin is not None:
            return None
        known = history.result(self.options.run_id)
        if known is None or known.status not in FINAL:
            return None
        if known.contract != self.contract.contract:
            raise UsageError(f"run {known.run_id} is of contract {known.contract}", code="E_RUN_ID")
        same_place(known.run_id, known.kind, self.options)
        return known

    def _not_planned(self, history: History, error: DataSyncError, started: datetime) -> RunResult:
        if self.stop.is_set() and isinstance(error, ConnectorError):
            # A system that was told to stop answers with an error of its own.
            error = Interrupted("the run was interrupted")
        result = broken(self.contract, self.run_id, error, started)
        result = linked(replace(result, path=str(self.loaded.path), kind=self.options.kind), self.options.links)
        sync = sync_id(self.contract, resolve_params(self.contract, self.options.params))
        facts = RunFacts(
            self.run_id, self.contract.contract, self.contract.version, sync, self.options.kind, result.path, started,
            origin=self.options.origin, contract_hash=self.loaded.hash,
        )  # fmt: skip
        self._begin(history, facts)
        return history.finish(facts, result, None, False, self._tell(sync, result, history))

    def _tell(self, sync: str, result: RunResult, history: History) -> Tell | None:
        """What the run's end means for incidents and messages."""
        params = resolve_params(self.contract, self.options.params)
        return tell_of(Telling(self.loaded, sync, params, self.options.links, self.options.released), result, history)

    def _planned(self, prepared: Prepared, history: History, systems: Systems, begun: tuple[datetime, float]) -> RunResult:
        started, clock = begun
        workspace = self.project.run_folder(self.contract.contract, self.run_id)
        facts = facts_of(prepared, started, self.options.origin, self.loaded.hash)
        execution = Execution(prepared.plan)
        self.execution = execution
        if prepared.rerun is not None:
            return self._nothing_to_do(prepared, history, facts, begun)
        begin: StageName = self.options.begin or "extract"
        earlier = self._taken_up(history, workspace, execution, begin)
        if prepared.plan.kind == "run":
            replace_held(history, self.contract.contract, self.run_id)
        self._begin(history, facts)
        workspace.create()
        own = manifest_of(self.loaded, self.options, prepared, self._audited_sequence(prepared))
        workspace.write_manifest(earlier | own | {"now": self.now.isoformat()})
        self._carry(self._context(prepared, history, systems, workspace), execution, begin)
        before = float(earlier.get("seconds", 0.0))
        seconds = before + time.monotonic() - clock
        result = compose(execution, self.now if before else started, seconds, str(workspace.quarantine), prepared.notes)
        result = linked(self._released(result), self.options.links)
        if self._goes_on(execution):
            workspace.write_manifest((workspace.read_manifest() or {}) | {"seconds": round(seconds, 3)})
            self.over = False
            return result
        result = self._record(history, facts, result, execution)
        self._tidy(systems, workspace, result)
        return result

    def _nothing_to_do(self, prepared: Prepared, history: History, facts: RunFacts, begun: tuple[datetime, float]) -> RunResult:
        """Record that what is asked for was published already."""
        started, clock = begun
        result = compose(Execution(prepared.plan), started, time.monotonic() - clock, "", rerun_notes(prepared))
        self._begin(history, facts)
        return history.finish(facts, linked(replace(result, status="passed"), self.options.links), None, committed=False)

    def _taken_up(self, history: History, workspace: Workspace, execution: Execution, begin: StageName) -> dict[str, Any]:
        """Forget what an earlier try left of the stages that begin now; give the manifest of those before, if there are any."""
        if begin == "extract":
            workspace.clear_quarantine()
            history.forget_quarantine(self.run_id)
            return {}
        manifest = workspace.read_manifest() or {}
        execution.earlier = earlier_outcomes(manifest, begin, execution.plan)
        if self.options.until is not None:
            for stage in (begin, "audit") if begin == "stage" else (begin,):
                workspace.clear_quarantine(stage)
                history.forget_quarantine(self.run_id, stage)
        return manifest

    def _begin(self, history: History, facts: RunFacts) -> None:
        keep_text(history, self.loaded, self.project)
        history.begin(facts)
        run_began(facts)

    def _carry(self, context: Context, execution: Execution, begin: StageName) -> None:
        """Carry out the stages, or only list the parts that a task each will read."""
        if self.options.list_parts:
            carry_out(context, execution, lambda: list_parts(context, execution))
        else:
            execute(context, execution, begin, self.options.until)

    def _goes_on(self, execution: Execution) -> bool:
        """Tell whether a later process has stages of this run to do: a run is recorded once, when it is over."""
        until = self.options.until
        if until is None or execution.error is not None or until == execution.plan.steps[-1].name:
            return False
        return until != "audit" or execution.publishable

    def _released(self, result: RunResult) -> RunResult:
        """A held run that a person let go is published with what the audit found: warned, and said by whom."""
        over = result.status not in ("held", "failed") or result.error is not None or not self._published()
        if self.options.released is None or over:
            return result
        return replace(result, status="warned", notes=(*result.notes, f"released: {self.options.released}"))

    def _audited_sequence(self, prepared: Prepared) -> int:
        """The target's newest commit as the audit saw it, also when another process audited."""
        recorded = self.options.recorded or {}
        return int(recorded.get("sequence", 0)) if self.options.begin in ("publish", "reconcile") else prepared.sequence

    def _context(self, prepared: Prepared, history: History, systems: Systems, workspace: Workspace) -> Context:
        plan = prepared.plan
        owner = Owner(self.run_id, self.contract.contract, plan.sync)
        open_batches = history.quarantine_batches(sync=plan.sync, states=("open",)) if plan.kind != "check" else []

        def before_publish(spec: TargetSpec, staging: Staging) -> None:
            if open_batches:
                self._superseded = superseded(plan, spec, staging, open_batches)

        return Context(
            plan=plan,
            workspace=workspace,
            source=systems.source,
            target=systems.staging_target,
            auditor=systems.auditor,
            set_aside=SetAside(owner, workspace, history.add_quarantine, self._process),
            clock=self.now,
            stop=self.stop,
            past_counts=lambda number: history.past_counts(plan.sync, number),
            past_newest=lambda: history.past_newest(plan.sync),
            progress=Noted(workspace, self.options.progress),
            token=prepared.token,
            sequence=self._audited_sequence(prepared),
            before_publish=before_publish,
            released=self.options.released is not None,
            root=self.project.root,
            open_source=systems.open_source,
        )

    def _record(self, history: History, facts: RunFacts, result: RunResult, execution: Execution) -> RunResult:
        watermark = execution.commit.watermark if execution.commit else None
        tell = self._tell(facts.sync, result, history)
        recorded = history.finish(facts, result, watermark, execution.commit is not None, tell)
        if execution.commit is not None:
            close(history, self._superseded, self.run_id)
        return recorded

    def _tidy(self, systems: Systems, workspace: Workspace, result: RunResult) -> None:
        """Parts and staging go when the run is over for good; what could be resumed or released stays for a week."""
        if result.status in ("passed", "warned") or result.kind == "check":
            workspace.drop_parts()
            try:
                systems.staging_target.drop_staging(self.run_id)
            except DataSyncError:
                # The run is recorded; what is left behind goes with the next clean.
                return
