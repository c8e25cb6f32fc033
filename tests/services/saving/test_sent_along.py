"""What is sent along for a CRM that empties what a PUT leaves out, and when a CRM is recognised as one."""

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import json_values
from ticketadmin.models import Change, Draft, Outcome, User
from ticketadmin.services.crm.omitted import omitted_fields, remember_emptied
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.edit import payload_of
from ticketadmin.services.saving.seen_fields import with_seen
from ticketadmin.services.saving.sent_along import (
    MAX_NAMED,
    OTHER_CUSTOM,
    can_be_lost,
    fields_lost,
    lost_and_along,
    names_sent_along,
    with_sent_along,
)
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import STANDARD
from ticketadmin.services.values.schema import TicketSchema

EMPTIES, KEEPS = TicketSchema(choices=Choices(omitted_are_emptied=True)), TicketSchema()
names = st.sampled_from([*(field.name for field in STANDARD), "custom_fields.a", "custom_fields.b"])
tickets = st.dictionaries(names, json_values)


@given(tickets, tickets)
def test_the_wanted_values_are_sent_together_with_exactly_what_was_read(
    wanted: dict[str, Any], before: dict[str, Any]
) -> None:
    sent = with_sent_along(wanted, before, EMPTIES)

    assert wanted.items() <= sent.items() or all(sent[name] is wanted[name] for name in wanted)
    for name, value in before.items():
        is_along = name in sent and name not in wanted
        assert is_along == (name not in wanted and not EMPTIES.is_empty(name, value))
        assert not is_along or sent[name] is value
    assert with_sent_along(wanted, before, KEEPS) == wanted
    assert with_sent_along(wanted, None, EMPTIES) == wanted


@given(st.sets(names, min_size=1), tickets)
def test_every_standard_field_is_wanted_sent_along_lost_or_empty(
    wanted: set[str], known: dict[str, Any]
) -> None:
    shown = ReadTicket("T-1", known, timezone.now(), shows_custom_fields=True)

    lost, along = (set(found or ()) for found in lost_and_along(wanted, shown, EMPTIES))

    assert not lost & along
    assert not (lost | along) & wanted
    for field in STANDARD:
        is_empty = field.name in known and EMPTIES.is_empty(field.name, known[field.name])
        assert (field.name in wanted) + (field.name in lost) + (field.name in along) + is_empty >= 1
    assert lost_and_along(wanted, shown, KEEPS) == (None, None)


@given(tickets.filter(bool), tickets)
def test_the_record_names_what_was_sent_along(wanted: dict[str, Any], before: dict[str, Any]) -> None:
    sent = with_sent_along(wanted, before, EMPTIES)
    change = Change(wanted=wanted, before=before, payload=payload_of(sent, None))

    assert set(names_sent_along(change)) == sent.keys() - wanted.keys()


ALL = {field.name: "" for field in STANDARD}
A, B = "custom_fields.a", "custom_fields.b"


@pytest.mark.parametrize(
    ("values", "shows_custom", "known", "lost"),
    [
        (ALL, True, (), ()),
        ({"ticket_title": "A"}, True, (), tuple(field.name for field in STANDARD[1:])),
        (ALL, False, (), (OTHER_CUSTOM,)),
        (ALL, False, (A,), (A, OTHER_CUSTOM)),
        (ALL, True, (A,), (A,)),
        ({**ALL, A: None}, True, (A, B), (B,)),
        ({**ALL, A: "1", B: "2"}, True, (A, B), ()),
    ],
)
def test_a_field_that_reading_does_not_show_cannot_be_sent_along(
    values: dict[str, Any], shows_custom: bool, known: tuple[str, ...], lost: tuple[str, ...]
) -> None:
    shown = ReadTicket("T-1", values, timezone.now(), shows_custom_fields=shows_custom)

    assert fields_lost((), shown, EMPTIES.including(known)) == lost
    assert fields_lost((A, B), shown, EMPTIES.including(known)) == tuple(
        name for name in lost if name not in {A, B}
    )
    assert fields_lost((), shown, KEEPS.including(known)) == ()


def test_without_reading_every_field_can_be_lost() -> None:
    assert fields_lost((A,), None, EMPTIES.including([A, B])) == (*ALL, B, OTHER_CUSTOM)


@pytest.mark.parametrize(
    "names", [[f"custom_fields.k{number}" for number in range(MAX_NAMED + 1)], ["custom_fields." + "k" * 300]]
)
def test_more_custom_fields_than_can_be_named_are_named_together(names: list[str]) -> None:
    shown = ReadTicket("T-1", ALL, timezone.now(), shows_custom_fields=True)

    lost = fields_lost((), shown, EMPTIES.including(names))

    assert lost[-1] == OTHER_CUSTOM
    assert len(lost) <= MAX_NAMED + 1
    assert all(can_be_lost(name) for name in lost)


@pytest.mark.django_db
def test_a_ticket_was_seen_with_what_its_newest_save_sent_and_its_drafts_began_with(staff: User) -> None:
    def sent(outcome: Outcome, code: str = "T-1", **custom: Any) -> None:
        kept = {"actor_name": "A", "created_at": timezone.now(), "outcome": outcome, "ticket_code": code}
        Change.objects.create(**kept, payload={"ticket_title": "A", "custom_fields": custom})

    sent(Outcome.VERIFIED, old="1")
    sent(Outcome.VERIFIED, new="1", emptied=None)
    sent(Outcome.REJECTED, refused="1")
    sent(Outcome.VERIFIED, code="T-2", elsewhere="1")
    originals = {"custom_fields.typed": "1", "custom_fields.bare": "", "ticket_title": "A"}
    Draft.objects.create(actor=staff, ticket_code="T-1", originals=originals, updated_at=timezone.now())

    found = with_seen(EMPTIES, "T-1", [B])

    assert set(found.fields) - set(EMPTIES.fields) == {B, "custom_fields.new", "custom_fields.typed"}
    assert with_seen(KEEPS, "T-1", [B]) is KEEPS


@pytest.mark.django_db
def test_the_first_proof_of_emptying_is_kept() -> None:
    remember_emptied("T-1", ["account_email"])
    remember_emptied("T-2", ["expected_at"])

    assert (omitted_fields().ticket, omitted_fields().fields) == ("T-1", ("account_email",))
