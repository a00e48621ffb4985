"""datasync: a declarative data contract is the pipeline.

The Python API is `load`: `datasync.load(path)` gives a `Sync` with `.plan()`, `.check()` and `.run()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasync.sync.api import Sync, load

__version__ = "0.1.0"
__all__ = ["Sync", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the API on use: `import datasync` alone stays light."""
    if name in ("Sync", "load"):
        from datasync.sync import api

        return getattr(api, name)
    raise AttributeError(f"module 'datasync' has no attribute '{name}'")
