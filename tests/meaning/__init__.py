"""The meaning cases, and the moment that tests agree on."""

from datetime import UTC, datetime

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
