"""A folder in, a project whose history has what pages have to cope with out: real runs, and thousands written as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from datasync.history.rows import RunFacts
from datasync.history.store import History
from datasync.sync.project import open_project
from tests.reports.filled import Given, fill
from tests.reports.test_html import HOSTILE
from tests.web.stage import make_project, run

KOREAN, HEBREW = "주문 데이터 계약 위반", "חוזה נתונים של הזמנות"
ATTACKS = (
    *HOSTILE,
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "</pre></script><script>alert(1)</script>",
    "{{ 7*7 }}",
    "'\";--`${1}",
)
MANY = 3_000
"""Runs of the contract `busy`."""
STRANGE = """\
contract: strange
version: 1.0.0
description: "{attack}"
owner: {{team: "{hebrew}", slack: "#{korean}"}}
tags: ["{korean}", "{hebrew}"]
source: {{type: csv, path: strange.csv}}
columns:
  번호: {{type: int64, key: true, description: "{korean}"}}
  "שם": {{type: string, one_of: [Seoul], samples: show, description: "{hebrew}"}}
  "<b>bold</b>": {{type: string, max_length: 3, samples: show, description: "{attack}"}}
rules:
  - {{name: {rule}, rule: '"번호" > 100', description: "{hebrew}"}}
alerts:
  - {{when: violated, to: ["#data"]}}
target: {{type: sqlite, database: strange.sqlite, table: strange, write: replace}}
"""
WIDTH = 500


def fill_project(root: Path, runs: int) -> None:
    """Write a project with this many runs: 0, 1 (a real one), or everything there is."""
    (root / "datasync.toml").touch()
    if runs:
        run(make_project(root, more='alerts:\n  - {when: violated, to: ["#data"]}\n'), "first")
    if runs > 1:
        _strange(root)
        _wide(root)
        _recorded(root, runs)


def _strange(root: Path) -> None:
    """A run that fails, with names and values in other writings and of attackers."""
    attack = ATTACKS[0].replace('"', "'") + "</script>"
    text = STRANGE.format(attack=attack, hebrew=HEBREW, korean=KOREAN, rule="large_enough")
    file = root / "contracts" / "strange.yaml"
    file.write_text(text, encoding="utf-8")
    rows = ["번호,שם,<b>bold</b>", *(f'{number},"{one}","{one}"' for number, one in enumerate(_quoted()))]
    (root / "strange.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run(file, "strange-run")


def _quoted() -> list[str]:
    return [one.replace('"', '""') for one in (*ATTACKS, KOREAN, HEBREW)]


def _wide(root: Path) -> None:
    """A table of 500 columns, a third of which break their promise."""
    names = [f"measurement_{number:03}" for number in range(WIDTH)]
    promises = "".join(
        f"  {name}: {{type: int64, required: true, max: {0 if number % 3 == 0 else 9}}}\n" for number, name in enumerate(names)
    )
    file = root / "contracts" / "wide.yaml"
    file.write_text(
        f"contract: wide\nversion: 1.0.0\nsource: {{type: csv, path: wide.csv}}\ncolumns:\n{promises}"
        "target: {type: sqlite, database: wide.sqlite, table: wide, write: replace}\n",
        encoding="utf-8",
    )
    rows = [",".join(names), *(",".join(str((row + one) % 5) for one in range(WIDTH)) for row in range(6))]
    (root / "wide.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    run(file, "wide-run")


def _recorded(root: Path, runs: int) -> None:
    history = History(open_project(root, {}).history_url)
    began = datetime.now(UTC) - runs * timedelta(minutes=24)
    fill(history, Given("busy", KOREAN, "example", checks=2), range(runs), timedelta(minutes=24), began)
    fill(history, Given("hostile", HEBREW, ATTACKS[0], hostile="".join(ATTACKS)), range(12))
    for number in range(40):
        fill(history, Given(f"shop_{number:02}", f"team {number % 4}", "shops", checks=1), range(number % 12))
    history.begin(RunFacts("going-on", "busy", "1.0.0", "busy", "run", "contracts/busy.yaml", datetime.now(UTC)))
    history.close()
