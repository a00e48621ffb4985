"""An answer's JSON in, values that keep every digit out; what is no JSON, or only looks like an answer, is an error."""

from __future__ import annotations

import codecs
import json
import re
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from datasync import json_text
from datasync.connectors.files.json_lines import text_of
from datasync.connectors.files.rows import NotARowError
from datasync.connectors.http.exchange import Answer
from datasync.contract.types import DataType
from datasync.errors import PermanentError, TransientError
from datasync.json_text import Number, decoder, whole

_HTML = re.compile(rb"^\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body)", re.IGNORECASE)


class Doubled(dict[str, Any]):
    """An object in which a key stands twice: no row can be made of it."""


class NotJson(str):
    """NaN or Infinity, which JSON does not have."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(found)


_DECODER = decoder(NotJson, _object)


def tree_of(answer: Answer, name: str) -> Any:
    """Read an answer's body.

    Args:
        answer: 2xx.
        name: the request, for messages.

    Returns:
        Dicts, lists, text, `Number`, True, False, None; None for 204. Objects with a key twice are `Doubled`, NaN is `NotJson`.

    Raises:
        PermanentError: a page for people, or no JSON.
        TransientError: JSON that ends too early.
    """
    if answer.status == 204:
        return None
    if answer.content_type in ("text/html", "application/xhtml+xml") or _HTML.match(answer.body[:1000]):
        raise PermanentError(
            f"{name}: the server answered with a page for people, not with data", code="E_HTML",
            hint="that is often a sign-in page: check the connection's auth, and the endpoint",
        )  # fmt: skip
    text = _text(answer.body, name)
    if not text.strip():
        raise PermanentError(f"{name}: the server answered {answer.status} with nothing", code="E_NO_JSON")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated"):
            raise TransientError(f"{name}: the answer was cut off: its JSON has no end", code="E_TRUNCATED") from None
        raise PermanentError(f"{name}: no JSON from character {error.pos + 1} on", code="E_NO_JSON") from None
    except RecursionError:
        raise PermanentError(f"{name}: the answer's JSON is nested too deeply", code="E_LIMIT") from None


def _text(body: bytes, name: str) -> str:
    try:
        return body.decode("utf-8-sig" if body.startswith(codecs.BOM_UTF8) else json.detect_encoding(body))
    except UnicodeDecodeError:
        raise PermanentError(f"{name}: the answer is no text in UTF-8", code="E_NO_JSON") from None


def written(value: Any) -> str:
    """Write a value as JSON again: numbers as they stood, no blanks.

    Raises:
        NotARowError: a key stands twice in it, or NaN is in it.
    """
    try:
        return json_text.to_json(value, _no_row)
    except RecursionError:
        raise NotARowError("nested too deeply") from None


def to_json(value: Any) -> str:
    """Write values of a contract as JSON: decimals with their digits, dates and times as ISO 8601."""
    from datasync.connectors.http.filling import text_of as plain

    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(str(key))}:{to_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    if value is None or isinstance(value, bool):
        return _CONSTANTS[value]
    if isinstance(value, int | Decimal):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return encode_basestring(value if isinstance(value, str) else plain(value))


_CONSTANTS = {None: "null", True: "true", False: "false"}


def _no_row(value: Any) -> str:
    raise NotARowError("a key stands twice" if type(value) is Doubled else f"{value} is no JSON")


def cells_of(record: Any, types: dict[str, DataType], sound: bool) -> dict[str, str | None]:
    """Give a record's cells as text: strings without quotes, numbers as they stood, nested values as JSON.

    Args:
        record: a value of `tree_of`.
        types: as the contract declares them; columns of type json stay JSON, whatever they are.
        sound: no text in it can be half a character.

    Raises:
        NotARowError: no row can be made of it; the message has no value.
    """
    if type(record) is not dict:
        raise NotARowError("a key stands twice" if type(record) is Doubled else "no JSON object")
    found: dict[str, str | None] = {}
    for name, value in record.items():
        found[name] = _cell(value, name, types.get(name))
    if not sound and any(text and not whole(text) for pair in found.items() for text in pair):
        raise NotARowError("half of a surrogate pair, which is no character")
    return found


def _cell(value: Any, name: str, kind: DataType | None) -> str | None:
    plain = type(value)
    if plain is Number or plain is str or value is None or plain is bool:
        if kind is not None and kind.name == "json" and value is not None:
            return written(value)
        return text_of(value, name, kind)
    if kind is not None and kind.name == "string":
        return text_of(value, name, kind)
    return written(value)
