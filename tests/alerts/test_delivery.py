"""What reaches which place, once, in which order, also when channels fail (F80 to F83, I6)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from datasync.alerts.acting import Decision
from datasync.errors import PermanentError, TransientError
from datasync.results.model import RowCounts
from tests.alerts.stage import Stage, check, plain

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
VIOLATED = "  - {when: violated, to: [slack]}\n"
DOWN = TransientError("Slack is away", code="E_SLACK")


def _stage(folder: Path, alerts: str = VIOLATED) -> Stage:
    return Stage(folder, alerts)


def test_one_message_per_contract_updated_in_place(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min"), check("id.unique"))
    stage.run(check("price.min"), check("id.unique"), check("sku.pattern"))
    stage.run(check("price.min", "passed"), check("id.unique"), check("sku.pattern"))
    stage.run(check("price.min", "passed"), check("id.unique", "passed"), check("sku.pattern", "passed"))
    first, second, third, last = stage.slack
    assert first.thread is None
    assert plain(first) == (["price.min", "id.unique"], [])
    assert {one.thread.ref["ts"] for one in (second, third, last) if one.thread} == {"1"}
    assert plain(second) == (["price.min", "id.unique", "sku.pattern"], ["repeated", "repeated", "opened"])
    assert plain(third)[1] == ["recovered", "repeated", "repeated"]
    assert plain(last)[1] == ["recovered", "recovered"]
    assert last.card is not None
    assert last.card.resolved
    assert {line.state for line in last.card.lines} == {"resolved"}


def test_after_recovery_a_new_violation_is_a_new_message(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"))
    stage.run(check("price.min"), after=2 * HOUR)
    assert [one.thread is None for one in stage.slack] == [True, False, True]


def test_flapping_goes_on_in_its_message(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    for _ in range(10):
        stage.run(check("price.min"), after=MINUTE)
        stage.run(check("price.min", "passed"), after=MINUTE)
    assert [one.thread is None for one in stage.slack].count(True) == 1


def test_a_storm_is_one_message(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min", failed=10_000, evaluated=20_000))
    assert len(stage.slack) == 1


def test_repeats_are_told_seldom_but_counted(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    for _ in range(60):
        stage.run(check("price.min"))
    posts = [post for one in stage.slack for post in one.posts]
    assert len(posts) == 4 + 5
    assert stage.slack[-1].card is not None
    assert stage.slack[-1].card.lines[0].occurrences == 60


def test_acknowledged_repeats_are_shown_and_not_told(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min"))
    stage.act(1, Decision("acknowledge"))
    stage.run(check("price.min"))
    told, quiet = stage.slack[1:]
    assert (plain(told)[1], plain(quiet)[1]) == (["acknowledged"], [])
    assert quiet.card is not None
    assert quiet.card.lines[0].state_words == "acknowledged by ada"


def test_recovery_reaches_who_was_told_without_an_alert_for_it(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: violated, to: [slack, '#ops']}\n")
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"))
    assert sorted(one.destination for one in stage.slack[2:]) == ["#ops", "#retail"]


def test_a_condition_of_a_good_run_is_a_note(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: extracted_records > 50, to: [both], message: 'big: {extracted_records:,}'}\n")
    stage.run(check("price.min", "passed"), rows=RowCounts(extracted=12_345, accepted=12_345, published=12_345))
    assert [one.note.text for one in stage.slack + stage.email if one.note] == ["big: 12,345"] * 2
    assert [(one.channel, one.state) for one in stage.outbox()] == [("slack", "sent"), ("email", "sent")]


def test_two_alerts_to_one_place_are_one_message(tmp_path: Path) -> None:
    stage = _stage(tmp_path, VIOLATED + "  - {when: extracted_records > 50, to: [slack], message: many}\n")
    stage.run(check("price.min"))
    assert len(stage.slack) == 1
    assert stage.slack[0].card is not None
    assert stage.slack[0].card.notes == ("many",)


def test_unknown_sends_nothing(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: source_count > 1, to: [slack]}\n  - {when: response_time < 5, to: [slack]}\n")
    stage.run(check("price.min", "passed"))
    assert stage.outbox() == []


def test_recorded_twice_is_told_once(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    result = stage.run(check("price.min"))
    stage.record(result)
    assert len(stage.slack) == 1


def test_slack_down_for_an_hour(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].always = DOWN
    for _ in range(12):
        assert stage.run(check("price.min")).status == "failed"
    waiting = stage.outbox("failed", "pending")
    assert {row.channel for row in waiting} == {"slack"}
    assert waiting[0].last_error == "E_SLACK Slack is away"
    assert len([one for one in stage.email if one.thread is None]) == 1, "after a few tries it goes out by e-mail, once"
    stage.channels["slack"].always = None
    stage.send(after=HOUR)
    assert len(stage.slack) == 1
    assert stage.slack[0].card is not None
    assert stage.slack[0].card.lines[0].occurrences == 12
    assert not stage.outbox("failed", "pending")


def test_order_is_kept_while_one_waits(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].fails = [DOWN]
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"), after=timedelta(seconds=1))
    assert stage.slack == [], "the recovery waits behind the violation"
    stage.send(after=HOUR)
    assert plain(stage.slack[0]) == (["price.min"], ["opened", "recovered"])


def test_what_will_not_work_is_given_up_and_goes_by_mail(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].always = PermanentError("no such channel", code="E_SLACK_CHANNEL")
    result = stage.run(check("price.min"))
    stage.send()
    assert result.status == "failed"
    assert [(one.channel, one.state) for one in stage.outbox()] == [("slack", "dead"), ("email", "sent")]
    known = stage.history.result("run-1")
    assert known is not None
    assert [(one.channel, one.state) for one in known.alerts] == [("slack", "dead"), ("email", "sent")]


def test_dead_messages_can_be_tried_again(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].always = PermanentError("revoked", code="E_SLACK_TOKEN")
    stage.run(check("price.min"))
    stage.channels["slack"].always = None
    with stage.history.ledger() as ledger:
        assert ledger.outbox.revive(stage.now) == 1
    stage.send()
    assert len(stage.slack) == 1


def test_a_channel_asks_for_time(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    busy = TransientError("rate limited", code="E_SLACK_RATE")
    busy.retry_after = 120.0
    stage.channels["slack"].fails = [busy]
    stage.run(check("price.min"))
    assert stage.send(after=timedelta(seconds=119)).sent == 0
    assert stage.send(after=timedelta(seconds=2)).sent == 1


def test_waits_grow_and_end(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].always = DOWN
    stage.run(check("price.min"))
    waits = []
    for _ in range(100):
        row = next(one for one in stage.outbox() if one.channel == "slack")
        if row.state == "dead":
            break
        waits.append(row.next_try - stage.now)
        stage.send(after=row.next_try - stage.now)
    assert waits[:4] == [timedelta(seconds=30), MINUTE, 2 * MINUTE, 4 * MINUTE]
    assert max(waits) == HOUR
    assert row.state == "dead"


def test_a_defect_in_a_channel_fails_no_run(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.channels["slack"].fails = [ZeroDivisionError("oops: secret")]
    assert stage.run(check("price.min")).status == "failed"
    assert stage.outbox()[0].last_error == "a defect: ZeroDivisionError"


def test_two_deliverers_send_once(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min"), send=False)
    with stage.history.ledger() as ledger:
        assert len(ledger.outbox.claim(stage.now, ("card",))) == 1
    assert stage.send().sent == 0, "another process has it"
    assert stage.send(after=10 * MINUTE).sent == 1, "that process died"


def test_muted_waits_for_the_end_of_the_window_and_tells_what_is_left(tmp_path: Path) -> None:
    muted = "  - {when: violated, to: [slack], mute: [{between: '09:00-10:00', days: [mon]}]}\n"
    stage = _stage(tmp_path, muted)
    stage.run(check("price.min"), check("id.unique"))
    stage.run(check("price.min", "passed"), check("id.unique"))
    assert stage.slack == []
    stage.send(after=HOUR)
    assert plain(stage.slack[0])[0] == ["id.unique"]


def test_muted_and_over_is_told_to_nobody(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: violated, to: [slack], mute: [{between: '09:00-10:00'}]}\n")
    stage.run(check("price.min"))
    stage.run(check("price.min", "passed"))
    stage.send(after=HOUR)
    assert stage.slack == []
    assert {row.state for row in stage.outbox()} == {"suppressed"}


def test_a_system_that_a_retry_healed_is_told_to_nobody(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: error_occurred, to: [slack]}\n")
    stage.run(error="no answer", send=False)
    stage.run(check("price.min", "passed"))
    assert stage.slack == []
    assert stage.states() == {"run.error": "resolved"}


def test_escalation_goes_to_others_when_nobody_acts(tmp_path: Path) -> None:
    alerts = "  - {when: violated, to: [slack], escalate: {after: 30m, to: [email]}}\n"
    stage = _stage(tmp_path, alerts)
    stage.run(check("price.min"))
    stage.run(check("price.min"))
    assert stage.email == []
    stage.send(after=25 * MINUTE)
    assert len(stage.email) == 1
    assert stage.email[0].card is not None
    assert stage.email[0].card.mention
    assert stage.trail(1)[-1][0] == "escalated"


@pytest.mark.parametrize("decision", ["acknowledge", "resolve"])
def test_no_escalation_once_somebody_acted(tmp_path: Path, decision: str) -> None:
    stage = _stage(tmp_path, "  - {when: violated, to: [slack], escalate: {after: 30m, to: [email]}}\n")
    stage.run(check("price.min"))
    stage.act(1, Decision(decision))
    stage.send(after=HOUR)
    assert stage.email == []


def test_mails_say_only_what_is_new(tmp_path: Path) -> None:
    stage = _stage(tmp_path, "  - {when: violated, to: [email]}\n")
    for _ in range(4):
        stage.run(check("price.min"))
    stage.run(check("price.min", "passed"))
    assert [plain(one)[1] for one in stage.email] == [[], ["recovered"]]


def test_messages_show_threshold_and_observed_place_and_samples(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min", failed=6, evaluated=20_000, samples=("-9",), description="no negative price"))
    card = stage.slack[0].card
    assert card is not None
    line = card.lines[0]
    assert (line.promise, line.share, line.failed, line.samples, line.place) == (
        "no negative price",
        "0.03 %",
        6,
        ("-9",),
        "c.yaml:7",
    )
    assert card.owner.team == "retail"
    assert "nothing was ever published" in card.done


def test_old_messages_are_forgotten_but_for_what_the_next_needs(tmp_path: Path) -> None:
    stage = _stage(tmp_path)
    stage.run(check("price.min"))
    stage.run(check("price.min"))
    stage.channels["slack"].always = DOWN
    stage.run(check("price.min"))
    with stage.history.ledger() as ledger:
        assert ledger.outbox.forget(stage.now + HOUR, dry_run=True) == 2
        assert ledger.outbox.forget(stage.now - HOUR, dry_run=False) == 0
        assert ledger.outbox.forget(stage.now + HOUR, dry_run=False) == 2
    assert [row.state for row in stage.outbox()] == ["failed"]
    stage.channels["slack"].always = None
    assert stage.send(after=HOUR).sent == 1
