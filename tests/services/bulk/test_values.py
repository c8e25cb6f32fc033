"""Values that a file, a type or a comparison could change: each example that was seen, through a bulk update.

The same examples through the form of one ticket are in tests/views/test_values.py.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from tests.services.values.values import LEFT_ALONE, OPTIONS
from ticketadmin.models import (
    BulkItem,
    BulkUpdate,
    Change,
    CrmSnapshot,
    CustomField,
    ItemReason,
    Plan,
    Snapshot,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.reversals import undo_bulk
from ticketadmin.services.bulk.rows import BulkTable, plan_rows
from ticketadmin.services.bulk.runs import Chosen, ChosenTickets, draft_bulk
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.spreadsheets import read_table
from ticketadmin.services.values.schema import load_schema

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
NAME = "custom_fields.o"
WAYS = ("file", "form")
Prepare = Callable[[str, str, str], BulkUpdate]


def describe(key: str, kind: str) -> None:
    options = "\n".join(f"{value} = {label}" for value, label in OPTIONS) if "select" in kind else ""
    if kind != "raw":
        CustomField.objects.create(key=key, label=f"Ô {key}", kind=kind, choices_text=options)


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(lead)


def table_of(name: str, text: str) -> BulkTable:
    cell = text.replace('"', '""')
    content = f'ticket_code,{name}\n{CODE},"{cell}"\n'.encode()
    return plan_rows(read_table(content, "x.csv"), load_schema(get_choices()), compares=True)


@pytest.fixture
def prepare(web: Client, lead: User) -> Prepare:
    """Prepares a bulk update of one field of the ticket, by a file or by the form of a run's changes."""

    def prepared(way: str, name: str, text: str) -> BulkUpdate:
        if way == "file":
            table = table_of(name, text)
            assert table.errors == ()
            return draft_bulk(ChosenTickets((Chosen(CODE, Edit(table.rows[0].values)),)), user=lead)
        bulk = draft_bulk(ChosenTickets((Chosen(CODE),)), user=lead)
        form = form_to(web.get(f"/bulk/{bulk.uuid}/"), str(bulk.uuid))
        answer = web.post(form.action, form.filled(**{f"action.{name}": "set", name: text}))
        assert answer.status_code == 303, answer.content.decode()
        bulk.refresh_from_db()
        return bulk

    return prepared


def plan(bulk: BulkUpdate, lead: User) -> BulkItem:
    item = bulk.items.get()
    item.bulk = bulk
    plan_item(work_on(bulk, lead), item)
    return item


def send(bulk: BulkUpdate, lead: User) -> BulkItem:
    item = plan(bulk, lead)
    assert item.plan == Plan.SEND, item.reason
    send_item(work_on(bulk, lead), item)
    return item


@pytest.fixture
def odd(web: Client, sandbox: Sandbox) -> dict[str, Any]:
    """A custom field for each value that was once changed by a save of another field, all in one ticket."""
    for number, (kind, _value) in enumerate(LEFT_ALONE):
        describe(f"o{number}", kind)
    CustomField.objects.create(key="new", label="Mới", kind="text")
    values = {f"o{number}": value for number, (_kind, value) in enumerate(LEFT_ALONE)}
    ticket = sandbox.ticket(CODE)
    sandbox.store(CODE, {**ticket, "custom_fields": values})
    return values


def as_json(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, sort_keys=True, indent=1)


@pytest.mark.parametrize("way", WAYS)
def test_values_of_unchanged_fields_are_not_sent(
    way: str, prepare: Prepare, odd: dict[str, Any], lead: User, sandbox: Sandbox
) -> None:
    item = send(prepare(way, "ticket_title", "Chỉ tiêu đề"), lead)

    assert item.outcome == "verified"
    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Chỉ tiêu đề"}]


@pytest.mark.parametrize("way", WAYS)
def test_unchanged_custom_fields_are_sent_along_byte_for_byte(
    way: str, prepare: Prepare, odd: dict[str, Any], lead: User, sandbox: Sandbox
) -> None:
    item = send(prepare(way, "custom_fields.new", "một"), lead)

    assert item.outcome == "verified"
    assert as_json(sandbox.puts(CODE)[-1]["custom_fields"]) == as_json({**odd, "new": "một"})
    assert not Change.objects.get().collateral


@pytest.mark.parametrize("way", WAYS)
def test_a_colleagues_odd_value_in_another_field_is_not_a_conflict(
    way: str, prepare: Prepare, lead: User, sandbox: Sandbox
) -> None:
    describe("o", "text")
    sandbox.edit(CODE, custom_fields={"o": "Tầng 3\nPhòng 302"})
    bulk = prepare(way, "ticket_title", "Chỉ tiêu đề")
    item = plan(bulk, lead)
    sandbox.edit(CODE, custom_fields={"o": "Tầng 4\nPhòng 402"})

    send_item(work_on(bulk, lead), item)

    assert item.outcome == "verified"
    assert sandbox.ticket(CODE)["custom_fields"]["o"] == "Tầng 4\nPhòng 402"


@pytest.mark.parametrize(
    ("kind", "stored", "text", "reason"),
    [
        ("number", None, "1.500", "Write 1500, or 1.5 if you mean a fraction."),
        ("number", None, "1,250", "Write 1250, or 1.25 if you mean a fraction."),
        ("number", None, "1_000", "This is not a number."),
        ("number", None, "NaN", "This is not a number."),
        ("date", None, "0026-11-28", "Write the year with four digits"),
        ("epoch_date", None, "0026-11-28", "Write the year with four digits"),
        ("text", None, "x" * 2_001, "This is 2,001 characters long; at most 2,000 are possible."),
        ("yes_no", "false", "có thể", "Choose yes or no."),
        ("text", {"a": 1}, "NaN", ItemReason.OTHER_TYPE),
        ("text", [1], "1e999", ItemReason.OTHER_TYPE),
        ("text", {"a": 1}, "chữ", ItemReason.OTHER_TYPE),
        ("number", 1, "0.12345678901234567890", ItemReason.OTHER_TYPE),
        ("multi_select", ["OLD"], "OLD; C", ItemReason.NOT_OFFERED),
    ],
)  # fmt: skip
def test_a_value_that_the_tickets_form_refuses_is_never_sent(
    kind: str, stored: Any, text: str, reason: str, lead: User, sandbox: Sandbox
) -> None:
    describe("o", kind)
    sandbox.edit(CODE, custom_fields={"o": stored})

    table = table_of(NAME, text)

    if isinstance(reason, ItemReason):
        chosen = ChosenTickets((Chosen(CODE, Edit(table.rows[0].values)),))
        item = plan(draft_bulk(chosen, user=lead), lead)
        assert (item.plan, item.reason) == (Plan.CANNOT, reason)
    else:
        assert table.rows == ()
        assert [reason in error.message for error in table.errors] == [True]


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("ticket_title", "x" * 256, "This is 256 characters long; at most 255 are possible."),
        ("account_email", "x" * 400 + "@example.com", "This is not an e-mail address."),
        ("emergency_phone", "0" * 21, "Write 6 to 20 digits"),
    ],
)
def test_no_box_or_cell_truncates_pasted_text(
    name: str, typed: str, said: str, web: Client, lead: User, sandbox: Sandbox
) -> None:
    assert [said in error.message for error in table_of(name, typed).errors] == [True]
    bulk = draft_bulk(ChosenTickets((Chosen(CODE),)), user=lead)
    page = web.get(f"/bulk/{bulk.uuid}/")
    form = form_to(page, str(bulk.uuid))

    answer = web.post(form.action, form.filled(**{f"action.{name}": "set", name: typed}))

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert form_to(answer, str(bulk.uuid)).values[name] == [typed]
    assert f'name="{name}" maxlength' not in page.content.decode()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "typed", "stored"),
    [
        ("emergency_phone", "\u200b0901\u00a0234\u00a0567\u202c", "0901 234 567"),
        ("emergency_phone", "0901\u2011234\u2011567", "0901-234-567"),
        ("account_email", "\u00a0lan@example.com\ufeff", "lan@example.com"),
        ("account_email", "\u202alan@example.com\u202c\u200b", "lan@example.com"),
    ],
)
def test_invisible_characters_do_not_spoil_a_value(
    way: str, name: str, typed: str, stored: str, prepare: Prepare, lead: User, sandbox: Sandbox
) -> None:
    send(prepare(way, name, typed), lead)

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, name: stored}]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "held", "typed", "stored"),
    [
        ("ticket_title", " Máy in ", "Máy in", "Máy in"),  # outer white space, to be removed
        ("ticket_title", "Máy in", "'90s", "'90s"),
        ("ticket_title", "Máy in", "=x", "=x"),
        (
            "ticket_content", "<p>cũ</p>", "Liên hệ Lan <lan@example.com> gấp\nhai\nba",
            "<p>Liên hệ Lan &lt;lan@example.com&gt; gấp<br>hai<br>ba</p>",
        ),
    ],
)  # fmt: skip
def test_every_character_of_a_text_is_sent(
    way: str,
    name: str,
    held: str,
    typed: str,
    stored: str,
    prepare: Prepare,
    lead: User,
    sandbox: Sandbox,
) -> None:
    sandbox.edit(CODE, **{name: held})

    send(prepare(way, name, typed), lead)

    assert sandbox.puts(CODE) == [{"ticket_code": CODE, name: stored}]


@pytest.mark.parametrize("text", ["<p></p><p> </p>", "<p><br></p>", "<p>&nbsp;</p>"])
def test_content_that_is_only_empty_paragraphs_is_refused(text: str, web: Client) -> None:
    """In the form it is an emptied editor; a cell says [clear] for that, so this is a mistake."""
    assert [error.message for error in table_of("ticket_content", text).errors] == [
        "Nothing is left of this content after cleaning. To empty the field, write [clear]."
    ]


NAMES = ("New", "new", "Chờ ", "chờ")


@pytest.fixture
def names_that_differ_in_case(web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(unknown_names="store")
    items = [{"id": number, "name": name} for number, name in enumerate(NAMES)]
    now = timezone.now()
    value = {"items": items, "fetched_at": now.isoformat()}
    for name in (Snapshot.STATUSES, Snapshot.CATEGORIES):
        CrmSnapshot.objects.keep(name, value, at=now)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["status_name", "cate_name"])
def test_the_chosen_one_of_names_that_differ_in_case_is_sent(
    way: str, name: str, names_that_differ_in_case: None, prepare: Prepare, lead: User, sandbox: Sandbox
) -> None:
    for chosen in NAMES:
        assert send(prepare(way, name, chosen), lead).outcome == "verified"

    assert [put[name] for put in sandbox.puts(CODE)] == list(NAMES)


@pytest.mark.parametrize("name", ["status_name", "cate_name"])
def test_a_cell_that_matches_several_names_only_in_another_case_is_an_error(
    name: str, names_that_differ_in_case: None, web: Client
) -> None:
    (error,) = table_of(name, "NEW").errors

    assert "“New”, “new”" in error.message


def test_undoing_restores_the_exact_name(
    names_that_differ_in_case: None, prepare: Prepare, web: Client, lead: User, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, status_name="New")
    bulk = prepare("file", "status_name", "new")
    send(bulk, lead)
    BulkUpdate.objects.update(state="finished")
    bulk.refresh_from_db()
    send(undo_bulk(bulk, user=lead), lead)
    page = web.post(URL, ticket_form(web.get(URL)).filled(status_name="new"), follow=True)
    undo = form_to(page, "/undo/")
    web.post(undo.action, undo.filled())

    assert [put["status_name"] for put in sandbox.puts(CODE)] == ["new", "New", "new", "New"]
