"""The boxes of a ticket's form: a reused rendering shows nothing of another ticket or an earlier state."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.pages import squeezed, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import CustomField, FieldKind, User

CODE, OTHER = "ABCXYZ1234", "TK240001"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def box(page: bytes, name: str) -> str:
    """Return the HTML of the box with this label's field."""
    head = rf'<div class="field__head"><label[^>]*for="id_{re.escape(name)}".*?</div>'
    found = re.search(rf'<div class="field[^"]*">{head}.*?</div>', squeezed(page.decode()))
    assert found, name
    return found[0]


def test_a_changed_field_description_shows_immediately(web: Client) -> None:
    described = CustomField.objects.create(
        key="so_serial", label="Serial", kind=FieldKind.TEXT, help_text="On the back"
    )
    for _time in range(2):
        first = box(web.get(f"/tickets/{CODE}/").content, "custom_fields.so_serial")
        assert ">Serial</label>" in first
        assert "On the back" in first

    described.label, described.help_text = "Số <máy>", ""
    described.save()

    changed = box(web.get(f"/tickets/{CODE}/").content, "custom_fields.so_serial")
    assert ">Số &lt;máy&gt;</label>" in changed
    assert "On the back" not in changed


def test_each_ticket_shows_its_own_values_and_which_are_unknown(web: Client, sandbox: Sandbox) -> None:
    for _time in range(2):
        for code in (CODE, OTHER):
            page = web.get(f"/tickets/{code}/")
            assert ticket_form(page).values["ticket_title"] == [sandbox.ticket(code)["ticket_title"]]
            assert "field--unknown" not in box(page.content, "emergency_phone")
        blind = web.get(f"/tickets/{CODE}/?read=off").content
        assert "not known here" in box(blind, "emergency_phone")
        assert 'name="clear" value="emergency_phone"' in box(blind, "emergency_phone")


def test_an_error_is_shown_at_its_box_and_gone_on_the_next_page(web: Client) -> None:
    url = f"/tickets/{CODE}/"
    for _time in range(2):
        page = web.get(url)
        assert "field__errors" not in box(page.content, "emergency_phone")

        refused = web.post(url, ticket_form(page).filled(emergency_phone="not a phone"))

        wrong = box(refused.content, "emergency_phone")
        assert refused.status_code == 422
        assert 'id="id_emergency_phone_error"' in wrong
        assert 'value="not a phone"' in wrong
        assert "field__errors" not in box(refused.content, "account_email")


def test_a_box_to_clear_a_field_stays_ticked_for_its_own_ticket_only(web: Client) -> None:
    blind = f"/tickets/{CODE}/?read=off"
    typed = ticket_form(web.get(blind)).filled(clear="emergency_phone", account_email="wrong")

    refused = web.post(f"/tickets/{CODE}/", typed)

    assert refused.status_code == 422
    assert "checked" in box(refused.content, "emergency_phone")
    assert "checked" not in box(web.get(f"/tickets/{OTHER}/?read=off").content, "emergency_phone")
