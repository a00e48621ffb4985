"""An endpoint's path in, the files that it means out: of this machine, or of an object store."""

from __future__ import annotations

from typing import Any

from datasync.connectors.files.content import Files
from datasync.connectors.files.pinning import LocalFiles
from datasync.seams import Surroundings


def is_url(text: str) -> bool:
    """Whether a path leads to an object store."""
    return "://" in text


def files_of(endpoint: Any, surroundings: Surroundings) -> Files:
    """Give what a source's path means; connects to nothing before it is asked."""
    return LocalFiles(endpoint.path, surroundings)
