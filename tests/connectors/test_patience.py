"""Calls that fail for a while are made again: after which errors, how often, and with what waits between."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from datasync.connectors.patience import SERVER_PATIENCE, Patience, patiently
from datasync.errors import ConnectorError, PermanentError, Refused, TransientError

QUICK = Patience(frozenset({"E_LOCKED"}), tries=3, first=0.001)


class Failing:
    """Fails with each of some errors, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


def locked() -> TransientError:
    return TransientError("a lock was not given", code="E_LOCKED")


def test_what_passes_is_tried_again() -> None:
    assert patiently(Failing(locked(), locked()), QUICK, threading.Event()) == 3


def test_tries_end_with_the_last_error() -> None:
    call, last = Failing(locked(), locked()), locked()
    call.errors.append(last)
    with pytest.raises(TransientError) as failed:
        patiently(call, QUICK, threading.Event())
    assert (failed.value, call.calls) == (last, 3)


@pytest.mark.parametrize(
    "error",
    [
        TransientError("cancelled", code="E_CANCELLED"),
        PermanentError("no such table", code="E_NO_TABLE"),
        Refused("a newer run took over", code="E_FENCED"),
    ],
)
def test_other_errors_are_raised_at_once(error: ConnectorError | Refused) -> None:
    call = Failing(error)
    with pytest.raises(type(error)):
        patiently(call, QUICK, threading.Event())
    assert call.calls == 1


def test_who_is_stopped_waits_no_longer() -> None:
    stopped, call = threading.Event(), Failing(locked())
    stopped.set()
    with pytest.raises(TransientError):
        patiently(call, replace(QUICK, first=60.0), stopped)
    assert call.calls == 1


def test_waits_double_up_to_the_longest() -> None:
    always = replace(SERVER_PATIENCE, least=1.0)
    assert [always.wait(attempt) for attempt in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]
    assert all(0.25 <= SERVER_PATIENCE.wait(1) <= 0.5 for _ in range(100))
