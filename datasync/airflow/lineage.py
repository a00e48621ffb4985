"""A contract and its recorded run in, OpenLineage's datasets and data-quality facets out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from datasync.airflow.assets import asset_uri
from datasync.contract.model import Contract

if TYPE_CHECKING:
    from datasync.contract.loader import LoadedContract
    from datasync.results.model import RunResult


def facets(loaded: LoadedContract, known: Mapping[str, Any] | None) -> Any:
    """Give what OpenLineage's provider asks an operator for when its task is done.

    Args:
        loaded: the contract.
        known: what the task pushed: `run_id`; None: it pushed nothing.

    Returns:
        `OperatorLineage`: source in; target out with schema, row counts, and every check as an assertion. Empty until the run is
        recorded, which the task that ends it does.
    """
    from airflow.providers.openlineage.extractors import OperatorLineage
    from openlineage.client.event_v2 import InputDataset, OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset

    from datasync.sync.project import open_project
    from datasync.sync.recorded import recorded

    try:
        result = recorded(open_project(loaded.path), known["run_id"]) if known else None
    except Exception:
        result = None
    if result is None:
        return OperatorLineage()
    contract = loaded.contract
    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=result.rows.published)
    target = OutputDataset(
        *dataset_name(asset_uri(contract) or "datasync://none"),
        facets={"schema": _schema(contract), **_quality(result)},
        outputFacets={"outputStatistics": statistics},
    )
    return OperatorLineage(inputs=[InputDataset(*dataset_name(source_uri(contract)))], outputs=[target])


def dataset_name(uri: str) -> tuple[str, str]:
    """Split a URI into OpenLineage's namespace and name."""
    scheme, _, rest = uri.partition("://")
    place, _, what = rest.partition("/")
    return f"{scheme}://{place}", what or place


def source_uri(contract: Contract) -> str:
    """Name where the rows come from, as an asset of a contract that publishes there would be named."""
    source = contract.source
    place = getattr(source, "connection", None) or source.type
    parts = [
        getattr(source, name, None)
        for name in ("database", "table", "path", "operation" if source.type == "soap" else "endpoint")
    ]
    what = "/".join(part.strip("/") for part in parts if part) or contract.contract
    return f"datasync://{place}/{what}"


def _schema(contract: Contract) -> Any:
    from openlineage.client.facet_v2 import schema_dataset

    fields = [schema_dataset.SchemaDatasetFacetFields(name=name, type=str(column.type), description=column.description)
              for name, column in contract.columns.items()]  # fmt: skip
    return schema_dataset.SchemaDatasetFacet(fields=fields)


def _quality(result: RunResult) -> dict[str, Any]:
    from openlineage.client.facet_v2 import data_quality_assertions_dataset as assertions
    from openlineage.client.facet_v2 import data_quality_metrics_dataset as metrics

    judged = [check for check in result.checks if check.status != "skipped"]
    columns: dict[str, int] = defaultdict(int)
    for check in judged:
        if check.column and check.type == "required":
            columns[check.column] += check.failed
    found = [
        assertions.Assertion(
            assertion=check.type, success=check.status in ("passed", "warned"), column=check.column, severity=check.severity,
            name=check.name, description=check.expected, actual=f"{check.failed} of {check.evaluated}",
        )
        for check in judged
    ]  # fmt: skip
    nulls = {name: metrics.ColumnMetrics(nullCount=count) for name, count in columns.items()}
    return {
        "dataQualityAssertions": assertions.DataQualityAssertionsDatasetFacet(assertions=found),
        "dataQualityMetrics": metrics.DataQualityMetricsDatasetFacet(columnMetrics=nulls, rowCount=result.rows.staged),
    }
