"""A peer's name in, an environment of its own with the peer installed out; made once under `bench/.peers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / ".peers"
PACKAGES = {
    "pandera": ("pandera[polars]", "polars", "pyarrow"),
    "pointblank": ("pointblank", "polars", "pyarrow"),
    "great_expectations": ("great_expectations", "pyarrow"),
    "datacontract": ("datacontract-cli[duckdb]",),
    "dlt": ("dlt[postgres,sql_database,parquet]", "psycopg2-binary", "pyarrow"),
    # The package `sling` fetches its program when it is first started; this one holds it.
    "sling": ("sling-linux-amd64",),
}
"""Peers are measured as of today, so versions are not pinned."""


def environment(peer: str) -> Path | None:
    """Give the folder of a peer's environment; None, and a line that says so, when it cannot be installed here."""
    folder = FOLDER / peer
    ready = folder / "ready"
    if not ready.exists():
        uv = Path(sys.executable).parent / "uv"
        python = str(folder / "bin" / "python")
        for command in (
            [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [str(uv), "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *PACKAGES[peer]],
        ):
            if subprocess.run(command, check=False).returncode != 0:
                print(f"  {peer} could not be installed here and is left out")
                return None
        ready.touch()
    return folder


def program(peer: str, name: str = "python") -> str | None:
    """Give the path of a program in a peer's environment; None when the peer is not there."""
    folder = environment(peer)
    if folder is None:
        return None
    found = [folder / "bin" / name, *folder.glob(f"lib/python*/site-packages/*/bin/{name}")]
    return next((str(path) for path in found if path.exists()), None)
