"""The reason of a change: accepted by every action, limited, stored, never sent, searchable, never lost."""

import csv
import io
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import MAX_CHANGE_REASON, BulkUpdate, Change, Draft, User
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.followers import retry_bulk
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.reversals import undo_bulk
from ticketadmin.services.bulk.runs import Chosen, ChosenTickets, draft_bulk
from ticketadmin.services.bulk.seal import seal_of
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.saving.change_reason import read_change_reason

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
WHY = "Khách gọi lại: “đã xong” <b>"


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


def save(client: Client, **typed: str) -> Any:
    return client.post(URL, ticket_form(client.get(URL)).filled(**typed), follow=True)


def test_a_reason_is_stored_and_shown_but_never_sent(web: Client, sandbox: Sandbox) -> None:
    page = save(web, ticket_title="Mới", change_reason=f"  {WHY}\u200b ").content.decode()

    assert Change.objects.get().change_reason == WHY
    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Mới"}]
    shown = "Khách gọi lại: “đã xong” &lt;b&gt;"
    assert shown in page
    assert shown in web.get("/history/").content.decode()


def test_a_reason_alone_is_not_a_change(web: Client, sandbox: Sandbox) -> None:
    page = save(web, change_reason=WHY)

    assert "Nothing to save." in page.content.decode()
    assert ticket_form(page).values["change_reason"] == [WHY]
    assert sandbox.puts() == []


def test_a_reason_that_is_too_long_is_refused_and_stays_in_the_form(web: Client, sandbox: Sandbox) -> None:
    long = "x" * (MAX_CHANGE_REASON + 1)

    answer = save(web, ticket_title="Mới", change_reason=long)

    assert answer.status_code == 422
    assert "at most 300 characters" in answer.content.decode()
    assert ticket_form(answer).values["change_reason"] == [long]
    assert ticket_form(answer).values["ticket_title"] == ["Mới"]
    assert sandbox.puts() == []


def test_a_draft_keeps_the_reason_until_the_save(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    typed = form.filled(ticket_title="Mới", change_reason=WHY)
    web.post(f"{URL}draft/", typed)
    again = ticket_form(web.get(URL))
    assert (again.values["ticket_title"], again.values["change_reason"]) == (["Mới"], [WHY])

    web.post(URL, again.filled())
    web.post(f"{URL}draft/", again.filled())  # the last autosave, late

    assert not Draft.objects.exists()
    assert ticket_form(web.get(URL)).values["change_reason"] == [""]


def test_filling_the_form_again_restores_the_reason(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", method="PUT", status=400)
    save(web, ticket_title="Mới", change_reason=WHY)
    Draft.objects.all().delete()

    form = ticket_form(web.get(f"{URL}?again={Change.objects.get().uuid}"))

    assert form.values["change_reason"] == [WHY]


@pytest.mark.parametrize("is_scripted", [False, True])
def test_a_quick_status_and_its_undo_accept_a_reason(
    is_scripted: bool, web: Client, sandbox: Sandbox
) -> None:
    headers = SCRIPT if is_scripted else {}
    posted = {"status": "Hủy", "submission": str(uuid4()), "change_reason": WHY}
    web.post(f"{URL}status/", posted, headers=headers)
    first = Change.objects.get()

    undo = form_to(web.get("/history/"), f"{first.uuid}/undo/")
    web.post(undo.action, undo.filled(change_reason="Nhầm"), headers=headers)

    assert [one.change_reason for one in Change.objects.order_by("id")] == [WHY, "Nhầm"]


@pytest.mark.parametrize("action", ["status", "undo"])
@pytest.mark.parametrize("is_scripted", [False, True])
def test_a_reason_that_is_too_long_stops_actions_without_a_form(
    action: str, is_scripted: bool, web: Client, sandbox: Sandbox
) -> None:
    save(web, ticket_title="Mới")
    puts = len(sandbox.puts())
    change = Change.objects.get()
    url = f"{URL}status/" if action == "status" else f"/history/{change.uuid}/undo/"
    posted = {"status": "Hủy", "submission": str(uuid4()), "change_reason": "x" * 301}

    answer = web.post(url, posted, headers=SCRIPT if is_scripted else {})

    assert answer.status_code == 422
    assert "at most 300 characters" in answer.content.decode()
    assert len(sandbox.puts()) == puts
    if action == "status":
        assert "x" * 301 in answer.content.decode()


def test_the_history_filters_by_and_exports_the_reason(web: Client, sandbox: Sandbox) -> None:
    save(web, ticket_title="Một", change_reason="Bảo hành THÁNG 5")
    save(web, ticket_title="Hai")

    nothing = web.get("/history/", {"reason": "h.nh|.*"}).context["page"].changes
    found = web.get("/history/", {"reason": " hành tháng"}).context["page"].changes
    table = csv.DictReader(
        io.StringIO(b"".join(web.get("/history/changes.csv").streaming_content).decode("utf-8-sig"))
    )

    assert [one.change.wanted["ticket_title"] for one in found] == ["Một"]
    assert nothing == []
    assert [row["reason"] for row in table] == ["", "Bảo hành THÁNG 5"]


def test_each_change_of_a_run_has_the_runs_reason_and_so_has_its_retry(
    web: Client, lead: User, sandbox: Sandbox
) -> None:
    bulk = draft_bulk(ChosenTickets((Chosen(CODE),)), user=lead)
    form = form_to(web.get(f"/bulk/{bulk.uuid}/"), str(bulk.uuid))
    typed = {"action.ticket_title": "set", "ticket_title": "Mới", "change_reason": WHY}
    assert web.post(form.action, form.filled(**typed)).status_code == 303
    bulk.refresh_from_db()
    item = bulk.items.get()
    work = work_on(bulk, lead)
    item.bulk = work.bulk
    plan_item(work, item)
    send_item(work, item)

    assert bulk.change_reason == Change.objects.get().change_reason == WHY
    assert "Khách gọi lại" in web.get(f"/bulk/{bulk.uuid}/").content.decode()
    BulkUpdate.objects.filter(pk=bulk.pk).update(state="finished")
    bulk.refresh_from_db()
    assert undo_bulk(bulk, user=lead, change_reason="Nhầm").change_reason == "Nhầm"
    bulk.items.update(outcome="rejected")
    assert retry_bulk(bulk, user=lead, outcomes=["rejected"]).change_reason == WHY


def test_another_reason_breaks_the_seal_of_a_dry_run(lead: User) -> None:
    bulk = draft_bulk(ChosenTickets((Chosen(CODE),)), user=lead)
    seal = seal_of(bulk)

    bulk.change_reason = WHY

    assert seal_of(bulk) != seal


@given(st.text(max_size=MAX_CHANGE_REASON))
def test_reading_a_reason_is_idempotent_and_gives_one_line(typed: str) -> None:
    read = read_change_reason(typed)

    assert read_change_reason(read) == read
    assert len(read) <= MAX_CHANGE_REASON
    assert read.splitlines() == ([read] if read else [])
