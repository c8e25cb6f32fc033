"""Rules in the admin: what administrators may define, and what is refused with a message."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.sandbox_driver import Sandbox
from ticketadmin.models import AuditAction, AuditEntry, TicketRule, User

ADD = "/admin/ticketadmin/ticketrule/add/"
LIST = "/admin/ticketadmin/ticketrule/"


@pytest.fixture
def admin(administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    client = client_of(administrator)
    client.get("/tickets/ABCXYZ1234/")  # from then on the CRM's statuses are known
    return client


def added(client: Client, **values: Any) -> Any:
    posted = {"field": "status_name", "value": "", **values}
    return client.post(ADD, posted, follow=True)


def test_an_administrator_creates_a_rule_and_the_audit_log_records_it(admin: Client) -> None:
    assert b"required_fields" in admin.get(ADD).content

    added(admin, value="đã HOÀN tất", required_fields=["emergency_phone"], needs_reason="on", groups=["lead"])

    rule = TicketRule.objects.get()
    assert (rule.value, rule.required_fields, rule.groups) == ("Đã hoàn tất", ["emergency_phone"], ["lead"])
    assert AuditEntry.objects.get(action=AuditAction.SETTING_CREATED).after["groups"] == ["lead"]
    shown = admin.get(LIST).content.decode()
    assert "“Đã hoàn tất” requires: Emergency phone filled in; a reason; membership of Team lead." in shown


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"value": "Không có", "needs_reason": "on"}, "The CRM has no “Không có”"),
        ({"field": "ticket_title", "value": "x", "needs_reason": "on"}, "Only a status or a category"),
        ({}, "The rule requires nothing yet"),
        ({"field": "unheard_of", "needs_reason": "on"}, "unheard_of is not one of the available choices"),
        ({"groups": ["no such group"]}, "no such group is not one of the available choices"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(values: dict[str, Any], words: str, admin: Client) -> None:
    answer = added(admin, **values)

    assert words in answer.content.decode()
    assert not TicketRule.objects.exists()


def test_there_is_one_rule_per_field_and_value(admin: Client) -> None:
    added(admin, needs_reason="on")
    answer = added(admin, groups=["lead"])

    assert "already exists" in answer.content.decode()
    assert TicketRule.objects.count() == 1


def test_a_rule_keeps_removed_names_until_they_are_dropped(admin: Client) -> None:
    Group.objects.create(name="night shift")
    added(admin, groups=["night shift"], required_fields=["emergency_phone"])
    rule = TicketRule.objects.get()
    TicketRule.objects.filter(pk=rule.pk).update(required_fields=["custom_fields.gone"])
    Group.objects.get(name="night shift").delete()

    page = admin.get(f"{LIST}{rule.pk}/change/")

    assert "night shift (there is no such group)" in page.content.decode()
    assert "custom_fields.gone" in page.content.decode()


def test_staff_and_leads_do_not_see_rules(staff: User, lead: User, client_of: Any) -> None:
    for user in (staff, lead):
        assert client_of(user).get(LIST).status_code in {302, 403}
