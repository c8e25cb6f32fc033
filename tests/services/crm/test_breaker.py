"""The circuit breaker: failures to reach the CRM open it for all processes, any answer closes it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from ticketadmin.services.crm.circuit_breaker import (
    BELIEVED_FOR,
    MAX_FAILURES_IN_A_ROW,
    CircuitBreaker,
    circuit,
)
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import Unavailable
from ticketadmin.ticketapi.reasons import FailureSource, Reason

SILENT = [Reason.READ_TIMEOUT, Reason.DEADLINE]
UNREACHABLE = [one for one in Reason if one.source is FailureSource.UNREACHABLE]
ALIVE = [one for one in Reason if one.source in {FailureSource.CRM, FailureSource.BROKEN}]


def attempt(method: str, reason: Reason | None = None, http_status: int | None = None) -> Call:
    return Call(method, "/ticket", 0.1, 1, "", http_status=http_status, reason=reason)


def after(*calls: Call) -> bool:
    """Return whether a new breaker is open after some attempts."""
    breaker = CircuitBreaker()
    for call in calls:
        breaker.note(call)
    return circuit().seconds_left > 0


@pytest.mark.parametrize("reason", [*SILENT, *UNREACHABLE])
def test_consecutive_attempts_without_an_answer_open_the_circuit(reason: Reason, db: None) -> None:
    assert not after(*[attempt("GET", reason)] * (MAX_FAILURES_IN_A_ROW - 1))
    assert after(*[attempt("GET", reason)] * MAX_FAILURES_IN_A_ROW)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_errors_open_the_circuit(status: int, db: None) -> None:
    assert after(*[attempt("GET", http_status=status)] * MAX_FAILURES_IN_A_ROW)


@pytest.mark.parametrize("reason", ALIVE)
def test_answers_of_any_kind_never_open_the_circuit(reason: Reason, db: None) -> None:
    assert not after(*[attempt("GET", reason)] * (2 * MAX_FAILURES_IN_A_ROW))


@pytest.mark.parametrize("reason", ALIVE)
def test_an_answer_in_between_resets_the_count(reason: Reason, db: None) -> None:
    silence = [attempt("GET", Reason.READ_TIMEOUT)] * (MAX_FAILURES_IN_A_ROW - 1)

    assert not after(*silence, attempt("GET", reason), *silence)


@pytest.mark.parametrize("reason", SILENT)
def test_a_write_that_times_out_is_not_counted(reason: Reason, db: None) -> None:
    assert not after(*[attempt("PUT", reason)] * (2 * MAX_FAILURES_IN_A_ROW))


@pytest.mark.parametrize("reason", UNREACHABLE)
def test_a_write_that_cannot_connect_is_counted(reason: Reason, db: None) -> None:
    assert after(*[attempt("PUT", reason)] * MAX_FAILURES_IN_A_ROW)


def test_while_the_circuit_is_open_no_process_makes_a_call(db: None) -> None:
    assert after(*[attempt("GET", Reason.REFUSED)] * MAX_FAILURES_IN_A_ROW)

    for process in (CircuitBreaker(), CircuitBreaker()):
        with pytest.raises(Unavailable) as refused:
            process.refuse_while_open()
        assert refused.value.reason is Reason.CIRCUIT_OPEN


def test_one_probe_is_let_through_and_its_success_closes_it(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert after(*[attempt("GET", Reason.REFUSED)] * MAX_FAILURES_IN_A_ROW)
    later = timezone.now() + timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    first, second = CircuitBreaker(), CircuitBreaker()

    first.refuse_while_open()
    with pytest.raises(Unavailable):
        second.refuse_while_open()
    first.note(attempt("GET", http_status=200))

    assert circuit().at is None
    assert BELIEVED_FOR < 1  # another process sees it within that
    CircuitBreaker().refuse_while_open()
