"""What of a change can be undone: what took effect, and only if every earlier value is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.models import Change, Outcome
from ticketadmin.services.saving.readback import applied_fields, changed_nothing
from ticketadmin.services.saving.undo import can_undo, replaced_values

NAMES = ("ticket_title", "emergency_phone", "cate_name")
FIELD_OUTCOMES = [
    Outcome.VERIFIED, Outcome.STORED_DIFFERENTLY, Outcome.NOT_APPLIED, Outcome.NOT_READABLE, Outcome.UNKNOWN,
    Outcome.ACCEPTED,
]  # fmt: skip


def change(results: dict[str, Outcome], before: dict[str, Any] | None) -> Change:
    worst = max(results.values(), key=lambda one: one.severity, default=Outcome.REJECTED)
    return Change(
        outcome=worst,
        wanted=dict.fromkeys(results, "new"),
        before=before,
        results={name: one.value for name, one in results.items()},
    )


@pytest.mark.parametrize(
    ("results", "before", "undone"),
    [
        ({"ticket_title": Outcome.VERIFIED}, {"ticket_title": "old"}, {"ticket_title": "old"}),
        ({"ticket_title": Outcome.STORED_DIFFERENTLY}, {"ticket_title": "old"}, {"ticket_title": "old"}),
        ({"ticket_title": Outcome.NOT_APPLIED}, {"ticket_title": "old"}, {}),
        ({"ticket_title": Outcome.VERIFIED}, {}, {}),  # what it replaced is not known
        ({"ticket_title": Outcome.VERIFIED}, None, {}),  # nothing could be read
        (
            {"ticket_title": Outcome.VERIFIED, "cate_name": Outcome.NOT_APPLIED},
            {"ticket_title": "old", "cate_name": "Khác"},
            {"ticket_title": "old"},
        ),
        (
            {"ticket_title": Outcome.VERIFIED, "cate_name": Outcome.NOT_READABLE},
            {"ticket_title": "old", "cate_name": "Khác"},
            {},
        ),  # the second may have taken effect, too
    ],
)
def test_which_changes_can_be_undone(
    results: dict[str, Outcome], before: dict[str, Any] | None, undone: dict[str, Any]
) -> None:
    one = change(results, before)

    assert replaced_values(one) == undone
    assert can_undo(one) == bool(undone)


@given(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(FIELD_OUTCOMES), min_size=1),
    st.dictionaries(st.sampled_from(NAMES), st.text(max_size=3)),
)
def test_an_undo_has_only_earlier_values_of_fields_that_took_effect(
    results: dict[str, Outcome], before: dict[str, str]
) -> None:
    one = change(results, before)
    undone = replaced_values(one)

    assert set(undone) in (set(), set(applied_fields(one)))  # all of it, or nothing
    assert all(before[name] == value for name, value in undone.items())
    assert not (undone and changed_nothing(one))
