"""Problems of names, secrets, schedules and zones: what the rest of the contract stands in."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from datasync.contract.lint.finding import Finder
from datasync.contract.yaml_tree import Path as KeyPath

SECRET = re.compile(r"(^|_)(password|passwd|secret|token|api_?key|access_?key|private_?key|credentials?)($|_)", re.IGNORECASE)
_URL_SECRET = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@")
_REFERENCE = re.compile(r"^\$\{env:[A-Za-z_][A-Za-z0-9_]*\}$")
PRESETS = ("@once", "@hourly", "@daily", "@weekly", "@monthly", "@quarterly", "@yearly", "@continuous")
MARKERS = ("datasync.toml", "pyproject.toml")


def project_root(file: Path) -> Path:
    """Give the nearest parent folder with a marker, else the working directory."""
    for folder in file.resolve().parents:
        if any((folder / marker).is_file() for marker in MARKERS):
            return folder
    return Path.cwd().resolve()


def roots(file: Path) -> list[Path]:
    """Give the project root and what `roots` in datasync.toml adds."""
    root = project_root(file)
    try:
        listed = tomllib.loads((root / "datasync.toml").read_text(encoding="utf-8")).get("roots", [])
    except (OSError, ValueError):
        listed = []
    return [root, *((root / str(item)).resolve() for item in listed if isinstance(listed, list))]


def find(finder: Finder) -> None:
    """Look at secrets, schedule, timezone and mute days."""
    _secrets(finder, (), finder.tree.value)
    _schedule(finder)
    _zone(finder)
    if finder.contract.quarantine.keep is not None and finder.contract.target is None:
        finder.advise(("quarantine", "keep"), "rows of a check are kept as evidence only", "leave keep out, or add a target")


def _secrets(finder: Finder, path: KeyPath, value: Any) -> None:
    """A literal in a field named like a secret, or a password in a URL, never stands in a contract."""
    if isinstance(value, dict):
        for key, item in value.items():
            _secrets(finder, (*path, key), item)
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            _secrets(finder, (*path, number), item)
    elif isinstance(value, str):
        # Names of columns are the author's: a column may well be called token.
        # pagination.token is where an API says which page comes next.
        named = (
            path[1:] != ("pagination", "token")
            and path
            and isinstance(path[-1], str)
            and "columns" not in path
            and path[0] in ("source", "target", "params")
        )
        if named and SECRET.search(str(path[-1])) and not _REFERENCE.match(value):
            finder.add(
                path, "a literal in a field named like a secret", "a connection's id", "put it into the connection", "E_SECRET"
            )
        elif _URL_SECRET.search(value):
            finder.add(path, "a password in a URL", "a connection's id", "put it into the connection", "E_SECRET")


def _schedule(finder: Finder) -> None:
    schedule = finder.contract.schedule
    cron = schedule if isinstance(schedule, str) else getattr(schedule, "cron", None)
    if cron is None or cron in PRESETS:
        return
    if cron.startswith("@"):
        finder.add(("schedule",), f"'{cron}'", ", ".join(PRESETS))
    elif len(cron.split()) not in (5, 6) or not all(re.match(r"^[0-9A-Za-z*/,#?L-]+$", part) for part in cron.split()):
        finder.add(("schedule",), f"'{cron[:60]}'", "five fields of cron, a preset, {every: 15m} or {assets: [...]}")


def _zone(finder: Finder) -> None:
    finder.zone(("timezone",), finder.contract.timezone)
    cursor = finder.contract.source.cursor
    if cursor is not None and cursor.timezone is not None:
        finder.zone(("source", "cursor", "timezone"), cursor.timezone)
