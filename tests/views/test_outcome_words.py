"""Outcomes are explained wherever they are shown; long lists explain each one once."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, squeezed, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    ItemOutcome,
    ItemState,
    Outcome,
    Plan,
    User,
)
from ticketadmin.presenters.outcomes import meaning_of

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
OUTCOMES = [ItemOutcome.VERIFIED] * 100 + [ItemOutcome.NOT_DONE] * 15 + [ItemOutcome.NOT_SENT] * 5


@pytest.fixture
def ended(lead: User) -> BulkUpdate:
    """A bulk update of 120 tickets that ended in three ways."""
    now = timezone.now()
    bulk = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.FINISHED,
        wishes={"status_name": {"set": "Mới"}},
        created_at=now,
        started_at=now,
        finished_at=now,
    )
    BulkItem.objects.bulk_create(
        BulkItem(
            bulk=bulk, position=number, ticket_code=f"T{number}", state=ItemState.DONE, plan=Plan.SEND,
            outcome=outcome,
        )
        for number, outcome in enumerate(OUTCOMES)
    )  # fmt: skip
    return bulk


def explanations(page: str) -> list[str]:
    """Return the texts that explain, in the order of the page."""
    return re.findall(r'<p class="tip__text">([^<]+)</p>', squeezed(page))


@pytest.mark.parametrize("word", [*Outcome, *ItemOutcome, *(plan for plan in Plan if plan)])
def test_every_outcome_has_a_meaning(word: str) -> None:
    assert meaning_of(word)


def test_a_bulk_update_explains_each_outcome_once_for_any_number_of_rows(
    lead: User, client_of: Callable[[User], Client], ended: BulkUpdate
) -> None:
    page = client_of(lead).get(f"/bulk/{ended.uuid}/").content.decode()

    assert page.count('data-label="Outcome"') == 50
    meanings = [str(meaning_of(word)) for word in dict.fromkeys(OUTCOMES)]
    assert sorted(explanations(page)) == sorted(meanings)


def test_the_pages_of_a_bulk_update_keep_its_filter(
    lead: User, client_of: Callable[[User], Client], ended: BulkUpdate
) -> None:
    client = client_of(lead)
    url = f"/bulk/{ended.uuid}/"
    addresses = (url, f"{url}?page=3", f"{url}?shown=verified&page=2")
    first, last, verified = (squeezed(client.get(address).content.decode()) for address in addresses)

    assert f'rel="next" href="{url}?page=2"' in first
    assert 'rel="prev"' not in first
    assert "Page 3 of 3" in last
    assert f'rel="prev" href="{url}?page=2"' in last
    assert 'rel="next"' not in last
    assert f'rel="prev" href="{url}?shown=verified&amp;page=1"' in verified
    assert "Page 2 of 2" in verified


def test_the_result_of_a_quick_status_explains_its_outcome(
    staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(staff)
    form = form_to(client.get(URL), f"{URL}status/")
    scripted = {"X-Requested-With": "XMLHttpRequest"}
    answer = client.post(f"{URL}status/", form.filled(status="Đang xử lý"), headers=scripted)
    page = answer.content.decode()

    assert explanations(page) == [
        "Saved and verified. The ticket was read back from the CRM and held these values."
    ]


def test_the_saved_panel_explains_the_outcome_of_each_field(
    staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    client = client_of(staff)
    typed = ticket_form(client.get(URL)).filled(ticket_title="Mới", emergency_phone="0909123123")
    page = client.post(URL, typed, follow=True).content.decode()

    panel = page[page.index('id="saved-title"') : page.index("data-ticket-form")]
    assert explanations(panel) == [str(meaning_of("verified"))] * 2
