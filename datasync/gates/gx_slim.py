"""Great Expectations to import in, an import of a part of it out: what the audit cannot ask for takes most of the time.

What is left out by name is tried against all that contracts may name; where a version of Great Expectations insists on it, the
audit's process dies, and a whole one takes its place.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from datasync.gates.left_out import Package, Stub, not_installed

PLOTTING = ("altair", "scipy", "scipy.stats", "scipy.special")
"""A third of Great Expectations' import time is for plots and divergence, which no contract can ask for: lint refuses them."""
UNASKED = ("jsonschema", "requests", "requests.adapters", "great_expectations.render.view")
"""Schemas of JSON are refused as well; its cloud and its actions are called by nobody, and pages are drawn elsewhere."""
PLACES = ("file_path", "filesystem", "dbfs", "s3", "google_cloud_storage", "azure_blob_storage")
FILES = tuple(
    f"great_expectations.datasource.fluent.{name}"
    for name in (
        "fabric",
        "pandas_datasource",
        "spark_datasource",
        *(f"{engine}_{place}_datasource" for engine in ("pandas", "spark") for place in PLACES),
    )
)
"""A fifth of what is left builds the models of its own sources for files, clouds and Spark: the audit reads SQL."""
EXPECTATIONS = "great_expectations.expectations.core"
"""A tenth builds the models of all expectations: what a contract asks for is imported when it is asked."""
OPTIONAL = ("azure", "boto3", "botocore", "google", "pyarrow", "pyspark", "snowflake")
"""Great Expectations looks for these, a second where they are installed, and works without: the audit reads SQL."""


@contextmanager
def slim() -> Iterator[None]:
    """Leave out what the audit cannot ask for, for good what is named by `Stub`s, inside what is optional."""
    for name in (*PLOTTING, *UNASKED, *FILES):
        sys.modules.setdefault(name, Stub(name))
    if (folder := _folder()) is not None:
        sys.modules.setdefault(EXPECTATIONS, Package(EXPECTATIONS, folder))
    with not_installed(OPTIONAL):
        yield


def _folder() -> Path | None:
    top, *rest = EXPECTATIONS.split(".")
    found = find_spec(top)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places)), *rest) if places else None
