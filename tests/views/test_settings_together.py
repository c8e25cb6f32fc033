"""Two administrators at the same settings page: what one saved is not replaced by the other unseen."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client

from tests.factories import make_user
from tests.pages import PageForm, forms_in
from tests.sandbox_driver import Sandbox
from ticketadmin.models import CustomField, Role, StatusSetting, TicketRule, User


@pytest.fixture
def admin(administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    client = client_of(administrator)
    client.get("/tickets/ABCXYZ1234/")  # from then on the CRM's statuses are known
    return client


def role(name: Role) -> str:
    return str(Group.objects.get(name=name.value).pk)


# Who makes the row, what a colleague saves in it, what one's own form then replaces, how the field is called.
Case = tuple[Callable[[], Model], Callable[[], dict[str, Any]], Callable[[], dict[str, Any]], str]
PAGES: dict[str, Case] = {
    "a custom field": (
        lambda: CustomField.objects.create(key="sla", label="SLA", order=1),
        lambda: {"label": "SLA (h)"},
        lambda: {"help_text": "Hours"},
        "Label",
    ),
    "a status setting": (
        lambda: StatusSetting.objects.create(name="Mới", hue="grey"),
        lambda: {"is_done": "on"},
        lambda: {"hue": "blue"},
        "Done",
    ),
    "a rule": (
        lambda: TicketRule.objects.create(field="status_name", needs_reason=True),
        lambda: {"groups": ["lead"]},
        lambda: {"required_fields": ["emergency_phone"]},
        "Only these groups may do it",
    ),
    "a user's role": (
        lambda: make_user(Role.ADMINISTRATOR, "minh"),
        lambda: {"groups": [role(Role.STAFF)]},
        lambda: {"first_name": "Minh"},
        "Role",
    ),
}


def opened(client: Client, row: Model) -> tuple[str, PageForm]:
    address = f"/admin/ticketadmin/{row._meta.model_name}/{row.pk}/change/"
    return address, form_of(client.get(address), row)


def form_of(response: Any, row: Model) -> PageForm:
    form = next(one for one in forms_in(response) if one.attributes["id"] == f"{row._meta.model_name}_form")
    form.values.pop("csrfmiddlewaretoken")
    return form


@pytest.mark.parametrize("name", PAGES)
def test_what_a_colleague_saved_is_replaced_only_once_one_was_told(name: str, admin: Client) -> None:
    make, theirs, own, label = PAGES[name]
    row = make()
    address, form = opened(admin, row)
    assert admin.post(address, form.filled(**theirs())).status_code == 302
    held = opened(admin, row)[1].values

    refused = admin.post(address, form.filled(**own()))

    assert f"Changed by someone else since you opened this page: “{label}”." in refused.content.decode()
    assert opened(admin, row)[1].values == held
    assert admin.post(address, form_of(refused, row).filled()).status_code == 302
    assert opened(admin, row)[1].filled(**own(), opened="") == form.filled(**own(), opened="")


@pytest.mark.parametrize("name", PAGES)
def test_one_administrator_alone_is_never_stopped(name: str, admin: Client) -> None:
    make, theirs, own, _label = PAGES[name]
    row = make()
    for values in (theirs(), own()):
        address, form = opened(admin, row)
        assert admin.post(address, form.filled(**values)).status_code == 302


@pytest.mark.parametrize(
    "posted", ["", "[]", "x", '{"label": 1}', "[" * 50_000], ids=lambda posted: posted[:9] or "empty"
)
def test_a_digest_that_is_none_stops_no_page(posted: str, admin: Client) -> None:
    row = CustomField.objects.create(key="sla", label="SLA")
    address, form = opened(admin, row)

    answer = admin.post(address, form.filled(opened=posted))

    assert ("Changed by someone else" in answer.content.decode()) is (answer.status_code == 200)
