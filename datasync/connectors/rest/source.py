"""A contract's REST source in, the API's rows out: page after page, or side by side where the API counts its rows."""

from __future__ import annotations

import email.utils
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from datasync.connectors.http.exchange import Answer, Request
from datasync.connectors.http.filling import in_path, in_query, in_value, variables
from datasync.connectors.http.json_text import to_json, tree_of
from datasync.connectors.http.pages import Page, side_by_side
from datasync.connectors.http.record_path import records_at
from datasync.connectors.http.source import HttpSource
from datasync.connectors.rest.paging import Got, Paging, Place
from datasync.errors import PermanentError
from datasync.seams import PinnedFile, ReadRequest

GONE = frozenset({404})


class RestSource(HttpSource):
    """See `seams.Source`."""

    kind = "rest"

    def pages(self, request: ReadRequest) -> Iterator[Page]:
        """Fetch the pages."""
        asking = _Asking(self, request)
        got = asking.fetch(asking.paging.first())
        assert got is not None
        yield asking.page(got)
        others = asking.paging.others(got)
        if others is not None:
            for more in side_by_side(asking.fetch, others):
                assert more is not None
                asking.paging.distinct(more)
                yield asking.page(more)
            return
        place = asking.paging.next(got)
        while place is not None:
            found = asking.fetch(place)
            if found is None:
                return
            yield asking.page(found)
            place = asking.paging.next(found)

    @property
    def name(self) -> str:
        """The request in messages, as the contract writes it."""
        return f"{self._endpoint.method} {self._endpoint.endpoint}"

    def request(self, values: Mapping[str, Any], place: Place) -> Request:
        """Give the request of a page."""
        endpoint = self._endpoint
        headers = {"Accept": "application/json", **self.headers(values)}
        path = place.address or in_path(endpoint.endpoint, values)
        if endpoint.body is not None:
            headers["Content-Type"] = "application/json"
        query = () if place.address else tuple(in_query(endpoint.query_params, values))
        body = None
        if endpoint.body is None:
            query += place.params
        else:
            body = to_json({**in_value(endpoint.body, values), **dict(_numbers(place))}).encode()
        return Request(
            endpoint.method, path, query, headers, body, label=endpoint.endpoint, idempotent=True,
            accepted=GONE if place.past else frozenset(),
        )  # fmt: skip

    def records(self, document: Any, none: bool) -> list[Any]:
        """Find the records of an answer, unless it says that there are none."""
        return [] if none else records_at(self._endpoint.records, document, self.name)

    def sample(self, request: ReadRequest, rows: int) -> list[Any]:
        """Give the first records as they stand, at most so many, for whoever asks what they look like."""
        found: list[Any] = []
        for page in self.pages(request):
            found += page.records
            if len(found) >= rows:
                break
        return found[:rows]

    def files(self) -> tuple[PinnedFile, ...] | None:
        """With `changes.by: modified`, the version that the API has now: what a run reads is at least as new."""
        changes = self._endpoint.changes
        if changes is None or changes.by != "modified":
            return None
        found = self.version(None)
        return (found,) if found is not None else None

    def version(self, known: PinnedFile | None) -> PinnedFile | None:
        """Ask for the version that the API has now; None: still the known one.

        Raises:
            PermanentError: it tells neither ETag nor Last-Modified.
        """
        # A question about all rows: windows have no bounds.
        asked = self.request(variables(ReadRequest(variables=self.known)), Paging(self._endpoint.pagination, self.name).first())
        conditions = _conditions(known) if known is not None else {}
        answer = self.session.send(
            Request("GET", asked.path, asked.query, {**asked.headers, **conditions}, label=asked.label, accepted=frozenset({304}))
        )
        found = _version(answer, self.name)
        same = answer.status == 304 or (
            known is not None and (found.fingerprint, found.modified) == (known.fingerprint, known.modified)
        )
        return None if known is not None and same else found

    def explain(self, request: ReadRequest) -> list[str]:
        """Say what the first page's request is, and how the others follow."""
        endpoint = self._endpoint
        asked = self.request(variables(request), Paging(endpoint.pagination, self.name).first())
        query = f"?{urlencode(asked.query)}" if asked.query else ""
        lines = [f"{asked.method} {asked.path}{query} ({endpoint.connection})"]
        if asked.body is not None:
            lines.append(f"body {asked.body.decode()}")
        lines.append(f"records {endpoint.records}")
        if endpoint.pagination is not None:
            lines.append(f"pages by {_words(endpoint.pagination)}")
        if endpoint.rate_limit is not None:
            lines.append(f"at most {endpoint.rate_limit} requests")
        return lines


class _Asking:
    """One read: its variables, and where its pages are."""

    def __init__(self, source: RestSource, request: ReadRequest) -> None:
        self._source = source
        self._values = variables(request)
        self.paging = Paging(source._endpoint.pagination, source.name)

    def fetch(self, place: Place) -> Got | None:
        """Fetch a page; None: there is no such page behind the last."""
        source = self._source
        answer = source.session.send(source.request(self._values, place))
        if answer.status in GONE:
            return None
        document = tree_of(answer, source.name)
        got = Got(place, answer, document, ())
        none = answer.status == 204 or self.paging.total(got) == 0
        return replace(got, records=source.records(document, none))

    def page(self, got: Got) -> Page:
        """Give what a reading takes of a page."""
        return Page(got.place.number, got.records, len(got.answer.body), b"\\u" not in got.answer.body, self.paging.total(got))


def _numbers(place: Place) -> Iterator[tuple[str, Any]]:
    """Parameters in a body: numbers are numbers there."""
    for name, value in place.params:
        yield name, json.loads(value) if value.isdecimal() else value


def _conditions(known: PinnedFile) -> dict[str, str]:
    found = {"If-None-Match": known.fingerprint} if known.fingerprint else {}
    if known.modified:
        found["If-Modified-Since"] = email.utils.formatdate(known.modified / 10**9, usegmt=True)
    return found


def _version(answer: Answer, name: str) -> PinnedFile:
    tag = answer.headers.get("etag", "")
    stamp = email.utils.parsedate_tz(answer.headers.get("last-modified", ""))
    modified = int(email.utils.mktime_tz(stamp)) * 10**9 if stamp is not None else 0
    if not (tag or modified or answer.status == 304):
        raise PermanentError(
            f"{name}: the API tells neither ETag nor Last-Modified",
            code="E_CHANGES",
            hint="use changes.by: cursor, or no changes",
        )
    return PinnedFile(name, 0, modified, tag)


def _words(style: Any) -> str:
    named = {key: value for key, value in style.model_dump(exclude_none=True).items() if key not in ("style", "max_pages")}
    facts = ", ".join(f"{key} {value}" for key, value in named.items())
    return f"{style.style}, {facts}" if facts else str(style.style)
