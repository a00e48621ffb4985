"""Contracts with their owners' lines in, whose each contract is out: one owner, however often the address was left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from datasync.history.views import Figures

NOBODY = "nobody"
"""Whose the contracts without an owner are."""
_ADDRESS = re.compile(r"<?([^\s<>,@]+@[^\s<>,@]+)>?")


def owners_of(figures: Iterable[Figures]) -> dict[str, str]:
    """Give each contract its owner.

    Lines with the same names are one owner, whatever addresses and channels (`kim@x.kr`, `#retail`) stand beside them; a line of
    nothing but an address is whoever else has it, if that is one. Two names are two owners, also under one address.

    Args:
        figures: of contracts; `owner` is a line such as `retail, Kim, kim@x.kr` or `Kim <kim@x.kr>`.

    Returns:
        Contract to the fullest line of its owner; `nobody` where none is named.
    """
    lines = {one.contract: one.owner for one in figures}
    known = _known(lines.values())
    keys = {contract: _key(line, known) for contract, line in lines.items()}
    fullest: dict[str, str] = {}
    for contract, line in sorted(lines.items()):
        if len(line) > len(fullest.get(keys[contract], "")):
            fullest[keys[contract]] = line
    return {contract: fullest.get(key, NOBODY) for contract, key in keys.items()}


def _known(lines: Iterable[str]) -> Mapping[str, str]:
    """The names that stand beside an address, where they are always the same."""
    found: dict[str, set[str]] = {}
    for line in lines:
        for address in _ADDRESS.findall(line):
            found.setdefault(address.casefold(), set()).update({_names(line)} - {""})
    return {address: next(iter(names)) for address, names in found.items() if len(names) == 1}


def _key(line: str, known: Mapping[str, str]) -> str:
    names = _names(line)
    if names:
        return names
    addresses = sorted(address.casefold() for address in _ADDRESS.findall(line))
    return next((known[address] for address in addresses if address in known), ", ".join(addresses) or line.casefold())


def _names(line: str) -> str:
    """What is left without addresses and channels."""
    words = (" ".join(word.split()) for word in _ADDRESS.sub("", line).split(","))
    return ", ".join(word for word in words if word and not word.startswith("#")).casefold()
