"""Every contract under contracts/ as a DAG of its own."""

from datasync.airflow import build_dags

globals().update(build_dags("contracts/"))
