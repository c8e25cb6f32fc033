"""Typed names against the CRM's lists: the exact name wins, and a guess is made only where it is certain."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given, strategies

from ticketadmin.services.values.choices import ChoiceList, matching_name
from ticketadmin.ticketapi.tickets import Choice


def list_of(*names: str) -> ChoiceList:
    return ChoiceList(tuple(Choice(number, name) for number, name in enumerate(names)), timezone.now())


@pytest.mark.parametrize(
    ("names", "typed", "found"),
    [
        (["New", "new"], "new", "new"),
        (["New", "new"], "New", "New"),
        (["New", "new"], " new ", "new"),
        (["New", "new"], "NEW", None),
        (["Mới", "Mới "], "Mới ", "Mới "),
        (["Mới", "Mới "], "Mới", "Mới"),
        (["Mới"], " mỚI ", "Mới"),
        (["Mới"], unicodedata.normalize("NFD", "Mới"), "Mới"),
        (["Mới", "Mới"], "mới", "Mới"),
        (["Mới"], "Cũ", None),
        ([], "Mới", None),
    ],
)
def test_the_exact_name_wins_and_case_is_ignored_only_if_unique(
    names: list[str], typed: str, found: str | None
) -> None:
    assert matching_name(names, typed) == found


@given(strategies.lists(strategies.sampled_from(["New", "new", "NEW", " New", "Mới", "mới"])))
def test_every_name_of_a_list_resolves_to_itself(names: list[str]) -> None:
    listed = list_of(*names)

    assert [listed.resolve(name) for name in names] == names


@pytest.mark.parametrize(
    ("typed", "code", "named"),
    [
        ("NEW", "ambiguous_name", "“New”, “new”"),
        ("nwe", "unknown_name", "new"),
        ("xyz", "unknown_name", "list"),
    ],
)
def test_a_name_that_cannot_be_resolved_says_why(typed: str, code: str, named: str) -> None:
    with pytest.raises(ValidationError) as caught:
        list_of("New", "new").resolve(typed)

    assert caught.value.code == code
    assert named in caught.value.messages[0]


def test_an_unknown_list_takes_any_name() -> None:
    assert ChoiceList().resolve(" Gì đó ") == "Gì đó"
