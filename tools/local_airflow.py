"""A folder of contracts in, an Airflow of one's own on this machine out: nothing is shared with another one, all of it ends together.

`python tools/local_airflow.py` runs it until Ctrl-C; tests use `LocalAirflow`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

LOGIN = "admin"
READER = "viewer"
START_SECONDS = 180


def free_port(wanted: int = 0) -> int:
    """Give the port if nobody has it, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return int(found.getsockname()[1])
    raise OSError("no port is free")


class LocalAirflow:
    """`airflow standalone` on a loopback port.

    Args:
        home: AIRFLOW_HOME: database, logs and passwords.
        project: has `dags/` and `contracts/`.
        port: 0: any.
        extra: further environment variables, for connections.
        part: the part of Airflow that is started: all of it, or one beside another that runs already in the same home.
    """

    def __init__(
        self, home: Path, project: Path, port: int = 0, extra: dict[str, str] | None = None, part: str = "standalone"
    ) -> None:
        self.home = home
        self.project = project
        self.port = free_port(port)
        self.part = part
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = os.environ | environment(home, project, self.port) | (extra or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._token: dict[str, str] = {}

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        passwords = self.home / "simple_auth_manager_passwords.json.generated"
        users = self.environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(",")
        passwords.write_text(json.dumps({name: name for name in (user.partition(":")[0] for user in users)}), encoding="utf-8")
        if self.part == "standalone":
            self._run("db", "migrate")
        written = self.home / f"{self.part}.log"
        with written.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow", self.part],
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._healthy():
            if time.monotonic() > deadline or self._process.poll() is not None:
                tail = written.read_text(errors="replace")[-2000:]
                self.stop()
                raise RuntimeError(f"Airflow did not start:\n{tail}")
            time.sleep(0.5)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments], env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"airflow {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")

    def _healthy(self) -> bool:
        with suppress(OSError, ValueError):
            found = self._ask("GET", "/api/v2/monitor/health", signed=False)
            return all(
                (found.get(part) or {}).get("status") == "healthy"
                for part in ("metadatabase", "scheduler", "dag_processor", "triggerer")
            )
        return False

    def stop(self) -> None:
        """End it with everything that it started."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
                break
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process = None

    def token(self, user: str = LOGIN) -> str:
        """Sign in and give the token that the API wants."""
        if user not in self._token:
            found = self._ask("POST", "/auth/token", {"username": user, "password": user}, signed=False)
            self._token[user] = str(found["access_token"])
        return self._token[user]

    def api(self, method: str, path: str, body: Any = None, user: str = LOGIN) -> Any:
        """Ask the REST API (version 2) as a signed-in person."""
        return self._ask(method, f"/api/v2{path}", body, user=user)

    def _ask(self, method: str, path: str, body: Any = None, signed: bool = True, user: str = LOGIN) -> Any:
        headers = {"Content-Type": "application/json"}
        if signed:
            headers["Authorization"] = f"Bearer {self.token(user)}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def wait_for_dags(self, names: set[str], seconds: float = 90) -> None:
        """Wait until Airflow has parsed these DAGs."""
        deadline = time.monotonic() + seconds
        while names - {found["dag_id"] for found in self.api("GET", "/dags?limit=1000")["dags"]}:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Airflow does not know {sorted(names)}")
            time.sleep(1)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Unpause a DAG and start a run; give its id."""
        self.api("PATCH", f"/dags/{dag_id}", {"is_paused": False})
        return str(self.api("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})["dag_run_id"])

    def state(self, dag_id: str, run_id: str) -> str:
        """Give a DAG run's state."""
        return str(self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Give the states of a DAG run's tasks."""
        found = self.api("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def finished(self, dag_id: str, run_id: str, seconds: float = 180) -> str:
        """Wait for the end of a DAG run; give its state."""
        deadline = time.monotonic() + seconds
        while (state := self.state(dag_id, run_id)) not in ("success", "failed"):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{dag_id} {run_id} is {state}: {self.tasks(dag_id, run_id)}")
            time.sleep(1)
        return state


def environment(home: Path, project: Path, port: int) -> dict[str, str]:
    """Give the settings of an Airflow that is only for this machine."""
    address = f"http://127.0.0.1:{port}"
    return {
        # It starts its parts by the name `airflow`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{LOGIN}:admin,{READER}:viewer",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__TRIGGERER__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__TRIGGERER__DEFAULT_CAPACITY": "20",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__DATASYNC__PROJECT": str(project),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONWARNINGS": "ignore",
    }


def main() -> None:
    """Start Airflow on this project's contracts; end with Ctrl-C."""
    project = Path(__file__).resolve().parent.parent
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    local = LocalAirflow(project / ".airflow", project, 8080)
    print("starting Airflow; this takes about half a minute …", flush=True)
    try:
        local.start()
        names = {path.stem for path in (project / "contracts").glob("*.yaml")}
        local.wait_for_dags(names)
        for name in ("airports", "planes", "flights", "orders"):
            run_id = local.trigger(name)
            print(f"  {name}: {local.finished(name, run_id)}", flush=True)
        print(f"\nAirflow is at {local.url}\n  login      {LOGIN}\n  password   {LOGIN}\n")
        print(
            "Look at: Browse, Data contracts · the DAG 'flights', a task per stage · the DAG 'orders', its last run, the tab Validation: blocked by a real defect."
        )
        print("Ctrl-C ends it.", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        print("\nstopping …")
    finally:
        local.stop()


if __name__ == "__main__":
    main()
