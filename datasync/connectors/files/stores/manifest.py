"""A target's folder in a store in, its numbered manifests out: each is written once, and the highest number is the truth.

A store has no rename and no transaction over several objects, but it can refuse to write over one. So tokens, commits and the
list of parts stand together in one object, `_datasync/manifests/<number>.json`, and whoever wants to change them writes the next
number: of two who try, one is refused. Parts have names that are never used again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datasync.connectors.files.ledger import Log, log_of, plain_log
from datasync.connectors.files.stores.store import Facts, Store
from datasync.errors import PermanentError, TransientError

FOLDER = "_datasync"
ATTEMPTS = 20
KEPT = 2
"""Versions before the current one that stay, for readers that are still in them."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One state of a target.

    Attributes:
        columns: name to type as contracts write it; None: nothing is published yet.
        parts: names of the objects that it consists of.
        mark: who wrote it; a store that lets two write the same number shows by it which one stayed.
    """

    number: int = 0
    log: Log = field(default_factory=Log)
    columns: Mapping[str, str] | None = None
    parts: tuple[str, ...] = ()
    mark: str = ""


class Manifests:
    """The manifests of one target.

    Args:
        store: where it is.
        folder: the target's path in it.
    """

    def __init__(self, store: Store, folder: str) -> None:
        self._store = store
        self._folder = f"{folder}/{FOLDER}"

    @property
    def parts_folder(self) -> str:
        """Where the parts are."""
        return f"{self._folder}/parts"

    def part(self, name: str) -> str:
        """Give a part's path."""
        return f"{self.parts_folder}/{name}"

    def _path(self, number: int) -> str:
        return f"{self._folder}/manifests/{number:020d}.json"

    def numbers(self) -> list[int]:
        """Give the numbers there are, in order."""
        found = self._store.within(f"{self._folder}/manifests")
        names = [item.path.rpartition("/")[2].removesuffix(".json") for item in found if item.path.endswith(".json")]
        return sorted(int(name) for name in names if name.isdigit())

    def latest(self) -> Manifest | None:
        """Give the one that is true now; None: there is no target of ours.

        Raises:
            PermanentError: it is damaged.
        """
        for _ in range(ATTEMPTS):
            numbers = self.numbers()
            if not numbers:
                return None
            found = self.read(numbers[-1])
            # It may have been tidied away between the two questions, when a newer one was written.
            if found is not None:
                return found
        raise TransientError(f"{self._store.url(self._folder)}: manifests come and go too fast to be read", code="E_STORE")

    def read(self, number: int) -> Manifest | None:
        """Give one manifest; None: it is not there."""
        text = self._store.read(self._path(number))
        if text is None:
            return None
        try:
            found = json.loads(text)
            columns = found["columns"]
            return Manifest(
                int(found["number"]), log_of(found), dict(columns) if columns is not None else None,
                tuple(map(str, found["parts"])), str(found["mark"]),
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PermanentError(
                f"{self._store.url(self._path(number))} is damaged: what was published is not known", code="E_TARGET_STATE",
                hint="restore it; it is never taken for a first run",
            ) from error  # fmt: skip

    def write(self, manifest: Manifest) -> bool:
        """Make a manifest the truth, if its number is still free; tell whether it is, or what followed came from it.

        Args:
            manifest: the next one after what its writer saw.
        """
        mine = replace(manifest, mark=secrets.token_hex(8))
        text = json.dumps(_plain(mine), ensure_ascii=False).encode()
        self._store.create(self._path(mine.number), text)
        # Not every store refuses, and a try may have been repeated by its library: what stands there now tells.
        found = self.read(mine.number)
        return found is not None and found.mark == mine.mark and self._followed(mine)

    def _followed(self, mine: Manifest) -> bool:
        """Whether the newest manifest is mine or goes on from it: a zombie could take a number that was tidied away."""
        numbers = self.numbers()
        if not numbers or numbers[-1] == mine.number:
            return True
        newest = self.read(numbers[-1])
        runs = {commit.run_id for commit in newest.log.commits} if newest else set()
        tokens = newest.log.tokens if newest else {}
        kept = all(commit.run_id in runs for commit in mine.log.commits)
        return kept and all(tokens.get(sync, 0) >= token for sync, token in mine.log.tokens.items())

    def change(self, make: Callable[[Manifest], Manifest]) -> Manifest:
        """Write the next manifest, made from whatever is the newest.

        Raises:
            TransientError: others are always faster.
        """
        for _ in range(ATTEMPTS):
            seen = self.latest() or Manifest()
            wanted = replace(make(seen), number=seen.number + 1)
            if self.write(wanted):
                return wanted
        raise TransientError(f"{self._store.url(self._folder)}: others write manifests all the time", code="E_STORE")

    def tidy(self, older: Callable[[Facts], bool] | None = None) -> None:
        """Remove versions that no reader can still be in, and their parts.

        Args:
            older: tells of a part that no kept manifest names whether it may go (given up by a run that died); None: they stay.
        """
        numbers = self.numbers()
        kept: dict[tuple[str, ...], None] = {}
        gone: set[str] = set()
        for number in reversed(numbers):
            manifest = self.read(number)
            if manifest is None:
                continue
            if manifest.parts in kept or len(kept) <= KEPT:
                kept[manifest.parts] = None
            else:
                gone.update(manifest.parts)
                self._store.remove(self._path(number))
        named = {name for parts in kept for name in parts}
        for name in gone - named:
            self._store.remove(self.part(name))
        if older is not None:
            for item in self._store.within(self.parts_folder):
                if item.path.rpartition("/")[2] not in named and older(item):
                    self._store.remove(item.path)


def _plain(manifest: Manifest) -> dict[str, Any]:
    return {
        "format": 1,
        "number": manifest.number,
        "mark": manifest.mark,
        "columns": dict(manifest.columns) if manifest.columns is not None else None,
        "parts": list(manifest.parts),
        **plain_log(manifest.log),
    }
