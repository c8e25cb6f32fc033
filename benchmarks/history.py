"""The history page at a million rows: first page, deep pages and every filter."""

import random
import uuid
from datetime import timedelta

from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks.measuring import Row, side_by_side
from benchmarks.pages import person
from ticketadmin.models import Change, ChangedField, User

FIELDS = ["ticket_title", "ticket_content", "account_email", "cate_name", "status_name", "expected_at"]
OUTCOMES = ["verified"] * 96 + ["not_applied", "rejected", "unknown", "stored_differently"]
CHUNK = 10_000


def history(rows: int, rounds: int, label: str) -> list[Row]:
    """Fill the table and measure the page's whole server time, as a lead sees it."""
    people = [person(f"{label}-{number}", "staff") for number in range(20)]
    lead = person(f"{label}-lead", "lead")
    fill(rows, people)
    client, staff = Client(), Client()
    client.force_login(lead)
    staff.force_login(people[0])
    day = timezone.localdate() - timedelta(days=100)
    middle = Change.objects.order_by("id").values_list("pk", flat=True)[rows // 2]
    addresses = {
        "first page": "/history/",
        "in the middle": f"/history/?before={middle}",
        "the last page": f"/history/?before={Change.objects.order_by('id').first().pk + 60}",  # type: ignore[union-attr]
        "one ticket": "/history/?ticket=T-000123",
        "one person": f"/history/?person={people[3].pk}",
        "a rare field": "/history/?field=emergency_phone",
        "a rare outcome": "/history/?outcome=rejected",
        "some days": f"/history/?since={day}&until={day + timedelta(days=3)}",
        "person, outcome and field": f"/history/?person={people[3].pk}&outcome=rejected&field=status_name",
    }
    things = {name: lambda path=path: _ask(client, path) for name, path in addresses.items()}
    things["as staff"] = lambda: _ask(staff, "/history/")
    measured = side_by_side(f"history, {rows:,} rows, {label}", things, rounds)
    for row in measured.values():
        row.limit = "≤ 50 ms"
    return list(measured.values())


def _ask(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200, path


def fill(rows: int, people: list[User]) -> None:
    """Insert changes as users make them: of one field or two, one in five hundred of a rare one."""
    generator = random.Random(5)
    start = timezone.now() - timedelta(days=730)
    for first in range(0, rows, CHUNK):
        changes = []
        for number in range(first, min(first + CHUNK, rows)):
            names = ["emergency_phone"] if number % 500 == 0 else [generator.choice(FIELDS)]
            names += [generator.choice(FIELDS)] if number % 3 == 0 else []
            wanted = dict.fromkeys(names, "Giá trị mới")
            who = generator.choice(people)
            changes.append(
                Change(
                    uuid=uuid.UUID(int=generator.getrandbits(128), version=4),
                    ticket_code=f"T-{generator.randrange(40_000):06d}",
                    actor=who,
                    actor_name=who.username,
                    created_at=start + timedelta(seconds=63 * number),
                    finished_at=start + timedelta(seconds=63 * number + 1),
                    wanted=wanted,
                    payload=wanted,
                    before=dict.fromkeys(names, "Giá trị cũ"),
                    read_back=wanted,
                    results=dict.fromkeys(names, "verified"),
                    outcome=generator.choice(OUTCOMES),
                    request_id=uuid.UUID(int=generator.getrandbits(128)).hex,
                    http_status=200,
                )
            )
        made = Change.objects.bulk_create(changes, batch_size=500)
        ChangedField.objects.bulk_create(
            [ChangedField(change=one, name=name) for one in made for name in one.wanted], batch_size=5_000
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
