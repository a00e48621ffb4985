"""A template's name and values in, a page or a part of one out; and the policy that every page carries."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasync.results import words

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"
FILTER_SCRIPT = (TEMPLATES / "filter.js").read_text(encoding="utf-8")
"""The one script there is: it hides rows of a list. It is constant, reads what is on the page and writes no markup."""


def script_hash(script: str) -> str:
    """Give how a policy names a script that may run."""
    return "sha256-" + b64encode(hashlib.sha256(script.encode()).digest()).decode()


_STYLES = "style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
CSP = f"default-src 'none'; {_STYLES}"
"""No script at all, nothing from outside. Styles are the page's own; values only ever stand in text and in numbers."""
LIST_CSP = f"default-src 'none'; script-src '{script_hash(FILTER_SCRIPT)}'; {_STYLES}"
"""Of pages with a list to be searched: the constant script too, known by its hash, so that nothing else can run."""

TONES = {
    "passed": "good",
    "warned": "warn",
    "failed": "bad",
    "held": "bad",
    "error": "bad",
    "refused": "bad",
    "interrupted": "bad",
}


def render(template: str, **values: Any) -> str:
    """Fill a template; everything but markup made here is escaped."""
    return environment().get_template(template).render(**values)


def part(name: str, *values: Any, **named: Any) -> Markup:
    """Make one part of a page: a macro of `parts.html.j2`, for pages that are put together elsewhere."""
    found: Markup = getattr(environment().get_template("parts.html.j2").module, name)(*values, **named)
    return found


@cache
def environment() -> Environment:
    """Give the templates' environment."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        finalize=_plain_direction,
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["number"] = words.number
    found.filters["tone"] = lambda status: TONES.get(status, "none")
    found.filters["sign"] = lambda status: words.SIGNS.get(status, "…")
    found.globals |= {"words": words, "csp": CSP, "list_csp": LIST_CSP, "filter_script": FILTER_SCRIPT}
    return found


# Overrides and isolates of direction in a value would turn the words around it: they are shown, not obeyed.
_DIRECTION = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)}
_TURNS = re.compile("[" + "".join(map(chr, _DIRECTION)) + "]")


def _plain_direction(value: Any) -> Any:
    return value.translate(_DIRECTION) if isinstance(value, str) and _TURNS.search(value) else value


def message_page(title: str, text: str) -> str:
    """A page that only says something."""
    return render("message.html.j2", title=title, text=text)
