"""Results in, HTML pages out: self-contained, without outside address, readable in light, dark and print."""

from __future__ import annotations

from datasync.reports.html.listing import contract_page, contracts_page, day_page, figures_page
from datasync.reports.html.page import run_page
from datasync.reports.html.render import message_page
from datasync.reports.html.views import (
    AsideRow,
    Cell,
    ContractDiff,
    ContractPage,
    ContractRow,
    ContractText,
    DiffLine,
    IncidentLine,
    RunPage,
    Version,
)

__all__ = [
    "AsideRow", "Cell", "ContractDiff", "ContractPage", "ContractRow", "ContractText", "DiffLine", "IncidentLine", "RunPage",
    "Version", "contract_page", "contracts_page", "day_page", "figures_page", "message_page", "run_page",
]  # fmt: skip
