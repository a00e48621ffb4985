"""Results in, HTML pages out: self-contained, without script or outside address, readable in light, dark and print."""

from __future__ import annotations

from datasync.reports.html.page import ContractText, PastCheck, RunPage, contracts_page, message_page, run_page

__all__ = ["ContractText", "PastCheck", "RunPage", "contracts_page", "message_page", "run_page"]
