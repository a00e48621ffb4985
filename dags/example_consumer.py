"""A DAG of somebody who uses what a contract publishes: it runs when the data is there, and knows what the audit said."""

from airflow.sdk import Asset, dag, task

FLIGHTS = Asset.ref(name="flights")


@dag(schedule=[FLIGHTS], catchup=False, tags=["example"])
def flights_consumer():
    @task
    def use(triggering_asset_events=None):
        for event in triggering_asset_events[FLIGHTS]:
            said = event.extra
            print(f"{said['rows']} rows of {said['contract']} {said['version']}: {said['verdict']}, see {said['report']}")

    use()


flights_consumer()
