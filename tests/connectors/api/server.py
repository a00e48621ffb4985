"""The API of tests, which is the one of examples."""

from __future__ import annotations

from datasync.testing.servers.api import Api, Received, Reply, ok

__all__ = ["Api", "Received", "Reply", "ok"]
