"""`manage.py change` for one ticket: what it sends, in whose name, what it says, and how it exits."""

import json
import os
import pwd
from io import BytesIO, StringIO, TextIOWrapper
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    Change,
    CustomField,
    ItemOutcome,
    ItemReason,
    Outcome,
    Plan,
    Role,
    User,
)
from ticketadmin.services.command.exits import EXITS, Exit, exit_of_all, exit_of_item
from ticketadmin.services.recipes.keep import keep_recipe
from ticketadmin.services.recipes.recipe import RecipeAction, RecipeChange
from ticketadmin.ticketapi.reasons import Reason

CODE = "ABCXYZ1234"
DONE = "Đã hoàn tất"


class CommandRun:
    """What one run of the command printed, and its exit code."""

    def __init__(self, *arguments: str) -> None:
        out, err = StringIO(), StringIO()
        self.code = 0
        try:
            call_command("change", *arguments, stdout=out, stderr=err)
        except CommandError as error:
            self.code = error.returncode
            err.write(str(error))
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture
def lan(staff: User, sandbox: Sandbox) -> User:
    return staff


def test_one_code_is_a_save_that_records_who_how_and_why(lan: User, client_of: Any, sandbox: Sandbox) -> None:
    ran = CommandRun(CODE, "ticket_title=Máy in tầng 3", "--as", "staff", "--reason", "  Theo   lịch ")

    assert (ran.code, ran.err) == (Exit.DONE, "")
    assert "Saved and verified." in ran.out
    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Máy in tầng 3"}]
    change = Change.objects.get()
    assert (change.origin, change.actor, change.change_reason) == ("command", lan, "Theo lịch")
    assert change.system_account == pwd.getpwuid(os.geteuid()).pw_name
    page = client_of(lan).get("/history/", {"origin": "command"}).content.decode()
    said = [change.actor_name, "Command line", "System account:", change.system_account, "Theo lịch"]
    assert [one for one in said if one not in page] == []


def test_values_are_read_as_in_a_file(lan: User, sandbox: Sandbox) -> None:
    CustomField.objects.create(key="co", label="Hoá đơn", kind="yes_no")

    ran = CommandRun(
        *(CODE, "trạng thái=đã hoàn tất", "expected_at=31/12/2026", "hoa don=có", "--clear", "account_email"),
        *("--as", "staff"),
    )

    assert ran.code == Exit.DONE, ran.err
    sent = sandbox.puts()[0]
    assert (sent["status_name"], sent["expected_at"], sent["account_email"]) == (DONE, "2026-12-31", "")
    assert sent["custom_fields"]["co"] == "1"


def test_arguments_override_the_changes_of_a_recipe(lan: User, sandbox: Sandbox) -> None:
    changes = (
        RecipeChange("status_name", RecipeAction.SET, (DONE,)),
        RecipeChange("ticket_title", RecipeAction.SET, ("Xong: {code}, {customer}",)),
        RecipeChange("emergency_phone", RecipeAction.CLEAR),
    )
    keep_recipe(lan, "Đóng phiếu", changes)

    ran = CommandRun(CODE, "emergency_phone=0909111222", "--recipe", "đóng", "--as", "staff")

    assert ran.code == Exit.DONE, ran.err
    title = f"Xong: {CODE}, {sandbox.ticket(CODE)['account_name']}"
    sent = {"ticket_code": CODE, "status_name": DONE, "ticket_title": title, "emergency_phone": "0909111222"}
    assert sandbox.puts() == [sent]


@pytest.mark.parametrize(
    ("codes", "recipe", "code", "words"),
    [
        ([CODE], "nothing", Exit.USAGE, "has no recipe “nothing”"),
        ([CODE], "two", Exit.USAGE, "two a, two b"),
        ([CODE, "TK240001"], "gone", Exit.USAGE, "Status: The CRM has no “Không còn”."),
        (["KHONGCO1"], "two b", Exit.NO_TICKET, "The CRM has no ticket with this code."),
    ],
)
def test_a_recipe_that_cannot_be_used_is_named_and_nothing_is_sent(
    codes: list[str], recipe: str, code: Exit, words: str, lead: User, sandbox: Sandbox
) -> None:
    keep_recipe(lead, "two a", (RecipeChange("ticket_title", RecipeAction.SET, ("{code}",)),))
    keep_recipe(lead, "two b", (RecipeChange("ticket_title", RecipeAction.SET, ("b",)),))
    keep_recipe(
        lead,
        "gone",
        (
            RecipeChange("ticket_title", RecipeAction.SET, ("{code}",)),
            RecipeChange("status_name", RecipeAction.SET, ("Không còn",)),
        ),
    )
    CommandRun(
        CODE, "ticket_title=a", "--as", "lead", "--dry-run"
    )  # from then on it is known that reading works

    ran = CommandRun(*codes, "--recipe", recipe, "--as", "lead")

    assert ran.code == code
    assert words in ran.err
    assert sandbox.puts() == []


def test_a_value_that_is_already_there_is_not_sent(lan: User, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, status_name=DONE)

    ran = CommandRun(CODE, f"status_name={DONE}", "--as", "staff")

    assert ran.code == Exit.DONE
    assert sandbox.puts() == []


def test_a_dry_run_sends_nothing_and_shows_what_it_would_send(lan: User, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, status_name="Mới")

    ran = CommandRun(CODE, f"status_name={DONE}", "--as", "staff", "--dry-run")

    assert ran.code == Exit.DONE
    assert f"Status: Mới → {DONE}" in ran.out
    assert sandbox.puts() == []
    assert not Change.objects.exists()


def test_the_output_for_one_ticket_says_what_became_of_the_signature(
    lan: User, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_API_SIGN_FIELD = "changed_by"
    sandbox.edit(CODE, status_name="Mới", custom_fields={"changed_by": "Minh"})

    dry = CommandRun(CODE, f"status_name={DONE}", "--as", "staff", "--dry-run")
    ran = CommandRun(CODE, f"status_name={DONE}", "--as", "staff")

    assert f"“changed_by” is set to {lan.display_name} as well" in dry.out
    assert f"“changed_by” was set to {lan.display_name}." in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([CODE], "Name at least one change"),
        ([CODE, "ticket_title="], "use --clear ticket_title"),
        ([CODE, "no_such_field=1"], "is not a field"),
        ([CODE, "expected_at=31/02/2026"], "expected_at"),
        ([CODE, "status_name=Không có"], "The CRM has no “Không có”"),
        ([CODE, "--clear", "ticket_title"], "cannot be empty"),
        ([CODE, "ticket_title=a", "--clear", "ticket_title"], "name the same thing"),
        (["ABC/1", "ticket_title=a"], "is not a ticket code"),
        ([CODE, "-", "ticket_title=a"], "not both"),
        ([CODE, "ticket_title=a", "--reason", "x" * 301], "at most 300 characters"),
    ],
)
def test_wrong_arguments_are_named_without_calling_the_crm(
    arguments: list[str], words: str, lan: User, sandbox: Sandbox
) -> None:
    ran = CommandRun(*arguments, "--as", "staff")

    assert ran.code == Exit.USAGE
    assert words in ran.err
    assert ran.out == ""
    assert sandbox.log("GET", CODE) == sandbox.puts() == []


@pytest.mark.parametrize("who", ["missing", "nobody", "gone"])
def test_an_unsuitable_user_sends_nothing(who: str, make_person: Any, sandbox: Sandbox) -> None:
    make_person(None, "nobody")
    make_person(Role.LEAD, "gone", is_active=False)

    ran = CommandRun(CODE, "ticket_title=a", "--as", who)

    assert ran.code == Exit.NOT_ALLOWED
    assert f"{who} is not an active user" in ran.err
    assert sandbox.puts() == []


def test_several_tickets_need_the_permission_for_bulk_updates(lan: User, sandbox: Sandbox) -> None:
    ran = CommandRun(CODE, "TK200001", "ticket_title=a", "--as", "staff")

    assert ran.code == Exit.NOT_ALLOWED
    assert sandbox.puts() == []


@pytest.mark.parametrize("is_json", [False, True])
def test_a_missing_ticket_sends_nothing(is_json: bool, lan: User, sandbox: Sandbox) -> None:
    CommandRun(CODE, "ticket_title=a", "--as", "staff")  # from then on it is known that reading works
    sandbox.forget_log()

    ran = CommandRun("KHONGCO1", "ticket_title=b", "--as", "staff", *(["--json"] if is_json else []))

    assert ran.code == Exit.NO_TICKET
    assert "KHONGCO1: The CRM has no ticket with this code." in ran.err
    assert sandbox.puts() == []
    if is_json:
        assert json.loads(ran.out)["exit"] == Exit.NO_TICKET


@pytest.mark.parametrize(
    ("fault", "switches", "code"),
    [
        ({}, {}, Exit.DONE),
        ({"kind": "status", "method": "PUT", "status": 400}, {}, Exit.REFUSED),
        ({"kind": "status", "method": "PUT", "status": 403}, {}, Exit.REFUSED),
        ({"kind": "status", "method": "PUT", "status": 404}, {}, Exit.NO_TICKET),
        ({"kind": "status", "method": "PUT", "status": 401}, {}, Exit.UNREACHABLE),
        ({"kind": "status", "method": "GET", "status": 401, "path": "/ticket"}, {}, Exit.UNREACHABLE),
        ({"kind": "ignore_write", "method": "PUT"}, {}, Exit.NOT_APPLIED),
        ({}, {"normalise": "trim"}, Exit.STORED_DIFFERENTLY),
        ({}, {"read_right": "403"}, Exit.NOT_READABLE),
    ],
    ids=str,
)
def test_each_kind_of_outcome_has_its_exit_code(
    fault: dict[str, Any], switches: dict[str, Any], code: Exit, lan: User, sandbox: Sandbox
) -> None:
    sandbox.switch(**switches)
    if fault:
        sandbox.fault(fault.pop("kind"), times=None, **fault)

    ran = CommandRun(CODE, "ticket_title=máy  in", "--as", "staff", "--json")

    assert ran.code == code, ran.out + ran.err
    answer = json.loads(ran.out)
    assert answer["exit"] == code
    assert answer["tickets"][0]["ticket"] == CODE


def test_every_outcome_of_a_change_has_an_exit_code() -> None:
    assert set(EXITS) == set(Outcome)


@pytest.mark.parametrize("outcome", ItemOutcome)
def test_every_outcome_of_a_ticket_of_a_run_has_an_exit_code(outcome: ItemOutcome) -> None:
    assert exit_of_item(BulkItem(outcome=outcome, reason=ItemReason.IN_PROGRESS)) in Exit


@pytest.mark.parametrize("reason", [*ItemReason, *Reason])
def test_every_reason_why_a_ticket_was_left_out_has_an_exit_code(reason: ItemReason | Reason) -> None:
    after_the_run = exit_of_item(BulkItem(outcome=ItemOutcome.NOT_DONE, reason=reason))

    assert after_the_run == exit_of_item(BulkItem(plan=Plan.CANNOT, reason=reason))
    assert (after_the_run == Exit.FAILED) is (reason is ItemReason.INTERNAL_ERROR)


def test_tickets_with_different_outcomes_exit_as_partly_done() -> None:
    assert exit_of_all([]) == exit_of_all([Exit.DONE] * 3) == Exit.DONE
    assert exit_of_all([Exit.RULE] * 3) == Exit.RULE
    assert exit_of_all([Exit.DONE, Exit.RULE]) == Exit.PARTLY


@pytest.mark.parametrize(
    "given",
    [CODE, f"{CODE}\n", f"ticket_code,ticket_title\n{CODE},Từ tệp\n", f"mã phiếu;tiêu đề\n{CODE};Từ tệp\n"],
)
def test_one_ticket_on_standard_input_is_a_save(
    given: str, lan: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given.encode())))

    ran = CommandRun("emergency_phone=0909111222", "--as", "staff")

    assert ran.code == Exit.DONE, ran.err
    (sent,) = sandbox.puts()
    assert sent["emergency_phone"] == "0909111222"
    assert ("ticket_title" in sent) == ("Từ tệp" in given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "No ticket code was found"),
        ("ABC/1 ???", "is not a ticket code"),
        (f"ticket_code,expected_at\n{CODE},31/02/2026\n", "Row 2, expected_at"),
        (f"ticket_code,unheard_of\n{CODE},1\n", "is not a field"),
        ("x" * (10 * 1024 * 1024 + 1), "larger than 10 MB"),
    ],
    ids=["empty", "no code", "bad value", "bad column", "too large"],
)
def test_wrong_standard_input_is_named(
    given: str, words: str, lan: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(given.encode())))

    ran = CommandRun("-", "ticket_title=a", "--as", "staff")

    assert ran.code == Exit.USAGE
    assert words in ran.err
    assert sandbox.puts() == []
