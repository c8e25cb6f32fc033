"""A CRM that empties what a PUT leaves out: no entry point loses an unreadable field without naming it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.pairs import pairs
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    CrmSnapshot,
    CustomField,
    Draft,
    ItemOutcome,
    ItemReason,
    Recipe,
    Snapshot,
    TicketRule,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.command.exits import Exit
from ticketadmin.services.crm.omitted import remember_emptied
from ticketadmin.services.saving.sent_along import OTHER_CUSTOM
from ticketadmin.services.values.fields import STANDARD

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
EMAIL, PHONE = "account_email", "emergency_phone"
NAMED = "These fields would be lost:"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
NO_SCRIPT: dict[str, str] = {}
WAYS = ["status", "status with script", "undo", "undo with script", "form", "recipe", "command"]
EVERY_WAY = [*WAYS, "restore", "restore with script"]


@dataclass
class Ways:
    """One user who changes one ticket through each entry point, which returns what the user reads."""

    client: Client
    user: User
    sandbox: Sandbox

    def press(self, way: str, accepted: list[str]) -> str:
        """Change the ticket in one way; `accepted` are the fields that were named to the user before."""
        name, _with, script = way.partition(" with ")
        press: Callable[..., str] = getattr(self, name)
        return press(accepted, headers=SCRIPT) if script else press(accepted)

    def status(self, accepted: list[str], headers: dict[str, str] = NO_SCRIPT) -> str:
        """Set a status of a ticket that is not open."""
        posted = {"status": "Hủy", "submission": str(uuid4()), "accept_losing": accepted}
        return read(self.client.post(f"{URL}status/", posted, headers=headers))

    def undo(self, accepted: list[str], headers: dict[str, str] = NO_SCRIPT) -> str:
        """Take the first change of the ticket back, in the history."""
        posted = {"submission": str(uuid4()), "accept_losing": accepted}
        first = Change.objects.order_by("id")[0]
        return read(self.client.post(f"/history/{first.uuid}/undo/", posted, headers=headers))

    def restore(self, accepted: list[str], headers: dict[str, str] = NO_SCRIPT) -> str:
        """Restore what the first change of the ticket is said to have emptied."""
        first = Change.objects.order_by("id")[0]
        Change.objects.filter(pk=first.pk).update(collateral={PHONE: ["0909 000 111", self.phone]})
        posted = {"submission": str(uuid4()), "accept_losing": accepted}
        return read(self.client.post(f"/history/{first.uuid}/restore/", posted, headers=headers))

    @property
    def phone(self) -> str:
        """What the ticket holds now."""
        return str(self.sandbox.ticket(CODE)[PHONE])

    def form(self, accepted: list[str]) -> str:
        """Save the ticket's form, whose page named those fields."""
        return read(self.client.post(URL, self._filled(accepted, ticket_title="Khác")))

    def recipe(self, accepted: list[str]) -> str:
        """Press “apply and save”."""
        changes = [{"field": "ticket_title", "do": "set", "texts": ["Theo công thức"]}]
        made, _is_new = Recipe.objects.get_or_create(name="đóng", owner=self.user, changes=changes)
        posted = self._filled(accepted, recipe=str(made.pk), then="save")
        return read(self.client.post(f"{URL}recipe/", posted))

    def command(self, accepted: list[str]) -> str:
        """Change the ticket from the command line."""
        return changed(self.user, CODE, "ticket_title=Khác", accepted=accepted)[1]

    def _filled(self, accepted: list[str], **typed: Any) -> dict[str, Any]:
        posted = ticket_form(self.client.get(URL)).filled()
        return {**posted, **typed, "accept_losing": accepted}


def changed(user: User, *words: str, accepted: Collection[str] = ()) -> tuple[int, str]:
    """Run the command; return its exit code and what it printed."""
    out = StringIO()
    options = [one for name in accepted for one in ("--accept-losing", name)]
    try:
        call_command("change", *words, "--as", user.username, *options, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def read(answer: HttpResponse) -> str:
    """Return the text of an answer."""
    return " ".join(answer.content.decode().split())


@pytest.fixture
def ways(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Ways:
    """Return the ways, on a CRM that is known to empty what is left out, with one change to take back."""
    client = client_of(staff)
    client.post(URL, ticket_form(client.get(URL)).filled(ticket_title="Lần đầu"))
    sandbox.switch(semantics="replace")
    remember_emptied(CODE, [EMAIL, "expected_at"])
    sandbox.forget_log()
    return Ways(client, staff, sandbox)


HIDDEN = ["status_name", "expected_at", EMAIL]  # what the test CRM silently leaves out of a read


# What of the ticket can be read, which fields were named before, and whether the change is sent then.
READS: list[tuple[str, list[str], bool]] = [
    ("all", [], True),
    ("all", HIDDEN, True),  # named, and can be read again
    ("silent", [], False),
    ("silent", HIDDEN, True),
    ("silent", HIDDEN[:2], False),  # another one cannot be read any more
]


@pytest.mark.parametrize(("reads", "way"), pairs(READS, WAYS, others=pytest.mark.slow))
def test_a_field_is_lost_only_after_it_was_named(
    reads: tuple[str, list[str], bool], way: str, ways: Ways, sandbox: Sandbox
) -> None:
    readable, accepted, is_sent = reads
    before = sandbox.ticket(CODE)
    sandbox.switch(readable=readable)

    page = ways.press(way, accepted)

    assert bool(sandbox.puts()) is is_sent
    assert (NAMED in page) is not is_sent
    if not is_sent:
        assert sandbox.ticket(CODE) == before
        named = page.split(NAMED)[1].split("Nothing was changed in the CRM.")[0]
        assert "Customer e-mail" in named
        assert "Title" not in named


SERIAL, NOTE = "custom_fields.so_serial", "custom_fields.ghi_chu"
SAYS_SERIAL = f"{NAMED} Serial number."
SAYS_OTHERS = "Custom fields that this key cannot read and that are not named here would be lost."


def hide_custom_fields(case: str, ways: Ways) -> tuple[list[str], str]:
    """Hide custom fields of the ticket from the key; return the names of what is lost, and what is said."""
    match case:
        case "whole":
            ways.sandbox.switch(hidden_custom_fields="*")
            return [OTHER_CUSTOM], SAYS_OTHERS
        case "described":
            CustomField.objects.create(key="so_serial", label="Serial number")
            ways.sandbox.switch(hidden_custom_fields="so_serial")
            return [SERIAL], SAYS_SERIAL
        case "described, whole":
            CustomField.objects.create(key="so_serial", label="Serial number")
            ways.sandbox.switch(hidden_custom_fields="*")
            return [SERIAL, OTHER_CUSTOM], f"{SAYS_SERIAL} {SAYS_OTHERS}"
        case "seen by a save":
            form = ticket_form(ways.client.get(URL))
            ways.client.post(URL, form.filled(ticket_content="Mới"))  # sends along what it read
            ways.sandbox.forget_log()
            ways.sandbox.switch(hidden_custom_fields="ghi_chu")
            return [NOTE], f"{NAMED} ghi_chu."
        case _:
            Draft.objects.create(
                actor=ways.user, ticket_code=CODE, originals={NOTE: "Cũ"}, updated_at=timezone.now()
            )
            ways.sandbox.switch(hidden_custom_fields="ghi_chu")
            return [NOTE], f"{NAMED} ghi_chu."


CASES = ["whole", "described", "described, whole", "seen by a save", "seen by a draft"]


@pytest.mark.parametrize(("case", "way"), pairs(CASES, EVERY_WAY, others=pytest.mark.slow))
def test_a_custom_field_is_lost_only_after_it_was_named(
    case: str, way: str, ways: Ways, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": "SN1", "ghi_chu": "Gọi trước"})
    lost, said = hide_custom_fields(case, ways)
    before = sandbox.ticket(CODE)

    page = ways.press(way, [])

    assert f"{said} Nothing was changed in the CRM." in page
    assert sandbox.puts() == []
    assert sandbox.ticket(CODE) == before

    assert NAMED not in ways.press(way, lost)
    (body,) = sandbox.puts()
    kept = {"so_serial", "ghi_chu"} - {name.removeprefix("custom_fields.") for name in lost}
    assert case.endswith("whole") or kept <= set(body["custom_fields"])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("wishes_of", ["run", "file"])
def test_a_run_names_custom_fields_before_it_loses_them(
    case: str, wishes_of: str, lead: User, client_of: Any, ways: Ways, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": "SN1", "ghi_chu": "Gọi trước"})
    wishes = {"ticket_title": {"set": "Hàng loạt"}}
    common, own = (wishes, None) if wishes_of == "run" else ({}, wishes)

    def one_of_a_run() -> BulkItem:
        run = BulkUpdate.objects.create(
            owner=lead, state=BulkState.READY, created_at=timezone.now(), wishes=common
        )
        return BulkItem.objects.create(bulk=run, position=0, ticket_code=CODE, wishes=own)

    unnamed, named = one_of_a_run(), one_of_a_run()
    plan_item(work_on(unnamed.bulk, lead), unnamed)  # everything can be read then
    lost, said = hide_custom_fields(case, ways)
    plan_item(work_on(named.bulk, lead), named)
    assert (unnamed.unreadable, named.unreadable) == (None, lost)
    assert said in read(client_of(lead).get(f"/bulk/{named.bulk.uuid}/"))

    send_item(work_on(unnamed.bulk, lead), unnamed)
    assert (unnamed.outcome, unnamed.reason) == (ItemOutcome.NOT_DONE, ItemReason.WOULD_LOSE)
    assert sandbox.puts() == []
    send_item(work_on(named.bulk, lead), named)
    assert len(sandbox.puts()) == 1


@pytest.mark.parametrize("case", CASES)
def test_the_ticket_names_custom_fields_at_risk_and_its_form_sends_or_fills_them(
    case: str, ways: Ways, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": "SN1", "ghi_chu": "Gọi trước"})
    assert "Custom fields that this key cannot read may be lost." in read(ways.client.get(URL))
    lost, _said = hide_custom_fields(case, ways)

    answer = ways.client.get(URL)
    form = ticket_form(answer)
    assert sorted(form.values["accept_losing"]) == sorted(lost)
    assert "unless you fill them in" in read(answer) or case == "whole"
    filled = {name: "Điền lại" for name in lost if name != OTHER_CUSTOM}
    ways.client.post(URL, form.filled(ticket_title="Khác", **filled))

    (body,) = sandbox.puts()
    assert {f"custom_fields.{key}" for key, value in body.get("custom_fields", {}).items() if value} >= set(
        filled
    )


def test_a_form_opened_earlier_names_fields_that_became_unreadable(ways: Ways, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": "SN1", "ghi_chu": "Gọi trước"})
    form = ticket_form(ways.client.get(URL))
    sandbox.switch(hidden_custom_fields="*")

    answer = ways.client.post(URL, form.filled(ticket_title="Gõ rồi"))
    page, again = read(answer), ticket_form(answer)
    assert "ghi_chu" in page.split(NAMED)[1].split(".")[0]
    assert {SERIAL, NOTE, OTHER_CUSTOM} <= set(again.values["accept_losing"])
    assert sandbox.puts() == []

    ways.client.post(URL, again.filled())
    (body,) = sandbox.puts()
    assert body["ticket_title"] == "Gõ rồi"


@pytest.mark.parametrize("case", CASES)
def test_a_keeping_crm_loses_no_custom_fields_and_names_none(case: str, ways: Ways, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={"so_serial": "SN1", "ghi_chu": "Gọi trước"})
    hide_custom_fields(case, ways)
    CrmSnapshot.objects.filter(name=Snapshot.OMITTED).delete()
    sandbox.switch(semantics="merge")

    assert NAMED not in ways.press("status", [])
    assert [set(one) for one in sandbox.puts()] == [{"ticket_code", "status_name"}]


@pytest.mark.parametrize("way", WAYS[:-1])
def test_only_fields_that_can_be_lost_are_accepted_as_lost(way: str, ways: Ways, sandbox: Sandbox) -> None:
    sandbox.switch(readable="silent")

    assert NAMED in ways.press(way, ["", "ticket", "*", "x" * 5_000, *HIDDEN[:2]])
    assert sandbox.puts() == []


@pytest.mark.parametrize(
    ("way", "right"),
    [
        ("status", "yes"),
        ("status", "403"),  # update-only mode: nothing can be read
        ("status with script", "yes"),
        ("status with script", "403"),
        ("undo", "yes"),
        ("undo with script", "yes"),
    ],
)
def test_the_warning_offers_to_send_anyway_with_the_typed_values(
    way: str, right: str, ways: Ways, sandbox: Sandbox
) -> None:
    sandbox.switch(readable="silent", read_right=right)
    action = "/undo/" if way.startswith("undo") else "/status/"
    headers = SCRIPT if way.endswith("script") else NO_SCRIPT
    url = f"/history/{Change.objects.get().uuid}/undo/" if action == "/undo/" else f"{URL}status/"
    posted = {"status": "Hủy", "submission": str(uuid4()), "change_reason": "Khách đòi"}

    answer = ways.client.post(url, posted, headers=headers)
    page = read(answer)
    assert answer.status_code == 409
    assert "Send anyway" in page
    assert sandbox.puts() == []

    again = form_to(answer, action)
    button = {"status": "Hủy"} if action == "/status/" else {}
    sent = ways.client.post(again.action, {**again.filled(), **button}, headers=headers)

    assert sent.status_code in {200, 303}
    (body,) = sandbox.puts()
    wanted = {"status_name": "Hủy"} if action == "/status/" else {"ticket_title"}
    assert set(wanted) <= set(body)
    assert Change.objects.order_by("-id")[0].change_reason == "Khách đòi"


def test_a_rule_met_after_the_consent_keeps_the_consent(ways: Ways, sandbox: Sandbox) -> None:
    sandbox.switch(readable="silent")
    TicketRule.objects.create(field="status_name", value="Hủy", needs_reason=True)
    posted = {"status": "Hủy", "submission": str(uuid4()), "accept_losing": HIDDEN}

    answer = ways.client.post(f"{URL}status/", posted, headers=SCRIPT)
    assert "a reason" in read(answer)
    again = form_to(answer, "/status/").filled(change_reason="Vì", status="Hủy")
    ways.client.post(f"{URL}status/", again, headers=SCRIPT)

    assert sandbox.puts()[-1]["status_name"] == "Hủy"


def test_the_form_names_a_field_that_became_unreadable_and_then_sends_or_keeps_it(
    ways: Ways, sandbox: Sandbox
) -> None:
    form = ticket_form(ways.client.get(URL))
    assert "accept_losing" not in form.values
    sandbox.switch(readable="silent")

    answer = ways.client.post(URL, form.filled(ticket_title="Gõ rồi", change_reason="Vì"))
    page = read(answer)
    assert "or save again: whatever is still empty then is lost." in page
    again = ticket_form(answer)
    assert again.values["ticket_title"] == ["Gõ rồi"]
    assert again.values["change_reason"] == ["Vì"]
    assert sorted(again.values["accept_losing"]) == sorted(HIDDEN)
    assert sandbox.puts() == []

    filled = again.filled(account_email="moi@example.com")
    ways.client.post(URL, filled)
    (body,) = sandbox.puts()
    assert (body["ticket_title"], body["account_email"]) == ("Gõ rồi", "moi@example.com")
    assert sandbox.ticket(CODE)["expected_at"] == ""


@pytest.mark.parametrize("url", [URL, "/history/", f"{URL}status/?to=Hủy"])
def test_a_keeping_crm_gets_no_inputs_for_losses(url: str, ways: Ways, sandbox: Sandbox) -> None:
    CrmSnapshot.objects.filter(name=Snapshot.OMITTED).delete()
    sandbox.switch(readable="silent", semantics="merge")

    assert "accept_losing" not in ways.client.get(url).content.decode()
    assert NAMED not in ways.press("status", [])
    assert [set(one) for one in sandbox.puts()] == [{"ticket_code", "status_name"}]


@pytest.mark.parametrize("right", ["yes", "403"])
@pytest.mark.parametrize(
    ("at_check", "at_save", "is_sent"),
    [("all", "all", True), ("silent", "silent", True), ("all", "silent", False)],
)
def test_a_run_loses_only_what_its_dry_run_named(
    right: str,
    at_check: str,
    at_save: str,
    is_sent: bool,
    lead: User,
    client_of: Any,
    ways: Ways,
    sandbox: Sandbox,
) -> None:
    run = BulkUpdate.objects.create(
        owner=lead,
        state=BulkState.READY,
        created_at=timezone.now(),
        wishes={"ticket_title": {"set": "Hàng loạt"}},
    )
    item = BulkItem.objects.create(bulk=run, position=0, ticket_code=CODE)
    sandbox.switch(readable=at_check, read_right=right)
    plan_item(work_on(run, lead), item)
    named = set(item.unreadable or ())
    unread = {*(field.name for field in STANDARD[1:]), OTHER_CUSTOM}
    assert named == (unread if right == "403" else set(HIDDEN * (at_check == "silent")))

    sandbox.switch(readable=at_save, read_right=right)
    send_item(work_on(run, lead), item)

    is_sent = is_sent or right == "403"
    assert bool(sandbox.puts()) is is_sent
    if not is_sent:
        item.refresh_from_db()
        assert (item.outcome, item.reason) == (ItemOutcome.NOT_DONE, ItemReason.WOULD_LOSE)
        page = read(client_of(lead).get(f"/bulk/{run.uuid}/"))
        assert "the check did not name them" in page
        assert "Customer e-mail" in page.split(NAMED)[1][:200]


def test_the_command_names_losses_and_sends_once_they_are_accepted(ways: Ways, sandbox: Sandbox) -> None:
    sandbox.switch(readable="silent")
    for options in ([], ["--dry-run"]):
        exit_code, printed = changed(ways.user, CODE, "ticket_title=Khác", *options)
        assert exit_code == Exit.WOULD_LOSE
        assert "Customer e-mail" in printed
        assert "--accept-losing account_email" in printed
    with pytest.raises(CommandError, match="is not a field"):
        changed(ways.user, CODE, "ticket_title=Khác", accepted=["ticket"])
    assert sandbox.puts() == []

    assert changed(ways.user, CODE, "ticket_title=Khác", accepted=HIDDEN)[0] == Exit.DONE
    assert len(sandbox.puts()) == 1
