"""Commands in, median wall and processor time and peak memory of whole processes out."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Contender:
    """A command beside others. `expected` are exit codes that mean it did its work."""

    name: str
    command: Sequence[str]
    expected: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Measured:
    """Median seconds by the clock and of processors (all its processes together), greatest peak memory (MB) of any of them."""

    name: str
    seconds: float
    processor: float
    megabytes: float


def side_by_side(
    contenders: Sequence[Contender], times: int, folder: Path, environment: Mapping[str, str] | None = None
) -> list[Measured]:
    """Run the commands in turn, several rounds, so that noise meets all of them alike."""
    found: dict[str, list[Measured]] = {contender.name: [] for contender in contenders}
    for _ in range(times):
        for contender in contenders:
            found[contender.name].append(once(contender, folder, environment))
    return [middle(several) for several in found.values()]


def middle(several: Sequence[Measured]) -> Measured:
    """Take the medians of several rounds of one contender."""
    return Measured(
        several[0].name,
        statistics.median(one.seconds for one in several),
        statistics.median(one.processor for one in several),
        max(one.megabytes for one in several),
    )


def once(contender: Contender, folder: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run a command to its end. Python may keep what it compiles: installed packages come compiled, a checkout does not."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **(environment or {})}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.monotonic()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(list(contender.command), cwd=folder, env=env, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in contender.expected:
        sys.exit(f"{contender.name} ended with {process.returncode}; see {folder / 'bench.log'}")
    processor = usage.ru_utime + usage.ru_stime
    return Measured(contender.name, time.monotonic() - started, processor, usage.ru_maxrss / 1024)


def show(title: str, measured: Sequence[Measured]) -> None:
    """Print a table; ratios are to the first row."""
    base = measured[0]
    print(f"\n{title}")
    for row in measured:
        print(
            f"  {row.name:<44} {row.seconds:8.2f} s {row.seconds / base.seconds:6.2f} x   "
            f"processors {row.processor:8.2f} s {row.processor / base.processor:6.2f} x  {row.megabytes:7.0f} MB",
            flush=True,
        )
