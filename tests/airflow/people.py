"""Who signs in to the Airflow of tests, and what the guest knows of: apart from the manager, which imports Airflow."""

from __future__ import annotations

GUEST, STRANGER = "guest", "stranger"
USERS = f"admin:admin,viewer:viewer,{GUEST}:user,{STRANGER}:user"
OF_GUEST = ("passing", "held", "broken_data")
