"""pandera's polars half in, without the pandas half that it would import beside it.

Where pandas is installed pandera imports it, and its own pandas half, at `import pandera.polars`: two seconds of a core that the
gates would like to have, for frames that no gate ever sees. pandera supports an environment without pandas; for the time of its
import, and in the importing thread alone, this is one.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

LEFT_OUT = ("pandas", "hypothesis")
"""Packages that pandera does without; hypothesis is only for making examples."""


def pandera_polars() -> Any:
    """Give the module `pandera.polars`, imported on first use."""
    if "pandera.polars" not in sys.modules and not any(name in sys.modules for name in LEFT_OUT):
        with _left_out(LEFT_OUT):
            import pandera.backends.polars.builtin_checks
            import pandera.polars
        _ask_for_pandas_late()
    import pandera.polars

    return pandera.polars


@contextmanager
def _left_out(names: Sequence[str]) -> Iterator[None]:
    finder: Any = _Absent(threading.get_ident(), names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Absent:
    """Says that some packages are not installed, to one thread."""

    def __init__(self, thread: int, names: Sequence[str]) -> None:
        self._thread = thread
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """See `importlib.abc.MetaPathFinder`; the words are those that pandera listens for."""
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def _ask_for_pandas_late() -> None:
    """Let pandera look for its pandas half only when pandas is imported: without it there is no pandas frame to judge."""
    from pandera.backends import register_checks

    original: Callable[[], Any] | None = getattr(register_checks, "_load_get_backend_types_from_mro", None)
    if original is None:
        return

    def load() -> Any:
        return original() if "pandas" in sys.modules else None

    vars(register_checks)[original.__name__] = load
