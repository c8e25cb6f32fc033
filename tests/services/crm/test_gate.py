"""The gate before each call to the CRM: what may pass, and who is told first that the CRM asked to wait."""

import time
from typing import Any

import pytest

from tests.sandbox_driver import Sandbox
from ticketadmin.models import Shared, SharedState
from ticketadmin.services.crm.connection import CallGate, get_api, listen
from ticketadmin.services.crm.hold import held_back
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.errors import TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason

CODE = "ABCXYZ1234"

pytestmark = pytest.mark.django_db


def test_a_waiting_call_is_refused_if_the_crm_asked_to_wait_meanwhile(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TICKET_API_MAX_PER_SECOND = 0.01
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    answers = iter([0.0, 0.0, 3.0])  # seconds: before the first call, before the second, after its wait
    gate, token = CallGate(), held_back.set(lambda: next(answers))
    try:
        gate.enter(within=1_000)
        with pytest.raises(Unavailable) as refused:
            gate.enter(within=1_000)
    finally:
        held_back.reset(token)

    assert waits[1] > 0
    assert refused.value.reason is Reason.BUSY_HERE
    assert refused.value.retry_after == 3.0


def test_listeners_learn_of_a_refusal_before_the_database_is_written(sandbox: Sandbox) -> None:
    """A bulk run holds its other threads by a listener; writing the row may have to wait."""
    sandbox.fault("status", code=CODE, method="GET", status=429, headers={"Retry-After": "7"})
    kept_before: list[bool] = []

    def listener(_call: Call) -> None:
        kept_before.append(is_kept())

    stop = listen(listener)
    try:
        with pytest.raises(TicketApiError):
            get_api().get_ticket(CODE)
    finally:
        stop()

    assert kept_before == [False]
    assert is_kept()


def is_kept() -> bool:
    return SharedState.objects.filter(name=Shared.ASKED_TO_WAIT, value__has_key="until").exists()
