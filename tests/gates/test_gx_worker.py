"""The audit's process as a run starts it, without the packages it leaves out: every expectation must still be judged."""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datasync.contract.known_expectations import EXPECTATIONS
from datasync.gates import auditor as auditor_module
from datasync.gates import gx_worker
from datasync.gates.auditor import Auditor
from datasync.gates.left_out import Package, not_installed
from datasync.seams import GxAccess

ARGUMENTS: dict[str, Any] = {
    "column": "a", "column_A": "a", "column_B": "b", "column_list": ["a", "b"], "value": 3, "value_set": [1, 2, 3],
    "value_pairs_set": [[1, 1]], "type_": "INTEGER", "threshold": 3, "double_sided": True, "sum_total": 3, "min_value": 0,
    "other_table_name": "u", "unexpected_rows_query": "SELECT * FROM {batch} WHERE a > 9",
}  # fmt: skip
MORE: dict[str, dict[str, Any]] = {
    "expect_table_columns_to_match_ordered_list": {"column_list": ["a", "b", "c"]},
    "expect_table_columns_to_match_set": {"column_set": ["a", "b", "c"]},
    "expect_column_value_lengths_to_be_between": {"column": "c"},
    "expect_column_value_lengths_to_equal": {"column": "c"},
    "expect_column_values_to_not_be_outliers": {"method": "iqr", "multiplier": 1.5},
}
CANNOT_ON_DUCKDB = {"expect_column_type_to_be", "expect_column_values_to_not_be_outliers"}
"""Great Expectations itself cannot, with everything it knows installed."""
NEEDS_A_SECOND_SOURCE = "expect_query_results_to_match_comparison"


class Worker:
    """The process and its two pipes."""

    def __init__(self, log: Path) -> None:
        command = [sys.executable, "-m", "datasync.gates.gx_worker"]
        with log.open("wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True)
        assert "ready" in self._read()

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def ask(self, url: str, expectations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Run one checkpoint over `t`."""
        assert self.process.stdin is not None
        command = {"url": url, "schema": None, "table": "t", "dialect": "duckdb", "expectations": expectations}
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return {outcome["check"]: outcome for outcome in self._read()["outcomes"]}


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    started = Worker(tmp_path_factory.mktemp("worker") / "log")
    yield started
    started.process.kill()
    started.process.wait()
    for stream in (started.process.stdin, started.process.stdout):
        assert stream is not None
        stream.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("staged") / "staged.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b INTEGER, c VARCHAR)")
        connection.execute("INSERT INTO t VALUES (1, 1, 'xyz'), (2, 1, 'xyz'), (3, 3, NULL)")
        connection.execute("CREATE TABLE u AS SELECT * FROM t")
    return f"duckdb:///{path}"


def _expectation(name: str) -> dict[str, Any]:
    kwargs = {argument: ARGUMENTS[argument] for argument in EXPECTATIONS[name] if argument in ARGUMENTS}
    if name.endswith("_between"):
        kwargs["min_value"] = 0
    return {"type": name, "kwargs": kwargs | MORE.get(name, {}), "meta": {"check": name}, "severity": "critical"}


def test_every_expectation_that_a_contract_may_name_is_judged_as_with_everything_installed(worker: Worker, url: str) -> None:
    asked = [_expectation(name) for name in EXPECTATIONS if name != NEEDS_A_SECOND_SOURCE]
    found = worker.ask(url, asked)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        here = gx_worker.checkpoint({"url": url, "table": "t", "dialect": "duckdb", "expectations": asked})
    assert found == {outcome["check"]: outcome for outcome in here}
    cannot = {name for name, outcome in found.items() if outcome["error"] or not outcome["evaluated"]}
    assert cannot == CANNOT_ON_DUCKDB
    assert sorted(found) == sorted(entry["meta"]["check"] for entry in asked)


def test_an_expectation_that_needs_another_source_is_known(worker: Worker, url: str) -> None:
    kwargs = {"base_query": "SELECT 1", "comparison_data_source_name": "elsewhere", "comparison_query": "SELECT 1"}
    entry = {"type": NEEDS_A_SECOND_SOURCE, "kwargs": kwargs, "meta": {"check": "other"}, "severity": "critical"}
    outcome = worker.ask(url, [entry])["other"]
    assert not outcome["success"]


def test_a_package_that_is_left_out_can_be_imported_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with not_installed(["colorsys"]), pytest.raises(ModuleNotFoundError, match="No module named 'colorsys'"):
        importlib.import_module("colorsys")
    assert importlib.import_module("colorsys").rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_a_driver_is_ready_before_the_checkpoint_and_one_that_is_unknown_does_no_harm(worker: Worker, url: str) -> None:
    assert worker.process.stdin is not None
    for dialect in ("duckdb", "postgres", "mysql", "sqlite", "oracle"):
        worker.process.stdin.write(json.dumps({"expect": dialect}) + "\n")
    entry = {"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {"check": "a"}, "severity": "critical"}
    assert worker.ask(url, [entry])["a"]["success"]


def test_modules_of_a_package_are_imported_without_what_it_imports_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "__init__.py").write_text("raise RuntimeError('the whole')", encoding="utf-8")
    (tmp_path / "part.py").write_text("VALUE = 7", encoding="utf-8")
    monkeypatch.setitem(sys.modules, "a_package", Package("a_package", tmp_path))
    assert importlib.import_module("a_package.part").VALUE == 7

    class Made(importlib.import_module("a_package").Something):  # type: ignore[misc]
        """A class whose base is left out."""

    assert Made.__bases__ == (object,)
    with pytest.raises(RuntimeError, match="not loaded"):
        importlib.import_module("a_package").Something()
    for name in ("a_package.part", "a_package.Something"):
        monkeypatch.delitem(sys.modules, name)


def test_a_question_too_large_for_little_memory_is_asked_again_with_more(url: str) -> None:
    asked: list[tuple[str, ...]] = []
    starved = {"outcomes": [{"check": "x", "error": "_duckdb.OutOfMemoryException) Out of Memory Error"}]}
    answers = [starved, {"outcomes": [{"check": "x", "error": ""}]}]

    def once(command: dict[str, Any]) -> dict[str, Any]:
        asked.append(tuple(gx_worker._MEMORY))
        return answers[len(asked) - 1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gx_worker, "_checkpoint", once)
        assert gx_worker.validated({"dialect": "duckdb"}) == answers[1]
    assert asked == [(gx_worker.DUCKDB_MEMORY,), ()]


def test_a_forked_worker_leaves_its_parents_garbage_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.getpid()

    class Crashing:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            if os.getpid() != here:
                os._exit(9)

    def serve(_commands: Any, answers: Any) -> None:
        gc.collect()
        answers.write('{"ready": "yes"}\n')
        answers.flush()

    monkeypatch.setattr(gx_worker, "serve", serve)
    gc.disable()
    try:
        Crashing()
        worker = auditor_module._forked(tmp_path / "log")
        try:
            assert worker.read(30, threading.Event()) == {"ready": "yes"}
        finally:
            worker.kill()
    finally:
        gc.enable()
        gc.collect()


def test_where_a_slim_worker_does_not_start_a_whole_one_judges(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []
    original = auditor_module._spawned

    def spawned(log: Path, whole: bool = False) -> Any:
        started.append(whole)
        worker = original(log, whole)
        if not whole:
            # As if Great Expectations insisted on something that is left out.
            os.kill(worker._pid, signal.SIGKILL)
        return worker

    monkeypatch.setattr(auditor_module, "_spawned", spawned)
    monkeypatch.delitem(sys.modules, "great_expectations", raising=False)
    auditor = Auditor(tmp_path / "log")
    entry = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": {"column": "a"},
        "severity": "critical",
        "meta": {"check": "n"},
    }
    try:
        found = auditor.checkpoint(GxAccess(url, "t", "duckdb"), [entry])
    finally:
        auditor.close()
    assert (started, found["n"].success, found["n"].error) == ([False, True], True, "")
