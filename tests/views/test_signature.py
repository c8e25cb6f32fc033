"""The user's name in the CRM: whatever the CRM does with it, outcomes stay true and other fields unharmed."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, CustomField, User
from ticketadmin.services.saving.undo import replaced_values

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
SIGN = "changed_by"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox, settings: Any) -> Client:
    sandbox.edit(CODE, ticket_title="Cũ", custom_fields={SIGN: "Minh"})
    settings.TICKET_API_SIGN_FIELD = SIGN
    return client_of(staff)


def save(client: Client, **typed: str) -> Any:
    return client.post(URL, ticket_form(client.get(URL)).filled(**typed), follow=True)


def held(sandbox: Sandbox) -> dict[str, Any]:
    return dict(sandbox.ticket(CODE)["custom_fields"])


@pytest.mark.parametrize("way", ["merge", "replace"])
def test_a_save_sets_the_signature_and_no_other_custom_field(way: str, web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(custom_semantics=way)
    others = held(sandbox)

    page = save(web, ticket_title="Mới").content.decode()

    change = Change.objects.get()
    assert change.outcome == "verified"
    assert held(sandbox) == {**others, SIGN: "Lan Trần"}
    assert (change.wanted, change.collateral) == ({"ticket_title": "Mới"}, {})
    assert change.signature == {"field": f"custom_fields.{SIGN}", "name": "Lan Trần", "result": "verified"}
    assert replaced_values(change) == {"ticket_title": "Cũ"}
    assert "“changed_by” was set to Lan Trần." in page
    assert "Saved and verified." in page


def test_a_crm_that_ignores_the_signature_does_not_change_the_outcome(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("ignore_field", method="PUT", field="custom_fields", times=None)

    page = save(web, ticket_title="Mới").content.decode()

    change = Change.objects.get()
    assert (change.outcome, change.results) == ("verified", {"ticket_title": "verified"})
    assert change.signature["result"] == "not_applied"
    assert "but the CRM kept the old value" in page
    assert held(sandbox)[SIGN] == "Minh"


def test_a_crm_that_respells_the_signature_does_not_change_the_outcome(web: Client, sandbox: Sandbox) -> None:
    stored = {"field": "custom_fields", "value": {SIGN: "LAN T."}}
    sandbox.fault("store_differently", method="PUT", times=None, **stored)

    page = save(web, ticket_title="Mới").content.decode()

    change = Change.objects.get()
    assert (change.outcome, change.collateral) == ("verified", {})
    assert change.signature["result"] == "stored_differently"
    assert "but the CRM stored something else" in page


def test_a_save_refused_for_its_signature_is_sent_without_it(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", method="PUT", status=400, times=1, body={"errors": {"custom_fields": "?"}})

    page = save(web, ticket_title="Mới").content.decode()

    signed, unsigned = sandbox.puts(CODE)
    assert signed["custom_fields"][SIGN] == "Lan Trần"
    assert unsigned == {"ticket_code": CODE, "ticket_title": "Mới"}
    change = Change.objects.get()
    assert (change.outcome, change.signature["result"]) == ("verified", "rejected")
    assert change.payload == {"ticket_title": "Mới"}
    assert "so it was sent without" in page


def test_refused_values_are_refused_with_and_without_the_signature(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", method="PUT", status=422, times=None, body={"errors": {"ticket_title": "dài"}})

    answer = save(web, ticket_title="Mới")

    assert answer.status_code == 422
    assert len(sandbox.puts(CODE)) == 2
    assert Change.objects.get().outcome == "rejected"


def test_a_signature_is_never_sent_alone_and_never_a_conflict(web: Client, sandbox: Sandbox) -> None:
    assert "Nothing to save." in save(web).content.decode()
    form = ticket_form(web.get(URL))
    sandbox.edit(CODE, custom_fields={SIGN: "Someone else"})

    answer = web.post(URL, form.filled(ticket_title="Mới"), follow=True)

    assert answer.status_code == 200
    assert Change.objects.get().outcome == "verified"
    assert "Changed by others meanwhile" not in answer.content.decode()
    assert held(sandbox)[SIGN] == "Lan Trần"


def test_an_undo_signs_with_its_own_name(web: Client, lead: User, client_of: Any, sandbox: Sandbox) -> None:
    others = held(sandbox)
    page = save(web, ticket_title="Mới")
    form = form_to(page, "/undo/")

    client_of(lead).post(form.action, form.filled())

    assert sandbox.ticket(CODE)["ticket_title"] == "Cũ"
    assert held(sandbox) == {**others, SIGN: lead.display_name}


def test_no_user_can_set_the_signature_field(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    assert f"custom_fields.{SIGN}" in form.values or "disabled" in web.get(URL).content.decode()

    answer = web.post(URL, form.filled(**{f"custom_fields.{SIGN}": "Giám đốc"}), follow=True)

    assert sandbox.puts() == []
    assert "Giám đốc" not in held(sandbox).values()
    assert answer.status_code in {200, 422}


@pytest.mark.parametrize("is_on", [False, True])
def test_the_preview_names_the_signature_and_none_is_added_when_off(
    is_on: bool, web: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_SIGN_FIELD = SIGN if is_on else ""
    others, form = held(sandbox), ticket_form(web.get(URL))

    preview = web.post(f"{URL}preview/", form.filled(ticket_title="Mới")).content.decode()
    save(web, ticket_title="Mới")

    assert ("is set to Lan Trần as well" in preview) is is_on
    put = sandbox.puts(CODE)[0]
    assert put.pop("custom_fields", None) == ({**others, SIGN: "Lan Trần"} if is_on else None)
    assert put == {"ticket_code": CODE, "ticket_title": "Mới"}
    assert (Change.objects.get().signature is None) is not is_on


def test_in_update_only_mode_no_signature_is_sent_and_the_preview_says_so(
    web: Client, sandbox: Sandbox
) -> None:
    sandbox.switch(read_right="403")
    form = ticket_form(web.get(URL))

    preview = web.post(f"{URL}preview/", form.filled(ticket_title="Mới")).content.decode()
    web.post(URL, form.filled(ticket_title="Mới"))

    assert "is not set to your name" in preview
    assert sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Mới"}]
    assert Change.objects.get().signature is None


def test_a_described_signature_field_has_its_label(web: Client, sandbox: Sandbox) -> None:
    CustomField.objects.create(key=SIGN, label="Người sửa")

    assert "“Người sửa” was set to Lan Trần." in save(web, ticket_title="Mới").content.decode()


@pytest.mark.parametrize(
    ("value", "is_wrong"),
    [("", False), ("changed_by", False), ("custom_fields.x", False), ("a b", True), ("x" * 65, True)],
)
def test_a_wrong_signature_setting_is_named_at_start(value: str, is_wrong: bool, settings: Any) -> None:
    settings.TICKET_API_SIGN_FIELD = value

    assert ("ticketadmin.E010" in {one.id for one in run_checks()}) is is_wrong


def test_a_lost_answer_is_settled_with_its_signature(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("reset", method="PUT", after=True)

    save(web, ticket_title="Mới")

    change = Change.objects.get()
    assert (change.outcome, change.signature["result"]) == ("verified", "verified")
    assert change.collateral == {}
