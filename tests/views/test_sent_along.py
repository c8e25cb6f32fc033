"""A CRM that empties what a PUT leaves out: remembered, and from then on nothing is left out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.factories import make_item, make_run
from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    BulkState,
    Change,
    Plan,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.omitted import omitted_fields, remember_emptied, set_omitted_fields
from ticketadmin.services.saving.sent_along import with_sent_along
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.schema import TicketSchema

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
EMPTIES = "This CRM empties every field that a request leaves out."


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def save(client: Client, **typed: str | list[str]) -> Any:
    return client.post(URL, ticket_form(client.get(URL)).filled(**typed), follow=True)


def without_fields(ticket: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in ticket.items() if name not in {*names, "updated_at"}}


def test_after_a_crm_was_seen_to_empty_fields_nothing_more_is_lost(web: Client, sandbox: Sandbox) -> None:
    before = sandbox.ticket(CODE)
    sandbox.switch(semantics="replace")
    page = save(web, ticket_title="Lần đầu")
    assert sandbox.ticket(CODE)["account_email"] == ""
    known = omitted_fields()
    assert (known.are_emptied, known.ticket) == (True, CODE)
    assert "account_email" in known.fields

    restore = form_to(page, "/restore/")
    web.post(restore.action, restore.filled(), follow=True)
    assert without_fields(sandbox.ticket(CODE), "ticket_title") == without_fields(before, "ticket_title")
    assert sandbox.ticket(CODE)["ticket_title"] == "Lần đầu"

    page = save(web, emergency_phone="0909 555 666")
    undo = form_to(page, "/undo/")
    assert sandbox.ticket(CODE)["emergency_phone"] == "0909 555 666"
    web.post(undo.action, undo.filled(), follow=True)

    assert without_fields(sandbox.ticket(CODE), "ticket_title") == without_fields(before, "ticket_title")
    assert set(Change.objects.values_list("outcome", flat=True)) == {"verified"}
    assert Change.objects.exclude(collateral={}).count() == 1


def test_quick_status_also_sends_other_fields_along(
    web: Client, sandbox: Sandbox, administrator: User
) -> None:
    before = sandbox.ticket(CODE)
    set_omitted_fields(are_emptied=True, user=administrator)
    sandbox.switch(semantics="replace")

    page = web.get(f"{URL}status/", {"to": "Hủy"})
    assert EMPTIES in page.content.decode()
    web.post(f"{URL}status/", {"status": "Hủy"})

    assert sandbox.ticket(CODE)["status_name"] == "Hủy"
    assert without_fields(sandbox.ticket(CODE), "status_name") == without_fields(before, "status_name")


def test_fields_sent_along_are_exactly_as_they_were_read(
    web: Client, sandbox: Sandbox, administrator: User
) -> None:
    odd = "<p>giữ <script>1</script> nguyên\r\n </p>"
    sandbox.edit(CODE, ticket_content=odd, emergency_phone=" 0909-1 ", custom_fields={"so_serial": ["A", 1]})
    set_omitted_fields(are_emptied=True, user=administrator)
    sandbox.forget_log()

    page = save(web, ticket_title="Chỉ đổi tiêu đề").content.decode()

    (body,) = sandbox.puts()
    assert body["ticket_content"] == odd
    assert body["emergency_phone"] == " 0909-1 "
    assert body["custom_fields"]["so_serial"] == ["A", 1]
    change = Change.objects.get()
    assert change.wanted == {"ticket_title": "Chỉ đổi tiêu đề"}
    assert "Sent along, unchanged:" in page


def test_the_preview_names_what_is_sent_along(web: Client, sandbox: Sandbox, administrator: User) -> None:
    set_omitted_fields(are_emptied=True, user=administrator)
    form = ticket_form(web.get(URL))

    page = web.post(f"{URL}preview/", form.filled(ticket_title="Mới", preview="1")).content.decode()

    shown = page[page.index("Sent along, unchanged:") :][:400]
    assert all(label in shown for label in ("Content", "Customer e-mail", "Status"))
    assert "Title" not in shown
    assert sandbox.puts() == []


def test_fields_that_cannot_be_read_are_named_before_they_would_be_lost(
    web: Client, sandbox: Sandbox, administrator: User
) -> None:
    sandbox.switch(readable="documented")
    set_omitted_fields(are_emptied=True, user=administrator)

    page = web.get(URL).content.decode()

    assert EMPTIES in page
    assert "These fields cannot be read and would be lost, unless you fill them in:" in page
    assert "Customer e-mail" in page


def test_without_reading_every_save_is_preceded_by_a_warning(
    web: Client, sandbox: Sandbox, administrator: User
) -> None:
    sandbox.switch(read_right="403")
    set_omitted_fields(are_emptied=True, user=administrator)

    page = web.get(URL).content.decode()

    assert EMPTIES in page
    assert "Every field that you do not fill in would be lost." in page
    assert "means “keep as it is”" not in page


@pytest.mark.parametrize(
    ("reading", "language", "expected"),
    [
        ("403", "en", "Every field that you do not fill in would be lost."),
        ("yes", "en", "So every save also sends, unchanged, what was just read."),
        ("403", "vi", "CRM này xóa trống mọi trường"),
    ],
)
def test_the_status_menu_of_the_list_warns_before_a_click_sends(
    reading: str,
    language: str,
    expected: str,
    web: Client,
    sandbox: Sandbox,
    administrator: User,
    staff: User,
) -> None:
    sandbox.switch(read_right=reading)
    web.get(URL)  # finds out whether the key may read
    User.objects.filter(pk=staff.pk).update(language=language)
    assert "status-menu-warning" not in web.get("/tickets/").content.decode()
    remember_emptied(CODE, ["account_email", "expected_at"])

    page = web.get("/tickets/").content.decode()

    menu = page[page.index("data-quick-menu") :].split("<dialog")[0]
    assert expected in " ".join(menu.split())


def test_the_history_warns_before_an_undo_sends(web: Client, sandbox: Sandbox) -> None:
    save(web, ticket_title="Mới")
    assert EMPTIES not in web.get("/history/").content.decode()
    remember_emptied(CODE, ["account_email", "expected_at"])

    page = web.get("/history/").content.decode()

    assert page.index("So every save also sends, unchanged, what was just read.") < page.index("/undo/")


def test_a_keeping_crm_gets_no_warning_and_only_the_changes(web: Client, sandbox: Sandbox) -> None:
    assert EMPTIES not in web.get(URL).content.decode()

    save(web, ticket_title="Chỉ một trường")

    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Chỉ một trường"}]


def test_one_emptied_field_of_many_does_not_mark_the_crm(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("wipe_field", method="PUT", times=None, field="expected_at")

    save(web, ticket_title="Tự động hóa")

    assert Change.objects.get().collateral.keys() == {"expected_at"}
    assert not omitted_fields().are_emptied


def test_setting_and_clearing_the_mark_is_recorded(
    administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(administrator)
    remember_emptied(CODE, ["account_email", "expected_at"])
    page = client.get("/connection/").content.decode()
    assert CODE in page
    assert "Customer e-mail and Expected date" in page

    form = form_to(client.get("/connection/"), "/connection/omitted-fields/")
    page = client.post(form.action, form.filled(are_emptied="no"), follow=True).content.decode()
    assert not omitted_fields().are_emptied
    assert "Kept, according to" in page
    page = client.post(form.action, form.filled(are_emptied="yes"), follow=True).content.decode()
    assert omitted_fields().are_emptied
    assert "Emptied, according to" in page

    entries = AuditEntry.objects.filter(action=AuditAction.SETTING_CHANGED, target_kind="omitted_fields")
    assert [(entry.before, entry.after) for entry in entries.order_by("id")] == [
        ({"are_emptied": True}, {"are_emptied": False}),
        ({"are_emptied": False}, {"are_emptied": True}),
    ]


def test_empty_and_unread_fields_are_not_sent_along() -> None:
    schema = TicketSchema(choices=Choices(omitted_are_emptied=True))
    before = {
        "ticket_title": "A",
        "emergency_phone": "",
        "custom_fields.k": None,
        "expected_at": "2026-01-01",
    }

    assert with_sent_along({"ticket_title": "B"}, before, schema) == {
        "ticket_title": "B",
        "expected_at": "2026-01-01",
    }
    assert with_sent_along({"ticket_title": "B"}, None, schema) == {"ticket_title": "B"}
    assert with_sent_along({"ticket_title": "B"}, before, TicketSchema()) == {"ticket_title": "B"}


def test_a_dry_run_names_for_each_ticket_what_is_sent_along(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    remember_emptied(CODE, ["account_email", "expected_at"])
    sandbox.edit(CODE, emergency_phone="")
    run = make_run(lead, state=BulkState.READY, wishes={"ticket_title": {"set": "Mới"}})
    item = make_item(run, CODE)

    plan_item(work_on(run, lead), item)
    page = client_of(lead).get(f"/bulk/{run.uuid}/").content.decode()
    shown = page[page.index("Sent along, unchanged:") :].split("</p>")[0]
    assert all(label in shown for label in ("Content", "Customer e-mail", "Status"))
    assert not any(label in shown for label in ("Title", "phone"))
    assert sandbox.puts() == []

    send_item(work_on(run, lead), item)
    (body,) = sandbox.puts()
    custom = {f"custom_fields.{key}" for key in body.get("custom_fields", ())}
    sent = {*body, *custom} - {"ticket_code", "ticket_title", "custom_fields"}
    assert sent == set(item.sent_along)


def test_a_dry_run_for_a_keeping_crm_names_nothing_sent_along(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    run = make_run(lead, state=BulkState.DRAFT, wishes={"ticket_title": {"set": "Mới"}})
    item = make_item(run, CODE, sent_along=["account_email"])

    plan_item(work_on(run, lead), item)

    assert (item.plan, item.sent_along) == (Plan.SEND, None)
