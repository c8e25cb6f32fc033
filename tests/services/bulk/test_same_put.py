"""One change of one ticket is one PUT, whether it was typed into the form or came in a file."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from tests.services.values.values import OPTIONS
from ticketadmin.models import (
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    CustomField,
    ItemReason,
    Plan,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.rows import plan_rows
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.saving.edit import Edit
from ticketadmin.services.spreadsheets.table import Table, TableRow
from ticketadmin.services.values.fields import Kind
from ticketadmin.services.values.schema import load_schema

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
# Kind, the ticket's value, the text typed into the form, the text in the file, the value sent.
CASES: tuple[tuple[Kind, Any, str | list[str], str, Any], ...] = (
    (Kind.TEXT, None, "mới", "mới", "mới"),
    (Kind.TEXT, "cũ", "mới", "mới", "mới"),
    (Kind.TEXT, 5, "6", "6", 6),
    (Kind.TEXT, 5, "sáu", "sáu", "sáu"),
    (Kind.TEXT, True, "false", "false", False),
    (Kind.TEXT, {"a": 1}, '{"a": 2}', '{"a": 2}', {"a": 2}),
    (Kind.TEXT, [1], "[1, 2]", "[1, 2]", [1, 2]),
    (Kind.LONG_TEXT, None, "  a\nb", "  a\nb", "  a\nb"),
    (Kind.LONG_TEXT, "một", "  một\n hai", "  một\n hai", "  một\n hai"),
    (Kind.LONG_TEXT, "a\r\nb", "a\nb\nc", "a\nb\nc", "a\r\nb\r\nc"),
    (Kind.NUMBER, None, "3.5", "3.5", "3.5"),
    (Kind.NUMBER, "1", "3,5", "3,5", "3.5"),
    (Kind.NUMBER, 1, "4", "4", 4),
    (Kind.NUMBER, 1.5, "4.25", "4.25", 4.25),
    (Kind.NUMBER, 1, "1.234.567", "1.234.567", 1234567),
    (Kind.DATE, None, "2026-12-31", "31/12/2026", "2026-12-31"),
    (Kind.DATE, "2026-02-30", "2026-12-31", "31/12/2026", "2026-12-31"),
    (Kind.EPOCH_DATE, None, "2025-05-26", "26/05/2025", "1748192400"),
    (Kind.EPOCH_DATE, "0", "2025-05-26", "26/05/2025", "1748192400"),
    (Kind.EPOCH_DATE, 0, "2025-05-26", "2025-05-26", 1748192400),
    (Kind.EPOCH_DATE, 1735689600000, "2025-05-26", "2025-05-26", 1748192400000),
    (Kind.EPOCH_DATE, "1735689600000", "2025-05-26", "2025-05-26", "1748192400000"),
    (Kind.EPOCH_DATE, 253402300799, "2025-05-26", "2025-05-26", 1748192400),
    (Kind.SELECT, None, "2", "Hai", "2"),
    (Kind.SELECT, "1", "2", "Hai", "2"),
    (Kind.SELECT, 1, "2", "Hai", 2),
    (Kind.SELECT, 1.0, "2", "2", 2),
    (Kind.SELECT, ["1"], "2", "Hai", ["2"]),
    (Kind.SELECT, [1], "2", "Hai", [2]),
    (Kind.MULTI_SELECT, None, ["", "A", "B"], "A; B", ["A", "B"]),
    (Kind.MULTI_SELECT, ["A"], ["", "A", "B"], "A; B", ["A", "B"]),
    (Kind.MULTI_SELECT, [1, 2], ["", "1", "2", "A"], "1; 2; A", [1, 2, "A"]),
    (Kind.MULTI_SELECT, [1], ["", "1", "2"], "1; 2", [1, 2]),
    (Kind.MULTI_SELECT, ["A", ""], ["", "A", "B"], "A; B", ["A", "", "B"]),
    (Kind.MULTI_SELECT, ["A", "A"], ["", "A", "B"], "A; B", ["A", "A", "B"]),
    (Kind.MULTI_SELECT, [{"id": 7}], ["", '{"id": 7}', "A"], '{"id": 7}; A', [{"id": 7}, "A"]),
    (Kind.MULTI_SELECT, "A", ["", "A", "B"], "A; B", ["A", "B"]),
    (Kind.YES_NO, None, "1", "có", "1"),
    (Kind.YES_NO, False, "1", "yes", True),
    (Kind.YES_NO, 0, "1", "1", 1),
    (Kind.YES_NO, "0", "1", "1", "1"),
    (Kind.YES_NO, "false", "1", "đúng", "true"),
    (Kind.YES_NO, "False", "1", "x", "True"),
    (Kind.YES_NO, "NO", "1", "TRUE", "YES"),
)


@pytest.fixture
def names(db: None, sandbox: Sandbox) -> list[str]:
    """A custom field for each case, described as its kind, and a ticket that holds its value."""
    options = "\n".join(f"{value} = {label}" for value, label in OPTIONS)
    for at, (kind, *_rest) in enumerate(CASES):
        CustomField.objects.create(
            key=f"c{at}", label=f"Trường {at}", kind=kind, choices_text=options, order=at
        )
    hold(sandbox)
    return [f"custom_fields.c{at}" for at in range(len(CASES))]


def hold(sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={f"c{at}": stored for at, (_kind, stored, *_rest) in enumerate(CASES)})


def sent_by_file(sandbox: Sandbox, lead: User, names: list[str]) -> dict[str, Any]:
    schema = load_schema(get_choices())
    cells = (CODE, *(in_file for *_case, in_file, _sent in CASES))
    table = plan_rows(Table(("ticket_code", *names), (TableRow(2, cells),)), schema, compares=True)
    assert table.errors == ()
    return put_of(sandbox, lead, table.rows[0].values)


def put_of(sandbox: Sandbox, lead: User, wishes: Any) -> dict[str, Any]:
    """Return the PUT of a run of one ticket with these wishes."""
    run = BulkUpdate.objects.create(owner=lead, state=BulkState.CHECKING, created_at=timezone.now())
    kept = json.loads(json.dumps(Edit(wishes).as_json()))
    item = BulkItem.objects.create(bulk=run, position=0, ticket_code=CODE, wishes=kept)
    plan_item(work_on(run, lead), item)
    assert item.plan == Plan.SEND
    send_item(work_on(run, lead), item)
    return sandbox.puts(CODE)[-1]


def test_form_and_file_send_the_same_bytes_for_every_kind_and_stored_type(
    names: list[str], lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(lead)
    typed = dict(zip(names, (typed for _kind, _stored, typed, *_rest in CASES), strict=True))
    answer = client.post(URL, ticket_form(client.get(URL)).filled(**typed))
    assert answer.status_code == 303, answer.content.decode()
    by_form = sandbox.puts(CODE)[-1]
    hold(sandbox)
    by_file = sent_by_file(sandbox, lead, names)

    wanted = {f"c{at}": sent for at, (*_case, sent) in enumerate(CASES)}
    sent = {key: by_form["custom_fields"][key] for key in wanted}
    assert json.dumps(sent, indent=1) == json.dumps(wanted, indent=1)
    assert json.dumps(by_file, indent=1) == json.dumps(by_form, indent=1)


# Field, the ticket's value, the text typed into the form, the text in the file.
STANDARD_CASES = (
    ("ticket_title", " Máy in ", "Máy in", "Máy in"),
    ("ticket_content", "<p>cũ</p>", "Lan <lan@example.com>\nhai", "Lan <lan@example.com>\nhai"),
    ("account_email", "", "\u00a0lan@example.com\u200b", "lan@example.com\u00a0"),
    ("cate_name", "Khác", "Bảo hành", "bao hanh"),
    ("status_name", "Mới", "Hủy", " HỦY "),
    ("expected_at", "2026-01-31", "2026-12-31", "31/12/2026"),
    ("emergency_phone", "0123456789", "0901 234 567", "0901\u00a0234\u00a0567"),
    ("custom_fields.free", "cũ", "mới\nhai", "mới\nhai"),  # not described by an administrator
    ("custom_fields.json", {"a": 1}, '{"a": 2}', '{"a": 2}'),
)


def test_form_and_file_send_the_same_bytes_for_standard_and_undescribed_fields(
    lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    custom = {name: held for name, held, *_texts in STANDARD_CASES if "." in name}
    standard = {name: held for name, held, *_texts in STANDARD_CASES if "." not in name}
    before = {**standard, "custom_fields": {name.partition(".")[2]: held for name, held in custom.items()}}
    sandbox.edit(CODE, **before)
    client = client_of(lead)
    form = ticket_form(client.get(URL)).filled(
        **{name: typed for name, _held, typed, _cell in STANDARD_CASES}
    )
    answer = client.post(URL, form)
    assert answer.status_code == 303, answer.content.decode()
    by_form = sandbox.puts(CODE)[-1]
    sandbox.edit(CODE, **before)

    schema = load_schema(get_choices(), custom)
    columns = ("ticket_code", *(name for name, *_rest in STANDARD_CASES))
    cells = (CODE, *(cell for *_rest, cell in STANDARD_CASES))
    table = plan_rows(Table(columns, (TableRow(2, cells),)), schema, compares=True)
    assert table.errors == ()
    by_file = put_of(sandbox, lead, table.rows[0].values)

    assert set(by_form) == {"ticket_code", "custom_fields", *standard}
    assert json.dumps(by_file, indent=1) == json.dumps(by_form, indent=1)


def test_undoing_restores_every_value_in_its_own_json_type(
    names: list[str], lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(lead)
    before = sandbox.ticket(CODE)["custom_fields"]
    typed = dict(zip(names, (typed for _kind, _stored, typed, *_rest in CASES), strict=True))
    page = client.post(URL, ticket_form(client.get(URL)).filled(**typed), follow=True)
    assert sandbox.ticket(CODE)["custom_fields"] != before

    undo = form_to(page, "/undo/")
    client.post(undo.action, undo.filled())

    after = sandbox.ticket(CODE)["custom_fields"]
    assert json.dumps(after, indent=1) == json.dumps(before, indent=1)


def planned(lead: User, wishes: Any) -> BulkItem:
    run = BulkUpdate.objects.create(owner=lead, state=BulkState.CHECKING, created_at=timezone.now())
    item = BulkItem.objects.create(bulk=run, position=0, ticket_code=CODE, wishes=wishes)
    plan_item(work_on(run, lead), item)
    return item


def wishes_of(name: str, text: str) -> Any:
    table = plan_rows(Table(("ticket_code", name), (TableRow(2, (CODE, text)),)), load_schema(get_choices()))
    assert table.errors == ()
    return Edit(table.rows[0].values).as_json()


@pytest.mark.parametrize(
    ("kind", "stored", "text"),
    [(Kind.TEXT, {"a": 1}, "chữ"), (Kind.TEXT, [1], "NaN"), (Kind.NUMBER, 1, "0.12345678901234567890")],
)
def test_the_dry_run_refuses_what_the_tickets_form_would_refuse(
    kind: Kind, stored: Any, text: str, lead: User, sandbox: Sandbox
) -> None:
    CustomField.objects.create(key="o", label="Ô", kind=kind)
    sandbox.edit(CODE, custom_fields={"o": stored})

    item = planned(lead, wishes_of("custom_fields.o", text))

    assert (item.plan, item.reason) == (Plan.CANNOT, ItemReason.OTHER_TYPE)


OFFERED = "A\nB"


@pytest.mark.parametrize(
    ("kind", "stored", "text", "sent"),
    [
        (Kind.SELECT, "OLD", "OLD", None),  # already as wanted
        (Kind.MULTI_SELECT, ["A", "OLD"], "OLD; B", ["OLD", "B"]),
        (Kind.MULTI_SELECT, ["OLD"], "OLD; A", ["OLD", "A"]),
        (Kind.SELECT, "A", "OLD", ItemReason.NOT_OFFERED),
        (Kind.SELECT, None, "OLD", ItemReason.NOT_OFFERED),
        (Kind.MULTI_SELECT, ["A"], "A; OLD", ItemReason.NOT_OFFERED),
        (Kind.MULTI_SELECT, None, "A; OLD", ItemReason.NOT_OFFERED),
    ],
)
def test_a_file_may_keep_a_removed_option_that_the_ticket_holds(
    kind: Kind, stored: Any, text: str, sent: Any, lead: User, sandbox: Sandbox
) -> None:
    CustomField.objects.create(key="o", label="Ô", kind=kind, choices_text=OFFERED)
    sandbox.edit(CODE, custom_fields={"o": stored} if stored is not None else {})
    schema = load_schema(get_choices())
    table = Table(("ticket_code", "custom_fields.o"), (TableRow(2, (CODE, text)),))
    found = plan_rows(table, schema, compares=True)
    assert [one.message for one in found.warnings] == [
        "OLD is not offered. It goes only to tickets that hold it already."
    ]

    item = planned(lead, Edit(found.rows[0].values).as_json())

    if isinstance(sent, ItemReason):
        assert (item.plan, item.reason) == (Plan.CANNOT, sent)
    elif sent is None:
        assert item.plan == Plan.ALREADY
    else:
        send_item(work_on(item.bulk, lead), item)
        assert sandbox.puts(CODE)[-1]["custom_fields"]["o"] == sent


@pytest.mark.django_db
def test_an_option_not_offered_is_an_error_if_no_ticket_is_compared(sandbox: Sandbox) -> None:
    CustomField.objects.create(key="o", label="Ô", kind=Kind.SELECT, choices_text=OFFERED)
    table = Table(("ticket_code", "custom_fields.o"), (TableRow(2, (CODE, "OLD")),))

    found = plan_rows(table, load_schema(get_choices()))

    assert [one.message for one in found.errors] == ["OLD is not one of the options. Accepted values: A; B."]


def test_an_option_not_offered_is_not_sent_unread(lead: User, sandbox: Sandbox) -> None:
    CustomField.objects.create(key="o", label="Ô", kind=Kind.SELECT, choices_text=OFFERED)
    sandbox.switch(read_right="403")
    table = Table(("ticket_code", "custom_fields.o"), (TableRow(2, (CODE, "OLD")),))
    found = plan_rows(table, load_schema(get_choices()), compares=True)

    item = planned(lead, Edit(found.rows[0].values).as_json())

    assert (item.plan, item.reason) == (Plan.CANNOT, ItemReason.NOT_OFFERED)


def test_a_row_without_a_value_is_not_reported_as_already_there(lead: User, sandbox: Sandbox) -> None:
    item = planned(lead, None)

    assert (item.plan, item.reason) == (Plan.CANNOT, ItemReason.NOTHING_WANTED)


def test_a_file_keeps_the_lines_and_characters_of_a_text(lead: User, sandbox: Sandbox) -> None:
    text = "Liên hệ Lan <lan@example.com> gấp\nhai\nba"

    wishes = wishes_of("ticket_content", text)

    assert wishes["ticket_content"]["set"] == "<p>Liên hệ Lan &lt;lan@example.com&gt; gấp<br>hai<br>ba</p>"


def test_an_undo_sends_values_as_they_were_stored(lead: User, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={"o": "7"})
    CustomField.objects.create(key="o", label="Ô", kind=Kind.NUMBER)
    name = "custom_fields.o"
    run = BulkUpdate.objects.create(
        owner=lead, state=BulkState.CHECKING, kind=BulkKind.UNDO, created_at=timezone.now()
    )
    item = BulkItem.objects.create(
        bulk=run,
        position=0,
        ticket_code=CODE,
        wishes={name: {"set": 1.5}},
        base={name: "7"},
        read_at=run.created_at,
    )

    send_item(work_on(run, lead), item)

    assert sandbox.puts(CODE)[-1]["custom_fields"]["o"] == 1.5
