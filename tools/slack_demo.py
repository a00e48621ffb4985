"""A whole life of an incident in the made-up Slack: real runs, real clicks; pages and pictures of it out.

Usage: python tools/slack_demo.py [FOLDER]; `make slack-demo` does it in build/slack-demo.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasync.testing.slack import FakeSlack, Message

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = """\
contract: orders
version: 1.0.0
description: Orders of the shop, every night
owner: {name: Dana Fox, team: data-platform, slack: "#data-orders", email: dana@example.com}
source: {type: csv, path: orders.csv}
columns:
  id:          {type: int64, key: true}
  postal_code: {type: string, required: true, pattern: '^[0-9]{5}$', description: five digits; New England begins with a zero}
  quantity:    {type: int16, required: true, min: 1}
  sales:       {type: "decimal(12,4)", required: true, greater_than: 0}
quarantine: {allow: 1%}
target: {type: duckdb, database: warehouse.duckdb, table: orders, write: replace}
alerts:
  - {when: violated or recovered or error_occurred, to: [slack], mention: owner}
"""


class Demo:
    """The project, the made-up Slack and the listener of one life."""

    def __init__(self, folder: Path, slack: FakeSlack) -> None:
        self.folder, self.slack, self.pages = folder, slack, 0
        extra = {"base_url": slack.api_url, "app_token": "xapp-fake"}
        known = {"conn_type": "slack", "password": "xoxb-fake", "extra": extra}
        self.environment = {**os.environ, "AIRFLOW_CONN_SLACK_DEFAULT": json.dumps(known)}

    def prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "contracts").mkdir(parents=True)
        (self.folder / "datasync.toml").touch()
        (self.folder / "contracts" / "orders.yaml").write_text(CONTRACT, encoding="utf-8")

    def data(self, short: int, rows: int = 2000) -> None:
        """Write orders of which some ZIP codes lost their leading zero."""
        lines = [
            f"{number},{'2139' if number <= short else '02139'},{number % 9 + 1},{number}.25" for number in range(1, rows + 1)
        ]
        (self.folder / "orders.csv").write_text("id,postal_code,quantity,sales\n" + "\n".join(lines) + "\n", encoding="utf-8")

    def run(self, expected: int) -> None:
        code = self.datasync("run", "contracts/orders.yaml").wait(120)
        if code != expected:
            raise SystemExit(f"the demo expected exit code {expected}, and got {code}")

    def datasync(self, *arguments: str) -> subprocess.Popen[bytes]:
        print("$ datasync", *arguments, flush=True)
        command = [sys.executable, "-m", "datasync.cli.app", *arguments]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @contextmanager
    def listener(self) -> Iterator[None]:
        with self.datasync("alerts", "listen") as process:
            try:
                if not self.slack.sockets.wait_for_app(60):
                    raise SystemExit("the listener did not come")
                yield
            finally:
                process.terminate()

    @property
    def parent(self) -> Message:
        return self.slack.parents("data-orders")[-1]

    def click(self, who: str, action: str, value: str = "") -> None:
        user = next(user for user in self.slack.world.users.values() if user.name == who)
        edits = self.parent.edits
        print(f"  {who} presses {action} {value}", flush=True)
        if self.slack.gestures.click(self.parent, f"datasync.{action}", user, value=value).status != 200:
            raise SystemExit("the listener did not answer")
        if action not in ("rows", "rerun"):
            self.wait(lambda: self.parent.edits > edits)

    def wait(self, for_what: Callable[[], bool], seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not for_what():
            if time.monotonic() > end:
                raise SystemExit("the demo waited in vain")
            time.sleep(0.1)

    def page(self, title: str) -> None:
        """Keep what people see now."""
        self.pages += 1
        name = "-".join(title.split(":", maxsplit=1)[0].lower().split())
        self.slack.write_page(self.folder / f"{self.pages:02d}-{name}.html", "data-orders", title)
        print(f"  {self.pages:02d}-{name}.html", flush=True)


def life(demo: Demo) -> None:
    """From the first violation to recovery."""
    demo.data(short=90)
    demo.run(1)
    demo.page("violation: one message, and the owner is called")
    with demo.listener():
        demo.click("kim", "acknowledge")
        demo.page("acknowledged: by the button, without leaving Slack")
        demo.data(short=91)
        demo.run(1)
        demo.page("repeat: the message is updated, nobody is disturbed")
        line = next(block["accessory"]["options"][0]["value"] for block in demo.parent.blocks if "accessory" in block)
        demo.click("kim", "snooze", f"6h|{line.partition('|')[2]}")
        demo.page("snoozed: for six hours")
        demo.data(short=400)
        demo.run(1)
        demo.page("worse: the snooze ends early")
        demo.click("dana", "line", line.replace("acknowledge", "assign"))
        demo.click("dana", "rows")
        demo.wait(lambda: bool(demo.slack.world.views))
        demo.page("rows: shapes of values, never the values")
        demo.slack.world.views.clear()
        dana = next(iter(demo.slack.world.users.values()))
        demo.slack.gestures.command("incidents", dana, "data-orders")
        demo.wait(lambda: any(message.only_for for message in demo.slack.world.messages))
        demo.page("command: /datasync incidents")
        demo.data(short=0)
        demo.click("dana", "rerun")
        demo.wait(lambda: "met again" in str(demo.parent.blocks), 120)
        demo.wait(lambda: "published" in demo.slack.world.messages[-1].text)
        demo.page("recovery: run again from Slack, and all is met")


def pictures(folder: Path) -> None:
    """Take pictures of the pages, where there is a browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        print("no pictures: playwright is not installed")
        return
    executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(executable).exists():
        print(f"no pictures: there is no browser at {executable}; CHROMIUM names another")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1040, "height": 560})
        for path in sorted(folder.glob("*.html")):
            page.goto(path.as_uri())
            page.screenshot(path=str(path.with_suffix(".png")), full_page=True)
        browser.close()


def main() -> None:
    """Do it, and say where to look."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "slack-demo").resolve()
    with FakeSlack() as slack:
        demo = Demo(folder, slack)
        demo.prepare()
        life(demo)
        posted = len(slack.calls_of("chat.postMessage"))
        print(f"\n{len(slack.parents('data-orders'))} message in the channel, {posted - 1} entries in its thread: {folder}")
    pictures(folder)


if __name__ == "__main__":
    main()
