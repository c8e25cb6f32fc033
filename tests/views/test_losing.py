"""A CRM that empties what a PUT leaves out: no way in loses a field that cannot be read and was not named."""

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
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    CrmSnapshot,
    ItemOutcome,
    ItemReason,
    Recipe,
    Snapshot,
    TicketRule,
    User,
)
from ticketadmin.services.bulk.items import plan_item, send_item, work_on
from ticketadmin.services.command.exits import Exit
from ticketadmin.services.crm.omitted import remember_emptied
from ticketadmin.services.values.fields import STANDARD

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
EMAIL, PHONE = "account_email", "emergency_phone"
NAMED = "These fields would be lost:"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}
NO_SCRIPT: dict[str, str] = {}
WAYS = ["status", "status with script", "undo", "undo with script", "form", "recipe", "command"]


@dataclass
class Ways:
    """One user who changes one ticket in each of the ways in; a way returns what the user reads."""

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

    def form(self, accepted: list[str]) -> str:
        """Save the ticket's form, whose page named those fields."""
        return read(self.client.post(URL, self._filled(accepted, ticket_title="Khác")))

    def recipe(self, accepted: list[str]) -> str:
        """Press “apply and save”."""
        changes = [{"field": "ticket_title", "do": "set", "texts": ["Theo công thức"]}]
        made = Recipe.objects.create(name="đóng", owner=self.user, changes=changes)
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


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("readable", "accepted", "is_sent"),
    [
        ("all", [], True),
        ("all", HIDDEN, True),  # named, and can be read again
        ("silent", [], False),
        ("silent", HIDDEN, True),
        ("silent", HIDDEN[:2], False),  # another one cannot be read any more
    ],
)
def test_a_field_is_lost_only_after_it_was_named(
    way: str, readable: str, accepted: list[str], is_sent: bool, ways: Ways, sandbox: Sandbox
) -> None:
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


@pytest.mark.parametrize("way", WAYS[:-1])
def test_only_fields_that_can_be_lost_are_taken_for_accepted(way: str, ways: Ways, sandbox: Sandbox) -> None:
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
def test_the_answer_sends_it_anyway_with_what_was_typed(
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


def test_a_rule_that_comes_after_the_consent_does_not_lose_it(ways: Ways, sandbox: Sandbox) -> None:
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
def test_another_crm_gets_no_inputs_for_it(url: str, ways: Ways, sandbox: Sandbox) -> None:
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
    assert named == (
        {field.name for field in STANDARD[1:]} if right == "403" else set(HIDDEN * (at_check == "silent"))
    )

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


def test_the_command_names_them_and_sends_what_was_accepted(ways: Ways, sandbox: Sandbox) -> None:
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
