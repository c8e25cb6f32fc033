"""Rules for every entry point: what a rule forbids is never sent, what it allows is, and the page says so."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.pairs import pairs
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    CustomField,
    Draft,
    ItemOutcome,
    ItemReason,
    Plan,
    Recipe,
    Role,
    TicketRule,
    User,
)
from ticketadmin.services.bulk.dry_run import plan_item
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.recipes import NOTE, bulk_recipe
from ticketadmin.services.bulk.reversals import undo_bulk
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.rules.checking import load_rules
from ticketadmin.services.saving.edit import edit_of_values

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
DONE, NEW = "Đã hoàn tất", "Mới"
SERIAL = "custom_fields.so_serial"
SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@dataclass(frozen=True)
class Case:
    """A rule, the ticket before, what else is given, and whether setting DONE is allowed then."""

    rule: dict[str, Any]
    is_allowed: bool
    serial: str = ""
    reason: str = ""
    role: Role = Role.LEAD


@dataclass(frozen=True)
class Way:
    """The entry points by which a status is set; each returns what the user is told."""

    user: User
    client: Client
    crm: Sandbox
    reason: str

    def by_form(self) -> str:
        typed = ticket_form(self.client.get(URL)).filled(status_name=DONE, change_reason=self.reason)
        return self._shown(self.client.post(URL, typed, follow=True))

    def by_quick_status(self) -> str:
        posted = {"status": DONE, "submission": str(uuid4()), "change_reason": self.reason}
        return self._shown(self.client.post(f"{URL}status/", posted, headers=SCRIPT))

    def by_the_box(self) -> str:
        self.client.get(URL)  # from then on the CRM's statuses are known
        page = self.client.get("/go/", {"q": f"{CODE} hoàn tất"}, follow=True)
        form = form_to(page, "/status/")
        typed = form.filled(status=DONE, change_reason=self.reason)
        return self._shown(self.client.post(form.action, typed, follow=True))

    def by_command(self) -> str:
        printed = StringIO()
        arguments = [CODE, f"status_name={DONE}", "--as", self.user.username, "--reason", self.reason]
        with suppress(SystemExit):
            call_command("change", *arguments, stdout=printed, stderr=printed)
        return printed.getvalue()

    def by_recipe(self) -> str:
        typed = ticket_form(self.client.get(URL)).filled(change_reason=self.reason)
        use = {**typed, "recipe": self._recipe().pk, "then": "save"}
        return self._shown(self.client.post(f"{URL}recipe/", use, follow=True))

    def by_command_with_a_recipe(self) -> str:
        self._recipe()
        printed = StringIO()
        arguments = [CODE, "--recipe", "done", "--as", self.user.username, "--reason", self.reason]
        with suppress(SystemExit):
            call_command("change", *arguments, stdout=printed, stderr=printed)
        return printed.getvalue()

    def by_bulk_with_a_recipe(self) -> str:
        item = self._item()
        recipe = bulk_recipe(self._recipe(), user=self.user, wished=())
        item.bulk.wishes, item.bulk.notes = {}, {NOTE: recipe.as_json()}
        item.bulk.save()
        plan_item(work_on(item.bulk, self.user), item)
        if item.plan == Plan.SEND:
            send_item(work_on(item.bulk, self.user), item)
        return self._shown(self.client.get(f"/bulk/{item.bulk.uuid}/"))

    def _recipe(self) -> Recipe:
        change = {"field": "status_name", "do": "set", "texts": [DONE]}
        return Recipe.objects.create(owner=self.user, name="done", changes=[change])

    def by_bulk(self) -> str:
        item = self._item()
        plan_item(work_on(item.bulk, self.user), item)
        if item.plan == Plan.SEND:
            send_item(work_on(item.bulk, self.user), item)
        return self._shown(self.client.get(f"/bulk/{item.bulk.uuid}/"))

    def by_a_file(self) -> str:
        """The value is the ticket's own, from its row."""
        item = self._item()
        item.bulk.wishes, item.wishes = {}, item.bulk.wishes
        item.bulk.save()
        item.save()
        plan_item(work_on(item.bulk, self.user), item)
        if item.plan == Plan.SEND:
            send_item(work_on(item.bulk, self.user), item)
        return self._shown(self.client.get(f"/bulk/{item.bulk.uuid}/"))

    def by_bulk_with_a_rule_made_after_the_check(self) -> str:
        item = self._item()
        rules = list(TicketRule.objects.all())
        TicketRule.objects.all().delete()
        work = work_on(item.bulk, self.user)
        plan_item(work, item)
        assert item.plan == Plan.SEND
        TicketRule.objects.bulk_create(rules)
        send_item(work, item)
        return self._shown(self.client.get(f"/bulk/{item.bulk.uuid}/"))

    def _item(self) -> BulkItem:
        run = BulkUpdate.objects.create(
            owner=self.user,
            state=BulkState.CHECKING,
            created_at=timezone.now(),
            wishes=edit_of_values({"status_name": DONE}).as_json(),
            change_reason=self.reason,
        )
        return BulkItem.objects.create(bulk=run, position=0, ticket_code=CODE)

    def _shown(self, answer: Any) -> str:
        return str(answer.content.decode())


WAYS: dict[str, Callable[[Way], str]] = {
    "form": Way.by_form,
    "quick status": Way.by_quick_status,
    "one box": Way.by_the_box,
    "command": Way.by_command,
    "recipe": Way.by_recipe,
    "command, recipe": Way.by_command_with_a_recipe,
    "bulk, recipe": Way.by_bulk_with_a_recipe,
    "bulk": Way.by_bulk,
    "a file": Way.by_a_file,
    "bulk, later rule": Way.by_bulk_with_a_rule_made_after_the_check,
}
FIELDS = {"value": DONE, "required_fields": [SERIAL]}
REASON = {"value": DONE, "needs_reason": True}
GROUPS = {"value": DONE, "groups": [Role.ADMINISTRATOR.value]}
CASES = {
    "no rule": Case({}, True),
    "a rule for another status": Case({"value": NEW, "needs_reason": True}, True),
    "an empty field": Case(FIELDS, False),
    "a filled field": Case(FIELDS, True, serial="SN-1"),
    "no reason": Case(REASON, False),
    "a reason": Case(REASON, True, reason="Khách đã xác nhận"),
    "a lead outside the group": Case(GROUPS, False),
    "a member of the group": Case(GROUPS, True, role=Role.ADMINISTRATOR),
    "a field for a group": Case({"groups": [Role.ADMINISTRATOR.value]}, False),
    "all of it": Case(FIELDS | REASON | GROUPS, True, "SN-1", "Xong", Role.ADMINISTRATOR),
    "all of it but the reason": Case(FIELDS | REASON | GROUPS, False, "SN-1", "", Role.ADMINISTRATOR),
}


def planned(user: User, codes: list[str]) -> list[BulkItem]:
    """Return the tickets of a run that sets DONE, after its dry run."""
    run = BulkUpdate.objects.create(
        owner=user,
        state=BulkState.CHECKING,
        created_at=timezone.now(),
        wishes=edit_of_values({"status_name": DONE}).as_json(),
    )
    items = [
        BulkItem.objects.create(bulk=run, position=at, ticket_code=code) for at, code in enumerate(codes)
    ]
    for item in items:
        plan_item(work_on(run, user), item)
    BulkUpdate.objects.filter(pk=run.pk).update(state=BulkState.READY)
    return items


@pytest.fixture
def serial(db: None) -> None:
    CustomField.objects.create(key="so_serial", label="Số serial")


@pytest.mark.parametrize(("case", "way"), pairs(CASES, WAYS, others=pytest.mark.slow))
def test_every_entry_point_obeys_a_rule_and_works_without_one(
    case: str, way: str, serial: None, make_person: Any, client_of: Any, sandbox: Sandbox
) -> None:
    given = CASES[case]
    sandbox.edit(CODE, status_name=NEW, custom_fields={"so_serial": given.serial})
    user = make_person(given.role)
    if given.rule:
        TicketRule.objects.create(field="status_name", **given.rule)

    told = WAYS[way](Way(user, client_of(user), sandbox, given.reason))

    assert (sandbox.ticket(CODE)["status_name"] == DONE) is given.is_allowed, told
    assert len(sandbox.puts(CODE)) == given.is_allowed
    assert Change.objects.count() == given.is_allowed
    if given.is_allowed:
        assert Change.objects.get().change_reason == given.reason
    else:
        words = ("a reason is required", "must be filled in", "only these groups")
        assert any(one in told for one in words)


@pytest.mark.slow
def test_seven_of_a_hundred_tickets_break_a_rule_and_the_rest_are_sent(
    serial: None, lead: User, client_of: Any, sandbox: Sandbox
) -> None:
    codes = [code for code in sandbox.codes() if code.startswith("TK2")][:100]
    for at, code in enumerate(codes):
        sandbox.edit(code, status_name=NEW, custom_fields={"so_serial": "" if at < 7 else "SN-1"})
    TicketRule.objects.create(field="status_name", **FIELDS)

    items = planned(lead, codes)
    run = BulkUpdate.objects.get()
    page = client_of(lead).get(f"/bulk/{run.uuid}/?shown=cannot").content.decode()
    for item in items:
        if item.plan == Plan.SEND:
            send_item(work_on(run, lead), item)

    blocked = codes[:7]
    assert [code for code in blocked if code not in page] == []
    assert page.count("these fields must be filled in: Số serial.") == 7
    assert [put["ticket_code"] for put in sandbox.puts()] == codes[7:]
    assert [item.ticket_code for item in items if item.reason == ItemReason.BROKEN_RULE] == blocked


def test_a_rule_created_during_a_run_applies_from_the_next_ticket_on(lead: User, sandbox: Sandbox) -> None:
    codes = [code for code in sandbox.codes() if code.startswith("TK2")][:6]
    for code in codes:
        sandbox.edit(code, status_name=NEW)
    items = planned(lead, codes)
    work = work_on(items[0].bulk, lead)

    for at, item in enumerate(items):
        if at == 3:
            TicketRule.objects.create(field="status_name", **REASON)
        send_item(work, item)

    assert [put["ticket_code"] for put in sandbox.puts()] == codes[:3]
    assert [item.outcome for item in items] == [ItemOutcome.VERIFIED] * 3 + [ItemOutcome.NOT_DONE] * 3
    assert BulkItem.objects.filter(reason=ItemReason.BROKEN_RULE).count() == 3


def test_undo_obeys_only_groups_and_the_history_says_so(
    serial: None, staff: User, lead: User, client_of: Any, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, status_name=DONE, custom_fields={"so_serial": ""})
    client = client_of(lead)
    client.post(URL, ticket_form(client.get(URL)).filled(status_name=NEW))
    first = Change.objects.get()
    rule = TicketRule.objects.create(field="status_name", **(FIELDS | REASON | GROUPS))

    refused = client.post(f"/history/{first.uuid}/undo/", headers=SCRIPT).content.decode()
    assert "only these groups may do this: Administrator" in refused
    assert sandbox.ticket(CODE)["status_name"] == NEW

    rule.groups = [Role.LEAD.value]
    rule.save()
    client.post(f"/history/{first.uuid}/undo/", {"change_reason": "Nhầm phiếu"})

    assert sandbox.ticket(CODE)["status_name"] == DONE
    undo = Change.objects.first()
    assert undo is not None
    assert (undo.undo_of, undo.change_reason) == (first, "Nhầm phiếu")
    page = client.get("/history/").content.decode()
    assert "Rules that were not applied" in page
    assert "a reason is required" not in page.partition("Rules that were not applied")[0]


@pytest.mark.parametrize("group", [Role.ADMINISTRATOR, Role.LEAD])
def test_undoing_a_run_and_restoring_obey_only_groups(
    group: Role, serial: None, lead: User, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, status_name=NEW, custom_fields={"so_serial": ""})
    (item,) = planned(lead, [CODE])
    sandbox.fault("wipe_field", method="PUT", code=CODE, field="emergency_phone")
    send_item(work_on(item.bulk, lead), item)
    phone = {"field": "emergency_phone", "groups": [group.value], "needs_reason": True}
    TicketRule.objects.create(**phone)
    TicketRule.objects.create(field="status_name", value=NEW, groups=[group.value], required_fields=[SERIAL])
    BulkUpdate.objects.filter(pk=item.bulk_id).update(state=BulkState.FINISHED)
    item.bulk.refresh_from_db()

    undo = undo_bulk(item.bulk, user=lead).items.get()
    plan_item(work_on(undo.bulk, lead), undo)
    if undo.plan == Plan.SEND:
        send_item(work_on(undo.bulk, lead), undo)

    is_allowed = group is Role.LEAD
    assert (undo.plan == Plan.SEND) is is_allowed
    assert (sandbox.ticket(CODE)["status_name"] == NEW) is is_allowed
    assert (sandbox.ticket(CODE)["emergency_phone"] != "") is is_allowed
    assert Change.objects.filter(waived_rules__isnull=False).exists() is is_allowed


def test_a_refused_form_keeps_all_that_was_typed(
    serial: None, staff: User, client_of: Any, sandbox: Sandbox
) -> None:
    TicketRule.objects.create(field="status_name", **(FIELDS | REASON))
    sandbox.edit(CODE, status_name=NEW, custom_fields={"so_serial": ""})
    client = client_of(staff)
    form = ticket_form(client.get(URL))

    answer = client.post(URL, form.filled(status_name=DONE, ticket_title="Vẫn còn"))

    assert answer.status_code == 422
    again = ticket_form(answer)
    assert again.values["status_name"] == [DONE]
    assert again.values["ticket_title"] == ["Vẫn còn"]
    assert "Nothing was changed in the CRM." in answer.content.decode()
    assert f"“{DONE}” requires: Số serial filled in; a reason." in answer.content.decode()
    assert Draft.objects.get().inputs["ticket_title"] == ["Vẫn còn"]
    done = client.post(URL, again.filled(**{SERIAL: "SN-9", "change_reason": "Xong"}))
    assert done.status_code == 303
    assert sandbox.ticket(CODE)["status_name"] == DONE
    assert not Draft.objects.exists()


def test_the_form_announces_what_a_status_requires(
    serial: None, staff: User, client_of: Any, sandbox: Sandbox
) -> None:
    TicketRule.objects.create(field="status_name", **(FIELDS | REASON))

    page = client_of(staff).get(URL).content.decode()

    assert f"“{DONE}” requires: Số serial filled in; a reason." in page


@pytest.mark.counts_queries
def test_rules_cost_a_save_no_query_of_their_own(staff: User, client_of: Any, sandbox: Sandbox) -> None:
    client = client_of(staff)

    def queries(title: str) -> int:
        form = ticket_form(client.get(URL))
        with CaptureQueriesContext(connection) as counted:
            client.post(URL, form.filled(ticket_title=title))
        return sum('FROM "ticketadmin_ticketrule" ORDER' in one["sql"] for one in counted)

    assert queries("Một") == 0
    TicketRule.objects.create(field="ticket_title", required_fields=["status_name"])
    assert queries("Hai") == 0  # they come with the lists of the CRM
    assert len(sandbox.puts(CODE)) == 2


@pytest.mark.django_db
def test_rules_loaded_with_the_lists_equal_the_stored_rules(sandbox: Sandbox) -> None:
    get_choices()  # fetches the lists: what comes with them needs a row
    assert get_choices().rules == ()
    for field, value, required, groups in (
        ("status_name", "Đã “xong”", ["account_email", "custom_fields.so_serial"], []),
        ("status_name", "[1]", [], ["Team leads", "true"]),
        ("cate_name", "", [], []),
    ):
        TicketRule.objects.create(
            field=field,
            value=value,
            required_fields=required,
            groups=groups,
            needs_reason=not required,
            allows_unreadable=bool(required),
        )

    def columns(rules: Iterable[TicketRule]) -> list[dict[str, Any]]:
        names = [one.attname for one in TicketRule._meta.fields]
        found = [{name: getattr(rule, name) for name in names} for rule in rules]
        return sorted(found, key=lambda one: int(one["id"]))

    assert columns(get_choices().rules or ()) == columns(load_rules())


@pytest.mark.parametrize(("allows", "puts"), [(False, 0), (True, 1)])
def test_an_administrator_decides_about_unreadable_required_fields(
    allows: bool, puts: int, serial: None, staff: User, client_of: Any, sandbox: Sandbox
) -> None:
    TicketRule.objects.create(field="status_name", allows_unreadable=allows, **FIELDS)
    sandbox.switch(read_right="403")
    client = client_of(staff)

    answer = client.post(URL, ticket_form(client.get(URL)).filled(status_name=DONE), follow=True)

    assert len(sandbox.puts(CODE)) == puts
    assert ("cannot be checked" in answer.content.decode()) or allows
