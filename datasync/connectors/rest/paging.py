"""An answer in, where the next page is out, for each style of pagination; a circle of pages is an error."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import requests

from datasync.connectors.http.exchange import Answer
from datasync.connectors.http.record_path import nearly, value_at
from datasync.contract.endpoints import Pagination
from datasync.errors import PermanentError, TransientError
from datasync.json_text import Number

Style = Pagination | None
FIRST = {"page": 1, "offset": 0}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page is.

    Attributes:
        number: of the page, from 0.
        params: what is added to the query to get it.
        address: the page's own address, instead of the endpoint's.
        past: the page before held fewer records than asked for: there may be no such page, and 404 says so.
    """

    number: int = 0
    params: tuple[tuple[str, str], ...] = ()
    address: str = ""
    past: bool = False


@dataclass(frozen=True, slots=True)
class Got:
    """A page that was fetched.

    Attributes:
        place: where it was.
        answer: as it came.
        document: its JSON.
        records: those of the document.
    """

    place: Place
    answer: Answer
    document: Any
    records: Sequence[Any]


class Paging:
    """Follows the pages of one read.

    Args:
        style: the contract's; None: there is one page.
        name: the request, for messages.
    """

    def __init__(self, style: Style, name: str) -> None:
        self._style = style
        self._name = name
        self._seen: set[str] = set()
        self._last_body = b""
        self._total: int | None = None

    def first(self) -> Place:
        """Give the first page's place."""
        style = self._style
        if style is None or style.style not in FIRST:
            return Place(0, self._size())
        return self._counted(0, self._start)

    @property
    def _start(self) -> int:
        assert self._style is not None
        return FIRST[self._style.style] if self._style.start is None else self._style.start

    def _size(self) -> tuple[tuple[str, str], ...]:
        asked = self._style.size if self._style is not None else None
        return tuple((name, str(rows)) for name, rows in (asked or {}).items())

    def _counted(self, number: int, value: int, past: bool = False) -> Place:
        assert self._style is not None
        return Place(number, (*self._size(), (self._style.param or self._style.style, str(value))), past=past)

    def total(self, got: Got) -> int | None:
        """Give how many records the API says there are.

        Raises:
            PermanentError: `total` finds no number.
            TransientError: it is not what it was at first.
        """
        if self._style is None or self._style.total is None or got.answer.status == 204:
            return None
        value, _ = value_at(self._style.total, got.document)
        if not isinstance(value, Number | str) or not value.isdecimal() or len(value) > 18:
            raise self._wrong("total", "finds no whole number in the answer")
        return self._steady(int(value))

    def _steady(self, total: int) -> int:
        """Hold pages that are asked for by number to one total: rows that go shift others over the edge of a page, unread."""
        self._total = total if self._total is None else self._total
        if total != self._total and self._style is not None and self._style.style in FIRST:
            raise TransientError(
                f"{self._name}: the API counted {self._total:,} records at first and {total:,} later", code="E_PAGES",
                hint="rows came or went while the pages were read: run again, or use pages by cursor",
            )  # fmt: skip
        return total

    def next(self, got: Got) -> Place | None:
        """Give the place of the page behind this one; None: it is the last.

        Raises:
            PermanentError: the pages go in a circle, there are too many, or the contract's paths do not fit them.
        """
        style = self._style
        if style is None or got.answer.status == 204:
            return None
        self.distinct(got)
        if style.last is not None and self._is_last(got, style.last):
            return None
        found = self._by_count(got) if style.style in FIRST else self._by_token(got)
        if found is not None and found.number >= style.max_pages:
            raise self._too_many(style.max_pages + 1)
        return found

    def others(self, first: Got) -> list[Place] | None:
        """Give the places of all pages behind the first, when it tells how many there are; None: it does not."""
        style, total, rows = self._style, self.total(first), len(first.records)
        if style is None or style.style not in FIRST or total is None or not rows or style.last is not None:
            return None
        pages = -(-total // rows)
        if pages > style.max_pages:
            raise self._too_many(pages)
        self.distinct(first)
        step = rows if style.style == "offset" else 1
        return [self._counted(number, self._start + number * step) for number in range(1, pages)]

    def distinct(self, got: Got) -> None:
        """See that pages that are asked for by number are not always the same one.

        Raises:
            PermanentError: this page is the one before, to the byte.
        """
        if self._style is None or self._style.style not in FIRST or not got.records:
            return
        body = hashlib.sha256(got.answer.body).digest()
        if body == self._last_body:
            param = self._style.param or self._style.style
            raise self._circle("the same records come again", f"does the API know the parameter {param}?")
        self._last_body = body

    def _too_many(self, pages: int) -> PermanentError:
        assert self._style is not None
        most = self._style.max_pages
        return PermanentError(
            f"{self._name}: {pages:,} pages or more, and pagination.max_pages is {most:,}", code="E_LIMIT",
            hint="raise it, or ask for larger pages",
        )  # fmt: skip

    def _is_last(self, got: Got, path: str) -> bool:
        value, held = value_at(path, got.document)
        if value is not None and not isinstance(value, bool):
            raise self._wrong("last", "finds neither true nor false")
        if value is None and not held:
            raise self._wrong("last", "leads nowhere in the answer")
        return bool(value)

    def _by_count(self, got: Got) -> Place | None:
        """Pages are counted until one is empty: an API may give fewer records than asked for and still have more."""
        assert self._style is not None
        if not got.records:
            return None
        number = got.place.number + 1
        asked = next(iter((self._style.size or {}).values()), 0)
        if self._style.style == "page":
            return self._counted(number, self._start + number, len(got.records) < asked)
        before = int(dict(got.place.params)[self._style.param or "offset"])
        return self._counted(number, before + len(got.records), len(got.records) < asked)

    def _by_token(self, got: Got) -> Place | None:
        assert self._style is not None
        token = self._link(got) if self._style.style == "link_header" else self._token(got)
        if not token:
            return None
        if token in self._seen:
            raise self._circle("the token of the next page was there before", "")
        self._seen.add(token)
        number = got.place.number + 1
        if self._style.style == "cursor":
            return Place(number, (*self._size(), (self._style.param or "cursor", token)))
        return Place(number, address=urljoin(got.answer.url, token))

    def _token(self, got: Got) -> str:
        assert self._style is not None
        path = self._style.token or "$.next"
        value, held = value_at(path, got.document)
        if value is None and got.place.number == 0:
            if not held:
                raise self._wrong("token", "leads nowhere in the first answer")
            if meant := nearly(path, got.document):
                # One page that is the last looks the same, and the rest of the rows would be lost in silence.
                raise self._wrong("token", f"finds nothing in the first answer, which has '{meant}'")
        if isinstance(value, dict | list) or value is True:
            raise self._wrong("token", "finds no text")
        return str(value) if value else ""

    def _link(self, got: Got) -> str:
        for link in requests.utils.parse_header_links(got.answer.headers.get("link", "")):
            if "next" in link.get("rel", "").lower().split():
                return str(link.get("url", ""))
        return ""

    def _wrong(self, key: str, what: str) -> PermanentError:
        return PermanentError(
            f"{self._name}: source.pagination.{key} {what}", code="E_PAGINATION", hint="compare it with the API's answers"
        )

    def _circle(self, what: str, hint: str) -> PermanentError:
        return PermanentError(
            f"{self._name}: the pages go in a circle: {what}", code="E_PAGE_LOOP", hint=hint or "the API's pagination is broken"
        )
