"""A project with a history that has it all, an app over it, and a client that asks it; nothing listens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

import datasync
from datasync.history.store import History
from datasync.sync.project import Project, open_project
from datasync.web.access import Access, Anybody
from datasync.web.app import make_app
from datasync.web.asked import House

CONTRACT = """\
contract: {name}
version: 1.0.0
owner: {{team: retail, email: retail@example.com}}
source: {{type: csv, path: shop.csv}}
columns:
  id:     {{type: int64, key: true}}
  email:  {{type: string, pattern: '^[^@]+@[^@]+$'}}
  city:   {{type: string, one_of: [Seoul, Busan], samples: show}}
  price:  {{type: int64, required: true, min: 0, samples: hide}}
quarantine: {{allow: 90%}}
{more}target: {{type: sqlite, database: shop.sqlite, table: {name}, write: replace}}
"""
ROWS = "id,email,city,price\n1,ada@example.com,Seoul,5\n2,SECRETMAIL,Seoul,6\n3,c@example.com,Atlantis,7\n4,d@example.com,Busan,-77123\n"


def make_project(root: Path, name: str = "shop", rows: str = ROWS, more: str = "") -> Path:
    """Write a project with one contract, and give the contract's file."""
    (root / "contracts").mkdir(exist_ok=True)
    (root / "datasync.toml").touch()
    (root / "shop.csv").write_text(rows, encoding="utf-8")
    file = root / "contracts" / f"{name}.yaml"
    file.write_text(CONTRACT.format(name=name, more=more), encoding="utf-8")
    return file


def run(file: Path, run_id: str) -> Any:
    """Run a contract for real."""
    return datasync.load(file).run(run_id=run_id, deliver=False)


class Visitor:
    """Somebody with a browser that runs no script."""

    def __init__(self, project: Project, history: History, client: TestClient) -> None:
        self.project, self.history, self.client = project, history, client

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={"accept": "text/html", **headers}, follow_redirects=False)

    def mark(self, path: str = "/incidents") -> str:
        """What the forms of a page carry."""
        found = re.search(r'name="mark" value="([0-9a-f]+)"', self.get(path).text)
        return found[1] if found else ""

    def post(self, path: str, files: Any = None, **fields: Any) -> Any:
        """Send a form; `mark` as a page of the app has it, unless given."""
        fields.setdefault("mark", self.app_mark())
        return self.client.post(path, data=fields, files=files, follow_redirects=False)

    def app_mark(self) -> str:
        house: House = self.client.app.state.house  # type: ignore[attr-defined]
        access: Any = house.access
        name = "ada" if getattr(access, "tokens", None) else "tester"
        from datasync.web.access import Person

        return str(access.mark(Person(name)))


@contextmanager
def visitor(
    root: Path, access: Access | None = None, *, raises: bool = True, client: tuple[str, int] = ("127.0.0.1", 5), **more: Any
) -> Iterator[Visitor]:
    """Open an app over a project."""
    project = open_project(root, {})
    history = History(project.history_url)
    try:
        app = make_app(House(project, history, access or Anybody("tester"), **more))
        with TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=raises, client=client) as found:
            yield Visitor(project, history, found)
    finally:
        history.close()
