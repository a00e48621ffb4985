"""The life of an incident over runs, and what people do to it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from datasync.alerts.acting import Actor, Decision, snooze_end
from datasync.alerts.observing import fingerprint, subject_of
from datasync.errors import UsageError
from datasync.results.model import RowCounts
from tests.alerts.stage import BEGIN, Stage, check

HOUR = timedelta(hours=1)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, "  - {when: violated, to: [slack]}\n")


def test_one_incident_over_runs_whatever_the_counts(stage: Stage) -> None:
    for failed in (3, 90, 4):
        stage.run(check("price.min", failed=failed))
    found = stage.incidents()["price.min"]
    assert (found.state, found.occurrences, found.failed, found.first_run, found.last_run) == ("open", 3, 4, "run-1", "run-3")
    assert stage.trail(found.id) == [("opened", "run", "run"), ("repeated", "run", "run"), ("repeated", "run", "run")]


def test_a_fingerprint_is_of_contract_params_gate_and_check() -> None:
    base = fingerprint(subject_of("c", {"region": "KR"}), "prepared", "price.min")
    assert base == fingerprint(subject_of("c", {"region": "KR"}), "prepared", "price.min")
    others = [(subject_of("c", {"region": "US"}), "prepared", "price.min"), (subject_of("d", {"region": "KR"}), "prepared", "price.min"),
              (subject_of("c", {"region": "KR"}), "staged", "price.min"), (subject_of("c", {"region": "KR"}), "prepared", "price.max")]  # fmt: skip
    assert len({base, *(fingerprint(*other) for other in others)}) == 5


@pytest.mark.parametrize("outcome", ["skipped", "error"])
def test_only_an_evaluated_pass_resolves(stage: Stage, outcome: str) -> None:
    stage.run(check("price.min"))
    stage.run(check("price.min", outcome, evaluated=0))
    assert stage.states()["price.min"] == "open"
    stage.run(check("price.min", "passed"))
    found = stage.incidents()["price.min"]
    assert (found.state, found.acted_by) == ("resolved", "run")


def test_a_check_that_passed_in_a_run_that_broke_resolves_nothing(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"), error="the source died")
    assert stage.states() == {"price.min": "open", "run.error": "open"}
    stage.run(check("price.min", "passed"))
    assert set(stage.states().values()) == {"resolved"}


def test_a_check_that_left_the_contract_closes_as_withdrawn(stage: Stage) -> None:
    stage.run(check("price.min"), check("price.max"))
    stage.run(check("price.max"))
    found = stage.incidents()["price.min"]
    assert (found.state, stage.trail(found.id)[-1][0]) == ("resolved", "withdrawn")


def test_a_renamed_check_keeps_its_incident(stage: Stage) -> None:
    stage.run(check("low_price.min"))
    stage.run(check("price.min", previous_name="low_price.min"))
    assert [(name, found.id, found.occurrences) for name, found in stage.incidents().items()] == [("price.min", 1, 2)]


def test_opens_again_and_counts_from_the_start(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"))
    stage.run(check("price.min"), after=HOUR * 5)
    found = stage.incidents()["price.min"]
    assert (found.id, found.state, found.occurrences, found.reopened, found.first_run) == (1, "open", 1, 1, "run-4")


def test_acknowledged_stays_and_recovers_by_itself(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.act(1, Decision("acknowledge", comment="known"))
    stage.run(check("price.min"))
    assert (stage.states()["price.min"], stage.incidents()["price.min"].acted_by) == ("acknowledged", "ada")
    stage.run(check("price.min", "passed"))
    assert stage.states()["price.min"] == "resolved"


@pytest.mark.parametrize(("failed", "state"), [(3, "snoozed"), (5, "snoozed"), (6, "open"), (60, "open")])
def test_a_snooze_ends_early_when_the_share_doubles(stage: Stage, failed: int, state: str) -> None:
    stage.run(check("price.min", failed=3))
    stage.act(1, Decision("snooze", until=stage.now + HOUR * 24))
    stage.run(check("price.min", failed=failed))
    assert stage.states()["price.min"] == state


def test_a_snooze_ends_early_when_a_warning_becomes_a_failure(stage: Stage) -> None:
    stage.run(check("price.min", "warned", failed=3))
    stage.act(1, Decision("snooze", until=stage.now + HOUR))
    stage.run(check("price.min", "failed", failed=3))
    assert stage.states()["price.min"] == "open"


def test_a_snooze_ends_in_time_without_a_run(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.act(1, Decision("snooze", until=stage.now + HOUR))
    stage.send(after=HOUR - timedelta(minutes=1))
    assert stage.states()["price.min"] == "snoozed"
    stage.send(after=timedelta(minutes=2))
    assert stage.states()["price.min"] == "open"
    assert [post.kind for post in stage.slack[-1].posts] == ["woke"]


def test_assigning_says_that_it_was_seen(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.act(1, Decision("assign", to="grace"))
    found = stage.incidents()["price.min"]
    assert (found.state, found.assignee) == ("acknowledged", "grace")


def test_a_click_counts_once(stage: Stage) -> None:
    stage.run(check("price.min"))
    actor = Actor("ada", "slack", key="1772442.1/U1/acknowledge")
    assert len(stage.act(1, Decision("acknowledge"), actor)) == 1
    assert stage.act(1, Decision("acknowledge"), actor) == []
    assert [what for what, _, _ in stage.trail(1)] == ["opened", "acknowledged"]


def test_what_is_resolved_is_passed_over(stage: Stage) -> None:
    stage.run(check("price.min"))
    stage.act(1, Decision("resolve"))
    assert stage.act(1, Decision("acknowledge")) == []
    stage.run(check("price.min"), after=HOUR * 2)
    assert stage.states()["price.min"] == "open"


@pytest.mark.parametrize(
    "decision", [Decision("snooze"), Decision("snooze", until=BEGIN - HOUR), Decision("assign"), Decision("dance")]
)
def test_wrong_decisions_are_refused(stage: Stage, decision: Decision) -> None:
    stage.run(check("price.min"))
    with pytest.raises(UsageError):
        stage.act(1, decision)
    assert [what for what, _, _ in stage.trail(1)] == ["opened"]


def test_no_such_incident(stage: Stage) -> None:
    with pytest.raises(UsageError, match="no incident 7"):
        stage.act(7, Decision("acknowledge"))


def test_a_stale_source_silences_the_low_count_it_causes(stage: Stage) -> None:
    stage.run(
        check("freshness", evaluated=1, failed=1), check("count.min", evaluated=1, failed=1, gate="staged"), check("price.min")
    )
    found = stage.incidents()
    assert (found["count.min"].inhibited_by, found["price.min"].inhibited_by) == ("freshness", "")
    card = stage.slack[0].card
    assert card is not None
    assert {line.check: line.causes for line in card.lines} == {"price.min": (), "freshness": ("count.min",)}


def test_a_failed_extract_silences_what_could_not_be_judged_after_it(stage: Stage) -> None:
    stage.run(check("price.min", "error", evaluated=0), check("id.unique", "skipped", evaluated=0), error="no answer")
    assert {name: found.inhibited_by for name, found in stage.incidents().items()} == {"price.min": "run.error", "run.error": ""}


def test_more_set_aside_than_allowed_is_a_promise_too(stage: Stage) -> None:
    rows = RowCounts(extracted=100, accepted=90, quarantined=10)
    stage.run(check("price.min", "passed"), status="failed", rows=rows)
    found = stage.incidents()["quarantine.allow"]
    assert (found.state, found.failed, found.evaluated) == ("open", 10, 100)
    stage.run(check("price.min", "passed"))
    assert stage.states() == {"quarantine.allow": "resolved"}


@pytest.mark.parametrize("status", ["refused", "interrupted"])
def test_a_run_that_was_not_carried_out_says_nothing(stage: Stage, status: str) -> None:
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"), status=status)  # type: ignore[arg-type]
    assert stage.states()["price.min"] == "open"


def test_a_run_that_is_recorded_again_counts_once(stage: Stage) -> None:
    result = stage.run(check("price.min"), status="held")
    stage.record(result)
    assert stage.incidents()["price.min"].occurrences == 1


def test_ends_of_snoozes() -> None:
    assert snooze_end("90m", BEGIN) == BEGIN + timedelta(minutes=90)
    assert snooze_end("1w", BEGIN) == BEGIN + timedelta(days=7)
    assert snooze_end("2026-03-03", BEGIN) == BEGIN.replace(day=3, hour=0)
    assert snooze_end("2026-03-02T11:00+01:00", BEGIN) == BEGIN.replace(hour=10)
    for text in ("", "soon", "5", "2026-03-01", "99999999999999999d"):
        with pytest.raises(UsageError):
            snooze_end(text, BEGIN)
