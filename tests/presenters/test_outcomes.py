"""Every reason and outcome has its sentences: a new one without them fails here."""

import pytest
from django.utils.translation import override

from ticketadmin.models import ItemOutcome, ItemReason, Outcome, PauseReason, Plan
from ticketadmin.presenters.outcomes import (
    EXPLANATIONS,
    ITEM_REASONS,
    OUTCOMES,
    PAUSES,
    explain,
    explain_reason,
    meaning_of,
    why_left_out,
)
from ticketadmin.ticketapi.errors import TicketApiError
from ticketadmin.ticketapi.reasons import Cause, Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_sentence(reason: Reason) -> None:
    found = EXPLANATIONS[reason]

    assert str(found.title)
    assert str(found.next_step)
    assert 400 <= found.status < 600
    assert explain_reason(reason.value) is found


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_meaning_title_and_text(outcome: Outcome) -> None:
    words = OUTCOMES[outcome]

    assert all(str(one) for one in (words.meaning, words.title, words.text))


@pytest.mark.parametrize("word", [*Outcome, *ItemOutcome, *(plan for plan in Plan if plan)])
def test_every_label_has_a_meaning(word: Outcome | ItemOutcome | Plan) -> None:
    assert str(word.label)
    assert str(meaning_of(word))


def test_no_explanation_is_for_a_missing_reason_or_outcome() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    assert set(OUTCOMES) == set(Outcome)
    assert set(ITEM_REASONS) == set(ItemReason)
    assert set(PAUSES) == {*Cause, *PauseReason}


@pytest.mark.parametrize("word", [*ItemReason, *Reason])
def test_every_reason_of_a_bulk_item_has_a_sentence(word: ItemReason | Reason) -> None:
    with override("vi"):
        assert str(why_left_out(word.value))


def test_a_bulk_item_can_end_as_its_change_can() -> None:
    assert {outcome.value for outcome in Outcome} - {Outcome.PENDING} <= {one.value for one in ItemOutcome}


def test_a_reason_from_another_version_gets_a_general_explanation() -> None:
    assert explain_reason("from_the_future").status == 502


def test_the_vocabularies_have_no_word_in_common() -> None:
    """An item's reason may be of either, so a word must name one thing."""
    assert not set(ItemReason) & set(Reason)
    assert not set(PauseReason) & set(Cause)


@pytest.mark.parametrize(
    ("reason", "wait", "said"),
    [
        (Reason.RATE_LIMITED, None, "Try again in a minute."),
        (Reason.RATE_LIMITED, 60.0, "Try again in a minute."),
        (Reason.RATE_LIMITED, 600.0, "Try again after "),
        (Reason.FORBIDDEN, 600.0, "Please tell an administrator."),
    ],
)
def test_a_long_wait_requested_by_the_crm_is_named(reason: Reason, wait: float | None, said: str) -> None:
    error = TicketApiError(reason, retry_after=wait)

    assert str(explain(error).next_step).startswith(said)
