"""The body of a PUT: what is wanted, and beside it only what was read; properties over any ticket."""

from typing import Any

from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import json_values
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.held import Held
from ticketadmin.services.saving.payload import outgoing
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import CUSTOM_PREFIX, STANDARD
from ticketadmin.services.values.schema import TicketSchema

EMPTIES, KEEPS = TicketSchema(choices=Choices(omitted_are_emptied=True)), TicketSchema()
SIGNED = Signature("custom_fields.signed", "Lan")
names = st.sampled_from([*(field.name for field in STANDARD), "custom_fields.a", "custom_fields.b"])
tickets = st.dictionaries(names, json_values)
wishes = st.dictionaries(names, json_values, min_size=1)


def held(values: dict[str, Any], *looked_at: str) -> Held:
    read = ReadTicket("T-1", values, timezone.now(), shows_custom_fields=True)
    return Held(read, read.values_for(looked_at))


def flat(payload: Any) -> dict[str, Any]:
    custom = {CUSTOM_PREFIX + key: value for key, value in payload.get("custom_fields", {}).items()}
    return {name: value for name, value in payload.items() if name != "custom_fields"} | custom


@given(wishes, tickets)
def test_before_holds_what_was_shown_and_null_for_sent_fields_no_longer_listed(
    wanted: dict[str, Any], values: dict[str, Any]
) -> None:
    out = outgoing(wanted, held(values, *wanted, "custom_fields.a", SIGNED.field), SIGNED, KEEPS)

    sent = {name for name in (*wanted, SIGNED.field) if name.startswith(CUSTOM_PREFIX)}
    assert out.before == values | dict.fromkeys(sent - values.keys())


@given(wishes, tickets, st.sampled_from([EMPTIES, KEEPS]))
def test_a_signature_is_added_and_can_be_left_out(
    wanted: dict[str, Any], values: dict[str, Any], schema: TicketSchema
) -> None:
    known = held(values, *wanted, SIGNED.field)

    signed, plain = (outgoing(wanted, known, one, schema) for one in (SIGNED, None))

    assert flat(signed.payload)[SIGNED.field] == SIGNED.name
    assert signed.unsigned_payload == plain.payload
    assert plain.unsigned_payload is None
    assert SIGNED.field not in flat(plain.payload)


@given(wishes, tickets)
def test_custom_fields_are_sent_whole_and_no_other_unwanted_field(
    wanted: dict[str, Any], values: dict[str, Any]
) -> None:
    sent = flat(outgoing(wanted, held(values, *wanted), None, KEEPS).payload)

    has_custom = any(name.startswith(CUSTOM_PREFIX) for name in wanted)
    along = {name for name in values if has_custom and name.startswith(CUSTOM_PREFIX)}
    assert sent.keys() - wanted.keys() == {name for name in along - wanted.keys() if values[name] is not None}
    assert all(sent[name] is wanted[name] for name in wanted)


@given(wishes)
def test_without_a_read_only_the_wanted_values_are_sent(wanted: dict[str, Any]) -> None:
    out = outgoing(wanted, Held(), None, KEEPS)

    assert flat(out.payload) == wanted
    assert out.before is None


@given(wishes, tickets)
def test_an_emptying_crm_loses_exactly_the_fields_that_it_did_not_show(
    wanted: dict[str, Any], values: dict[str, Any]
) -> None:
    lost = outgoing(wanted, held(values, *wanted), None, EMPTIES).lost

    assert set(lost) == {field.name for field in STANDARD} - values.keys() - wanted.keys()
    assert outgoing(wanted, held(values, *wanted), None, KEEPS).lost == ()
