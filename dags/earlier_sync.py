"""A DAG in the style of the earlier framework, over its own configuration: look for changes, then sync, every five minutes."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG

from datasync.airflow import DataChangeDetectionSensor, DataSyncOperator

# Counts from this file, then from its project.
CONFIG = "config/example_config.yaml"
# They take the place of the file's own; the store is an Airflow Variable as in the file.
PARAMS = {"table_name": "product_info", "start_time": "{{ ds }}"}

with DAG(
    dag_id="earlier_sync",
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    tags=["example"],
):
    check_changes = DataChangeDetectionSensor(
        task_id="check_changes",
        config_path=CONFIG,
        params=PARAMS,
        poke_interval=60,
        timeout=240,
        # Nothing new is no failure: what follows is skipped.
        soft_fail=True,
    )
    sync_data = DataSyncOperator(task_id="sync_data", config_path=CONFIG, params=PARAMS)

    check_changes >> sync_data
