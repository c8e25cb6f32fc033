"""What a rule requires of a change, as pure values: a table, and properties over any rule and change."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth.models import Group
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.forms.rules import REQUIREMENTS
from ticketadmin.models import Role, TicketRule, User
from ticketadmin.services.rules.checking import ProposedChange, Requirement, RuleCheck, Unmet, check_rules
from ticketadmin.services.values.schema import TicketSchema

DONE = "Đã hoàn tất"
SCHEMA = TicketSchema()
NAMES = ("ticket_title", "emergency_phone", "cate_name", "custom_fields.so_serial")
VALUES = st.sampled_from(["", "x", None, "   "])


def found(rule: TicketRule, wanted: Mapping[str, Any], **asked: Any) -> RuleCheck:
    asked = {"known": {}, "user": User(), **asked}
    return check_rules([rule], ProposedChange(wanted, **asked), SCHEMA)


def broken(rule: TicketRule, wanted: Mapping[str, Any], **asked: Any) -> set[Requirement]:
    return {one.requirement for one in found(rule, wanted, **asked).broken}


@pytest.mark.parametrize(
    ("value", "wanted", "applies"),
    [
        (DONE, {"status_name": DONE}, True),
        (DONE, {"status_name": " đã HOÀN tất "}, True),  # the same status to a user
        (DONE, {"status_name": "Đã\u200b hoàn  tất"}, True),
        (DONE, {"status_name": "Mới"}, False),
        (DONE, {"ticket_title": DONE}, False),
        ("", {"status_name": "Mới"}, True),
        ("", {"status_name": ""}, True),
        ("", {}, False),
    ],
)
def test_a_rule_applies_to_the_field_and_value_it_names(
    value: str, wanted: dict[str, str], applies: bool
) -> None:
    rule = TicketRule(field="status_name", value=value, needs_reason=True)

    assert broken(rule, wanted) == ({Requirement.REASON} if applies else set())


@pytest.mark.parametrize(
    ("known", "also_wanted", "unmet"),
    [
        ({"emergency_phone": "0123456789"}, {}, set()),
        ({"emergency_phone": ""}, {}, {Requirement.FILLED}),
        ({"emergency_phone": "  "}, {}, {Requirement.FILLED}),
        ({"emergency_phone": None}, {}, {Requirement.FILLED}),
        ({}, {}, {Requirement.READABLE}),
        ({}, {"emergency_phone": "0123456789"}, set()),  # filled in by the same change
        ({"emergency_phone": ""}, {"emergency_phone": "0123456789"}, set()),
        ({"emergency_phone": "0123456789"}, {"emergency_phone": ""}, {Requirement.FILLED}),  # and emptied
    ],
)
def test_required_fields_are_checked_as_they_are_after_the_change(
    known: dict[str, Any], also_wanted: dict[str, str], unmet: set[Requirement]
) -> None:
    rule = TicketRule(field="status_name", value=DONE, required_fields=["emergency_phone"])

    assert broken(rule, {"status_name": DONE, **also_wanted}, known=known) == unmet


def test_an_unreadable_field_passes_only_if_the_rule_allows_it() -> None:
    rule = TicketRule(field="status_name", required_fields=["cate_name"], allows_unreadable=True)

    allowed = found(rule, {"status_name": DONE})

    assert not allowed.broken
    assert [one.requirement for one in allowed.waived] == [Requirement.READABLE]
    assert broken(rule, {"status_name": DONE}, known={"cate_name": ""}) == {Requirement.FILLED}


@pytest.mark.django_db
@pytest.mark.parametrize("takes_back", [False, True])
def test_only_members_of_a_named_group_may_make_the_change(staff: User, lead: User, takes_back: bool) -> None:
    Group.objects.create(name="night shift")
    rule = TicketRule(field="emergency_phone", groups=[Role.LEAD.value, "night shift"])
    wanted = {"emergency_phone": "0123456789"}

    assert broken(rule, wanted, user=staff, takes_back=takes_back) == {Requirement.GROUP}
    assert not broken(rule, wanted, user=lead, takes_back=takes_back)


@pytest.mark.django_db
def test_a_deleted_group_exempts_no_user(lead: User) -> None:
    rule = TicketRule(field="emergency_phone", groups=["was renamed"])

    assert broken(rule, {"emergency_phone": ""}, user=lead) == {Requirement.GROUP}


RULES = st.builds(
    TicketRule,
    field=st.sampled_from(NAMES),
    required_fields=st.lists(st.sampled_from(NAMES), unique=True),
    needs_reason=st.booleans(),
    allows_unreadable=st.booleans(),
)
CHANGES = st.dictionaries(st.sampled_from(NAMES), VALUES)


@given(st.lists(RULES), CHANGES, CHANGES, st.sampled_from(["", "vì thế"]))
def test_an_undo_is_blocked_only_by_groups_and_records_the_rest(
    rules: list[TicketRule], wanted: dict[str, Any], known: dict[str, Any], reason: str
) -> None:
    user = User()
    forward = check_rules(rules, ProposedChange(wanted, known, user, reason), SCHEMA)
    back = check_rules(rules, ProposedChange(wanted, known, user, reason, takes_back=True), SCHEMA)

    assert back.broken == ()
    assert set(back.waived) == {*forward.broken, *forward.waived}


@given(st.lists(RULES), CHANGES, CHANGES)
def test_a_change_that_fills_every_field_and_gives_a_reason_meets_every_rule(
    rules: list[TicketRule], wanted: dict[str, Any], known: dict[str, Any]
) -> None:
    filled = dict.fromkeys({*NAMES, *wanted}, "x")

    assert check_rules(rules, ProposedChange(filled, known, User(), "vì thế"), SCHEMA) == RuleCheck()


@given(st.lists(RULES), CHANGES)
def test_fields_that_do_not_change_have_no_rules(rules: list[TicketRule], known: dict[str, Any]) -> None:
    assert check_rules(rules, ProposedChange({}, known, User()), SCHEMA) == RuleCheck()


@given(
    st.builds(
        Unmet,
        st.sampled_from(Requirement),
        st.text(),
        st.text(),
        st.lists(st.text()).map(tuple),
    )
)
def test_an_unmet_requirement_survives_storing(unmet: Unmet) -> None:
    assert Unmet.from_json(unmet.as_json()) == unmet


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_each_column_of_a_rule_can_be_unmet(name: str, staff: User) -> None:
    is_list = isinstance(TicketRule._meta.get_field(name).get_default(), list)
    rule = TicketRule(field="status_name", **{name: ["emergency_phone"] if is_list else True})

    assert broken(rule, {"status_name": DONE}, user=staff)


def test_each_requirement_is_found_by_some_rule(staff: User) -> None:
    rule = TicketRule(
        field="status_name", required_fields=["emergency_phone"], needs_reason=True, groups=["nobody"]
    )
    unmet = [
        broken(rule, {"status_name": DONE}, user=staff, known=known)
        for known in ({}, {"emergency_phone": ""})
    ]

    assert set.union(*unmet) == set(Requirement)
