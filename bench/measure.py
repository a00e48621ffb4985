"""Commands in, median wall time and peak memory of whole processes out."""

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
    """Median seconds and greatest peak memory (MB) of any of its processes."""

    name: str
    seconds: float
    megabytes: float


def side_by_side(
    contenders: Sequence[Contender], times: int, folder: Path, environment: Mapping[str, str] | None = None
) -> list[Measured]:
    """Run the commands in turn, several rounds, so that noise meets all of them alike."""
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    memory: dict[str, float] = {}
    for _ in range(times):
        for contender in contenders:
            took, peak = _once(contender, folder, environment)
            seconds[contender.name].append(took)
            memory[contender.name] = max(memory.get(contender.name, 0), peak)
    return [Measured(name, statistics.median(values), memory[name]) for name, values in seconds.items()]


def _once(contender: Contender, folder: Path, environment: Mapping[str, str] | None) -> tuple[float, float]:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **(environment or {})}
    started = time.monotonic()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(list(contender.command), cwd=folder, env=env, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in contender.expected:
        sys.exit(f"{contender.name} ended with {process.returncode}; see {folder / 'bench.log'}")
    return time.monotonic() - started, usage.ru_maxrss / 1024


def show(title: str, measured: Sequence[Measured]) -> None:
    """Print a table; ratios are to the first row."""
    base = measured[0].seconds
    print(f"\n{title}")
    for row in measured:
        print(f"  {row.name:<44} {row.seconds:8.2f} s  {row.seconds / base:5.2f} x  {row.megabytes:7.0f} MB")
