"""An API's answer to a batch in, which of its records it took and which it refused, and why, out; what is unclear is an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasync.contract.endpoints import Response
from datasync.contract.json_path import parse_any
from datasync.errors import PermanentError

MAX_REASON = 1000
"""Characters of what an API says of a record that quarantine keeps."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the records of a request.

    Attributes:
        refused: place among the records sent, to the API's words.
    """

    refused: Mapping[int, str] = field(default_factory=dict)


def read(response: Response | None, answer: Any, records: Sequence[Mapping[str, Any]]) -> Verdict:
    """Read an answer that said yes to the request.

    Args:
        response: how to; None: yes means all records.
        answer: the answer's JSON as Python values; None: it had no body.
        records: the key columns of the records sent, as text, in order.

    Raises:
        PermanentError: the answer does not say what became of every record; none of its values stand in the message.
    """
    if response is None or (response.accepted is None and response.rejected is None):
        return Verdict()
    if answer is None:
        raise unclear("the answer has no JSON, and the contract reads records from it")
    refused = _refused(response, answer, records)
    if response.accepted is not None:
        _check_accepted(response.accepted, answer, len(records) - len(refused))
    return Verdict(refused)


def unclear(what: str) -> PermanentError:
    """Say that an answer does not tell what became of a batch."""
    return PermanentError(what, code="E_API_RESPONSE", hint="compare target.response with what the API answers")


def _check_accepted(path: str, answer: Any, taken: int) -> None:
    """`accepted` finds true, or as many records as were not refused: none may be unaccounted for."""
    values = found(path, answer)
    if any(sign in path for sign in "*?"):
        number = len(values)
    elif len(values) == 1 and isinstance(values[0], bool):
        if not values[0]:
            raise PermanentError("the API says that it did not take the batch", code="E_API_REFUSED",
                                 hint="response.accepted found false")  # fmt: skip
        return
    elif len(values) == 1 and isinstance(values[0], int | list):
        number = len(values[0]) if isinstance(values[0], list) else values[0]
    else:
        raise unclear("response.accepted found neither true, nor a number, nor a list of records")
    if number != taken:
        raise unclear(f"the API took {number} records and should have taken {taken}: the others are unaccounted for")


def _refused(response: Response, answer: Any, records: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    if response.rejected is None:
        return {}
    refused: dict[int, str] = {}
    known = _by_values(response.key, records) if response.key else {}
    for match in found(response.rejected, answer):
        place = _by_key(response.key, match, known) if response.key else _by_index(response, match, len(records))
        words = found(response.reason, match) if response.reason is not None else []
        refused[place] = str(words[0])[:MAX_REASON] if words and words[0] is not None else ""
    return refused


def _by_index(response: Response, match: Any, sent: int) -> int:
    values = found(response.index, match)
    place = values[0] if len(values) == 1 else None
    if isinstance(place, str) and place.isdecimal():
        place = int(place)
    if not isinstance(place, int) or isinstance(place, bool) or not 0 <= place - response.index_from < sent:
        raise unclear(f"a rejection names no record of the batch: response.index found no number of {sent} records")
    return place - response.index_from


def _by_values(key: Mapping[str, str], records: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], int]:
    """Where each record is, by its values; -1 where several share them."""
    places: dict[tuple[str, ...], int] = {}
    for place, record in enumerate(records):
        values = tuple(_as_text(record[name]) for name in key)
        places[values] = -1 if values in places else place
    return places


def _by_key(key: Mapping[str, str], match: Any, known: Mapping[tuple[str, ...], int]) -> int:
    values = [found(path, match) for path in key.values()]
    wanted = tuple(_as_text(value[0]) for value in values if len(value) == 1)
    place = known.get(wanted, -1) if len(wanted) == len(key) else -1
    if place < 0:
        raise unclear(f"a rejection names no single record of the batch by {', '.join(key)}")
    return place


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def found(path: str, value: Any) -> list[Any]:
    """Give what a JSONPath finds; nothing in what is no structure."""
    return [match.value for match in parse_any(path).find(value)]
