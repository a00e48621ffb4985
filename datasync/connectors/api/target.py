"""An API as a target: rows staged and audited in a local DuckDB file, then sent in keyed batches at least once.

An API can neither stage nor publish in one step. So nothing is sent before the whole run was audited; what was sent is in a
ledger beside the staging file (`.datasync/sends/`), and a send that was cut off goes on where it ended.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from datasync.connectors.api.ledger import Send, SendLedger
from datasync.connectors.api.queue import Queue
from datasync.connectors.api.sending import Sending, batches_of
from datasync.connectors.api.template import frozen, thawed
from datasync.connectors.api.wire import Wire
from datasync.connectors.files import staging as staged
from datasync.connectors.files.staging_files import StagingFiles
from datasync.connectors.http.address import origin
from datasync.connectors.locks import Locks
from datasync.connectors.sql.storage import check_types
from datasync.contract.endpoints import GraphqlTarget, RestTarget, SoapTarget
from datasync.errors import PermanentError, Refused
from datasync.failpoints import failpoint
from datasync.seams import Commit, Delivery, Published, PublishRequest, Surroundings, TargetSpec, TargetState

Endpoint = RestTarget | GraphqlTarget | SoapTarget


class ApiTarget:
    """See `seams.Target`; one class for REST, GraphQL and SOAP, each with its wire."""

    kind = "api"

    def __init__(self, endpoint: Endpoint, surroundings: Surroundings) -> None:
        place = getattr(endpoint, "operation", None) or endpoint.endpoint
        self._name = f"{endpoint.type}:{endpoint.connection}:{place}"
        self._endpoint = endpoint
        self._surroundings = surroundings
        self._folder = surroundings.home / "sends" / hashlib.sha256(self._name.encode()).hexdigest()[:24]
        self._ledger = SendLedger(self._folder / "ledger.sqlite", self._name)
        self._staged = StagingFiles(self._folder / "staging", self._folder)
        self._locks = Locks(surroundings.home)
        self._wire: Wire | None = None

    # --- before a run

    def inspect(self, spec: TargetSpec) -> TargetState:
        """Give this sync's commits, as this machine has them; what the API holds nobody can see."""
        check_types(spec.columns, "duckdb")
        commits, sequence = self._ledger.commits(spec.sync)
        return TargetState(True, {}, commits, sequence, elsewhere=True)

    def clock(self) -> datetime:
        """This machine's time."""
        return datetime.now(UTC)

    def _lock_name(self, sync: str) -> str:
        return f"{self._name}|{sync}"

    def free(self, sync: str) -> bool:
        """Whether no run owns the sync now."""
        return self._locks.free(self._lock_name(sync))

    def acquire(self, spec: TargetSpec) -> int:
        """Lock the sync on this machine and take the next fencing token.

        Raises:
            PermanentError: the connection names no API; said before rows are read, not when they are sent.
            UsageError: the API has no such operation, where it says what it has.
        """
        origin(self._surroundings.connection(self._endpoint.connection))
        open_wire(self._endpoint, self._surroundings, spec).ready()
        self._locks.hold(self._lock_name(spec.sync), f"the sync {spec.contract}")
        return self._ledger.take_token(spec.sync)

    def unfinished(self, sync: str) -> Send | None:
        """Give the send of a sync that was begun and neither finished nor given up."""
        return self._ledger.unfinished(sync)

    def unrecorded(self, sync: str, recorded: Callable[[str], bool]) -> Send | None:
        """Give the sync's newest send if it was committed and then nobody wrote its end down: its staging is still there."""
        commits, _ = self._ledger.commits(sync)
        newest = commits[-1].run_id if commits else None
        if newest is None or not self._staged.has(newest) or recorded(newest):
            return None
        return self._ledger.send(newest)

    def unfinished_run(self, run_id: str) -> Send | None:
        """Give the send of a run, if it was begun and neither finished nor given up."""
        send = self._ledger.send(run_id)
        return send if send is not None and send.state == "sending" else None

    def acknowledged(self, send: Send) -> int:
        """Count the rows of a send that the API took."""
        return sum(taken for taken, _ in self._ledger.batches(send).values())

    def give_up(self, run_id: str) -> None:
        """Send nothing more of a run."""
        self._ledger.give_up(run_id)

    # --- staging

    def writer(self, spec: TargetSpec) -> staged.FileWriter:
        """Create this run's staging file and open it for loading.

        Raises:
            Refused: rows of this very run were sent already.
        """
        if self.unfinished_run(spec.run_id) is not None:
            raise Refused(
                f"rows of run {spec.run_id} were sent already: it cannot stage again", code="E_SENT",
                hint="go on with --from publish, or start another run",
            )  # fmt: skip
        return staged.FileWriter(self._staged.opened(spec.run_id), spec)

    def staging(self, spec: TargetSpec) -> staged.FileStaging:
        """Give this run's committed staging."""
        return staged.FileStaging(self._staged.left(spec.run_id), spec, False, self._referenced)

    def _referenced(self, name: str) -> str:
        raise PermanentError(f"references: {name[:80]} cannot be looked up in an API", code="E_NO_TABLE")

    # --- publishing

    def publish(self, spec: TargetSpec, request: PublishRequest) -> Commit:
        """Send the rows that no earlier try has sent, then commit.

        Raises:
            TooManyRefused, Refused, ConnectorError: what was acknowledged stays sent, and the run can go on from here.
        """
        failpoint("publish.begin")
        delivery = request.delivery
        assert delivery is not None, "publish hands over how rows are delivered"
        done = self._ledger.commit(spec.run_id)
        if done is not None:
            self._tell(spec.run_id, delivery)
            return done
        queue = Queue(self._staged.opened(spec.run_id), spec)
        if self.unfinished_run(spec.run_id) is None:
            queue.build(request.rows)
            failpoint("send.queued")
        fresh = Send(spec.run_id, spec.sync, 0, "sending", request.rows, self._endpoint.batch_rows, frozen(delivery.variables))
        send = self._ledger.begin(fresh, request.token)
        sending = Sending(self._ledger, queue, self._connected(spec), send, request.token, delivery, thawed(send.variables))
        totals = sending.run()
        failpoint("send.done")
        commit = self._ledger.conclude(spec, request, totals.acknowledged)
        failpoint("publish.after_commit")
        return commit

    def _tell(self, run_id: str, delivery: Delivery) -> None:
        """Say again how a run that is committed ended."""
        send = self._ledger.send(run_id)
        answered = self._ledger.batches(send).values() if send is not None else ()
        delivery.sent(sum(taken for taken, _ in answered), sum(len(refused) for _, refused in answered))

    @property
    def slowest_answer(self) -> float | None:
        """Seconds of the slowest answer so far; None: none came yet."""
        return self._wire.slowest_answer if self._wire is not None else None

    def _connected(self, spec: TargetSpec) -> Wire:
        if self._wire is None:
            self._wire = open_wire(self._endpoint, self._surroundings, spec)
        return self._wire

    def published(self, spec: TargetSpec, commit: Commit) -> Published | None:
        """Find the rows of answered batches, as the ledger has them, to compare with what was audited."""
        send = self._ledger.send(spec.run_id)
        if send is None or not self._staged.has(spec.run_id):
            return None
        answered = self._ledger.batches(send)
        spans, refused = [], []
        for number, low, high in batches_of(send):
            if number in answered:
                spans.append((low, high))
                refused += [low + place for place in answered[number][1]]
        return Queue(self._staged.opened(spec.run_id), spec).compare(spans, refused)

    # --- afterwards

    def drop_staging(self, run_id: str) -> None:
        """Remove a run's staging file."""
        self._staged.drop(run_id)

    def orphans(self) -> list[str]:
        """Give the staging files that no process holds."""
        return self._staged.orphans()

    def drop_orphan(self, name: str) -> None:
        """Remove a staging file."""
        self._staged.drop_orphan(name)

    def explain(self, spec: TargetSpec) -> list[str]:
        """Say what would be sent; no I/O."""
        header = self._endpoint.idempotency_header
        keyed = f"{header}: a hash of sync, run and batch" if header else "no idempotency key: a batch may arrive twice"
        wire = open_wire(self._endpoint, self._surroundings, spec)
        return [
            "stage in a DuckDB file of this machine",
            *wire.words(),
            f"at most {self._endpoint.batch_rows:,} records each",
            keyed,
        ]

    def cancel(self) -> None:
        """End what another thread waits for."""
        self._staged.interrupt()
        if self._wire is not None:
            self._wire.cancel()

    def close(self) -> None:
        """Close staging and connection, and let go of the sync."""
        self._staged.close()
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._locks.release()


def open_wire(endpoint: Any, surroundings: Surroundings, spec: TargetSpec) -> Wire:
    """Give the wire of an endpoint; no I/O yet."""
    if endpoint.type == "soap":
        from datasync.connectors.api.soap import SoapWire

        return SoapWire(endpoint, surroundings, spec)
    from datasync.connectors.api.json_wire import JsonWire

    return JsonWire(endpoint, surroundings, spec)
