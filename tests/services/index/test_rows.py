"""Rows of the index: written only by newer reads, as sparse as the CRM's, without content, counted."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    CustomField,
    IndexedTicket,
    IndexedValue,
    ReadFrom,
    StatusCount,
    TicketIndex,
    User,
)
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.reading import announce_read, read_ticket
from ticketadmin.services.index.counters import recount, status_counts
from ticketadmin.services.index.rows import KEPT, ReadRow, current_index, mark_missing, write_read, write_rows
from ticketadmin.services.index.searching import matching_words
from ticketadmin.services.index.words import terms_in
from ticketadmin.ticketapi.errors import NotFound

pytestmark = pytest.mark.django_db
NOON = datetime.fromisoformat("2026-11-28T12:00:00+00:00")
CODE = "ABCXYZ1234"


def write(*seen: ReadRow, minute: int = 0, read_from: ReadFrom = ReadFrom.LIST, **options: Any) -> None:
    began = NOON + timedelta(minutes=minute)
    write_rows(current_index(), seen, began_at=began, read_from=read_from, **options)


def ticket(code: str = "T-1", number: int | None = None, **values: str) -> ReadRow:
    return ReadRow(code, number, values)


def row(code: str = "T-1") -> IndexedTicket:
    return IndexedTicket.objects.get(index=current_index(), code=code)


def counted() -> dict[str, int]:
    return {one.name: one.tickets for one in status_counts(current_index())}


def found(query: str) -> set[str]:
    rows = IndexedTicket.objects.filter(matching_words(terms_in(query), connection).any_order)
    return set(rows.values_list("code", flat=True))


def test_a_read_that_began_earlier_never_replaces_a_newer_one() -> None:
    write(ticket(status_name="Mới"), minute=0)
    write(ticket(status_name="Hủy"), minute=2)
    write(ticket(status_name="Mới"), minute=1)  # its answer came last

    assert row().values["status_name"] == "Hủy"
    assert row().read_at == NOON + timedelta(minutes=2)
    assert counted() == {"Hủy": 1}


@pytest.mark.parametrize("age", [timedelta(0), timedelta(minutes=1)])
def test_a_read_that_is_announced_late_counts_from_when_it_began(age: timedelta, sandbox: Sandbox) -> None:
    choices = get_choices()
    held_back = read_ticket(CODE, choices, announce=False)
    assert held_back.began_at is None
    sandbox.edit(CODE, status_name="Hủy")
    read_ticket(CODE, choices)
    old = {**held_back.values, "status_name": "Đang xử lý"}

    at_once = timedelta(0)  # else a slow first read began before a quick second one
    announce_read(replace(held_back, values=old, read_at=timezone.now() - age, took=at_once))

    assert row(CODE).values["status_name"] == ("Hủy" if age else "Đang xử lý")


def test_a_row_from_a_clock_that_was_set_back_does_not_block_reads_forever() -> None:
    write(ticket(status_name="Mới"), minute=60)
    write(ticket(status_name="Hủy"), minute=1)

    assert row().values["status_name"] == "Hủy"


def test_a_field_that_a_read_does_not_show_stays_as_it_was() -> None:
    write(ticket(ticket_title="Máy in"))
    assert "status_name" not in row().values
    assert row().status_key is None

    write(ticket(ticket_title="Máy in", status_name=""), minute=1)
    write(ticket(account_name="An Phát"), minute=2)

    assert row().values == {"ticket_title": "Máy in", "status_name": "", "account_name": "An Phát"}
    assert bytes(row().status_key or b"x") == b"" or row().status_key == b""


def test_content_and_unlisted_fields_are_never_stored(sandbox: Sandbox) -> None:
    CustomField.objects.create(key="so_serial", label="Số sê-ri", is_listed=True)
    custom = {"so_serial": "SN-77", "ghi_chu": "riêng"}
    sandbox.edit(CODE, ticket_content="<p>bí mật</p>", custom_fields=custom)

    read_ticket(CODE, get_choices())

    kept = row(CODE)
    assert kept.values["custom_fields.so_serial"] == "SN-77"
    assert kept.read_from == ReadFrom.TICKET
    assert "mật" not in str(kept.values) + kept.words
    assert "riêng" not in str(kept.values) + kept.words
    assert found("sn-77") == {CODE}


def test_a_ticket_not_found_by_its_own_read_is_missing_until_read_again(sandbox: Sandbox) -> None:
    read_ticket(CODE, get_choices())
    choices, before = get_choices(), counted()
    sandbox.fault("status", code=CODE, method="GET", times=1, status=404)
    with pytest.raises(NotFound):
        read_ticket(CODE, choices)

    assert row(CODE).missing_at is not None
    assert sum(counted().values()) == sum(before.values()) - 1
    read_ticket(CODE, choices)
    assert row(CODE).missing_at is None
    assert counted() == before


def test_a_late_404_does_not_hide_a_newer_row() -> None:
    write(ticket(status_name="Mới"), minute=2)

    assert not mark_missing(current_index(), "T-1", began_at=NOON)
    assert row().missing_at is None


def test_an_unannounced_read_leaves_no_row(sandbox: Sandbox) -> None:
    read_ticket(CODE, get_choices(), announce=False)

    assert not IndexedTicket.objects.exists()


def test_a_ticket_under_a_new_code_puts_its_old_row_in_doubt() -> None:
    write(ticket("OLD-1", 7, ticket_title="a"))
    write(ticket("NEW-1", 7, ticket_title="a"), minute=1)

    assert row("OLD-1").doubted_at is not None
    assert row("NEW-1").doubted_at is None


WHOLE = {**dict.fromkeys(sorted(KEPT), ""), "ticket_title": "Máy in", "status_name": "Mới"}


@pytest.mark.parametrize(
    "holds", ["the first read", "another read", "a read of the list", "nothing", "a newer read"]
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (WHOLE, WHOLE | {"ticket_title": "Máy quét", "emergency_phone": "0912 345 678"}),
        (WHOLE, WHOLE | {"status_name": "Hủy"}),
        (WHOLE, WHOLE),
        (WHOLE, WHOLE | {"custom_fields.tang": "4"}),
        (WHOLE, {"ticket_title": "Máy quét"}),  # a read-back that shows less
        (WHOLE | {"account_name": "Lan"}, {name: "" for name in WHOLE if name != "account_name"}),
        ({"ticket_title": "Máy in"}, {"ticket_title": "Máy quét"}),
        (WHOLE, WHOLE | {"expected_at": "2026-12-05", "account_email": "lan@example.com"}),
    ],
)
def test_both_reads_of_a_save_leave_the_same_row_together_as_singly(
    before: dict[str, str], after: dict[str, str], holds: str
) -> None:
    CustomField.objects.create(key="tang", label="Tầng", kind="text", is_listed=True)
    index = current_index()

    def kept(code: str, *, together: bool) -> tuple[dict[str, Any], list[Any]]:
        first, last = (ReadRow(code, None, values, shows_custom=True) for values in (before, after))
        at = {"a newer read": NOON + timedelta(hours=1)}.get(holds, NOON)
        if holds == "another read":
            write_read(
                index, ReadRow(code, None, {"ticket_title": "Khác", "status_name": "Mới"}), began_at=at
            )
        elif holds == "a read of the list":
            write(ticket(code, account_name="An Phát"))
        elif holds != "nothing":
            write_read(index, first, began_at=at)
        times = [NOON + timedelta(minutes=minute) for minute in (1, 2)]
        if not together:
            write_read(index, first, began_at=times[0])
        write_read(index, last, began_at=times[1], before=first if together else None)
        one = IndexedTicket.objects.filter(code=code).values().get()
        listed = list(IndexedValue.objects.filter(ticket__code=code).values_list("name", "key"))
        for name in ("id", "code", "code_key", "changed_at", "digest"):
            one.pop(name)
        one["words"] = one["words"].replace(code.lower(), "")
        return one, listed

    apart = kept("T-2", together=False)
    by_status = counted()
    assert kept("T-1", together=True) == apart
    assert counted() == {name: 2 * tickets for name, tickets in by_status.items()}


def test_rows_of_another_crm_address_are_not_shown(settings: Any) -> None:
    write(ticket())
    settings.TICKET_API_URL = "https://other.example.com"

    assert current_index().tickets.count() == 0
    assert TicketIndex.objects.count() == 2


def test_counters_follow_every_write_and_equal_the_number_of_rows() -> None:
    write(*(ticket(f"T-{n}", status_name="Mới" if n % 3 else "HỦY") for n in range(30)), ticket("T-x"))
    write(ticket("T-1", status_name="Hủy"), ticket("T-2", status_name="mới"), minute=1)
    mark_missing(current_index(), "T-4", began_at=NOON + timedelta(minutes=1))
    kept = sorted((bytes(key), n) for key, n in StatusCount.objects.values_list("key", "tickets"))

    recount(current_index())

    assert kept == sorted((bytes(key), n) for key, n in StatusCount.objects.values_list("key", "tickets"))
    assert sum(n for _key, n in kept) == 30


def test_a_very_long_value_is_truncated_and_found_by_its_beginning() -> None:
    write(ticket(ticket_title="Máy " + "x" * 100_000))

    assert len(row().values["ticket_title"]) == 500
    assert found("may xxx") == {"T-1"}


@pytest.mark.parametrize("odd", ["a\0b", "lone \ud800 half", "\udfff"], ids=ascii)
def test_text_is_stored_without_characters_that_no_database_accepts(odd: str) -> None:
    write(ticket(ticket_title=odd, account_name="An Phát"))

    assert "\0" not in row().values["ticket_title"]
    assert found("an phat") == {"T-1"}


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("may in", {"T-1"}),
        ("in", {"T-1", "T-2"}),
        ("5678", {"T-2"}),
        ("in 0912 345 678", {"T-2"}),
        ("zz", set()),
    ],
)
def test_rows_are_found_by_words_of_any_length(query: str, codes: set[str]) -> None:
    write(
        ticket("T-1", ticket_title="Máy in hỏng"),
        ticket("T-2", ticket_title="Hoá đơn in sai", emergency_phone="+84 912 345 678"),
    )

    assert found(query) == codes


def test_frequent_words_are_found_in_the_same_order_as_rare_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    write(*(ticket(f"T-{n}", ticket_title=f"Máy in {n % 3}") for n in range(30)), ticket("X-1"))
    terms = terms_in("máy in")
    rare = set(
        IndexedTicket.objects.filter(matching_words(terms, connection).any_order).values_list(
            "code", flat=True
        )
    )
    monkeypatch.setattr("ticketadmin.services.index.searching.FREQUENT_ROWS", 5)
    frequent = IndexedTicket.objects.filter(matching_words(terms, connection).in_order)

    assert rare == set(frequent.order_by("code_key").values_list("code", flat=True))
    assert len(rare) == 30


def test_search_follows_changed_and_deleted_rows() -> None:
    write(ticket(ticket_title="máy quét"))
    write(ticket(ticket_title="máy chiếu"), minute=1)
    assert (found("quét"), found("chiếu")) == (set(), {"T-1"})

    IndexedTicket.objects.all().delete()
    assert found("chiếu") == set()


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_create_one_row_per_ticket_and_correct_counts() -> None:
    index = current_index()
    errors: list[BaseException] = []

    def work(turn: int) -> None:
        try:
            for step in range(5):
                seen = [ticket(f"T-{n}", status_name=f"S{(n + turn + step) % 3}") for n in range(20)]
                began = NOON + timedelta(seconds=turn + 10 * step)
                write_rows(index, seen, began_at=began, read_from=ReadFrom.LIST)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion
            errors.append(error)
        finally:
            connections.close_all()

    if connection.vendor == "sqlite" and connection.is_in_memory_db():  # type: ignore[attr-defined]
        work(0)
    else:
        threads = [threading.Thread(target=work, args=(turn,)) for turn in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    kept = counted()
    recount(index)

    assert errors == []
    assert index.tickets.count() == 20
    assert kept == counted()


def test_an_accepted_save_that_cannot_be_read_back_leaves_what_was_sent(
    sandbox: Sandbox, staff: User, client_of: Callable[[User], Any]
) -> None:
    sandbox.switch(read_right="403")
    client_of(staff).post(f"/tickets/{CODE}/status/", {"status": "Hủy"})

    kept = row(CODE)
    assert kept.values == {"status_name": "Hủy"}
    assert kept.read_from == ReadFrom.SENT
    assert timezone.now() - (kept.read_at or NOON) < timedelta(minutes=1)
