"""A request in, who asks for what and with which rights out: what every page of the app begins with."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, get_args

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse

from datasync.alerts.interactions import StartWhat
from datasync.errors import UsageError
from datasync.history.store import History
from datasync.seams import Connection
from datasync.sync.project import Project
from datasync.web.access import Access, Deed, Person
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
        starts: which of these it can do.
        connections: looks connections up by id; default: the environment and connections.yaml.
        sign_in: gives the page where people sign in who want an address, where that is not this app's own; empty: nowhere.
    """

    project: Project
    history: History
    access: Access
    read_only: bool = False
    values: bool = False
    edit: bool = False
    start: Start | None = None
    starts: frozenset[str] = frozenset(get_args(StartWhat))
    connections: Callable[[str], Connection] | None = None
    sign_in: Callable[[str], str] = lambda wanted: ""


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

    def sees(self, contract: str) -> bool:
        """Tell whether whoever asks may know of a contract."""
        return self.person.sees(contract)

    def may(self, contract: str, deed: Deed) -> bool:
        """Tell whether whoever asks may do something about a contract that they see."""
        return self.may_change and self.sees(contract) and self.person.may(contract, deed)

    def startable(self, contract: str) -> frozenset[str]:
        """Give what may be started of a contract from here."""
        if self.house.start is None or not self.may_change:
            return frozenset()
        return frozenset(what for what in self.house.starts if self.may(contract, deed_of(what)))

    def insist(self, contract: str, deed: Deed) -> None:
        """Go on only where it is allowed.

        Raises:
            UsageError: as if there were no such contract, which whoever asks may not know of.
            NotAllowed: they see it, and may not do this.
        """
        self.know(contract)
        if not self.may(contract, deed):
            raise NotAllowed(f"{self.person.name} may not do this with {contract}")

    def know(self, contract: str) -> None:
        """Go on only with a contract that whoever asks may know of.

        Raises:
            UsageError: as if there were none.
        """
        if not self.sees(contract):
            raise UsageError(f"there is no contract '{contract[:63]}' here", code="E_NO_CONTRACT")

    def contract_of(self, run_id: str) -> str:
        """Give a run's contract.

        Raises:
            UsageError: there is no such run, as far as whoever asks may know.
        """
        contract = self.house.history.contract_of(run_id)
        if contract is None or not self.sees(contract):
            raise UsageError(f"there is no run {run_id[:100]}", code="E_RUN_ID", hint="it may have been cleaned away")
        return contract

    def frame(self, here: str = "") -> Frame:
        """Give what the page shows around itself."""
        mark = self.house.access.mark(self.person)
        return Frame(
            self.person, self.at, mark, self.house.access.by_token,
            {word: self.at.to(page) for word, page in MENU.items()}, here,
        )  # fmt: skip

    def page(self, template: str, here: str = "", status: int = 200, *, of: str = "", **values: object) -> HTMLResponse:
        """Give a page of the app.

        Args:
            of: the contract that it is about; what may be done with it is offered.
        """
        known = {
            "may_change": self.may(of, "triage") if of else self.may_change,
            "may_start": self.startable(of) if of else frozenset(),
            "may_see": self.house.values,
        }
        return HTMLResponse(show(template, self.frame(here), **known, **values), status)


def deed_of(what: str) -> Deed:
    """Give what starting something means for rights."""
    return "decide" if what in ("release", "reject") else "run"


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
