"""Real servers for tests and examples, one kind a file: nothing in, an address on loopback or on a private socket out."""

from __future__ import annotations


class NotInstalled(RuntimeError):
    """A server is not on this machine; the message says how to install it."""
