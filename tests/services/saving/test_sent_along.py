"""What goes along with a change where the CRM empties what a PUT leaves out; when a CRM is taken for one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import json_values
from ticketadmin.models import Change
from ticketadmin.services.crm.omitted import omitted_fields, remember_emptied
from ticketadmin.services.saving.edit import payload_of
from ticketadmin.services.saving.sent_along import (
    lost_and_along,
    names_sent_along,
    unreadable_fields,
    with_sent_along,
)
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import STANDARD
from ticketadmin.services.values.schema import TicketSchema

EMPTIES, KEEPS = TicketSchema(choices=Choices(omitted_are_emptied=True)), TicketSchema()
names = st.sampled_from([*(field.name for field in STANDARD), "custom_fields.a", "custom_fields.b"])
tickets = st.dictionaries(names, json_values)


@given(tickets, tickets)
def test_what_is_wanted_is_sent_and_beside_it_exactly_what_was_read(
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
    lost, along = (set(found or ()) for found in lost_and_along(wanted, known, EMPTIES))

    assert not lost & along
    assert not (lost | along) & wanted
    for field in STANDARD:
        is_empty = field.name in known and EMPTIES.is_empty(field.name, known[field.name])
        assert (field.name in wanted) + (field.name in lost) + (field.name in along) + is_empty >= 1
    assert lost_and_along(wanted, known, KEEPS) == (None, None)


@given(tickets.filter(bool), tickets)
def test_the_record_names_what_went_along(wanted: dict[str, Any], before: dict[str, Any]) -> None:
    sent = with_sent_along(wanted, before, EMPTIES)
    change = Change(wanted=wanted, before=before, payload=payload_of(sent, None))

    assert set(names_sent_along(change)) == sent.keys() - wanted.keys()


def test_what_reading_does_not_show_cannot_go_along() -> None:
    assert unreadable_fields(field.name for field in STANDARD) == []
    assert unreadable_fields(["ticket_title"]) == [field.name for field in STANDARD[1:]]


@pytest.mark.django_db
def test_the_first_sight_is_kept() -> None:
    remember_emptied("T-1", ["account_email"])
    remember_emptied("T-2", ["expected_at"])

    assert (omitted_fields().ticket, omitted_fields().fields) == ("T-1", ("account_email",))
