"""A contract's GraphQL source in, the API's rows out, page after page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datasync.connectors.graphql.codes import codes_of
from datasync.connectors.http.exchange import Answer, Request
from datasync.connectors.http.filling import in_path, in_value, variables
from datasync.connectors.http.json_text import to_json, tree_of
from datasync.connectors.http.pages import Page
from datasync.connectors.http.record_path import records_at, value_at
from datasync.connectors.http.source import HttpSource
from datasync.errors import ConnectorError, PermanentError, TransientError
from datasync.seams import ReadRequest

BUSY = ("RATE_LIMITED", "THROTTLED", "TOO_MANY_REQUESTS", "SERVICE_UNAVAILABLE", "TIMEOUT", "INTERNAL_SERVER_ERROR")
"""Codes of errors after which the same query may work later."""
REFUSED = frozenset({400, 422})
"""Statuses that servers answer a query with errors with."""


class GraphqlSource(HttpSource):
    """See `seams.Source`."""

    kind = "graphql"

    @property
    def name(self) -> str:
        """The request in messages."""
        return f"POST {self._endpoint.endpoint}"

    def pages(self, request: ReadRequest) -> Iterator[Page]:
        """Fetch the pages."""
        values = variables(request)
        cursor: str | None = None
        seen: set[str] = set()
        style = self._endpoint.pagination
        for number in range(style.max_pages if style is not None else 1):
            answer = self.session.send(self.request(values, cursor))
            document = self._document(answer)
            records = records_at(self._endpoint.records, document, self.name)
            yield Page(number, records, len(answer.body), b"\\u" not in answer.body)
            cursor = self._next(document) if style is not None else None
            if cursor is None:
                return
            if cursor in seen:
                raise PermanentError(f"{self.name}: the pages go in a circle: endCursor was there before", code="E_PAGE_LOOP")
            seen.add(cursor)
        raise PermanentError(f"{self.name}: more pages than pagination.max_pages", code="E_LIMIT", hint="raise it")

    def request(self, values: Mapping[str, Any], cursor: str | None) -> Request:
        """Give the request of a page."""
        endpoint = self._endpoint
        given = in_value(endpoint.variables, values)
        if endpoint.pagination is not None:
            given |= {**(endpoint.pagination.size or {}), endpoint.pagination.param: cursor}
        body = to_json({"query": endpoint.query, "variables": given})
        headers = {"Accept": "application/json", "Content-Type": "application/json", **self.headers(values)}
        # A query only reads: it may be asked twice.
        return Request(
            "POST", in_path(endpoint.endpoint, values), headers=headers, body=body.encode(), label=endpoint.endpoint,
            idempotent=True, accepted=REFUSED,
        )  # fmt: skip

    def explain(self, request: ReadRequest) -> list[str]:
        """Say what is asked."""
        endpoint = self._endpoint
        values = variables(request)
        lines = [f"POST {in_path(endpoint.endpoint, values)} ({endpoint.connection})", endpoint.query.strip()]
        lines += [f"variables {to_json(in_value(endpoint.variables, values))}", f"records {endpoint.records}"]
        if endpoint.pagination is not None:
            size = "".join(f", {name} {rows}" for name, rows in (endpoint.pagination.size or {}).items())
            lines.append(f"pages by relay, {endpoint.pagination.param} from {page_info(endpoint)}{size}")
        return lines

    def _document(self, answer: Answer) -> Any:
        document = tree_of(answer, self.name)
        if not isinstance(document, dict):
            raise PermanentError(f"{self.name}: the answer is no GraphQL document", code="E_GRAPHQL")
        errors = document.get("errors")
        if errors or answer.status in REFUSED:
            raise self._errors(errors if isinstance(errors, list) else [], answer.status)
        return document

    def _errors(self, errors: list[Any], status: int) -> ConnectorError:
        """Errors come with 200 too, beside half the data: nothing of it is taken. Their text may hold values and is not shown."""
        codes = codes_of(errors)
        named = f", codes {', '.join(codes)}" if codes else ""
        message = f"{self.name}: the API answered {status} with {len(errors)} error{'s' if len(errors) != 1 else ''}{named}"
        if any(code in BUSY for code in codes):
            return TransientError(message, code="E_GRAPHQL")
        return PermanentError(message, code="E_GRAPHQL", hint="try source.query and its variables in the API's own console")

    def _next(self, document: Any) -> str | None:
        info = page_info(self._endpoint)
        found, _ = value_at(info, document)
        if not isinstance(found, dict) or not isinstance(found.get("hasNextPage"), bool):
            raise PermanentError(
                f"{self.name}: there is no {info}.hasNextPage in the answer", code="E_PAGINATION",
                hint="ask for pageInfo { hasNextPage endCursor } in source.query",
            )  # fmt: skip
        if not found["hasNextPage"]:
            return None
        cursor = found.get("endCursor")
        if not isinstance(cursor, str) or not cursor:
            raise PermanentError(f"{self.name}: there are more pages, and no endCursor says where", code="E_PAGINATION")
        return str(cursor)


def page_info(endpoint: Any) -> str:
    """Give the path of pageInfo: the contract's, else beside the records' nodes or edges."""
    if endpoint.pagination.page_info is not None:
        return str(endpoint.pagination.page_info)
    path = endpoint.records
    for ending in (".edges", ".nodes"):
        at = path.rfind(ending)
        if at > 0:
            return f"{path[:at]}.pageInfo"
    return f"{path.removesuffix('[*]').rpartition('.')[0]}.pageInfo"
