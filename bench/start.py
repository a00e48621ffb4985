"""How fast help answers, and how fast a hundred contracts are linted."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bench.measure import Contender, show, side_by_side


def run(rows: int | None, times: int, peers: bool = False) -> None:
    """Measure `--help` and `lint` of 100 contracts, beside an interpreter that does nothing."""
    example = (Path(__file__).parent.parent / "contracts" / "flights.yaml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "datasync.toml").touch()
        for number in range(100):
            (folder / f"c{number}.yaml").write_text(
                example.replace("contract: flights", f"contract: flights_{number}"), encoding="utf-8"
            )
        python = [sys.executable]
        app = [*python, "-m", "datasync.cli.app"]
        contenders = [
            Contender("python -c pass", [*python, "-c", "pass"]),
            Contender("datasync --help", [*app, "--help"]),
            Contender("datasync lint, 100 contracts", [*app, "lint", "."]),
        ]
        show("start", side_by_side(contenders, max(times, 3), folder))
