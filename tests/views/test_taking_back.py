"""Undo, restore and “Fill the form again” when something prevents them: what the user is told."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from tests.factories import make_change, make_item, make_run
from tests.pages import form_to, squeezed, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkState, Change, Draft, User

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
REFUSED = {"errors": {"ticket_title": ["quá dài cho CRM"], "custom_fields": {"so_serial": "đã dùng"}}}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def save(client: Client, **typed: str) -> Any:
    return client.post(URL, ticket_form(client.get(URL)).filled(**typed), follow=True)


def press(client: Client, page: Any, button: str, **headers: Any) -> Any:
    form = form_to(page, f"/{button}/")
    return client.post(form.action, form.filled(), **headers)


def offers(page: Any) -> list[tuple[str, str]]:
    """Return the address of each offer to take a change back, with what its box for a reason is called."""
    return re.findall(
        r'action="(/history/[^"]*)"(?:(?!</form>).)*?<summary>(.*?)</summary>', page.content.decode(), re.S
    )


@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_offers_to_undo_and_to_restore_have_distinct_labels(
    semantics: str, web: Client, sandbox: Sandbox
) -> None:
    save(web, ticket_title="Lần một")
    sandbox.switch(semantics=semantics)

    shown = offers(save(web, ticket_title="Lần hai"))

    newest, first = Change.objects.order_by("-pk")
    undone = {f"/history/{one.uuid}/undo/" for one in (newest, first)}
    restored = {f"/history/{newest.uuid}/restore/"} if semantics == "replace" else set()
    assert sorted(address for address, _reason in shown) == sorted(undone | restored)
    of_newest = [reason for address, reason in shown if str(newest.uuid) in address]
    assert len(set(of_newest)) == len(of_newest)


def test_a_refused_undo_says_what_the_crm_refused(web: Client, sandbox: Sandbox) -> None:
    page = save(web, ticket_title="Sai rồi")
    web.post(f"{URL}draft/", ticket_form(page).filled(emergency_phone="0911222333"))
    sandbox.fault("status", method="PUT", status=422, body=REFUSED)

    answer = press(web, page, "undo")

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert "The CRM refused these values." in shown
    assert "Title: quá dài cho CRM" in shown
    assert "so_serial: đã dùng" in shown
    assert "Nothing was changed in the CRM." in shown
    assert "marked fields" not in shown
    assert ticket_form(answer).values["ticket_title"] == ["Sai rồi"]
    assert ticket_form(answer).values["emergency_phone"] == ["0911222333"]


def test_an_undo_that_the_crm_refuses_without_naming_a_field_leads_to_the_form(
    web: Client, sandbox: Sandbox
) -> None:
    page = save(web, ticket_title="Sai rồi")
    sandbox.fault("status", method="PUT", status=400, body={"message": "không nhận"})

    shown = press(web, page, "undo").content.decode()

    assert "không nhận" in shown
    assert "Choose others in the ticket&#x27;s form." in shown


def test_a_refused_restore_says_what_the_crm_refused(web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(semantics="replace")
    page = save(web, ticket_title="Xóa sạch phần còn lại")
    sandbox.switch(semantics="merge")
    sandbox.fault("status", method="PUT", status=400, body=REFUSED)

    answer = press(web, page, "restore")

    assert answer.status_code == 422
    assert "quá dài cho CRM" in answer.content.decode()


def in_place(answer: Any) -> str:
    """Return the fragment by which a script replaces the button."""
    shown: str = squeezed(answer.content.decode())
    assert shown.startswith("<span")
    assert "data-quick-result" in shown
    assert f'href="{URL}"' in shown
    return shown


def test_a_quick_undo_says_in_place_that_a_colleague_was_faster(web: Client, sandbox: Sandbox) -> None:
    page = save(web, ticket_title="Sai rồi")
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")

    answer = press(web, page, "undo", headers=SCRIPT)

    assert answer.status_code == 409
    shown = in_place(answer)
    assert "The same field was changed meanwhile." in shown
    assert "Nothing was changed in the CRM." in shown
    assert len(sandbox.puts()) == 1


def test_an_undo_in_conflict_names_the_values_by_the_change_that_it_takes_back(
    web: Client, sandbox: Sandbox
) -> None:
    page = save(web, ticket_title="Sai rồi")
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")

    answer = press(web, page, "undo")

    shown = squeezed(answer.content.decode())
    assert answer.status_code == 409
    assert re.search(r'the change that is to be taken back:\s*<span class="value">Sai rồi</span>', shown)
    assert "Before that change" in shown
    assert [
        one for one in ("When you opened the form", "Yours", "Everything else you typed") if one in shown
    ] == []


@pytest.mark.parametrize("address", [URL, f"{URL}preview/"])
def test_an_undo_in_conflict_stays_an_undo_until_a_value_is_chosen(
    address: str, web: Client, sandbox: Sandbox
) -> None:
    page = save(web, ticket_title="Sai rồi")
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")
    asked = press(web, page, "undo")

    again = web.post(address, ticket_form(asked).filled())

    for answer in (asked, again):
        shown = squeezed(answer.content.decode())
        assert "Not taken back: what it would replace was changed meanwhile." in shown
        assert "Before that change" in shown
        assert [one for one in ("Yours", "Everything else you typed") if one in shown] == []
    assert "Choose which of the two values should be stored." in again.content.decode()
    assert len(sandbox.puts()) == 1


@pytest.mark.parametrize(
    ("typed", "replaced"),
    [
        ({}, None),
        ({"emergency_phone": "0911222333"}, ""),
        ({"ticket_title": "Bản nháp"}, "Title"),
        ({"ticket_title": "Bản nháp", "emergency_phone": "0911222333"}, "Title"),
    ],
)
def test_an_undo_in_conflict_says_what_happens_to_the_draft(
    typed: dict[str, str], replaced: str | None, web: Client, sandbox: Sandbox
) -> None:
    page = save(web, ticket_title="Sai rồi")
    web.post(f"{URL}draft/", ticket_form(page).filled(**typed))
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")

    asked = press(web, page, "undo")

    shown = squeezed(asked.content.decode())
    assert ("is kept. It is not in the form below" in shown) == bool(typed)
    assert (f'href="{URL}"> <svg' in shown or f'href="{URL}"><svg' in shown) == bool(typed)
    assert re.findall(r"the draft loses what it has for: (.*?)\.", shown) == ([replaced] if replaced else [])
    web.post(URL, ticket_form(asked).filled(**{"resolve.ticket_title": "mine"}))
    kept = Draft.objects.first()
    assert sorted(kept.inputs if kept else ()) == [name for name in typed if name != "ticket_title"]


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ({"method": "PUT", "status": 422, "body": REFUSED}, 422, "quá dài cho CRM"),
        ({"method": "PUT", "status": 403}, 403, "The CRM does not allow this tool to change this ticket."),
        ({"method": "GET", "status": 500, "times": None}, 502, "The CRM reported an error of its own."),
    ],
)
def test_a_quick_undo_that_fails_says_why_in_place(
    fault: dict[str, Any], status: int, said: str, web: Client, sandbox: Sandbox
) -> None:
    page = save(web, ticket_title="Sai rồi")
    sandbox.fault("status", **fault)

    answer = press(web, page, "undo", headers=SCRIPT)

    assert answer.status_code == status
    assert said in in_place(answer)


def test_a_repeated_quick_undo_says_so_in_place(web: Client, sandbox: Sandbox) -> None:
    before = sandbox.ticket(CODE)["ticket_title"]
    page = save(web, ticket_title="Sai rồi")
    sandbox.edit(CODE, ticket_title=before)

    assert "Nothing to save." in in_place(press(web, page, "undo", headers=SCRIPT))


def test_a_quick_undo_of_unknown_values_says_so_in_place(web: Client, sandbox: Sandbox) -> None:
    page = save(web, ticket_title="Sai rồi")
    Change.objects.update(before=None)

    assert "cannot be taken back" in in_place(press(web, page, "undo", headers=SCRIPT))


def test_an_odd_date_is_shown_as_it_is_and_not_sent_if_untouched(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, expected_at="31/12/2026")

    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Ngày lạ"))

    assert form.values["expected_at"] == ["31/12/2026"]
    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Ngày lạ"}]


def test_choosing_a_previous_odd_date_sends_it_as_it_was(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, expected_at="31/12/2026")
    page = save(web, expected_at="2027-01-01")
    sandbox.edit(CODE, expected_at="2027-02-02")
    asked = press(web, page, "undo")

    web.post(URL, ticket_form(asked).filled(**{"resolve.expected_at": "mine"}))

    assert sandbox.puts()[1:] == [{"ticket_code": CODE, "expected_at": "31/12/2026"}]


def test_filling_the_form_with_an_odd_date_again_clears_nothing(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, expected_at="31/12/2026")
    page = save(web, expected_at="2027-01-01")
    sandbox.fault("status", method="PUT", status=400)
    press(web, page, "undo")
    refused = Change.objects.get(outcome="rejected")

    form = ticket_form(web.get(URL, {"again": refused.uuid}))
    answer = web.post(URL, form.filled())

    assert form.values["expected_at"] == ["31/12/2026"]
    assert answer.status_code == 422
    assert "This is not a calendar date." in answer.content.decode()
    assert ticket_form(answer).values["expected_at"] == ["31/12/2026"]
    assert sandbox.ticket(CODE)["expected_at"] == "2027-01-01"


def test_filling_the_form_again_restores_clears(web: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_API_READ = "off"
    sandbox.fault("status", method="PUT", status=400)
    web.post(URL, ticket_form(web.get(URL)).filled(clear=["expected_at"], status_name="Hủy"))
    Draft.objects.all().delete()

    form = ticket_form(web.get(URL, {"again": Change.objects.get().uuid}))

    assert form.values["clear"] == ["expected_at"]
    assert form.values["status_name"] == ["Hủy"]


def test_a_bulk_undo_without_permission_is_refused_with_a_message(
    make_person: Callable[..., User], client_of: Callable[[User], Client], staff: User
) -> None:
    group = Group.objects.create(name="Bulk only")
    group.permissions.set(Permission.objects.filter(codename__in=["edit_tickets", "run_bulk_updates"]))
    person = make_person(None, "runs-only")
    person.groups.add(group)
    bulk = make_run(staff, state=BulkState.FINISHED)
    change = make_change(
        staff,
        CODE,
        finished_at=timezone.now(),
        outcome="verified",
        wanted={"ticket_title": "Mới"},
        before={"ticket_title": "Cũ"},
    )
    make_item(bulk, CODE, change=change)

    assert client_of(person).post(f"/bulk/{bulk.uuid}/undo/").status_code == 403
