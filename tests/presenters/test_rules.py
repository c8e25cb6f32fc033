"""Unmet requirements of rules as sentences."""

import pytest
from django.utils import translation

from ticketadmin.forms.rules import REQUIREMENTS
from ticketadmin.models import TicketRule
from ticketadmin.presenters.rules import describe_unmet, rule_sentence
from ticketadmin.services.rules.checking import Requirement, Unmet
from ticketadmin.services.values.schema import TicketSchema


@pytest.mark.parametrize("language", ["en", "vi"])
@pytest.mark.parametrize("requirement", Requirement)
def test_every_requirement_has_a_sentence(requirement: Requirement, language: str) -> None:
    unmet = Unmet(requirement, "status_name", "Hủy", ("ticket_title",))

    with translation.override(language):
        sentence = describe_unmet(unmet, TicketSchema())

    assert "“Hủy”" in sentence
    assert "%(" not in sentence


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_what_a_rule_requires_is_announced_beforehand(name: str) -> None:
    is_list = isinstance(TicketRule._meta.get_field(name).get_default(), list)
    rule = TicketRule(field="status_name", **{name: ["lead"] if is_list else True})

    assert rule_sentence(rule, TicketSchema()) != rule_sentence(
        TicketRule(field="status_name"), TicketSchema()
    )


def test_every_column_of_a_rule_is_in_its_form() -> None:
    columns = {field.name for field in TicketRule._meta.get_fields()}

    assert columns - {"id", "field", "value", "allows_unreadable"} == set(REQUIREMENTS)
