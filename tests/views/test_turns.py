"""Saves of one ticket take turns: a waiting user is told for whom, and a crashed save blocks no other."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, Change, ItemState, Origin, Outcome, User
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.connection import listen
from ticketadmin.services.saving import lock
from ticketadmin.services.saving.runner import this_runner
from ticketadmin.services.saving.save import MAX_COMPARISONS
from ticketadmin.services.saving.verdict import settled_after
from ticketadmin.ticketapi.attempts import Call

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
WORDS = {
    "en": ("Lan Trần is saving this ticket at the moment.", "Nothing was sent."),
    "vi": ("Lan Trần đang lưu phiếu này.", "Chưa gửi gì."),
}


@pytest.fixture
def web(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> Client:
    monkeypatch.setattr(lock, "MAX_WAIT", timedelta(seconds=0.3))  # a save waits so long for another one
    return client_of(lead)


def pending(actor: User, sandbox: Sandbox, *, age: timedelta = timedelta(0), **values: Any) -> Change:
    """A save that has been recorded but has no outcome yet."""
    return Change.objects.create(
        actor=actor,
        actor_name=actor.display_name,
        ticket_code=CODE,
        created_at=timezone.now() - age,
        wanted={"ticket_title": "Của người khác"},
        before={"ticket_title": sandbox.ticket(CODE)["ticket_title"]},
        **values,
    )


def press_status(web: Client) -> Any:
    values = {"status": "Đang xử lý", "submission": str(uuid.uuid4())}
    return web.post(f"{URL}status/", values)


@pytest.mark.parametrize("language", WORDS)
def test_a_save_during_a_colleagues_save_names_them_and_sends_nothing(
    language: str, web: Client, sandbox: Sandbox, staff: User
) -> None:
    form = ticket_form(web.get(URL))
    pending(staff, sandbox)

    typed = form.filled(ticket_title="Của tôi")
    answer = web.post(URL, typed, headers={"Accept-Language": language})

    assert answer.status_code == 409
    assert all(words in answer.content.decode() for words in WORDS[language])
    assert ticket_form(answer).values["ticket_title"] == ["Của tôi"]
    assert sandbox.puts() == []


def test_a_quick_status_during_a_colleagues_save_names_them(
    web: Client, sandbox: Sandbox, staff: User
) -> None:
    pending(staff, sandbox)

    answer = press_status(web)

    assert answer.status_code == 409
    assert WORDS["en"][0] in answer.content.decode()
    assert sandbox.puts() == []


def test_a_save_during_ones_own_save_says_so(web: Client, sandbox: Sandbox, lead: User) -> None:
    form = ticket_form(web.get(URL))
    pending(lead, sandbox)

    page = web.post(URL, form.filled(ticket_title="Của tôi")).content.decode()

    assert "Your earlier save of this ticket has not finished." in page
    assert sandbox.puts() == []


@pytest.mark.parametrize("whose", ["own", "a colleague's"])
def test_a_save_that_was_cut_off_days_ago_blocks_no_quick_status(
    whose: str, web: Client, sandbox: Sandbox, lead: User, staff: User
) -> None:
    stale = pending(lead if whose == "own" else staff, sandbox, age=timedelta(days=2))

    answer = press_status(web)

    assert answer.status_code == 303
    assert sandbox.ticket(CODE)["status_name"] == "Đang xử lý"
    stale.refresh_from_db()
    assert stale.outcome == Outcome.NOT_APPLIED


@pytest.mark.parametrize(
    ("title", "outcome"), [(None, Outcome.UNKNOWN), ("Của người khác", Outcome.VERIFIED)]
)
def test_a_save_whose_process_ended_blocks_no_other_save(
    title: str | None, outcome: Outcome, web: Client, sandbox: Sandbox, staff: User
) -> None:
    home, pid, start = this_runner().split(":")
    cut_off = pending(staff, sandbox, runner=f"{home}:{pid}:{int(start) - 1}")
    if title:
        sandbox.edit(CODE, ticket_title=title)

    answer = press_status(web)

    assert answer.status_code == 303
    assert sandbox.ticket(CODE)["status_name"] == "Đang xử lý"
    cut_off.refresh_from_db()
    assert cut_off.outcome == outcome


@pytest.mark.parametrize("whose", ["own", "a colleague's"])
def test_a_save_that_may_have_been_cut_off_says_how_long_it_blocks(
    whose: str, web: Client, sandbox: Sandbox, staff: User, lead: User
) -> None:
    """Its process is on another machine, or alive: it may still be under way."""
    other = pending(lead if whose == "own" else staff, sandbox, age=timedelta(seconds=1))

    answer = press_status(web)

    until = timezone.localtime(other.created_at + settled_after())
    assert answer.status_code == 409
    assert f"it blocks this ticket until {until:%H:%M:%S} at the latest" in answer.content.decode()
    assert sandbox.puts() == []


def test_an_old_cut_off_save_blocks_no_other_save_even_without_reading(
    web: Client, sandbox: Sandbox, staff: User
) -> None:
    sandbox.switch(read_right="403")
    stale = pending(staff, sandbox, age=timedelta(days=2))

    answer = press_status(web)

    assert answer.status_code == 303
    assert sandbox.ticket(CODE)["status_name"] == "Đang xử lý"
    stale.refresh_from_db()
    assert stale.outcome == Outcome.UNKNOWN


def test_a_save_that_was_cut_off_days_ago_blocks_no_undo(web: Client, sandbox: Sandbox, lead: User) -> None:
    before = sandbox.ticket(CODE)["ticket_title"]
    page = web.post(URL, ticket_form(web.get(URL)).filled(ticket_title="Sẽ hoàn tác"), follow=True)
    undo = form_to(page, "/undo/")
    pending(lead, sandbox, age=timedelta(days=2))

    web.post(undo.action, undo.filled())

    assert sandbox.ticket(CODE)["ticket_title"] == before


@pytest.mark.parametrize(
    ("age", "state"), [(timedelta(0), ItemState.WAITING), (timedelta(days=2), ItemState.DONE)]
)
def test_a_ticket_of_a_bulk_update_waits_a_limited_time_for_a_colleagues_save(
    age: timedelta, state: ItemState, web: Client, sandbox: Sandbox, staff: User, lead: User
) -> None:
    pending(staff, sandbox, age=age)
    run = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=timezone.now(),
        wishes={"emergency_phone": {"set": "0909 111 222"}},
    )
    item = BulkItem.objects.create(bulk=run, position=1, ticket_code=CODE, state=ItemState.WORKING)

    send_item(work_on(run, lead), item)
    item.refresh_from_db()

    assert item.state == state
    assert len(sandbox.puts()) == (state == ItemState.DONE)


def test_one_ticket_has_one_save_in_flight(sandbox: Sandbox, staff: User, lead: User) -> None:
    pending(staff, sandbox, origin=Origin.FORM)

    with pytest.raises(IntegrityError):
        pending(lead, sandbox, origin=Origin.BULK)


def test_a_repeatedly_overtaken_user_is_told_by_whom(web: Client, sandbox: Sandbox, staff: User) -> None:
    form = ticket_form(web.get(URL))
    others: list[Change] = []

    def overtake(call: Call) -> None:
        """Let a colleague's save begin and end while this one reads the ticket."""
        if call.method == "GET" and call.endpoint == "/ticket":
            others.append(
                pending(staff, sandbox, outcome=Outcome.VERIFIED, results={"ticket_title": "verified"})
            )

    stop = listen(overtake)
    answer = web.post(URL, form.filled(ticket_title="Của tôi"))
    stop()

    assert answer.status_code == 409
    assert WORDS["en"][0] in answer.content.decode()
    assert ticket_form(answer).values["ticket_title"] == ["Của tôi"]
    assert len(others) == MAX_COMPARISONS
    assert sandbox.puts() == []
