"""A custom field is removed while a form has it: what was chosen for it does not go without a word."""

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.test import Client

from tests.pages import PageForm, form_to
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkUpdate, CustomField, Recipe, User

BOX, ACTION = "custom_fields.phong", "action.custom_fields.phong"
CHOICES: dict[str, tuple[dict[str, str], str]] = {
    "a value": ({ACTION: "set", BOX: "Kho 2"}, "so its value is left out: “Kho 2”"),
    "a value without an action": ({ACTION: "keep", BOX: "Kho 2"}, "so its value is left out: “Kho 2”"),
    "to clear it": ({ACTION: "clear", BOX: ""}, "so what you chose for it is left out"),
}


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    CustomField.objects.create(key="phong", label="Phòng")
    return client_of(lead)


def bulk_form(client: Client) -> tuple[str, PageForm]:
    chosen = form_to(client.get("/bulk/new/"), "/bulk/new/").filled(codes="ABCXYZ1234\nTK240001")
    address = client.post("/bulk/new/", chosen)["Location"]
    return address, form_to(client.get(address), "/bulk/")


def recipe_form(client: Client) -> tuple[str, PageForm]:
    return "/recipes/new/", form_to(client.get("/recipes/new/"), "/recipes/")


FORMS = {"a bulk update": bulk_form, "a recipe": recipe_form}


def post(client: Client, address: str, form: PageForm, **typed: str) -> Any:
    values = {"name": "kho", "action.ticket_title": "set", "ticket_title": "Giữ", **typed}
    return client.post(address, form.filled(**values))


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("name", FORMS)
def test_what_was_chosen_for_a_removed_field_is_named_before_the_rest_is_kept(
    name: str, choice: str, web: Client
) -> None:
    address, form = FORMS[name](web)
    CustomField.objects.all().delete()
    typed, words = CHOICES[choice]

    answer = post(web, address, form, **typed)

    assert answer.status_code == 422
    assert f"There is no field “phong” here any more, {words}" in unescape(answer.content.decode())
    assert not Recipe.objects.exists()
    assert not BulkUpdate.objects.exclude(state="draft").exists()
    again = form_to(answer, address)
    assert post(web, address, again).status_code in {302, 303}


@pytest.mark.parametrize("name", FORMS)
def test_a_removed_field_that_was_left_alone_is_not_spoken_of(name: str, web: Client) -> None:
    address, form = FORMS[name](web)
    CustomField.objects.all().delete()

    assert post(web, address, form).status_code in {302, 303}
