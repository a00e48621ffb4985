"""Names of packages in, an import without them out: what a library can do without is not worth a second of every run."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def not_installed(names: Sequence[str]) -> Iterator[None]:
    """Let packages look as if they were not installed, inside and in this thread alone.

    For packages whose absence a library supports: it leaves the feature out, and afterwards the package can be imported as
    ever. The words of the error are those that libraries listen for.
    """
    finder: Any = _NotInstalled(threading.get_ident(), names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _NotInstalled:
    """See `importlib.abc.MetaPathFinder`."""

    def __init__(self, thread: int, names: Sequence[str]) -> None:
        self._thread = thread
        self._names = names

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None) -> None:
        """Refuse the names; leave all others to the finders behind."""
        if name in self._names and threading.get_ident() == self._thread:
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)


class Stub(types.ModuleType):
    """Stands for a package that a library insists on importing: naming its parts is fine, using them is an error."""

    __path__: list[str] = []  # noqa: RUF012 - the import system reads it

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        part = sys.modules[f"{self.__name__}.{name}"] = Stub(f"{self.__name__}.{name}")
        return part

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type, ...]:
        """Be no base of a class that is made of a part."""
        return ()

    def __call__(self, *_arguments: Any, **_named: Any) -> Any:
        raise RuntimeError(f"{self.__name__} is not loaded in this process")


class Package(Stub):
    """A package whose modules are imported when they are asked for by name, not by its own `__init__`.

    Args:
        name: its full name.
        folder: where its modules are.
    """

    def __init__(self, name: str, folder: Path) -> None:
        super().__init__(name)
        self.__path__ = [str(folder)]
