"""A request in, who asks for what and with which rights out: what every page of the app begins with."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse

from datasync.history.store import History
from datasync.sync.project import Project
from datasync.web.access import Access, Person
from datasync.web.frame import Addresses, Frame, show
from datasync.web.jobs import Jobs, Start

MENU = {
    "Contracts": "", "Running": "running", "Incidents": "incidents", "Quarantine": "quarantine", "Figures": "figures",
    "Files": "files",
}  # fmt: skip
"""Words to pages."""


@dataclass(frozen=True, slots=True)
class House:
    """What the app shows and what people may do in it.

    Attributes:
        project: whose contracts, workspace and connections.
        history: open as long as the app is.
        access: who may come in.
        read_only: nothing may be changed.
        values: quarantined rows may be seen whole, and exported.
        edit: contracts may be written.
        start: starts, releases and rejects runs; None: not from here.
    """

    project: Project
    history: History
    access: Access
    read_only: bool = False
    values: bool = False
    edit: bool = False
    start: Start | None = None


class SignIn(Exception):
    """Nobody who is known asks."""


class NotAllowed(Exception):
    """Whoever asks may not; says why."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of a person who is known."""

    house: House
    person: Person
    at: Addresses
    jobs: Jobs

    @property
    def may_change(self) -> bool:
        """Tell whether forms are offered."""
        return not self.house.read_only

    @property
    def may_start(self) -> bool:
        """Tell whether runs are started from here."""
        return self.may_change and self.house.start is not None

    def frame(self, here: str = "") -> Frame:
        """Give what the page shows around itself."""
        mark = self.house.access.mark(self.person)
        return Frame(
            self.person, self.at, mark, self.house.access.by_token,
            {word: self.at.to(page) for word, page in MENU.items()}, here,
        )  # fmt: skip

    def page(self, template: str, here: str = "", status: int = 200, **values: object) -> HTMLResponse:
        """Give a page of the app."""
        known = {"may_change": self.may_change, "may_start": self.may_start, "may_see": self.house.values}
        return HTMLResponse(show(template, self.frame(here), **known, **values), status)


def asked(request: Request) -> Asked:
    """Give the request of a person who is known.

    Raises:
        SignIn: nobody is.
    """
    house: House = request.app.state.house
    person = house.access.person(request)
    if person is None:
        raise SignIn
    return Asked(house, person, Addresses(str(request.scope.get("root_path", "")).rstrip("/")), request.app.state.jobs)


Reading = Annotated[Asked, Depends(asked)]
"""A request that only looks."""


def genuine(request: Request, question: Reading, mark: Annotated[str, Form()] = "") -> Asked:
    """Give a request that comes from a form of ours.

    Raises:
        NotAllowed: it carries no mark of ours, or a browser says that another site sent it.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise NotAllowed("another site sent this form")
    expected = question.house.access.mark(question.person)
    if not hmac.compare_digest(expected.encode(), mark.encode()):
        raise NotAllowed("this form is too old or not ours: load the page again")
    return question


Genuine = Annotated[Asked, Depends(genuine)]
"""A request from a form of ours that changes nothing."""


def changing(question: Genuine) -> Asked:
    """Give a request from a form of ours that may change something.

    Raises:
        NotAllowed: the app is read-only.
    """
    if not question.may_change:
        raise NotAllowed("this app is read-only")
    return question


Changing = Annotated[Asked, Depends(changing)]
"""A request from a form of ours that changes something."""
