"""APIs that take rows: what is sent, how many at a time, and how their answers are read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from datasync.contract.base import Model
from datasync.contract.endpoints.common import TargetBase
from datasync.contract.scalars import Duration, RateValue

API_KINDS = ("rest", "graphql", "soap")
"""Targets that take rows and can neither stage nor publish them."""


Decimals = Annotated[Literal["number", "string"], Field(description="How exact decimals stand in JSON.")]


class Response(Model):
    """How an API's answer says which records it took; without it every 2xx means all of them."""

    accepted: str | None = Field(
        None, description="JSONPath of true, of a number of records, or of the records taken; anything else fails the run."
    )
    rejected: str | None = Field(None, description="JSONPath with one match for each record that the API refused.")
    index: str = Field("$.index", description="JSONPath within a match: the record's place in the batch.")
    index_from: Literal[0, 1] = Field(0, description="The index of the first record.")
    key: dict[str, str] | None = Field(
        None, description="Column to JSONPath within a match: the record by its values, in place of its index."
    )
    reason: str | None = Field("$.message", description="JSONPath within a match: why; kept in quarantine alone.")
    reject_on: tuple[int | Literal["fault"], ...] = Field(
        (), description="With batch_rows 1: statuses (SOAP: fault) that refuse the record and not the whole run."
    )


class ApiTarget(TargetBase):
    """What every API takes as a target."""

    connection: str
    batch_rows: int = Field(500, ge=1, le=100_000, description="Records in a request, at most.")
    headers: dict[str, str] = Field(default_factory=dict, description="Sent with every request; never a secret.")
    idempotency_header: str | None = Field(
        "Idempotency-Key", description="Carries the batch's key, the same whenever the batch is sent again; null sends none."
    )
    response: Response | None = None
    rate_limit: RateValue | None = Field(None, description="At most so many requests: 10/s, 600/m, 1000/h.")
    timeout: Duration | None = Field(None, description="For one request, from its first byte to its last; 60s.")


class RestTarget(ApiTarget):
    type: Literal["rest"]
    endpoint: str = Field(
        description="Path below the connection's host; {name} is a variable, with batch_rows 1 also a key column."
    )
    method: Literal["POST", "PUT", "PATCH"] = "POST"
    decimals: Decimals = "number"
    payload: Any = Field(
        None, description="Any structure: {records} (with batch_rows 1 also {record}) and {name}; default {records}."
    )


class GraphqlTarget(ApiTarget):
    type: Literal["graphql"]
    endpoint: str = "/graphql"
    query: str = Field(description="The mutation.")
    decimals: Decimals = "number"
    variables: dict[str, Any] = Field(
        default_factory=lambda: {"records": "{records}"}, description="Its variables, a template as rest's payload."
    )


class SoapTarget(ApiTarget):
    type: Literal["soap"]
    wsdl: str = Field(description="Path of a file, or a URL on the connection's host.")
    operation: str
    endpoint: str | None = Field(
        None, description="Path below the connection's host; by default the WSDL's own address, if it is there."
    )
    arguments: dict[str, Any] = Field(description="The operation's arguments, a template as rest's payload.")
