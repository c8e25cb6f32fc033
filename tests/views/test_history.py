"""The record of changes: filters, pages, CSV, who may see what, and what survives."""

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pages import forms_in, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.forms.history import HistoryFilterForm
from ticketadmin.models import Change, ChangedField, CustomField, Role, User
from ticketadmin.services.history.changes import HistoryFilters, history_page

CODE = "ABCXYZ1234"


def record(actor: User, code: str = CODE, days_ago: int = 0, **values: Any) -> Change:
    wanted = values.pop("wanted", {"ticket_title": "Mới"})
    change = Change.objects.create(
        ticket_code=code,
        actor=actor,
        actor_name=actor.display_name,
        created_at=timezone.now() - timedelta(days=days_ago),
        finished_at=timezone.now(),
        outcome=values.pop("outcome", "verified"),
        wanted=wanted,
        before=values.pop("before", dict.fromkeys(wanted, "Cũ")),
        **values,
    )
    ChangedField.objects.bulk_create(ChangedField(change=change, name=name) for name in wanted)
    return change


@pytest.fixture
def minh(make_person: Callable[..., User]) -> User:
    return make_person(Role.STAFF, "minh", first_name="Minh")


def test_the_record_of_a_save_is_complete(
    staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(staff)
    client.post(f"/tickets/{CODE}/", ticket_form(client.get(f"/tickets/{CODE}/")).filled(ticket_title="Mới"))

    change = Change.objects.get()
    assert change.actor_name == "Lan Trần"
    assert change.payload == {"ticket_title": "Mới"}
    assert change.http_status == 200
    assert change.duration_ms is not None
    assert change.request_id
    assert [field.name for field in change.fields.all()] == ["ticket_title"]
    page = client.get("/history/").content.decode()
    assert CODE in page
    assert change.request_id in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["a", "b", "c", "d"]),
        ({"ticket": "T-1"}, ["a", "b"]),
        ({"field": "status_name"}, ["b", "d"]),
        ({"field": "custom_fields.so_serial"}, []),
        ({"outcome": "rejected"}, ["c"]),
        ({"since": "-5"}, ["a", "b"]),
        ({"until": "-5"}, ["c", "d"]),
        ({"since": "-12", "until": "-5"}, ["c"]),
        ({"since": "+2"}, []),
        ({"field": "status_name", "until": "-5"}, ["d"]),
        ({"person": "minh"}, ["b"]),
        ({"origin": "quick"}, ["d"]),
        ({"bulk": "0b5c7a52-9a8f-4b39-a5b2-0b5f1f6f2f10"}, ["c"]),
    ],
)
def test_filters_find_matching_changes(
    query: dict[str, str], found: list[str], staff: User, minh: User, lead: User, settings: Any
) -> None:
    CustomField.objects.create(key="so_serial", label="Serial")
    record(staff, "T-2", days_ago=20, request_id="d", wanted={"status_name": "Hủy"}, origin="quick")
    bulk = "0b5c7a52-9a8f-4b39-a5b2-0b5f1f6f2f10"
    record(staff, "T-3", days_ago=10, request_id="c", outcome="rejected", origin="bulk", bulk=bulk)
    record(minh, "T-1", days_ago=2, request_id="b", wanted={"status_name": "Mới"})
    record(staff, "T-1", request_id="a")
    client = Client()
    client.force_login(lead)
    asked = dict(query)
    for name in ("since", "until"):
        if name in asked:
            asked[name] = (timezone.localdate() + timedelta(days=int(asked[name]))).isoformat()
    if "person" in asked:
        asked["person"] = str(minh.pk)

    answer = client.get("/history/", asked)

    assert [item.change.request_id for item in answer.context["page"].changes] == found


@pytest.mark.parametrize("path", ["/history/", "/history/changes.csv"])
@pytest.mark.parametrize(
    "asked",
    [
        {"since": "gestern", "outcome": "nonsense"},
        {"until": "9999-12-31"},
        {"since": "0001-01-01"},
        {"bulk": "lần chạy hôm qua"},
    ],
    ids=str,
)
def test_an_invalid_filter_is_reported_and_stays_in_the_form(
    asked: dict[str, str], path: str, lead: User, client_of: Any
) -> None:
    answer = client_of(lead).get(path, asked)

    assert answer.status_code == 422
    assert next(iter(asked.values())) in answer.content.decode()


def test_every_filter_in_an_address_is_in_a_box_that_can_be_cleared(lead: User, client_of: Any) -> None:
    asked = {
        "ticket": "T-1",
        "person": str(lead.pk),
        "field": "status_name",
        "outcome": "rejected",
        "origin": "bulk",
        "reason": "r",
        "since": "2026-01-01",
        "until": "2026-01-02",
        "bulk": "0b5c7a52-9a8f-4b39-a5b2-0b5f1f6f2f10",
    }
    form = HistoryFilterForm(asked, user=lead)

    assert set(form.fields) == set(asked)
    assert form.hidden_fields() == []
    page = client_of(lead).get("/history/", asked)
    boxes = next(form for form in forms_in(page) if "reason" in form.values)
    assert {name: values[0] for name, values in boxes.values.items()} == asked


@pytest.mark.parametrize("before", ["9" * 5000, "9" * 18, "x", "-1", "0"])
def test_any_position_in_the_list_can_be_requested(before: str, lead: User, client_of: Any) -> None:
    assert client_of(lead).get("/history/", {"before": before}).status_code == 200


def test_pages_show_each_change_once_although_new_ones_arrive(staff: User, lead: User) -> None:
    made = [record(staff, f"T-{number}").pk for number in range(25)]

    seen: list[int] = []
    before = None
    while True:
        page = history_page(lead, HistoryFilters(), before=before, size=10)
        seen += [change.pk for change in page.rows]
        if page.next_before is None:
            break
        before = page.next_before
        record(staff, "T-new")

    assert seen == sorted(made, reverse=True)


def test_the_page_needs_the_same_queries_for_any_number_of_changes(staff: User, lead: User) -> None:
    client = Client()
    client.force_login(lead)
    counts = []
    for _round in range(2):
        for number in range(15):
            record(staff, f"T-{number}")
        with CaptureQueriesContext(connection) as queries:
            client.get("/history/")
        counts.append(len(queries))

    assert counts[0] == counts[1]
    assert counts[0] <= 12


def test_staff_see_their_own_changes_and_those_of_tickets_they_changed(
    staff: User, minh: User, client_of: Callable[[User], Client]
) -> None:
    record(staff, "SHARED", request_id="mine")
    record(minh, "SHARED", request_id="on-my-ticket")
    foreign = record(minh, "FOREIGN", request_id="foreign-work")
    client = client_of(staff)

    everything = client.get("/history/").content.decode()
    assert "mine" in everything
    assert "foreign-work" not in everything
    assert "on-my-ticket" in client.get("/history/?ticket=SHARED").content.decode()
    assert "foreign-work" not in client.get("/history/?ticket=FOREIGN").content.decode()
    assert "foreign-work" not in client.get(f"/history/?person={minh.pk}").content.decode()
    table = b"".join(client.get("/history/changes.csv?ticket=FOREIGN").streaming_content).decode()
    assert "foreign-work" not in table
    assert client.post(f"/history/{foreign.uuid}/undo/").status_code == 404


def test_staff_cannot_undo_a_colleagues_change_on_their_own_ticket(
    staff: User, minh: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    record(staff)
    foreign = record(minh)

    assert client_of(staff).post(f"/history/{foreign.uuid}/undo/").status_code == 403
    assert "/undo/" not in client_of(staff).get(f"/history/?ticket={CODE}&outcome=rejected").content.decode()
    assert sandbox.puts() == []


def test_the_csv_streams_every_row_without_active_formulas(staff: User, lead: User) -> None:
    record(staff, "T-1", wanted={"ticket_title": "=cmd|' /C calc'!A0", "emergency_phone": "+84 901 234 567"})
    record(staff, "T-2", wanted={"ticket_content": '@SUM(A1)\n"x"'})
    client = Client()
    client.force_login(lead)

    answer = client.get("/history/changes.csv")
    text = b"".join(answer.streaming_content).decode()

    assert text.startswith("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
    assert {row["field"]: row["sent"] for row in rows} == {
        "ticket_title": "'=cmd|' /C calc'!A0",
        "emergency_phone": "+84 901 234 567",
        "ticket_content": '\'@SUM(A1)\n"x"',
    }


def test_history_survives_the_deletion_of_its_user(staff: User, lead: User) -> None:
    """For example from before the audit log: since then, users who acted are deactivated, not deleted."""
    record(staff)
    staff.delete()

    change = Change.objects.get()
    assert change.actor is None
    assert change.actor_name == "Lan Trần"


def test_pruning_deletes_old_settled_changes_only(staff: User, capsys: pytest.CaptureFixture[str]) -> None:
    record(staff, days_ago=400)
    still_open = record(staff, days_ago=400, outcome="unknown")
    fresh = record(staff, days_ago=10)

    call_command("prune_history", "--older-than", "1y")

    assert set(Change.objects.all()) == {still_open, fresh}
    assert "1 changes were deleted." in capsys.readouterr().out


@pytest.mark.parametrize("age", ["", "0d", "x", "-5d", "10", "101y", "99999y"])
def test_pruning_refuses_an_age_that_it_does_not_understand(age: str) -> None:
    with pytest.raises(CommandError, match="older-than"):
        call_command("prune_history", "--older-than", age)


@pytest.mark.parametrize("limit", ["", "0", "-1", "x", "1.5", "9" * 30])
def test_settling_refuses_a_number_of_changes_that_is_none(limit: str, staff: User) -> None:
    record(staff, outcome="unknown")

    with pytest.raises(CommandError, match="--limit"):
        call_command("settle_changes", f"--limit={limit}")
