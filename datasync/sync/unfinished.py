"""A run whose process is gone in, its recorded end out: nobody else will write it down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from datasync.contract.loader import LoadedContract
from datasync.errors import TransientError
from datasync.history.rows import RunFacts
from datasync.history.store import History
from datasync.results.model import RunResult
from datasync.sync.compose import broken
from datasync.sync.project import open_project
from datasync.sync.telling import Telling, tell_of
from datasync.sync.written import linked


@dataclass(frozen=True, slots=True)
class Begun:
    """What its caller knows of a run that began.

    Attributes:
        params: values of the contract's declared params.
        links: word to URL, kept with the result and shown in messages.
    """

    params: Mapping[str, object] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def end(loaded: LoadedContract, run_id: str, words: str, begun: Begun = Begun()) -> RunResult | None:
    """Give a run's result; one that began and never ended is recorded as broken first.

    Args:
        loaded: its contract.
        run_id: the run; it can still be resumed with `--from`.
        words: why it is over.
        begun: what is known of its beginning.

    Returns:
        The recorded result; None when history knows no such run.
    """
    history = History(open_project(loaded.path).history_url)
    try:
        known = history.result(run_id)
        if known is not None or history.contract_of(run_id) is None:
            return known
        now = datetime.now(UTC)
        result = linked(broken(loaded.contract, run_id, TransientError(words, code="E_LOST_PROCESS"), now), begun.links)
        facts = history.facts(run_id) or RunFacts(
            run_id, loaded.contract.contract, loaded.contract.version, "", "run", str(loaded.path), now
        )
        telling = Telling(loaded, facts.sync, begun.params, begun.links)
        return history.finish(facts, result, None, False, tell_of(telling, result, history))
    finally:
        history.close()
