"""Prepared statements do what their querysets do, read afresh, and are built once per connection."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection
from django.db.models import (
    BigIntegerField,
    BinaryField,
    CharField,
    Count,
    DateTimeField,
    Exists,
    OuterRef,
    QuerySet,
    UUIDField,
)
from django.db.transaction import atomic
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ticketadmin.models import (
    Change,
    ChangedField,
    IndexedTicket,
    Insert,
    Outcome,
    Prepared,
    PreparedUpdate,
    Role,
    RowsUpdate,
    Slot,
    TicketIndex,
    User,
)
from ticketadmin.services.values.ordering import sort_key

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]
CODE = "'; DROP TABLE x; -- %s"


def changed(actor: User | None, code: str = CODE, **values: object) -> Change:
    values = {"created_at": timezone.now(), "outcome": Outcome.VERIFIED, **values}
    return Change.objects.create(ticket_code=code, actor=actor, actor_name="", **values)


def newest() -> QuerySet[Change]:
    rows = Change.objects.filter(ticket_code=Slot("code", CharField())).select_related("undo_of", "actor")
    return rows.annotate(undone=Count("undone_by")).order_by("-id")[:2]


def test_a_prepared_query_returns_what_its_queryset_returns(staff: User) -> None:
    first = changed(staff, wanted={"ticket_title": "Đã đổi"})
    undo = changed(staff, undo_of=first)
    third = changed(None)
    changed(staff, code="OTHER")
    query = Prepared(newest)

    with CaptureQueriesContext(connection) as captured:
        found = query.rows(code=CODE)
        read = [(one, one.undo_of, one.actor, one.undone) for one in found]

    assert read == [(third, None, None, 0), (undo, first, staff, 0)]
    assert read[1][1].wanted == {"ticket_title": "Đã đổi"}
    assert len(captured) == 1
    assert query.rows(code="OTHER")[0].ticket_code == "OTHER"
    assert query.rows(code="NONE") == []


def test_a_prepared_query_reads_afresh_each_time() -> None:
    change = changed(None, system_account="a")
    query = Prepared(newest)

    assert query.first(code=CODE).system_account == "a"
    Change.objects.filter(pk=change.pk).update(system_account="b")
    assert query.first(code=CODE).system_account == "b"
    change.delete()
    assert query.first(code=CODE) is None


def test_values_are_converted_as_their_fields_convert_them() -> None:
    moment = datetime(2026, 11, 28, 23, 59, 59, 999999, tzinfo=UTC)
    submission = uuid4()
    change = changed(None, submission=submission, created_at=moment)
    index = TicketIndex.objects.create(address="https://crm.example")
    row = IndexedTicket.objects.create(
        index=index, code="A", customer_key=sort_key("Đỗ"), values={"a": ["ă"]}
    )

    changes = Prepared(
        lambda: Change.objects.filter(
            created_at=Slot("at", DateTimeField()), submission=Slot("submission", UUIDField())
        )
    )
    rows = Prepared(
        lambda: IndexedTicket.objects.filter(
            index_id=Slot("index", BigIntegerField()), customer_key=Slot("customer", BinaryField())
        )
    )

    assert changes.rows(at=moment, submission=submission) == [change]
    assert rows.rows(index=index.pk, customer=sort_key("đỗ")) == [row]
    assert rows.rows(index=index.pk, customer=sort_key("Đỗ"))[0].values == {"a": ["ă"]}


def test_a_slot_may_be_used_in_subqueries_and_more_than_once(staff: User) -> None:
    def build() -> QuerySet[Change, int]:
        code = Slot("code", CharField())
        own = Change.objects.filter(
            ticket_code=code, actor=Slot("actor", BigIntegerField()), pk__lte=OuterRef("pk")
        )
        return (
            Change.objects.filter(Exists(own), ticket_code=code).order_by("id").values_list("pk", flat=True)
        )

    changed(None)
    mine, later = changed(staff), changed(None)

    assert Prepared(build).rows(code=CODE, actor=staff.pk) == [mine.pk, later.pk]


@pytest.mark.parametrize("values", [{}, {"code": "A", "other": 1}, {"other": 1}])
def test_values_for_unknown_slots_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="code"):
        Prepared(newest).rows(**values)


def test_a_prepared_query_is_built_once_per_connection() -> None:
    built: list[None] = []

    def build() -> QuerySet[Change]:
        built.append(None)
        return newest()

    query = Prepared(build)
    for code in ("A", "B", "C"):
        query.rows(code=code)
    assert len(built) == 1

    def elsewhere() -> None:
        for _time in range(2):
            query.rows(code="A")
        connection.close()

    thread = Thread(target=elsewhere)
    thread.start()
    thread.join(20)
    assert len(built) == 2


def given_up() -> tuple[QuerySet[Change], dict[str, object]]:
    at = Slot("at", DateTimeField())
    rows = Change.objects.filter(ticket_code=Slot("code", CharField()), created_at__lt=at, outcome="pending")
    return rows, {"finished_at": at, "outcome": Outcome.UNKNOWN, "message": Slot("said", CharField())}


def test_a_prepared_update_sets_columns_of_matching_rows_and_counts_them() -> None:
    moment = datetime(2026, 11, 28, 12, tzinfo=UTC)
    early = changed(None, outcome=Outcome.PENDING, created_at=moment - timedelta(seconds=1))
    late = changed(None, code="LATE", outcome=Outcome.PENDING, created_at=moment)
    update = PreparedUpdate(given_up)

    with CaptureQueriesContext(connection) as captured:
        assert update.run(code=CODE, at=moment, said="'%s") == 1
        assert update.run(code=CODE, at=moment, said="again") == 0
        assert update.run(code="LATE", at=moment, said="x") == 0

    assert len(captured) == 3
    early.refresh_from_db()
    assert (early.finished_at, early.outcome, early.message) == (moment, Outcome.UNKNOWN, "'%s")
    late.refresh_from_db()
    assert (late.outcome, late.message) == (Outcome.PENDING, "")
    with pytest.raises(TypeError, match="said"):
        update.run(code=CODE, at=moment)


def test_a_failed_statement_leaves_the_query_usable() -> None:
    change = changed(None)
    query = Prepared(newest)
    query.rows(code=CODE)

    def fail(*_arguments: object) -> None:
        raise OperationalError

    with connection.execute_wrapper(fail), pytest.raises(OperationalError):
        query.rows(code=CODE)

    assert query.rows(code=CODE) == [change]


def open_changes() -> QuerySet[Change]:
    return Change.objects.filter(outcome="pending", system_account=Slot("account", CharField()))


WRITTEN = ("message", "before", "read_back", "wanted", "finished_at", "http_status", "submission", "undo_of")


def test_many_rows_are_updated_each_with_its_own_values_in_one_statement(staff: User) -> None:
    moment = datetime(2026, 11, 28, 23, 59, 59, 999999, tzinfo=UTC)
    first, second, third, other = (
        changed(staff, code=code, outcome="pending", before={"a": 1}, undo_of=None) for code in "ABCD"
    )
    update = RowsUpdate(open_changes, WRITTEN)
    first.message, first.wanted, first.finished_at = "'; %s \\ WHERE Đỗ", {"ă": ["%s", None, 0, ""]}, moment
    first.undo_of, first.http_status, first.submission, first.before = other, 200, uuid4(), None
    second.message, second.read_back, second.wanted = "", {}, {"a": "null"}
    third.actor_name = "not among the columns"

    with CaptureQueriesContext(connection) as captured:
        update.run([first, second, third], account="")

    assert len(captured) == 1
    rows = (first, second, third)
    kept = {row.pk: [getattr(row, name) for name in WRITTEN] for row in rows}
    found = Change.objects.filter(pk__in=kept)
    assert {row.pk: [getattr(row, name) for name in WRITTEN] for row in found} == kept
    assert set(found.values_list("actor_name", flat=True)) == {""}
    assert found.get(before__isnull=True) == first  # SQL's NULL, not JSON's
    other.refresh_from_db()
    assert other.before == {"a": 1}


def test_updates_of_any_number_of_rows_use_few_distinct_statements() -> None:
    Change.objects.bulk_create(
        Change(ticket_code=f"C{number}", actor_name="", created_at=timezone.now(), outcome="pending")
        for number in range(64)
    )
    rows = list(Change.objects.order_by("pk"))
    update = RowsUpdate(open_changes, ["message"])
    statements: set[str] = set()
    for count in range(1, len(rows) + 1):
        for row in rows:
            row.message = f"{count} of {row.ticket_code}"
        with CaptureQueriesContext(connection) as captured:
            update.run(rows[:count], account="")
        assert len(captured) == 1
        stored = Change.objects.filter(message__startswith=f"{count} of").order_by("pk")
        assert [row.message for row in stored] == [row.message for row in rows[:count]]
        statements.add(re.sub("'[^']*'", "", re.sub(r"\b\d+\b", "", captured[0]["sql"])))

    assert len(statements) <= 12


def test_columns_of_every_kind_are_written_as_their_fields_read_them() -> None:
    index = TicketIndex.objects.create(address="https://crm.example")
    rows = [IndexedTicket(index=index, code=code, code_key=sort_key(code)) for code in ("A", "Đ")]
    IndexedTicket.objects.bulk_create(rows)
    found = list(IndexedTicket.objects.order_by("pk"))
    columns = ("title_key", "expected_on", "updated_at", "number", "values", "words")
    for number, row in enumerate(found):
        row.title_key, row.expected_on = sort_key("Đỗ \\x"), date(2026, 2, 28)
        row.updated_at = datetime(2026, 11, 28, 23, 59, 59, number, tzinfo=UTC)
        row.number, row.values, row.words = 2**62 + number, {"a": "\\u0041 %s '"}, "\\n\t\n"

    RowsUpdate(IndexedTicket.objects.all, columns).run(found)

    stored = list(IndexedTicket.objects.order_by("pk"))
    assert [bytes(row.code_key) for row in stored] == [sort_key("A"), sort_key("Đ")]
    assert [[getattr(row, name) for name in columns] for row in stored] == [
        [getattr(row, name) for name in columns] for row in found
    ]


def test_postgresql_plans_an_update_once_for_any_number_of_rows() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite takes values one by one")
    rows = [changed(None, code=f"C{number}", outcome="pending") for number in range(7)]
    update = RowsUpdate(open_changes, ["message"])

    for count in (2, 3, 5, 7):
        update.run(rows[:count], account="")

    assert len([sql for sql in prepared_statements() if "jsonb_to_recordset" in sql]) == 1


def test_only_rows_of_the_queryset_are_updated() -> None:
    mine, done = changed(None, code="A", outcome="pending"), changed(None, code="B")
    mine.message = done.message = "new"
    update = RowsUpdate(open_changes, ["message"])

    update.run([mine, done], account="x")
    update.run([], account="")
    assert not Change.objects.filter(message="new").exists()

    update.run([mine, done], account="")
    assert list(Change.objects.order_by("pk").values_list("message", flat=True)) == ["new", ""]
    with pytest.raises(TypeError, match="account"):
        update.run([mine])


def test_an_update_of_rows_never_truncates_a_value() -> None:
    change = changed(None, outcome="pending")
    change.reason = "x" * 41
    update = RowsUpdate(open_changes, ["reason"])

    with suppress(DataError), atomic():  # SQLite knows no lengths
        update.run([change], account="")

    change.refresh_from_db()
    assert len(change.reason) in {0, 41}


def test_a_row_is_inserted_with_all_columns_and_parts_and_gets_its_key(staff: User) -> None:
    values: dict[str, Any] = {
        "wanted": {"a": ["Đ", None]},
        "before": None,
        "actor": staff,
        "http_status": 200,
    }
    change = Change(ticket_code=CODE, actor_name="Đỗ", created_at=timezone.now(), **values)

    parts = [ChangedField(name=name) for name in ("a", "%s", "'")]
    with CaptureQueriesContext(connection) as captured:
        Insert(Change, ChangedField, link="change").run(change, parts)

    inserts = [query for query in captured if "INSERT" in query["sql"]]
    assert len(inserts) == (1 if connection.vendor == "postgresql" else 2)
    found = Change.objects.get(ticket_code=CODE)
    assert found == change
    names = [field.attname for field in Change._meta.concrete_fields]
    assert [getattr(found, name) for name in names] == [getattr(change, name) for name in names]
    assert Change.objects.filter(before__isnull=True).exists()
    assert {part.name for part in found.fields.all()} == {"a", "%s", "'"}
    assert [part.change for part in parts] == [change] * 3
    change.message = "saved again"
    change.save()
    assert Change.objects.get() == change


def test_an_insert_outside_a_transaction_opens_none() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite takes two statements")

    def insert() -> list[str]:
        change = Change(ticket_code=CODE, actor_name="", created_at=timezone.now())
        try:
            with CaptureQueriesContext(connection) as captured:
                Insert(Change, ChangedField, link="change").run(change, [ChangedField(name="a")])
            return [query["sql"].split()[0] for query in captured]
        finally:
            Change.objects.all().delete()
            connection.close()

    with ThreadPoolExecutor(1) as another_connection:
        assert another_connection.submit(insert).result() == ["WITH"]


@pytest.mark.parametrize("broken", ["row", "part"])
def test_a_failed_insert_leaves_nothing_behind(broken: str) -> None:
    insert = Insert(Change, ChangedField, link="change")
    changed(None, outcome="pending")
    again = Change(ticket_code="other", actor_name="", created_at=timezone.now())
    if broken == "row":
        again.ticket_code = CODE  # a second one under way
    part = ChangedField(name=None if broken == "part" else "a")

    with pytest.raises(IntegrityError):
        insert.run(again, [part])

    assert Change.objects.count() == 1
    assert not ChangedField.objects.exists()
    again.ticket_code, part.name = "other", "b"
    insert.run(again, [part])
    assert [one.name for one in again.fields.all()] == ["b"]


@pytest.mark.parametrize("role", Role)
def test_a_sessions_user_comes_with_their_permissions(role: Role, make_person: Callable[..., User]) -> None:
    person = make_person(role)
    known = User.objects.get(pk=person.pk)

    with CaptureQueriesContext(connection) as captured:
        found = User.of_session(person.pk)
        assert found == known
        held = [name for name in ("edit_tickets", "run_bulk_updates", "administer") if found.may(name)]

    assert len(captured) == 1
    assert held == [name for name in ("edit_tickets", "run_bulk_updates", "administer") if known.may(name)]
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert User.of_session(person.pk) is None


def test_postgresql_plans_a_query_once_and_other_statements_each_time(staff: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite's module keeps statements by itself")
    query = Prepared(newest)

    for number in range(4):
        changed(staff, code=f"P{number}")
        with CaptureQueriesContext(connection) as captured:
            assert [one.ticket_code for one in query.rows(code=f"P{number}")] == [f"P{number}"]
        assert f"'P{number}'" in captured[0]["sql"], "what was executed is told as of any other statement"

    kept = prepared_statements()
    assert len([sql for sql in kept if "undone_by" in sql or "GROUP BY" in sql]) == 1
    assert not any("INSERT" in sql for sql in kept)


def test_a_failed_query_leaves_the_connection_as_it_was(staff: User) -> None:
    query = Prepared(lambda: Change.objects.filter(pk=Slot("pk", CharField())))

    with suppress(DataError, ValueError), atomic():
        query.rows(pk="no number")

    changed(staff, code="after")
    before = prepared_statements()
    for _time in range(4):
        assert Change.objects.filter(ticket_code="after").count() == 1
    assert prepared_statements() == before


def prepared_statements() -> list[str]:
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [sql for (sql,) in cursor.fetchall()]
