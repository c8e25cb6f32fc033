"""The three-way merge: no other user's change is lost, nothing is sent that no user wanted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.services.saving.merge import merge
from ticketadmin.services.values.schema import TicketSchema

SCHEMA = TicketSchema()
NAMES = ("ticket_title", "emergency_phone", "account_email", "custom_fields.so_serial")
TEXTS = st.sampled_from(["", "a", "b", "c", " a "])
VERSIONS = st.dictionaries(st.sampled_from(NAMES), TEXTS)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "conflicts", "kept", "already"),
    [
        ({"x": "1"}, {"x": "2"}, {"x": "1"}, [], [], []),  # only mine: to be sent
        ({"x": "1"}, {}, {"x": "2"}, [], ["x"], []),  # only theirs: kept and mentioned
        ({"x": "1"}, {"x": "2"}, {"x": "2"}, [], [], ["x"]),  # both the same: nothing to send
        ({"x": "1"}, {"x": "2"}, {"x": "3"}, ["x"], [], []),  # both differently: a conflict
        ({}, {"x": "2"}, {"x": "3"}, [], [], []),  # the form never knew it: no base to compare with
        ({"x": "1"}, {"x": "2"}, {}, [], [], []),  # the CRM does not show it: it cannot conflict
    ],
)
def test_each_case_of_three_versions(
    base: dict[str, str],
    mine: dict[str, str],
    theirs: dict[str, str],
    conflicts: list[str],
    kept: list[str],
    already: list[str],
) -> None:
    named = [{f"custom_fields.{name}": value for name, value in one.items()} for one in (base, mine, theirs)]

    found = merge(*named, SCHEMA)

    assert [one.name.removeprefix("custom_fields.") for one in found.conflicts] == conflicts
    assert [name.removeprefix("custom_fields.") for name in found.kept_theirs] == kept
    assert [name.removeprefix("custom_fields.") for name in found.already_there] == already


@given(VERSIONS, VERSIONS, VERSIONS)
def test_only_wanted_fields_can_be_sent(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    found = merge(base, mine, theirs, SCHEMA)

    assert {one.name for one in found.conflicts} <= set(mine)
    assert set(found.already_there) <= set(mine)
    assert not set(found.kept_theirs) & set(mine)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_a_third_partys_value_is_never_overwritten_without_asking(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    found = merge(base, mine, theirs, SCHEMA)
    sent = set(mine) - set(found.already_there) if not found.conflicts else set()

    for name in sent & set(base) & set(theirs):
        assert SCHEMA.same(name, theirs[name], base[name])  # it still holds what the form was loaded with


@given(VERSIONS, VERSIONS, VERSIONS)
def test_their_changes_are_kept_mentioned_or_a_conflict(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    found = merge(base, mine, theirs, SCHEMA)
    changed = {
        name for name in base.keys() & theirs.keys() if not SCHEMA.same(name, base[name], theirs[name])
    }

    told = {*found.kept_theirs, *found.already_there, *(one.name for one in found.conflicts)}
    assert changed <= told


@given(st.dictionaries(st.sampled_from(NAMES), TEXTS, min_size=len(NAMES)), VERSIONS, VERSIONS)
def test_a_merge_is_symmetric_in_what_both_wrote(
    base: dict[str, str], mine: dict[str, str], theirs: dict[str, str]
) -> None:
    """Two users who edited the same form conflict in the same fields, in either order of saving."""
    one = merge(base, mine, {**base, **theirs}, SCHEMA)
    other = merge(base, theirs, {**base, **mine}, SCHEMA)
    written = mine.keys() & theirs.keys()
    changed = {
        name
        for name in written
        if not SCHEMA.same(name, mine[name], base[name]) and not SCHEMA.same(name, theirs[name], base[name])
    }

    assert {conflict.name for conflict in one.conflicts} & changed == {
        conflict.name for conflict in other.conflicts
    } & changed
    for conflict in one.conflicts:
        if conflict.name in changed:
            twin = next(c for c in other.conflicts if c.name == conflict.name)
            assert (conflict.mine, conflict.theirs) == (twin.theirs, twin.mine)
