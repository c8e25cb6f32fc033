"""The page on which an administrator erases data: it searches, asks for confirmation, then erases."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.services.test_erasing import LAN, change, everything, fill
from ticketadmin.models import AuditAction, AuditEntry, BulkUpdate, User


@pytest.fixture
def admin(administrator: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(administrator)


def test_searching_changes_nothing_and_says_what_is_stored(admin: Client, lead: User) -> None:
    fill(lead, "AAA1", LAN)
    before = everything()

    page = admin.post("/erase/", {"subject": f" {LAN} "}).content.decode()

    assert "changes in the history: 1" in page
    assert "This cannot be taken back." in page
    assert everything() == before


def test_confirming_erases_and_reports_it(admin: Client, lead: User) -> None:
    fill(lead, "AAA1", LAN)

    page = admin.post("/erase/", {"subject": LAN, "confirm": "yes"}, follow=True)

    assert page.request["PATH_INFO"] == "/erase/"
    assert "5 rows were erased. The CRM was not changed." in page.content.decode()
    assert LAN not in everything()
    assert AuditEntry.objects.filter(action=AuditAction.ERASED).count() == 1


def test_open_changes_and_runs_are_named_with_links(admin: Client, lead: User) -> None:
    change(lead, "BBB2", outcome="unknown")

    for data in ({"subject": "BBB2"}, {"subject": "BBB2", "confirm": "yes"}):
        answer = admin.post("/erase/", data)
        assert "It cannot be erased yet. Nothing was erased." in answer.content.decode()
        assert "/tickets/BBB2/" in answer.content.decode()
    assert answer.status_code == 409


@pytest.mark.parametrize("subject", ["", "a b", "@", "x" * 255, "a@b", "<script>"])
def test_invalid_input_stays_in_the_box(subject: str, admin: Client) -> None:
    answer = admin.post("/erase/", {"subject": subject, "confirm": "yes"})

    assert answer.status_code == 422
    assert "field__errors" in answer.content.decode()
    assert not AuditEntry.objects.filter(action=AuditAction.ERASED).exists()


def test_for_an_unknown_ticket_nothing_is_found(admin: Client) -> None:
    page = admin.post("/erase/", {"subject": "NONE9"}).content.decode()

    assert "No data about it is stored here." in page
    assert 'name="confirm"' not in page


def test_the_page_of_a_run_says_how_many_tickets_were_erased(admin: Client, lead: User) -> None:
    fill(lead, "AAA1", LAN)
    admin.post("/erase/", {"subject": "AAA1", "confirm": "yes"})

    page = admin.get(f"/bulk/{BulkUpdate.objects.get().uuid}/").content.decode()

    assert "The data of 1 ticket of this bulk update was erased" in page
