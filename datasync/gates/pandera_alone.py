"""pandera's polars half in, without the pandas half that it would import beside it.

Where pandas is installed pandera imports it, and its own pandas half, at `import pandera.polars`: two seconds of a core that the
gates would like to have, for frames that no gate ever sees. pandera supports an environment without pandas; for the time of its
import, and in the importing thread alone, this is one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from datasync.gates.left_out import not_installed

LEFT_OUT = ("pandas", "hypothesis")
"""Packages that pandera does without; hypothesis is only for making examples."""


def pandera_polars() -> Any:
    """Give the module `pandera.polars`, imported on first use."""
    if "pandera.polars" not in sys.modules and not any(name in sys.modules for name in LEFT_OUT):
        with not_installed(LEFT_OUT):
            import pandera.backends.polars.builtin_checks
            import pandera.polars
        _ask_for_pandas_late()
    import pandera.polars

    return pandera.polars


def _ask_for_pandas_late() -> None:
    """Let pandera look for its pandas half only when pandas is imported: without it there is no pandas frame to judge."""
    from pandera.backends import register_checks

    original: Callable[[], Any] | None = getattr(register_checks, "_load_get_backend_types_from_mro", None)
    if original is None:
        return

    def load() -> Any:
        return original() if "pandas" in sys.modules else None

    vars(register_checks)[original.__name__] = load
