"""Outcomes and reasons of bulk items: each one is produced by the code that saves, not only described."""

import re
from pathlib import Path

import pytest

import ticketadmin
from ticketadmin.models import ItemOutcome, ItemReason, Outcome

SERVICES = Path(ticketadmin.__file__).parent / "services"
SAVING = [path.read_text("utf-8") for name in ("saving", "bulk") for path in (SERVICES / name).glob("*.py")]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_a_change_is_returned_by_some_save(outcome: Outcome) -> None:
    assert is_named(outcome)


@pytest.mark.parametrize("word", [*ItemReason, *(one for one in ItemOutcome if one not in set(Outcome))])
def test_every_other_outcome_of_a_bulk_item_is_set_by_a_run(word: ItemOutcome | ItemReason) -> None:
    assert is_named(word)


def is_named(word: Outcome | ItemOutcome | ItemReason) -> bool:
    """Return whether the code that saves names this member."""
    member = re.compile(rf"\b{type(word).__name__}\.{word.name}\b")
    return any(member.search(source) for source in SAVING)
