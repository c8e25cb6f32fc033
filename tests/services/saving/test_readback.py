"""Verdicts: what a read-back right after a write tells, and what a later one may tell."""

import pytest
from django.utils import timezone

from ticketadmin.models import Outcome
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.readback import (
    ReadBack,
    Sent,
    judge,
    settled_after,
    verdict_later,
    verdict_right_after,
)
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.errors import Effect, InvalidTicket, OutcomeUnknown, TicketApiError, Unavailable
from ticketadmin.ticketapi.reasons import Reason

SCHEMA = TicketSchema()
TITLE, PHONE = "ticket_title", "emergency_phone"
SENT = Sent({TITLE: "new"}, {TITLE: "old", PHONE: "0901111111"})


def found(**values: str) -> ReadBack:
    return ReadBack(ReadTicket("A1", values, timezone.now()))


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
def test_right_after_an_accepted_write(look: ReadBack, outcome: Outcome) -> None:
    assert verdict_right_after(SENT, look, SCHEMA).outcome is outcome


@pytest.mark.parametrize(
    ("look", "accepted", "unanswered"),
    [
        (found(ticket_title="new"), Outcome.VERIFIED, Outcome.VERIFIED),
        (found(ticket_title="old"), Outcome.NOT_APPLIED, Outcome.NOT_APPLIED),
        (found(ticket_title="NEW"), Outcome.ACCEPTED, Outcome.UNKNOWN),  # it may be anybody's
        (found(emergency_phone="0901111111"), Outcome.NOT_READABLE, Outcome.UNKNOWN),
        (ReadBack(failure=Reason.RESET), Outcome.ACCEPTED, Outcome.UNKNOWN),
        (ReadBack(is_forbidden=True), Outcome.NOT_READABLE, Outcome.UNKNOWN),
    ],
)
def test_at_a_later_look(look: ReadBack, accepted: Outcome, unanswered: Outcome) -> None:
    for was_accepted, outcome in ((True, accepted), (False, unanswered)):
        verdict = verdict_later(SENT, look, SCHEMA, was_accepted=was_accepted, may_still_arrive=False)
        assert verdict.outcome is outcome


def test_a_write_that_may_still_arrive_stays_open_until_it_is_seen() -> None:
    def verdict(title: str) -> tuple[Outcome, bool]:
        one = verdict_later(
            SENT, found(ticket_title=title), SCHEMA, was_accepted=False, may_still_arrive=True
        )
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
    now = timezone.now()

    assert judge(SENT, look, SCHEMA, failure=failure, sent_at=now).outcome is outcome


def test_a_request_that_can_no_longer_arrive_was_not_applied() -> None:
    lost = OutcomeUnknown(Reason.RESET, effect=Effect.UNKNOWN)
    long_ago = timezone.now() - settled_after()

    verdict = judge(SENT, found(ticket_title="old"), SCHEMA, failure=lost, sent_at=long_ago)

    assert verdict.outcome is Outcome.NOT_APPLIED


def test_only_right_after_the_write_other_fields_count_as_changed_by_it() -> None:
    look = found(ticket_title="new", emergency_phone="")

    assert verdict_right_after(SENT, look, SCHEMA).collateral == {PHONE: ("0901111111", "")}
    later = verdict_later(SENT, look, SCHEMA, was_accepted=True, may_still_arrive=False)
    assert later.collateral == {}


def test_an_unset_custom_field_that_no_longer_comes_back_counts_as_null() -> None:
    sent = Sent({"custom_fields.so_serial": ""}, {"custom_fields.so_serial": "SN-1"})
    look = ReadBack(ReadTicket("A1", {}, timezone.now(), shows_custom_fields=True))

    assert verdict_right_after(sent, look, SCHEMA).outcome is Outcome.VERIFIED
