"""When only changed custom fields are sent: it is set, and proved for this CRM; and what a trial records."""

from typing import Any

import pytest
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, CrmSnapshot, Outcome, Snapshot, User
from ticketadmin.services.saving.custom_fields import (
    CHANGED,
    Trial,
    TrialResult,
    is_proved,
    sends_changed_keys,
    try_custom_fields,
)

pytestmark = pytest.mark.django_db
CODE = "ABCXYZ1234"
HERE, ELSEWHERE = "https://crm.example.com", "https://other.example.com"


@pytest.mark.parametrize("setting", ["whole", CHANGED])
@pytest.mark.parametrize("proved_at", [None, HERE, ELSEWHERE])
def test_changed_keys_are_sent_alone_only_with_the_setting_and_a_proof_for_this_crm(
    setting: str, proved_at: str | None, settings: Any
) -> None:
    settings.TICKET_API_URL, settings.TICKET_API_CUSTOM_FIELDS = HERE, setting
    if proved_at:
        CrmSnapshot.objects.keep(Snapshot.MERGING, {"url": proved_at, "ticket": CODE})

    assert is_proved() is (proved_at == HERE)
    assert sends_changed_keys() is (setting == CHANGED and proved_at == HERE)


def test_a_trial_while_a_save_is_under_way_sends_nothing(staff: User, sandbox: Sandbox) -> None:
    Change.objects.create(
        ticket_code=CODE, actor=staff, actor_name="Lan", created_at=timezone.now(), wanted={}
    )

    assert try_custom_fields(CODE) == TrialResult(Trial.BUSY)
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ({"kind": "status", "status": 422}, Outcome.REJECTED),
        ({"kind": "status", "status": 500, "after": True}, Outcome.VERIFIED),
        ({"kind": "reset", "after": True}, Outcome.VERIFIED),
    ],
)
def test_a_trial_without_an_answer_proves_nothing_and_is_recorded(
    fault: dict[str, Any], outcome: Outcome, sandbox: Sandbox
) -> None:
    sandbox.fault(method="PUT", **fault)

    assert try_custom_fields(CODE).trial is Trial.FAILED
    assert not is_proved()
    assert Change.objects.get().outcome == outcome


def test_a_trial_that_shows_replacing_withdraws_an_earlier_proof(sandbox: Sandbox, settings: Any) -> None:
    CrmSnapshot.objects.keep(Snapshot.MERGING, {"url": settings.TICKET_API_URL, "ticket": CODE})
    before = sandbox.ticket(CODE)["custom_fields"]
    sandbox.switch(custom_semantics="replace")

    assert try_custom_fields(CODE) == TrialResult(Trial.REPLACES, is_restored=True)
    assert not is_proved()
    assert sandbox.ticket(CODE)["custom_fields"] == before
