"""The name of a `format:` and a column in, the predicate that a good value fulfils out."""

from __future__ import annotations

from collections.abc import Callable

from datasync.contract.expressions import codes, nodes
from datasync.contract.expressions.problems import ExpressionError
from datasync.contract.expressions.tree import Literal, Node
from datasync.contract.types import STRING
from datasync.errors import did_you_mean

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"{_OCTET}(\.{_OCTET}){{3}}"
_HEX = "[0-9A-Fa-f]{1,4}"
_LABEL = "[A-Za-z0-9]([A-Za-z0-9\\-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL}){{0,15}}"
_UUID = "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?\^_`{{|}}~\-]{{1,64}}@{_LABEL}(\.{_LABEL}){{1,8}}$"
_URL = rf"^(https?|ftp)://([^\s/?#@]{{1,200}}@)?({_HOST}|\[[0-9A-Fa-f:.]{{2,45}}\])(:[0-9]{{1,5}})?([/?#][^\s]*)?$"
_DATE = "^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))$"
_LEAP_DAY = "^([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29$"


def format_predicate(column: Node, name: str) -> Node:
    """Make the predicate of a format.

    Args:
        column: a text node.
        name: one of `FORMATS`.

    Returns:
        A boolean node: NULL for NULL.

    Raises:
        ExpressionError: an unknown format, or a column that is not text.
    """
    make = FORMATS.get(name)
    if make is None:
        raise ExpressionError(f"unknown format '{name[:40]}'", ", ".join(FORMATS), did_you_mean(name, FORMATS))
    return make(column)


def _matches(column: Node, *patterns: str) -> Node:
    return nodes.any_of(*(nodes.call("matches", column, Literal(pattern, STRING)) for pattern in patterns))


def _email(column: Node) -> Node:
    return nodes.all_of(_matches(column, _EMAIL), nodes.negate(_matches(column, r"(^\.|\.\.|\.@)")))


def _date_iso(column: Node) -> Node:
    # The year 0000 is in no database's calendar.
    return nodes.all_of(_matches(column, _DATE, _LEAP_DAY), nodes.negate(nodes.like(column, "0000%")))


def _ipv6() -> tuple[str, ...]:
    """Give the spellings of RFC 4291: eight groups, or `::` for at least one of them; the last two may be an IPv4 address."""
    tail = rf"({_HEX}:{_HEX}|{_IPV4})"
    patterns = [rf"^({_HEX}:){{6}}{tail}$", rf"^({_HEX}:){{1,7}}:$", "^::$", rf"^::({_HEX}:){{0,6}}{_HEX}$"]
    patterns += [rf"^({_HEX}:){{1,{before}}}(:{_HEX}){{1,{7 - before}}}$" for before in range(1, 7)]
    patterns += [rf"^({_HEX}:){{1,{before}}}(:{_HEX}){{0,{5 - before}}}:{_IPV4}$" for before in range(1, 5)]
    return (*patterns, rf"^::({_HEX}:){{0,5}}{_IPV4}$", rf"^({_HEX}:){{5}}:{_IPV4}$")


FORMATS: dict[str, Callable[[Node], Node]] = {
    "email": _email,
    "uuid": lambda column: _matches(column, _UUID),
    "url": lambda column: _matches(column, _URL),
    "ipv4": lambda column: _matches(column, f"^{_IPV4}$"),
    "ipv6": lambda column: _matches(column, *_ipv6()),
    "date_iso": _date_iso,
    "country": lambda column: nodes.is_in(column, codes.COUNTRIES),
    "currency": lambda column: nodes.is_in(column, codes.CURRENCIES),
    "json": lambda column: nodes.call("is_json", column),
}
"""Every format: ASCII e-mail addresses with a dotted domain; uuids with hyphens, in any case; http, https and ftp URLs; dotted
IPv4; IPv6 without a zone; calendar dates `YYYY-MM-DD`; ISO 3166-1 alpha-2 and ISO 4217 in capitals; JSON documents."""
