"""What rules require and is not met, as sentences."""

import pytest
from django.utils import translation

from ticketadmin.presenters.unmet import describe_unmet
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
