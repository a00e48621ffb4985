"""A path of a contract in, a real path inside the project's roots out; everything else is refused."""

from __future__ import annotations

from pathlib import Path

from datasync.errors import PermanentError
from datasync.seams import Surroundings


def local_path(text: str, surroundings: Surroundings) -> Path:
    """Resolve a path against the project root and confine it.

    Args:
        text: relative to the root, or absolute inside an allowed folder.
        surroundings: root and further roots.

    Raises:
        PermanentError: it leads elsewhere, symlinks followed.
    """
    path = Path(text)
    full = path if path.is_absolute() else surroundings.root / path
    confine(full, surroundings)
    return full


def confine(path: Path, surroundings: Surroundings) -> None:
    """Refuse a path whose real place is outside all roots.

    Raises:
        PermanentError: it is.
    """
    real = path.resolve()
    allowed = (surroundings.root, surroundings.home, *surroundings.roots)
    if not any(real.is_relative_to(root.resolve()) for root in allowed):
        raise PermanentError(
            f"{path.name} lies outside the project", code="E_PATH",
            hint="list its folder under roots in datasync.toml, if it is meant to be used",
        )  # fmt: skip
