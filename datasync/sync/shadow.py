"""A contract in, the same contract beside its target out: another table or path, and so a sync of its own.

A sync is a contract, a target and its params: with another target, lock, fence, commits, watermark, drift and quarantine are the
shadow's own without a line of code that says so.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from datasync.contract.endpoints.api import API_KINDS
from datasync.contract.loader import LoadedContract
from datasync.contract.model import Contract
from datasync.errors import UsageError
from datasync.sync.options import RunOptions

MARK = "__shadow"


def placed(loaded: LoadedContract, options: RunOptions) -> tuple[LoadedContract, RunOptions]:
    """Give what a run, or a plan of it, carries out: the contract as it is, or its shadow where that is asked for.

    Nobody is asked to release a shadow: what would be held is blocked.

    Raises:
        UsageError: a shadow, and the target has no place beside itself.
    """
    if not options.shadow:
        return loaded, options
    update = {"target": shadow_target(loaded.contract), "on_violation": "block"}
    return replace(loaded, contract=loaded.contract.model_copy(update=update)), replace(options, kind="shadow")


def shadow_target(contract: Contract) -> Any:
    """Give the place beside a contract's target: `orders__shadow`, `out/orders__shadow.csv`.

    Raises:
        UsageError: no target, or an API: what is sent to it cannot be sent beside it.
    """
    target: Any = contract.target
    if target is None:
        raise UsageError(f"{contract.contract} has no target, and so no shadow", code="E_NO_TARGET", hint="add a target")
    if target.type in API_KINDS:
        raise UsageError(
            f"--shadow: a {target.type} target has no place beside it that could be written and compared", code="E_SHADOW",
            hint="datasync check judges everything and sends nothing",
        )  # fmt: skip
    if hasattr(target, "table"):
        return target.model_copy(update={"table": f"{target.table}{MARK}"})
    return target.model_copy(update={"path": _beside(target.path)})


def _beside(path: str) -> str:
    """Put the mark before a path's suffixes."""
    folder, slash, name = path.rstrip("/").rpartition("/")
    suffix = PurePosixPath(name).suffix
    if suffix in (".gz", ".zst", ".bz2", ".xz"):
        suffix = PurePosixPath(name.removesuffix(suffix)).suffix + suffix
    return f"{folder}{slash}{name.removesuffix(suffix)}{MARK}{suffix}"


def same_place(run_id: str, kind: str, options: RunOptions) -> None:
    """Refuse to take a shadow's run for one of the real target, or the other way round.

    Raises:
        UsageError: it is.
    """
    if (kind == "shadow") != options.shadow:
        where = "its shadow" if kind == "shadow" else "the real target"
        hint = "give --shadow too" if kind == "shadow" else "leave --shadow out"
        raise UsageError(f"run {run_id} writes to {where}", code="E_SHADOW", hint=hint)
