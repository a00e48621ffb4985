"""A loaded contract and the caller's choices in, a plan ready to be carried out: windows, files, owner, target's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from datasync.contract.model import Contract
from datasync.contract.types import TIMESTAMP_UTC
from datasync.errors import ConnectorError, Refused, UsageError
from datasync.history.store import History
from datasync.plan.build import FILE_KINDS, Situation, build, target_spec
from datasync.plan.steps import Plan
from datasync.plan.window import (
    CursorFacts,
    automatic_window,
    check_append,
    check_history,
    cursor_facts,
    explicit_window,
    from_text,
    last_watermark,
    moved_watermark,
    to_text,
)
from datasync.seams import Commit, PinnedFile, Source, Target, TargetSpec, TargetState, Window, WindowValue
from datasync.sync.earlier import refuse_unended
from datasync.sync.options import RunOptions

RUN_INTERVAL = ("ds", "next_ds", "data_interval_start", "data_interval_end")


@dataclass(frozen=True, slots=True)
class Opened:
    """The systems of one run, open."""

    contract: Contract
    source: Source
    target: Target | None
    history: History


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run ready to go.

    Attributes:
        rerun: the commit of a run that loaded the very same thing: there is nothing to do.
        sequence: the target's newest commit as the audit will see it.
    """

    plan: Plan
    situation: Situation
    token: int = 0
    sequence: int = 0
    rerun: Commit | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a run is asked to do, resolved from the caller's choices."""

    run_id: str
    options: RunOptions
    params: Mapping[str, Any]
    now: datetime
    contract_hash: str = ""
    path: str = ""
    variables: Mapping[str, Any] = field(default_factory=dict)


def prepare(opened: Opened, request: Request, owned: bool = True) -> Prepared:
    """Find out what a run has to do and become the owner of its sync.

    Args:
        opened: the run's systems.
        request: what is asked.
        owned: take the lock and a token; a plan looks only.

    Raises:
        UsageError: flags that do not fit, or a target that differs from the contract (TargetMismatch).
        Refused: another run owns the sync, the target lost its watermark, or an append would overlap.
        UnendedError: the run that published last was killed before its end was written down.
        ConnectorError: a system failed.
    """
    contract, options = opened.contract, request.options
    # A run that is resumed reads what its manifest recorded, whatever lies there now.
    files = opened.source.files() if options.recorded is None else ()
    variables = run_variables(contract, request)
    facts = _facts(opened, variables, options.kind == "replay")
    situation = Situation(
        run_id=request.run_id, kind=options.kind, full=options.full, variables=variables, params=request.params, cursor=facts,
        contract_hash=request.contract_hash, path=request.path, files=files or (),
    )  # fmt: skip
    token = 0
    state, note = TargetState(exists=False), ()  # type: tuple[TargetState, tuple[str, ...]]
    if opened.target is not None and options.kind != "check" and owned:
        spec = target_spec(contract, situation)
        token = opened.target.acquire(spec)
        state = opened.target.inspect(spec)
        _refuse_superseded(state, request)
        refuse_unended(state, options, opened.history)
    elif opened.target is not None and not owned:
        state = opened.target.inspect(target_spec(contract, situation))
    elif opened.target is not None:
        state, note = _look(opened.target, target_spec(contract, situation))
    chosen = _Chooser(opened, request, facts, state).choose(situation)
    plan = build(contract, chosen.situation)
    return replace(chosen, plan=plan, token=token, sequence=state.sequence, notes=chosen.notes + note)


def _refuse_superseded(state: TargetState, request: Request) -> None:
    """A run that is taken up again must not lay its older rows over those of a run that was published meanwhile."""
    recorded = request.options.recorded
    if recorded is None or "sequence" not in recorded:
        return
    if any(commit.sequence > int(recorded["sequence"]) and commit.run_id != request.run_id for commit in state.commits):
        raise Refused(
            f"another run of this sync was published since run {request.run_id} began", code="E_SUPERSEDED",
            hint="run the contract again from the start",
        )  # fmt: skip


def _look(target: Target, spec: TargetSpec) -> tuple[TargetState, tuple[str, ...]]:
    """A check needs the target only for what its key checks ask: out of reach is said, and those checks say `error`."""
    try:
        return target.inspect(spec), ()
    except ConnectorError as error:
        return TargetState(exists=False), (f"the target was not reached: {error.message}",)


def _facts(opened: Opened, variables: Mapping[str, Any], replayed: bool) -> CursorFacts | None:
    cursor = opened.contract.source.cursor
    if cursor is None or _always_full(opened.contract):
        return None
    if replayed:
        return cursor_facts(opened.contract, None)
    return cursor_facts(opened.contract, opened.source.cursor_type(cursor.column, variables))


def _always_full(contract: Contract) -> bool:
    """replace swaps everything, so it always reads in full; its cursor then only tells whether there is something new."""
    return contract.target is not None and contract.target.write == "replace"


def run_variables(contract: Contract, request: Request) -> dict[str, Any]:
    """Give the run variables and params, as paths take them too; the window's are added once it is known."""
    options = request.options
    # A run that is resumed has the interval that it was given at first.
    asked = (options.recorded or {}).get("asked", {})
    first, last = options.window_start or asked.get("window_start"), options.window_end or asked.get("window_end")
    interval = (first, last) if contract.source.cursor is None and first and last else None
    moments = interval_variables(interval, request.now, contract.timezone)
    return {**request.params, "run_id": request.run_id, **moments, **options.variables}


def interval_variables(interval: tuple[str, str] | None, now: datetime, timezone: str = "UTC") -> dict[str, Any]:
    """Give the run variables of a data interval.

    Args:
        interval: start and end, as text; None: the day of `now`, UTC.
        now: the run's time.
        timezone: of texts without a zone.

    Raises:
        UsageError: they are no instants, or not in order.
    """
    start = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    end = start + timedelta(days=1)
    if interval is not None:
        window = explicit_window(*interval, interval_facts(timezone))
        assert window is not None
        start, end = window.start, window.end  # type: ignore[assignment]
    return {
        "ds": start.date(),
        "next_ds": start.date() + timedelta(days=1),
        "data_interval_start": start,
        "data_interval_end": end,
    }


def interval_facts(timezone: str) -> CursorFacts:
    """Give what reads a given data interval of a contract without a cursor; texts without a zone are in `timezone`."""
    return CursorFacts("data_interval", TIMESTAMP_UTC, zone=timezone)


@dataclass(frozen=True, slots=True)
class _Chooser:
    """Decides what one run reads."""

    opened: Opened
    request: Request
    facts: CursorFacts | None
    state: TargetState

    def choose(self, situation: Situation) -> Prepared:
        """Give the situation with its window, files and new watermark."""
        contract, options = self.opened.contract, self.request.options
        if options.recorded is not None:
            return self._as_recorded(situation, options.recorded)
        if options.kind == "replay":
            return self._ready(self._at_last_instant(situation))
        if _always_full(contract) and (options.window_start or options.window_end):
            raise UsageError("write: replace always reads in full; a window cannot be given", code="E_WINDOW")
        if self.facts is not None:
            return self._windowed(situation, self.facts)
        if contract.target is not None and contract.target.write == "append":
            if contract.source.type in FILE_KINDS:
                return self._new_files(situation)
            return self._interval(situation)
        if options.window_start or options.window_end:
            explicit_window(options.window_start, options.window_end, interval_facts(contract.timezone))
        self._refuse_older_instant(situation)
        return self._ready(replace(situation, full=True))

    def _last_instant(self) -> Any:
        """How far a history without a cursor is written; None: not at all."""
        facts = interval_facts(self.opened.contract.timezone)
        known = [from_text(commit.window_end, facts) for commit in self.state.commits if commit.mode == "scd2"]
        return max((instant for instant in known if instant is not None), default=None)

    def _at_last_instant(self, situation: Situation) -> Situation:
        """Replayed rows of a history without a cursor hold from when they would have held: a replay moves no history on."""
        if not self._writes("scd2") or self.facts is not None:
            return situation
        end = self._last_instant() or situation.variables["data_interval_end"]
        return replace(situation, variables={**situation.variables, "data_interval_end": end})

    def _refuse_older_instant(self, situation: Situation) -> None:
        """Without a cursor a history's instants are the ends of data intervals: they do not go backwards."""
        if not self._writes("scd2") or self.request.options.kind == "check":
            return
        last, end = self._last_instant(), situation.variables["data_interval_end"]
        if last is not None and end < last:
            raise Refused(
                f"the data interval ends at {to_text(end)}, and history is written up to {to_text(last)}", code="E_HISTORY",
                hint="what lies behind is not written again: run a later interval",
            )  # fmt: skip

    def _as_recorded(self, situation: Situation, manifest: Mapping[str, Any]) -> Prepared:
        """What the run that is resumed read, taken as it was."""
        files = tuple(PinnedFile(**file) for file in manifest.get("files") or ())
        found, facts = manifest.get("window"), self.facts or interval_facts(self.opened.contract.timezone)
        situation = replace(situation, files=files, full=bool(manifest.get("asked", {}).get("full")) or not found)
        if not found:
            return self._ready(situation)
        end = from_text(found["end"], facts)
        assert end is not None
        window = Window(from_text(found["start"], facts), end, bool(found["explicit"]))
        if self.facts is None:
            return self._ready(replace(situation, window=window))
        mirrored = from_text(self.opened.history.watermark(self._sync(situation)), facts)
        watermark = self._watermark(facts, mirrored)
        moved = moved_watermark(window, watermark, self._beginning(facts, mirrored, window))
        return self._ready(replace(situation, window=window, watermark=to_text(moved)))

    def _ready(self, situation: Situation, rerun: Commit | None = None, notes: tuple[str, ...] = ()) -> Prepared:
        window = situation.window
        variables = dict(situation.variables)
        if window is not None:
            variables |= {"window_start": window.start, "window_end": window.end}
        variables["last_run_time"] = self._last_run_time()
        finished = replace(situation, variables=variables)
        return Prepared(plan=None, situation=finished, rerun=rerun, notes=notes)  # type: ignore[arg-type]

    def _last_run_time(self) -> datetime:
        spec = target_spec(self.opened.contract, Situation(self.request.run_id, params=self.request.params))
        last = self.opened.history.last_published(spec.sync)
        if last is not None:
            return last
        start = self.facts.start if self.facts else None
        return start if isinstance(start, datetime) else datetime(1970, 1, 1, tzinfo=UTC)

    def _windowed(self, situation: Situation, facts: CursorFacts) -> Prepared:
        options = self.request.options
        mirrored = from_text(self.opened.history.watermark(self._sync(situation)), facts)
        watermark = self._watermark(facts, mirrored)
        explicit = explicit_window(options.window_start, options.window_end, facts)
        if explicit is not None and options.full:
            raise UsageError("--full and an explicit window exclude each other", code="E_WINDOW")
        appends = self._writes("append")
        judged_only = options.kind == "check"
        if not judged_only:
            self._refuse_lost_state(explicit, watermark, mirrored, appends)
        window = explicit or automatic_window(
            facts, None if options.full else watermark, self.opened.source.clock(), self._greatest(facts, situation)
        )
        rerun = None
        if not judged_only:
            judge = check_append if appends else check_history if self._writes("scd2") else None
            rerun = judge(window, self.state.commits, facts) if judge is not None else None
        moved = moved_watermark(window, watermark, self._beginning(facts, mirrored, window))
        return self._ready(replace(situation, window=window, watermark=to_text(moved)), rerun)

    def _beginning(self, facts: CursorFacts, mirrored: WindowValue | None, window: Window) -> WindowValue | None:
        """Where a target without a watermark begins; a shadow begins with the first window that it is given."""
        if mirrored is not None:
            return mirrored
        return window.start if self.request.options.kind == "shadow" else facts.start

    def _watermark(self, facts: CursorFacts, mirrored: WindowValue | None) -> WindowValue | None:
        """The target's; where it can keep none, history's, unless this machine knows of a later commit."""
        own = last_watermark(self.state.commits, facts)
        if not self.state.elsewhere or mirrored is None:
            return own
        return mirrored if own is None or mirrored > own else own  # type: ignore[operator]

    def _sync(self, situation: Situation) -> str:
        return target_spec(self.opened.contract, situation).sync

    def _writes(self, mode: str) -> bool:
        return self.opened.contract.target is not None and self.opened.contract.target.write == mode

    def _greatest(self, facts: CursorFacts, situation: Situation) -> WindowValue | None:
        if not facts.kind.is_integer:
            return None
        return self.opened.source.max_cursor(facts.column, situation.variables)

    def _refuse_lost_state(
        self, explicit: Window | None, watermark: WindowValue | None, mirrored: WindowValue | None, appends: bool
    ) -> None:
        full = self.request.options.full
        if full and appends and self.state.commits:
            raise Refused(
                "--full would append everything again to what is published", code="E_FULL_APPEND",
                hint="use explicit windows, or another write mode",
            )  # fmt: skip
        if explicit is not None or full or watermark is not None:
            return
        if mirrored is not None:
            raise Refused(
                f"history knows the watermark {to_text(mirrored)}, and the target does not: it lost its state",
                code="E_LOST_WATERMARK",
                hint="run with --full to load everything again, or give --window-start and --window-end",
            )
        if appends and any(commit.window_end for commit in self.state.commits):
            raise Refused(
                "explicit windows were appended, and nothing says where an automatic run begins", code="E_NO_WATERMARK",
                hint="set source.cursor.start, or go on with explicit windows",
            )  # fmt: skip

    def _new_files(self, situation: Situation) -> Prepared:
        self._refuse_lost_files(situation)
        loaded = {file.path: file for commit in self.state.commits for file in commit.files}
        changed = [file.path for file in situation.files if file.path in loaded and not _same(file, loaded[file.path])]
        if changed and self.request.options.kind != "check":
            raise Refused(
                f"{len(changed)} of the loaded files changed since, first {changed[0]}",
                code="E_FILE_CHANGED",
                hint="append adds each file once: give changed content a new name, or use another write mode",
            )  # fmt: skip
        fresh = tuple(file for file in situation.files if file.path not in loaded)
        ready = replace(situation, files=fresh)
        if fresh or not loaded:
            return self._ready(ready)
        return self._ready(ready, rerun=self.state.commits[-1], notes=("no new file",))

    def _refuse_lost_files(self, situation: Situation) -> None:
        """Which files were sent to an API stands on this machine alone: without that, all would be sent again."""
        lost = self.state.elsewhere and not self.state.commits and self.request.options.kind == "run"
        if lost and self.opened.history.last_published(self._sync(situation)) is not None:
            raise Refused(
                "history knows published runs, and the ledger of sent files is not on this machine", code="E_LOST_STATE",
                hint="run it where it ran before, or bring .datasync/sends/ here",
            )  # fmt: skip

    def _interval(self, situation: Situation) -> Prepared:
        """An append whose query names run variables: the data interval is what it adds once."""
        start, end = situation.variables["data_interval_start"], situation.variables["data_interval_end"]
        window = Window(start, end, explicit=True)
        rerun = check_append(window, self.state.commits, interval_facts(self.opened.contract.timezone))
        return self._ready(replace(situation, window=window, full=False), rerun)


def _same(now: PinnedFile, then: PinnedFile) -> bool:
    """A file is the one that was loaded when its content is; a touch alone changes nothing."""
    return now.size == then.size and (now.fingerprint == then.fingerprint or now.modified == then.modified)
