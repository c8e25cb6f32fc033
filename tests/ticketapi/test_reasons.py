"""What follows from each reason: repeats, the circuit breaker, the read-back, pauses of a run."""

import re
from pathlib import Path

import pytest

import ticketadmin
from ticketadmin.ticketapi.reasons import Cause, FailureSource, Reason, Repeat

RAISING = [
    path.read_text(encoding="utf-8")
    for pattern in ("ticketapi/*.py", "services/crm/*.py")
    for path in Path(ticketadmin.__file__).parent.glob(pattern)
    if path.name != "reasons.py"
]


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_that_may_have_changed_the_crm_never_repeats_a_write(reason: Reason) -> None:
    is_uncertain = reason.source in {FailureSource.SILENCE, FailureSource.BROKEN, FailureSource.GATEWAY}

    assert not (is_uncertain and reason.may_repeat("PUT"))


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_that_allows_repeating_a_write_allows_repeating_a_read(reason: Reason) -> None:
    assert reason.may_repeat("GET") or not reason.may_repeat("PUT")


@pytest.mark.parametrize("reason", Reason)
def test_calls_that_were_not_sent_or_were_decided_are_not_repeated(reason: Reason) -> None:
    if reason.source is FailureSource.HERE or reason in {Reason.INVALID, Reason.NOT_FOUND, Reason.CONFLICT}:
        assert reason.repeat is Repeat.NONE


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_is_at_most_one_of_unreachable_silent_and_answered(reason: Reason) -> None:
    assert [reason.is_unreachable, reason.is_silence, reason.was_answered].count(True) <= 1


def test_stored_reasons_are_recognised_and_others_are_not() -> None:
    assert Reason.known("rate_limited") is Reason.RATE_LIMITED
    assert Reason.known("") is None
    assert Reason.known("changed_since") is None


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_raised_somewhere(reason: Reason) -> None:
    raised = re.compile(rf"\bReason\.{reason.name}\b")

    assert any(raised.search(source) for source in RAISING)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_of_a_pause_has_a_reason_and_a_limit(cause: Cause) -> None:
    assert cause.limit > 1
    assert any(reason.pauses is cause for reason in Reason)
