"""APIs over HTTP as sources: REST, GraphQL and SOAP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.endpoints.common import SourceBase
from datasync.contract.scalars import Duration, RateValue

Scalar = bool | int | Decimal | str


class Pagination(Model):
    """How a REST API gives its rows page by page."""

    style: Literal["page", "offset", "cursor", "link_header", "next_url"]
    param: str | None = Field(None, description="The query parameter that asks for a page; by default the style's own name.")
    start: int | None = Field(None, ge=0, description="Of the first page: 1 for page, 0 for offset.")
    size: dict[str, int] | None = Field(
        None, description="The parameter that asks for rows per page, and how many; a page with fewer rows is the last."
    )
    token: str | None = Field(
        None, description="JSONPath of the next page's cursor or URL; absent, null or empty behind the last page."
    )
    last: str | None = Field(None, description="JSONPath of a value that is true on the last page.")
    total: str | None = Field(
        None, description="JSONPath of the number of all rows: reading another number fails, and pages are read side by side."
    )
    max_pages: int = Field(10_000, ge=1, description="More pages than this fail the run.")


class RelayPagination(Model):
    """How a GraphQL API gives its rows page by page: `pageInfo {endCursor hasNextPage}`."""

    style: Literal["relay"]
    param: str = Field("after", description="The variable that takes the cursor.")
    size: dict[str, int] | None = Field(None, description="The variable that asks for rows per page, and how many.")
    page_info: str | None = Field(None, description="JSONPath of pageInfo; by default beside the records' nodes or edges.")
    max_pages: int = Field(10_000, ge=1, description="More pages than this fail the run.")


class HttpSource(SourceBase):
    """What sources over HTTP take."""

    connection: str
    headers: dict[str, str] = Field({}, description="Beside those that sign in, which are the connection's.")
    rate_limit: RateValue | None = Field(None, description="At most so many requests: 10/s, 600/m, 1000/h.")
    timeout: Duration | None = Field(None, description="Of one try, from connecting to the last byte; 30s by default.")


class RestSource(HttpSource):
    type: Literal["rest"]
    endpoint: str = Field(description="Path below the connection's host; {name} is an escaped variable.")
    method: Literal["GET", "POST"] = "GET"
    query_params: dict[str, Scalar | tuple[Scalar, ...]] = Field(
        {}, description="A parameter that is one {variable} without a value is left out."
    )
    body: dict[str, Any] | None = Field(None, description="Sent as JSON with POST; the parameters of pagination go into it.")
    records: str = Field("$[*]", description="JSONPath of the rows.")
    pagination: Pagination | None = None


class GraphqlSource(HttpSource):
    type: Literal["graphql"]
    endpoint: str = Field("/graphql", description="Path below the connection's host.")
    query: str = Field(description="One query; $name takes its value from variables.")
    variables: dict[str, Any] = Field({}, description="A value that is one {variable} keeps its type.")
    records: str = Field(description="JSONPath of the rows, such as $.data.orders.nodes[*].")
    pagination: RelayPagination | None = None


class SoapSource(HttpSource):
    type: Literal["soap"]
    wsdl: str = Field(description="A file of the project, or an address on the connection's host.")
    operation: str
    arguments: dict[str, Any] = Field({}, description="As the WSDL names them; {name} is a variable.")
    endpoint: str | None = Field(None, description="Path below the connection's host, instead of the WSDL's own address.")
    records: str = Field("$[*]", description="JSONPath of the rows in the operation's result.")
