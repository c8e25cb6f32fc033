"""Verdicts: what a read-back right after a write proves, and what a later one can prove."""

from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.models import Outcome
from ticketadmin.services.crm.reading import ReadBack, ReadTicket
from ticketadmin.services.saving.signature import Signature
from ticketadmin.services.saving.verdict import (
    Sent,
    WriteState,
    collateral,
    field_outcomes,
    judge,
    later_outcomes,
    overall,
    settled_after,
    state_after,
    wiped,
)
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.errors import Effect, InvalidTicket, OutcomeUnknown, TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason

SCHEMA = TicketSchema()
TITLE, PHONE = "ticket_title", "emergency_phone"
SENT = Sent({TITLE: "new"}, {TITLE: "old", PHONE: "0901111111"})
NAMES = (TITLE, PHONE, "account_email", "custom_fields.so_serial")
VERSIONS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", "a", "b", "c", " a "]))


def found(**values: str) -> ReadBack:
    return ReadBack(ReadTicket("A1", values, timezone.now()), values)


@pytest.mark.parametrize(
    ("look", "outcome"),
    [
        (found(ticket_title="new"), Outcome.VERIFIED),
        (found(ticket_title="old"), Outcome.NOT_APPLIED),
        (found(ticket_title="NEW"), Outcome.STORED_DIFFERENTLY),
        (found(emergency_phone="0901111111"), Outcome.NOT_READABLE),
        (ReadBack(failure=Reason.RESET), Outcome.ACCEPTED),
        (ReadBack(is_forbidden=True), Outcome.NOT_READABLE),
    ],
)
def test_outcomes_right_after_an_accepted_write(look: ReadBack, outcome: Outcome) -> None:
    assert judge(SENT, look, SCHEMA, WriteState.JUST_ACCEPTED).outcome is outcome


@pytest.mark.parametrize(
    ("look", "accepted", "unanswered"),
    [
        (found(ticket_title="new"), Outcome.VERIFIED, Outcome.VERIFIED),
        (found(ticket_title="old"), Outcome.NOT_APPLIED, Outcome.NOT_APPLIED),
        (found(ticket_title="NEW"), Outcome.ACCEPTED, Outcome.UNKNOWN),  # it may be another user's
        (found(emergency_phone="0901111111"), Outcome.NOT_READABLE, Outcome.UNKNOWN),
        (ReadBack(failure=Reason.RESET), Outcome.ACCEPTED, Outcome.UNKNOWN),
        (ReadBack(is_forbidden=True), Outcome.NOT_READABLE, Outcome.UNKNOWN),
    ],
)
def test_outcomes_at_a_later_look(look: ReadBack, accepted: Outcome, unanswered: Outcome) -> None:
    for state, outcome in ((WriteState.ACCEPTED, accepted), (WriteState.UNANSWERED, unanswered)):
        assert judge(SENT, look, SCHEMA, state).outcome is outcome


def test_a_write_that_may_still_arrive_stays_open_until_it_is_seen() -> None:
    def verdict(title: str) -> tuple[Outcome, bool]:
        one = judge(SENT, found(ticket_title=title), SCHEMA, WriteState.UNDER_WAY)
        return one.outcome, bool(one.results)

    assert verdict("old") == (Outcome.UNKNOWN, False)
    assert verdict("NEW") == (Outcome.UNKNOWN, False)
    assert verdict("new") == (Outcome.VERIFIED, True)


@pytest.mark.parametrize(
    ("failure", "look", "outcome"),
    [
        (None, found(ticket_title="NEW"), Outcome.STORED_DIFFERENTLY),
        (InvalidTicket(Reason.INVALID), ReadBack(), Outcome.REJECTED),
        (OutcomeUnknown(Reason.RESET, effect=Effect.UNKNOWN), found(ticket_title="new"), Outcome.VERIFIED),
        (OutcomeUnknown(Reason.RESET, effect=Effect.UNKNOWN), found(ticket_title="old"), Outcome.UNKNOWN),
        (
            Unavailable(Reason.SERVER_ERROR, effect=Effect.UNKNOWN),
            found(ticket_title="old"),
            Outcome.NOT_APPLIED,
        ),
        (Unavailable(Reason.SERVER_ERROR, effect=Effect.UNKNOWN), ReadBack(), Outcome.UNKNOWN),
    ],
)
def test_how_a_write_ended_decides_what_its_read_back_proves(
    failure: TicketApiError | None, look: ReadBack, outcome: Outcome
) -> None:
    state = state_after(failure, timezone.now())

    assert judge(SENT, look, SCHEMA, state).outcome is outcome


def test_a_request_that_can_no_longer_arrive_was_not_applied() -> None:
    lost = OutcomeUnknown(Reason.RESET, effect=Effect.UNKNOWN)
    long_ago = timezone.now() - settled_after()

    verdict = judge(SENT, found(ticket_title="old"), SCHEMA, state_after(lost, long_ago))

    assert verdict.outcome is Outcome.NOT_APPLIED


def test_only_right_after_the_write_other_fields_count_as_changed_by_it() -> None:
    look = found(ticket_title="new", emergency_phone="")

    assert judge(SENT, look, SCHEMA, WriteState.JUST_ACCEPTED).collateral == {PHONE: ("0901111111", "")}
    assert judge(SENT, look, SCHEMA, WriteState.ACCEPTED).collateral == {}


def test_an_unset_custom_field_that_no_longer_comes_back_counts_as_null() -> None:
    sent = Sent({"custom_fields.so_serial": ""}, {"custom_fields.so_serial": "SN-1"})
    ticket = ReadTicket("A1", {}, timezone.now(), shows_custom_fields=True)
    look = ReadBack(ticket, ticket.values_for(sent.names))

    assert judge(sent, look, SCHEMA, WriteState.JUST_ACCEPTED).outcome is Outcome.VERIFIED


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_write_that_was_accepted_is_judged_field_by_field(
    wanted: dict[str, str], before: dict[str, str], after: dict[str, str]
) -> None:
    found = field_outcomes(wanted, before, after, SCHEMA)

    assert set(found) == set(wanted)
    for name, outcome in found.items():
        if outcome is Outcome.VERIFIED:
            assert SCHEMA.same(name, after[name], wanted[name])
        if outcome is Outcome.NOT_APPLIED:
            assert SCHEMA.same(name, after[name], before[name])
        assert (outcome is Outcome.NOT_READABLE) == (name not in after)


@given(VERSIONS, VERSIONS, VERSIONS, st.booleans())
def test_a_later_look_never_takes_another_value_for_the_crms_spelling(
    wanted: dict[str, str], before: dict[str, str], after: dict[str, str], was_accepted: bool
) -> None:
    found = later_outcomes(field_outcomes(wanted, before, after, SCHEMA), was_accepted=was_accepted)

    assert Outcome.STORED_DIFFERENTLY not in found.values()
    if not was_accepted and Outcome.VERIFIED not in found.values():
        assert Outcome.NOT_READABLE not in found.values()  # nothing shows that it arrived


@given(st.lists(st.sampled_from(list(Outcome)), min_size=1))
def test_a_change_has_the_worst_outcome_of_its_fields(found: list[Outcome]) -> None:
    worst = overall(found)

    assert worst in found
    assert all(one.severity <= worst.severity for one in found)


def test_without_fields_the_outcome_is_not_readable() -> None:
    assert overall([]) is Outcome.NOT_READABLE


@given(st.sets(st.sampled_from(NAMES)), VERSIONS, VERSIONS)
def test_collateral_is_what_changed_without_being_sent(
    sent: set[str], before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = collateral(sent, before, after, SCHEMA)

    assert not set(found) & sent
    for name in (before.keys() & after.keys()) - sent:
        assert (name in found) == (not SCHEMA.same(name, before[name], after[name]))


FILLED = {
    "ticket_title": "A",
    "account_email": "a@example.com",
    "expected_at": "2026-01-01",
    "emergency_phone": "",
}
SIGNED = Signature("custom_fields.signed", "Lan")


@pytest.mark.parametrize(
    ("before", "others", "is_learnt"),
    [
        (FILLED, {}, False),
        (FILLED, {"account_email": ("a@example.com", "")}, False),  # perhaps an automation
        (FILLED, {"account_email": ("a@example.com", ""), "expected_at": ("2026-01-01", "")}, True),
        (FILLED, {"account_email": ("a@example.com", "b"), "expected_at": ("2026-01-01", "c")}, False),
        ({"ticket_title": "A", "expected_at": "2026-01-01"}, {"expected_at": ("2026-01-01", "")}, True),
        # What is in the body of the PUT was not left out of it.
        (
            {**FILLED, "cate_name": "Khác"},
            {"cate_name": ("Khác", ""), "expected_at": ("2026-01-01", "")},
            False,
        ),
        (
            {"custom_fields.signed": "Minh", "expected_at": "2026-01-01"},
            {"expected_at": ("2026-01-01", "")},
            True,
        ),
    ],
)
def test_an_emptying_crm_is_recognised_by_several_emptied_fields_or_by_all_there_were(
    before: dict[str, Any], others: dict[str, Any], is_learnt: bool
) -> None:
    sent = Sent({"ticket_title": "B"}, before, SIGNED, along=["cate_name"])

    assert bool(wiped(sent, others, SCHEMA)) is is_learnt
