"""Locks of this machine: one holder at a time, one lock per name, and what a process holds goes with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasync.connectors.locks import Locks
from datasync.errors import Refused


def test_a_lock_has_one_holder_until_it_lets_go(tmp_path: Path) -> None:
    mine, theirs = Locks(tmp_path), Locks(tmp_path)
    mine.hold("a", "the sync orders")
    with pytest.raises(Refused, match="another run owns the sync orders") as refused:
        theirs.hold("a", "the sync orders")
    assert refused.value.code == "E_BUSY"
    theirs.hold("b", "another")
    mine.release()
    theirs.hold("a", "the sync orders")


def test_what_is_held_already_is_not_taken_twice(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    locks.hold("a", "x")
    locks.hold("a", "x")
    assert not locks.free("a")
    assert not Locks(tmp_path).free("a")
    locks.release()
    locks.release()
    assert locks.free("a")
