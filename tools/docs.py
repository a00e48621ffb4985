"""Documents that are generated from code in, their text in docs/ out; `--check` only compares."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

GENERATED: Mapping[str, Callable[[], str]] = {}
"""Path under docs/ -> what writes its text."""


def main(check: bool) -> int:
    """Write or compare every generated document; give the exit code."""
    stale = 0
    for name, text_of in GENERATED.items():
        path = Path(__file__).parent.parent / "docs" / name
        text = text_of()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not check:
            path.write_text(text, encoding="utf-8")
        print(f"docs/{name}: {'differs from the code; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv[1:]))
