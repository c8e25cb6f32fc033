"""What a list shows besides its rows is read by one query, and is what single queries say."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ticketadmin.models import (
    CrmSnapshot,
    CustomField,
    Draft,
    Heartbeat,
    ReadFrom,
    Recipe,
    Snapshot,
    StatusSetting,
    TicketIndex,
    TicketRule,
    User,
)
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.index.counters import status_counts
from ticketadmin.services.index.omnibox import MAX_DRAFTED, drafted_codes
from ticketadmin.services.index.overview import overview_for
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows
from ticketadmin.services.recipes.keep import recipes_for

pytestmark = [pytest.mark.django_db, pytest.mark.counts_queries]
ODD = "Đang xử lý – \"'\\\n%s"


@pytest.fixture
def filled(staff: User, lead: User) -> TicketIndex:
    """Keep something of everything that the overview holds, with texts that JSON has to escape."""
    index, now = current_index(), timezone.now()
    names = ["Mới", ODD, "", None]
    seen = [
        ReadRow(f"TK{n}", n, {} if name is None else {"status_name": name}) for n, name in enumerate(names)
    ]
    write_rows(index, seen, began_at=now, read_from=ReadFrom.LIST)
    items = [{"id": n, "name": name} for n, name in enumerate([ODD, "Mới"])]
    for name in (Snapshot.STATUSES, Snapshot.CATEGORIES):
        CrmSnapshot.objects.keep(name, {"items": items, "fetched_at": now.isoformat()})
    CrmSnapshot.objects.keep(Snapshot.READING, {"state": "works"})
    emptied = {"are_emptied": True, "ticket": "TK1", "fields": ["ticket_title"], "set_by": ""}
    CrmSnapshot.objects.keep(Snapshot.OMITTED, emptied)
    StatusSetting.objects.create(name=ODD, hue="green", order=2, is_done=True, quick_button=True)
    CustomField.objects.create(key="may", label=ODD, kind="select", choices_text='a=Ổ "cứng"', is_listed=True)
    CustomField.objects.create(key="phong", label="Phòng", kind="text")
    TicketRule.objects.create(field="status_name", value=ODD, needs_reason=True, required_fields=["may"])
    for number, name in enumerate(["b", "Á", ODD]):
        owner = (staff, lead)[number % 2]
        Recipe.objects.create(owner=owner, name=name, is_shared=number == 1, changes=[{"field": "x"}])
    drafts = [
        Draft(
            actor=staff,
            ticket_code=f"D{n}",
            title=ODD,
            updated_at=now - timedelta(minutes=(7 * n) % (MAX_DRAFTED + 9)),
            discarded_at=now if n == 3 else None,
        )
        for n in range(MAX_DRAFTED + 9)
    ]
    Draft.objects.bulk_create([*drafts, Draft(actor=lead, ticket_code="L1", updated_at=now)])
    return index


def test_the_overview_agrees_with_single_queries(filled: TicketIndex, staff: User, lead: User) -> None:
    for user in (staff, lead):
        with CaptureQueriesContext(connection) as captured:
            found = overview_for(user)

        assert len(captured) == 1
        assert found.index == filled
        choices = get_choices(ask=False)
        assert found.choices == choices
        assert found.choices.omitted_are_emptied
        assert get_statuses(found.choices) == get_statuses(choices)
        assert found.choices.listed
        assert [one.choices for one in found.choices.listed] == [(("a", 'Ổ "cứng"'),)]
        assert sorted(found.counted, key=str) == sorted(status_counts(filled), key=str)
        assert sum(one.tickets for one in found.counted) == 4
        assert tuple(one.ticket_code for one in found.drafts) == drafted_codes(user)
        assert [(one.pk, one.name) for one in found.recipes] == [
            (one.pk, one.name) for one in recipes_for(user)
        ]
    assert len(overview_for(staff).drafts) == MAX_DRAFTED
    assert {one.title for one in overview_for(staff).drafts} == {ODD}


def test_times_are_those_of_the_database(filled: TicketIndex, staff: User) -> None:
    before = database_now()
    found = overview_for(staff)

    assert before <= found.now <= database_now()
    newest = Draft.objects.of(staff.pk)[0]
    assert found.drafts[0].updated_at == newest.updated_at
    kept = CrmSnapshot.objects.get(name=Snapshot.READING).fetched_at
    assert found.choices.reading == "works"
    CrmSnapshot.objects.filter(name=Snapshot.READING).update(
        value={"state": "refused"}, fetched_at=kept - timedelta(days=1)
    )
    assert overview_for(staff).choices.reading == "unknown"


def test_a_worker_counts_as_alive_while_its_heartbeat_is_recent(staff: User) -> None:
    assert not overview_for(staff).has_worker
    beat = Heartbeat.objects.create(name="w", started_at=database_now(), beat_at=database_now())
    assert overview_for(staff).has_worker
    beat.beat_at -= timedelta(minutes=5)
    beat.save()
    assert not overview_for(staff).has_worker


def test_a_missing_index_is_created(staff: User) -> None:
    assert not TicketIndex.objects.exists()

    found = overview_for(staff)

    assert found.index == TicketIndex.objects.get()
    assert (found.counted, found.drafts, found.recipes) == ((), (), ())
    assert (found.choices.settings, found.choices.rules, found.choices.listed) == ((), (), ())
    assert not found.choices.statuses.is_known
