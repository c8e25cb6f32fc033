"""A PUT that had to wait is compared again before it is sent, so a colleague's change is not overwritten."""

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    ItemState,
    Outcome,
    Shared,
    SharedState,
    User,
)
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.connection import get_api, listen
from ticketadmin.services.saving.save import MAX_COMPARISONS
from ticketadmin.ticketapi.attempts import Call

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
HELD = {
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "503": {"status": 503, "headers": {"Retry-After": "1"}},
}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def hold_the_put(crm: Sandbox, refusal: str, **theirs: Any) -> Callable[[], None]:
    """Refuse one PUT with a wait, and edit the ticket as a colleague right after; return how to stop."""
    crm.fault("status", method="PUT", code=CODE, **HELD[refusal])

    def edit(call: Call) -> None:
        if call.method == "PUT" and call.http_status in {429, 503} and theirs:
            crm.edit(CODE, **theirs)

    return listen(edit)


@pytest.mark.parametrize("refusal", HELD)
def test_a_colleagues_change_of_the_same_field_is_a_conflict(
    refusal: str, web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    stop = hold_the_put(sandbox, refusal, ticket_title="Của đồng nghiệp")

    answer = web.post(URL, form.filled(ticket_title="Của tôi"))
    stop()

    assert answer.status_code == 409
    assert "Của đồng nghiệp" in answer.content.decode()
    assert ticket_form(answer).values["ticket_title"] == ["Của tôi"]
    assert sandbox.ticket(CODE)["ticket_title"] == "Của đồng nghiệp"
    assert len(sandbox.puts()) == 1
    assert Change.objects.get().outcome in {Outcome.REJECTED, Outcome.UNKNOWN}


def test_the_chosen_value_of_that_conflict_is_sent(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    stop = hold_the_put(sandbox, "429", ticket_title="Của đồng nghiệp")
    answer = web.post(URL, form.filled(ticket_title="Của tôi"))
    stop()

    page = web.post(URL, ticket_form(answer).filled(**{"resolve.ticket_title": "mine"}), follow=True)

    assert "Saved and verified." in page.content.decode()
    assert sandbox.ticket(CODE)["ticket_title"] == "Của tôi"


@pytest.mark.parametrize("refusal", HELD)
def test_an_unchanged_ticket_is_saved_after_the_wait(refusal: str, web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    stop = hold_the_put(sandbox, refusal)

    page = web.post(URL, form.filled(ticket_title="Của tôi"), follow=True).content.decode()
    stop()

    assert "Saved and verified." in page
    assert len(sandbox.puts()) == 2
    assert Change.objects.get().outcome == Outcome.VERIFIED


def test_a_custom_field_written_meanwhile_by_a_colleague_is_kept(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    stop = hold_the_put(sandbox, "429", custom_fields={"ngay_mua": "1735689600"})

    typed = form.filled(**{"custom_fields.so_serial": "SN-NEW"})
    page = web.post(URL, typed, follow=True).content.decode()
    stop()

    assert "Saved and verified." in page
    assert sandbox.ticket(CODE)["custom_fields"]["ngay_mua"] == "1735689600"
    assert sandbox.ticket(CODE)["custom_fields"]["so_serial"] == "SN-NEW"
    change = Change.objects.get()
    assert change.payload["custom_fields"]["ngay_mua"] == "1735689600"  # the record says what was sent


def test_a_colleague_who_wrote_the_same_leaves_nothing_to_send(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    stop = hold_the_put(sandbox, "429", ticket_title="Của tôi")

    page = web.post(URL, form.filled(ticket_title="Của tôi")).content.decode()
    stop()

    assert "Nothing to save." in page
    assert len(sandbox.puts()) == 1


def test_a_wait_beyond_the_deadline_ends_the_save_with_the_text_kept(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    a_minute = {"Retry-After": "60"}  # a PUT starts within two time-outs, or not at all
    sandbox.fault("status", method="PUT", code=CODE, times=None, status=429, headers=a_minute)

    answer = web.post(URL, form.filled(ticket_title="Của tôi"))

    assert answer.status_code == 429
    assert ticket_form(answer).values["ticket_title"] == ["Của tôi"]
    assert Change.objects.get().outcome == Outcome.REJECTED
    assert len(sandbox.puts()) == 1


def test_a_crm_that_asks_to_wait_again_and_again_ends_the_save_with_the_text_kept(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    sandbox.fault("status", method="PUT", code=CODE, times=None, **HELD["429"])

    answer = web.post(URL, form.filled(ticket_title="Của tôi"))

    assert answer.status_code == 429
    assert ticket_form(answer).values["ticket_title"] == ["Của tôi"]
    assert 1 < len(sandbox.puts()) <= MAX_COMPARISONS
    assert len(sandbox.log("GET", CODE)) == 1 + len(sandbox.puts())  # the page's, and one before each PUT


@pytest.mark.parametrize("action", ["quick_status", "undo"])
def test_a_colleagues_change_during_the_wait_of_another_action_is_not_overwritten(
    action: str, web: Client, sandbox: Sandbox
) -> None:
    page = web.get(URL)
    if action == "undo":
        page = web.post(URL, ticket_form(page).filled(status_name="Đang xử lý"), follow=True)
    form = form_to(page, "/undo/" if action == "undo" else "/status/")
    stop = hold_the_put(sandbox, "429", status_name="Hủy")

    answer = web.post(form.action, {**form.values, "status": "Đang xử lý"})
    stop()

    assert answer.status_code == 409
    assert sandbox.ticket(CODE)["status_name"] == "Hủy"


def test_a_ticket_of_a_run_also_ends_as_a_conflict(lead: User, sandbox: Sandbox) -> None:
    run = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=timezone.now(),
        wishes={"ticket_title": {"set": "Cả loạt"}},
    )
    item = BulkItem.objects.create(
        bulk=run,
        position=1,
        ticket_code=CODE,
        state=ItemState.WORKING,
        base={"ticket_title": sandbox.ticket(CODE)["ticket_title"]},
        read_at=timezone.now(),
        submission=uuid.uuid4(),
    )
    stop = hold_the_put(sandbox, "429", ticket_title="Của đồng nghiệp")

    send_item(work_on(run, lead), item)
    stop()
    item.refresh_from_db()

    assert item.outcome == "conflict"
    assert sandbox.ticket(CODE)["ticket_title"] == "Của đồng nghiệp"


def test_under_a_rate_limit_read_and_put_are_sent_together(
    web: Client, sandbox: Sandbox, settings: Any
) -> None:
    """Their places are taken together, so that no colleague's call comes between them."""
    form = ticket_form(web.get(URL))
    settings.TICKET_API_MAX_PER_SECOND = 5.0
    get_api().list_statuses()  # the next place is 0.2 s away
    places = [next_place()]
    calls: list[str] = []

    def note(call: Call) -> None:
        calls.append(call.method)
        places.append(next_place())

    stop = listen(note)
    web.post(URL, form.filled(ticket_title="Của tôi"))
    stop()

    before, read, put, read_back = places
    assert calls == ["GET", "PUT", "GET"]
    assert read - before >= timedelta(seconds=0.4)  # two places; one would be 0.2 s
    assert put == read
    assert read_back > put


def next_place() -> datetime:
    """Return from when on the next call may be made."""
    return datetime.fromisoformat(SharedState.objects.get(name=Shared.RATE).value["next"])
