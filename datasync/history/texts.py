"""A connection in a transaction in, the texts that contracts had kept and read out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from datasync.history.tables import contract_texts


@dataclass(frozen=True, slots=True)
class KeptContract:
    """A contract as some run had it.

    Attributes:
        hash: SHA-256 of its bytes.
        path: where its file was.
        owner: who answers for it, as one line.
    """

    hash: str
    contract: str
    version: str
    path: str
    owner: str
    tags: tuple[str, ...]
    text: str
    first_seen: datetime


class TextBook:
    """Texts of contracts over one connection; the caller's transaction holds whatever is done."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, text: KeptContract) -> None:
        """Keep a contract's text, once."""
        kept = contract_texts.c.hash
        if self._connection.execute(select(kept).where(kept == text.hash)).scalar() is None:
            values = {name: getattr(text, name) for name in KeptContract.__slots__} | {"tags": json.dumps(text.tags)}
            self._connection.execute(insert(contract_texts).values(**values))
