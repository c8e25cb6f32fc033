"""What reading a ticket back proves, immediately and hours later, and what may then be undone."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    Change,
    Draft,
    ItemOutcome,
    ItemState,
    User,
)
from ticketadmin.services.bulk.followers import settle_bulk
from ticketadmin.services.bulk.items import resolve_doubt, send_item, settle_item
from ticketadmin.services.bulk.reversals import undo_bulk
from ticketadmin.services.bulk.runs import NothingToDo
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.saving.intent import SaveContext
from ticketadmin.services.saving.readback import settle_all, settle_change, settle_ticket
from ticketadmin.services.saving.undo import CannotUndo, can_undo, replaced_values, undo_change

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
THEIRS = "Của đồng nghiệp"
NOBODY_CAN_TELL = "it is not known whether yours was ever stored"
NOTHING = "Nothing was changed in the CRM."


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def save(web: Client, **typed: str) -> Any:
    return web.post(URL, ticket_form(web.get(URL)).filled(**typed), follow=True)


def hours_later(change: Change) -> Change:
    Change.objects.filter(pk=change.pk).update(created_at=timezone.now() - timedelta(hours=2))
    change.refresh_from_db()
    return change


def lost(web: Client, sandbox: Sandbox, **typed: str) -> Change:
    """Save with a PUT whose answer is lost and that never arrives; two hours pass."""
    form = ticket_form(web.get(URL)).filled(**typed)
    sandbox.fault("reset", code=CODE, method="PUT")
    web.post(URL, form)
    change = hours_later(Change.objects.get())
    assert change.outcome == "unknown"
    return change


def left_open(staff: User, sandbox: Sandbox, outcome: str, **wanted: str) -> Change:
    """Record a save of two hours ago whose read-back failed."""
    before = {name: value for name, value in sandbox.ticket(CODE).items() if isinstance(value, str)}
    return record(staff, outcome=outcome, wanted=wanted, before=before)


def record(actor: User, code: str = CODE, **values: Any) -> Change:
    long_ago = timezone.now() - timedelta(hours=2)
    return Change.objects.create(
        ticket_code=code, actor=actor, actor_name="Lan", created_at=long_ago, **values
    )


def run_of(lead: User, change: Change, outcome: str) -> BulkUpdate:
    """Return a run that has ended, and of which a change was part."""
    now = timezone.now()
    run = BulkUpdate.objects.create(
        owner=lead, owner_name="Lead", state=BulkState.FINISHED, created_at=now, started_at=now
    )
    BulkItem.objects.create(
        bulk=run, position=1, ticket_code=CODE, change=change, outcome=outcome, state=ItemState.DONE
    )
    return run


def page_of(web: Client, change: Change) -> str:
    return str(web.get(URL, {"saved": str(change.uuid)}).content.decode())


def test_a_later_look_does_not_attribute_a_colleagues_value_to_the_save(
    web: Client, staff: User, sandbox: Sandbox
) -> None:
    change = lost(web, sandbox, ticket_title="Của tôi")
    sandbox.edit(CODE, ticket_title=THEIRS)

    page = page_of(web, change)

    change.refresh_from_db()
    assert (change.outcome, change.is_settled) == ("unknown", True)
    assert NOBODY_CAN_TELL in page
    assert "the CRM stored something else" not in page
    assert f"/history/{change.uuid}/undo/" not in page
    with pytest.raises(CannotUndo):
        undo_change(change, SaveContext(staff, uuid.uuid4()))
    assert sandbox.ticket(CODE)["ticket_title"] == THEIRS


def test_an_accepted_save_without_read_back_is_not_judged_by_a_colleagues_value(
    web: Client, staff: User, sandbox: Sandbox
) -> None:
    change = left_open(staff, sandbox, "accepted", ticket_title="Của tôi")
    sandbox.edit(CODE, ticket_title=THEIRS)

    page = page_of(web, change)

    change.refresh_from_db()
    assert (change.outcome, change.is_settled, can_undo(change)) == ("accepted", True, False)
    assert NOBODY_CAN_TELL in page
    assert "the CRM stored something else" not in page


@pytest.mark.parametrize("fault", ["hang", "reset"])
def test_a_colleagues_write_is_not_attributed_to_a_save_with_a_lost_answer(
    fault: str, web: Client, sandbox: Sandbox, settings: Any
) -> None:
    form = ticket_form(web.get(URL)).filled(ticket_title="Của tôi")
    sandbox.fault("ignore_field", code=CODE, method="PUT", field="ticket_title")
    edit = {"field": "ticket_title", "value": THEIRS, "when": "after_read"}
    sandbox.fault("concurrent_edit", code=CODE, method="PUT", **edit)
    settings.TICKET_API_TIMEOUT = 1
    sandbox.fault(fault, code=CODE, method="PUT", after=True, seconds=2 * settings.TICKET_API_TIMEOUT)

    page = web.post(URL, form)

    change = Change.objects.get()
    assert (change.outcome, change.is_settled, can_undo(change)) == ("unknown", False, False)
    assert "It is not known whether the CRM was changed." in page.content.decode()
    assert ticket_form(page).values["ticket_title"] == ["Của tôi"]
    assert Draft.objects.filter(actor=change.actor, ticket_code=CODE).exists()


def test_without_earlier_values_a_lost_write_is_never_stored_differently(
    web: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_READ = "off"
    change = lost(web, sandbox, ticket_title="Của tôi")
    assert change.before is None
    settings.TICKET_API_READ = "auto"

    settle_change(change)

    assert (change.outcome, change.is_settled) == ("unknown", True)


@pytest.mark.parametrize(("was_stored", "outcome"), [(True, "verified"), (False, "not_applied")])
def test_a_later_look_proves_what_it_can(
    was_stored: bool, outcome: str, staff: User, sandbox: Sandbox
) -> None:
    wanted = {"ticket_title": "Của tôi", "emergency_phone": "0909123123"}
    change = left_open(staff, sandbox, "unknown", **wanted)
    if was_stored:
        sandbox.edit(CODE, **wanted)

    settle_change(change)

    assert change.outcome == outcome
    assert set(change.results.values()) == {outcome}
    assert can_undo(change) is was_stored


def test_what_the_crm_immediately_makes_of_a_value_is_stored_differently(
    web: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("store_differently", code=CODE, method="PUT", field="ticket_title", value="KHÁC")
    save(web, ticket_title="Khác")

    change = Change.objects.get()
    assert change.outcome == "stored_differently"
    assert can_undo(change)


@pytest.mark.parametrize("outcome", ["unknown", "accepted"])
def test_undoing_a_settled_run_leaves_a_colleagues_value_alone(
    outcome: str, lead: User, staff: User, sandbox: Sandbox
) -> None:
    change = left_open(staff, sandbox, outcome, ticket_title="Của tôi")
    run = run_of(lead, change, outcome)
    sandbox.edit(CODE, ticket_title=THEIRS)
    settle_ticket(CODE)

    undo = undo_bulk(run, user=lead)

    item = undo.items.get()
    assert (item.plan, item.reason, item.wishes) == ("cannot", "not_certain", None)


def test_no_check_is_offered_for_what_can_no_longer_be_settled(
    lead: User, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    change = left_open(staff, sandbox, "accepted", ticket_title="Của tôi")
    run = run_of(lead, change, "accepted")
    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    assert f"/bulk/{run.uuid}/settle/" in page
    sandbox.edit(CODE, ticket_title=THEIRS)
    settle_change(change)

    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    assert f"/bulk/{run.uuid}/settle/" not in page
    assert NOBODY_CAN_TELL in page
    with pytest.raises(NothingToDo):
        settle_bulk(run, user=lead)


@pytest.mark.parametrize("outcome", ["unknown", "accepted"])
def test_changes_by_colleagues_before_a_later_look_are_not_damage_of_the_save(
    outcome: str, web: Client, staff: User, lead: User, sandbox: Sandbox
) -> None:
    change = left_open(staff, sandbox, outcome, ticket_title="Của tôi")
    sandbox.edit(CODE, ticket_title="Của tôi", emergency_phone="0999888777")

    page = page_of(web, change)

    change.refresh_from_db()
    assert (change.outcome, change.collateral) == ("verified", {})
    assert f"/history/{change.uuid}/restore/" not in page
    undo = undo_bulk(run_of(lead, change, "verified"), user=lead)
    assert set(undo.items.get().wishes or {}) == {"ticket_title"}


def test_immediate_collateral_says_that_it_may_be_a_colleagues_change(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("wipe_field", code=CODE, method="PUT", field="emergency_phone")

    page = save(web, ticket_title="Của tôi").content.decode()

    assert Change.objects.get().collateral
    assert "or someone else changed them at that moment" in page


@pytest.fixture
def partly(sandbox: Sandbox) -> None:
    sandbox.fault("ignore_field", code=CODE, method="PUT", field="emergency_phone")


def test_undo_takes_back_the_stored_part_of_a_change(web: Client, sandbox: Sandbox, partly: None) -> None:
    before = sandbox.ticket(CODE)

    answer = save(web, ticket_title="Một nửa", emergency_phone="0909123123")

    change = Change.objects.get()
    assert change.outcome == "not_applied"
    assert "Not saved in full" in answer.content.decode()
    undo = form_to(web.get(URL), "/undo/")
    web.post(undo.action, undo.filled())
    assert sandbox.puts()[-1] == {"ticket_code": CODE, "ticket_title": before["ticket_title"]}
    assert sandbox.ticket(CODE)["ticket_title"] == before["ticket_title"]


@pytest.mark.parametrize("status", [500, 504])
def test_a_page_does_not_say_that_nothing_changed_if_something_did(
    status: int, web: Client, sandbox: Sandbox, partly: None
) -> None:
    sandbox.fault("status", code=CODE, method="PUT", after=True, status=status)

    answer = save(web, ticket_title="Một nửa", emergency_phone="0909123123")

    page = answer.content.decode()
    assert sandbox.ticket(CODE)["ticket_title"] == "Một nửa"
    assert NOTHING not in page
    assert "Some of the fields were stored in the CRM" in page
    assert ticket_form(answer).values["emergency_phone"] == ["0909123123"]


def test_undoing_a_run_takes_back_changes_that_were_stored_in_part(
    web: Client, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox, partly: None
) -> None:
    title = sandbox.ticket(CODE)["ticket_title"]
    save(web, ticket_title="Một nửa", emergency_phone="0909123123")
    run = run_of(lead, Change.objects.get(), "not_applied")

    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    undo = undo_bulk(run, user=lead)

    assert f"/bulk/{run.uuid}/undo/" in page
    assert undo.items.get().wishes == {"ticket_title": {"set": title}}
    assert undo.items.get().base == {"ticket_title": "Một nửa"}


def test_a_run_in_which_nothing_took_effect_offers_no_undo(
    lead: User, staff: User, client_of: Callable[[User], Client]
) -> None:
    change = record(
        staff, outcome="not_applied", wanted={"ticket_title": "x"}, results={"ticket_title": "not_applied"}
    )
    run = run_of(lead, change, "not_applied")

    assert f"/bulk/{run.uuid}/undo/" not in client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    with pytest.raises(NothingToDo):
        undo_bulk(run, user=lead)


def running_item(lead: User, **values: Any) -> BulkItem:
    now = timezone.now()
    run = BulkUpdate.objects.create(
        owner=lead, owner_name="Lead", state=BulkState.RUNNING, created_at=now, started_at=now, **values
    )
    return BulkItem.objects.create(bulk=run, position=1, ticket_code=CODE, plan="send")


@pytest.mark.parametrize("status", [502, 504])
def test_a_bulk_update_does_not_resend_what_was_stored_in_part(
    status: int, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox, partly: None
) -> None:
    wishes = {"ticket_title": {"set": "Một nửa"}, "emergency_phone": {"set": "0909123123"}}
    item = running_item(lead, wishes=wishes)
    sandbox.fault("status", code=CODE, method="PUT", after=True, status=status)

    send_item(work_on(item.bulk, lead), item)

    assert len(sandbox.puts()) == 1
    assert (item.state, item.outcome) == (ItemState.DONE, ItemOutcome.NOT_APPLIED)
    assert item.change
    assert item.change.results == {"ticket_title": "verified", "emergency_phone": "not_applied"}
    page = client_of(lead).get(f"/bulk/{item.bulk.uuid}/").content.decode()
    assert "Some of the fields were stored in the CRM" in page


def test_settling_a_ticket_whose_save_may_be_under_way_leaves_it_unknown(
    lead: User, staff: User, sandbox: Sandbox
) -> None:
    change = record(staff, outcome="pending", wanted={"ticket_title": "Đang gửi"})
    Change.objects.update(created_at=timezone.now())
    change.refresh_from_db()
    item = running_item(lead, kind=BulkKind.SETTLE)
    item.change = change

    settle_item(work_on(item.bulk, lead), item)

    assert (item.state, item.outcome) == (ItemState.DONE, ItemOutcome.UNKNOWN)
    change.refresh_from_db()
    assert change.outcome == "pending"


def test_all_open_changes_of_a_ticket_are_settled_by_one_look(staff: User, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_title="Ba")
    for title in ("Một", "Hai", "Ba"):
        record(staff, outcome="unknown", wanted={"ticket_title": title}, before={"ticket_title": "Không"})
    sandbox.forget_log()

    found = settle_ticket(CODE)

    assert sorted(change.outcome for change in found) == ["unknown", "unknown", "verified"]
    assert len(sandbox.log("GET", CODE)) == 1
    settle_ticket(CODE)
    assert len(sandbox.log("GET", CODE)) == 1, "what cannot be told is looked at again"


def test_changes_that_cannot_be_settled_do_not_delay_newer_ones(staff: User, sandbox: Sandbox) -> None:
    for number in range(3):
        record(staff, f"GONE-{number}", outcome="unknown", wanted={"ticket_title": "x"}, before={})
    newer = record(staff, outcome="unknown", wanted={"ticket_title": sandbox.ticket(CODE)["ticket_title"]})

    settle_all(limit=3)
    settle_all(limit=3)

    newer.refresh_from_db()
    assert newer.outcome == "verified"


def test_a_look_that_finds_nothing_new_is_not_counted_as_a_save(
    staff: User, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ticketadmin.saves")
    change = record(staff, "GONE-1", outcome="unknown", wanted={"ticket_title": "x"}, before={})

    settle_change(change)

    assert change.finished_at
    assert not [one for one in caplog.records if one.name == "ticketadmin.saves"]


@pytest.mark.parametrize(
    ("wanted", "outcome", "words"),
    [
        (
            {"ticket_title": "Thấy được", "expected_at": "2027-01-02"},
            "not_readable",
            "not all of it can be checked",
        ),
        ({"expected_at": "2027-01-02"}, "unknown", "does not show what it stored"),
    ],
)
def test_after_a_lost_answer_only_shown_values_count_as_stored(
    wanted: dict[str, str], outcome: str, words: str, web: Client, staff: User, sandbox: Sandbox
) -> None:
    change = record(staff, outcome="unknown", reason="reset", wanted=wanted, before={"ticket_title": "Cũ"})
    sandbox.edit(CODE, **wanted)
    sandbox.switch(readable="silent")

    page = page_of(web, change)

    change.refresh_from_db()
    assert (change.outcome, change.is_settled, can_undo(change)) == (outcome, True, False)
    assert words in page


def test_an_item_cut_off_by_a_crash_is_not_resent_if_stored_in_part(lead: User, sandbox: Sandbox) -> None:
    item = running_item(lead)
    before = sandbox.ticket(CODE)
    change = left_open(lead, sandbox, "pending", ticket_title="Một nửa", emergency_phone="0909123123")
    Change.objects.update(submission=item.submission)
    sandbox.edit(CODE, ticket_title="Một nửa")

    assert resolve_doubt(work_on(item.bulk, lead), item)

    change.refresh_from_db()
    assert change.results == {"ticket_title": "verified", "emergency_phone": "not_applied"}
    assert (item.state, item.outcome) == (ItemState.DONE, ItemOutcome.NOT_APPLIED)
    assert replaced_values(change) == {"ticket_title": before["ticket_title"]}


def test_pruning_deletes_what_can_no_longer_be_settled(staff: User, sandbox: Sandbox) -> None:
    change = left_open(staff, sandbox, "accepted", ticket_title="Của tôi")
    sandbox.edit(CODE, ticket_title=THEIRS)
    settle_change(change)
    Change.objects.update(created_at=timezone.now() - timedelta(days=400))

    call_command("prune_history", "--older-than", "1y")

    assert not Change.objects.exists()
    assert not Change.objects.unsettled().exists()


@pytest.mark.parametrize("status", [503, 507, 520, 522, 524])
def test_an_answer_that_may_come_from_a_proxy_does_not_prove_that_nothing_was_stored(
    status: int, web: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("status", code=CODE, method="PUT", status=status)

    page = save(web, ticket_title="Có thể đến sau").content.decode()

    change = Change.objects.get()
    assert (change.outcome, change.is_settled) == ("unknown", False)
    assert "It is not known whether the CRM was changed." in page
    assert len(sandbox.puts()) == 1
    settle_change(hours_later(change))
    assert change.outcome == "not_applied"
