"""No list forgets a standard field: those of the product, the names of the API and the stand-in agree."""

from datetime import date

from ticketadmin.sandbox import crm
from ticketadmin.sandbox.seeding import seeded_tickets
from ticketadmin.services.index import rows
from ticketadmin.services.values.fields import CUSTOM_PREFIX, STANDARD
from ticketadmin.ticketapi.tickets import DOCUMENTED_FIELDS, STANDARD_FIELDS, TICKET_KEYS, WISHED_FIELDS

NAMES = [field.name for field in STANDARD]


def test_each_standard_field_is_sent_and_read_under_its_name() -> None:
    assert sorted(NAMES) == sorted(STANDARD_FIELDS)
    assert len(set(NAMES)) == len(NAMES)
    assert set(NAMES) <= TICKET_KEYS
    assert not [name for name in NAMES if name.startswith(CUSTOM_PREFIX)]


def test_requested_fields_include_the_documented_ones_each_once() -> None:
    asked = WISHED_FIELDS.split(",")

    assert set(DOCUMENTED_FIELDS.split(",")) <= set(asked)
    assert len(asked) == len(set(asked))


def test_the_stand_in_accepts_and_shows_the_same_fields() -> None:
    assert set(crm.WRITABLE) == {*NAMES, "custom_fields"}
    assert set(crm.WRITABLE) <= crm.DOCUMENTED | crm.OTHERS
    assert set(WISHED_FIELDS.split(",")) == crm.DOCUMENTED | crm.OTHERS
    assert set(DOCUMENTED_FIELDS.split(",")) == crm.DOCUMENTED


def test_the_stand_in_has_values_for_each_field() -> None:
    tickets = seeded_tickets(60, date(2026, 3, 2))

    assert {name for name in NAMES if not any(one.get(name) for one in tickets)} == set()


def test_the_index_names_fields_that_exist() -> None:
    assert {rows.TITLE, rows.EMAIL, rows.PHONE} <= set(NAMES)
