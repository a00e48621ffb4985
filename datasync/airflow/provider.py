"""What Airflow's provider manager wants to know of datasync."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Declare the package, its connection type, extra links and configuration, as `apache_airflow_provider` asks for."""
    return {
        "package-name": "datasync",
        "name": "datasync",
        "description": "Declarative data contracts as quality-gated DAGs.",
        "connection-types": [
            {"connection-type": "datasync", "hook-class-name": "datasync.airflow.hook.DataSyncHook", "hook-name": "datasync"}
        ],
        "extra-links": ["datasync.airflow.links.ReportLink"],
        "notifications": ["datasync.airflow.notifier.DataSyncNotifier"],
        "config": {
            "datasync": {
                "description": "Where the user interface finds runs.",
                "options": {
                    "project": {
                        "description": "The project whose history the pages show. Default: that of dags_folder.",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/opt/airflow",
                        "default": "",
                    }
                },
            }
        },
    }
