"""What Great Expectations said of some runs in, its own Data Docs in a folder out.

They are foreign: their styles and scripts come from elsewhere. Only the pages of the runs that are given are written; those of
earlier ones stay.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Validation:
    """A checkpoint's result as the audit kept it: see `gx_worker`."""

    contract: str
    run_id: str
    started_at: datetime
    document: dict[str, Any]


def build_data_docs(folder: Path, validations: Iterable[Validation], fresh: Collection[str]) -> int:
    """Write Data Docs; give how many runs they got.

    Args:
        folder: of the pages.
        validations: of the runs that `index.html` is to list: Great Expectations reads them all again for it.
        fresh: ids of those that have no page yet.
    """
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        # What a library warns of while it draws is nothing that its reader can act on.
        warnings.simplefilter("ignore")
        import great_expectations as gx

        context = gx.get_context(mode="ephemeral")
        context.variables.data_docs_sites = {}
        backend = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder)}
        builder = {"class_name": "DefaultSiteIndexBuilder"}
        context.add_data_docs_site(
            "data_docs", {"class_name": "SiteBuilder", "site_index_builder": builder, "store_backend": backend}
        )
        known = {one.run_id: _stored(context, one) for one in validations}
        wanted = [identifier for run_id, identifier in known.items() if run_id in fresh]
        context.build_data_docs(resource_identifiers=wanted)
    return len(wanted)


def _stored(context: Any, one: Validation) -> Any:
    from great_expectations.core import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import ExpectationSuiteIdentifier, ValidationResultIdentifier

    run = RunIdentifier(run_name=one.run_id, run_time=one.started_at)
    known = ValidationResultIdentifier(ExpectationSuiteIdentifier(one.contract), run, one.contract)
    context.validation_results_store.set(known, _result(one, run))
    return known


def _result(one: Validation, run: Any) -> Any:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    results = [
        ExpectationValidationResult(
            success=entry["success"],
            expectation_config=ExpectationConfiguration(**entry["expectation"]),
            result=entry["result"],
            exception_info={
                "raised_exception": bool(entry["error"]),
                "exception_message": entry["error"],
                "exception_traceback": "",
            },
        )
        for entry in one.document["results"]
    ]
    good = sum(1 for entry in one.document["results"] if entry["success"])
    statistics = {
        "evaluated_expectations": len(results), "successful_expectations": good, "unsuccessful_expectations": len(results) - good,
        "success_percent": 100.0 * good / len(results) if results else None,
    }  # fmt: skip
    batch = {
        "batch_identifiers": {},
        "data_asset_name": one.contract,
        "data_connector_name": "staging",
        "datasource_name": "datasync",
    }
    meta = {"run_id": run, "great_expectations_version": one.document["version"], "active_batch_definition": batch}
    return ExpectationSuiteValidationResult(
        success=good == len(results), results=results, suite_name=one.contract, statistics=statistics, meta=meta
    )
