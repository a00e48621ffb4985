"""Airflow 3 in, contracts as DAGs out: the only package that imports airflow.

Everything here is loaded on use, so that importing one thing does not import the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasync.airflow.dags import build_dags
    from datasync.airflow.hook import DataSyncHook
    from datasync.airflow.notifier import DataSyncNotifier
    from datasync.airflow.operators import ContractGateOperator, DataSyncOperator
    from datasync.airflow.sensor import DataChangeDetectionSensor

__all__ = [
    "ContractGateOperator",
    "DataChangeDetectionSensor",
    "DataSyncHook",
    "DataSyncNotifier",
    "DataSyncOperator",
    "build_dags",
]

_HOMES = {
    "build_dags": "dags",
    "DataSyncOperator": "operators",
    "ContractGateOperator": "operators",
    "DataChangeDetectionSensor": "sensor",
    "DataSyncHook": "hook",
    "DataSyncNotifier": "notifier",
}


def __getattr__(name: str) -> Any:
    """Load what is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
