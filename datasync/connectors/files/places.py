"""An endpoint's path in, the files or the place of a target that it means out: of this machine, or of an object store."""

from __future__ import annotations

from typing import Any

from datasync.connectors.files.compression import suffix_of
from datasync.connectors.files.content import Files
from datasync.connectors.files.local_place import LocalPlace, Place
from datasync.connectors.files.pinning import LocalFiles
from datasync.connectors.paths import local_path
from datasync.seams import Surroundings


def is_url(text: str) -> bool:
    """Whether a path leads to an object store."""
    return "://" in text


def files_of(endpoint: Any, surroundings: Surroundings) -> Files:
    """Give what a source's path means; connects to nothing before it is asked."""
    if is_url(endpoint.path):
        from datasync.connectors.files.stores.objects import ObjectFiles

        return ObjectFiles(endpoint.path, endpoint.connection, surroundings)
    return LocalFiles(endpoint.path, surroundings)


def place_of(endpoint: Any, surroundings: Surroundings, suffix: str) -> Place:
    """Give the place of a target; connects to nothing before it is asked."""
    if is_url(endpoint.path):
        from datasync.connectors.files.stores.place import ObjectPlace

        return ObjectPlace(endpoint.path, endpoint.connection, suffix, surroundings)
    path = local_path(endpoint.path, surroundings)
    return LocalPlace(path, suffix + suffix_of(endpoint.path), endpoint.path)
