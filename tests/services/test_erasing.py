"""Erasing by ticket and by e-mail address leaves nothing in any table; old rows are deleted regularly."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.test import Client
from django.utils import timezone

from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    BindingLink,
    BulkFile,
    BulkItem,
    BulkState,
    BulkUpdate,
    Change,
    ChangedField,
    Draft,
    ErasedTicket,
    IdentityClaim,
    IndexedTicket,
    Presence,
    ReadFrom,
    Recipe,
    ResetRequest,
    SavedView,
    Snippet,
    User,
)
from ticketadmin.services.crm.clock import database_now
from ticketadmin.services.erasing.erase import _EMAIL, ErasureSubject, StillOpen, erase, look_up
from ticketadmin.services.erasing.retention import BY_NEED, BY_SETTING, NOTICE, notices, upkeep
from ticketadmin.services.erasing.stores import SHARED, STORES, without_address
from ticketadmin.services.index.counters import status_counts
from ticketadmin.services.index.rows import ReadRow, current_index, index_to_write, write_rows
from ticketadmin.services.people.access import Forbidden

pytestmark = pytest.mark.django_db
LAN = "lan@example.com"
NOW = timezone.now()


def change(user: User, code: str = "AAA1", **values: Any) -> Change:
    values = {"outcome": "verified", "created_at": timezone.now(), **values}
    made = Change.objects.create(ticket_code=code, actor=user, actor_name="Lead", **values)
    ChangedField.objects.create(change=made, name="ticket_title")
    return made


def run(user: User, state: BulkState = BulkState.FINISHED, **values: Any) -> BulkUpdate:
    ended = timezone.now() if state == BulkState.FINISHED else None
    values = {"created_at": timezone.now(), "started_at": timezone.now(), "finished_at": ended, **values}
    return BulkUpdate.objects.create(owner=user, owner_name="Lead", state=state, **values)


def keep_file(bulk: BulkUpdate, **values: Any) -> BulkFile:
    assert bulk.owner
    return BulkFile.objects.create(
        bulk=bulk, owner=bulk.owner, name="a.csv", content=b"", **{"created_at": NOW, **values}
    )


def index(code: str, read_from: ReadFrom = ReadFrom.LIST, **values: str) -> None:
    seen = ReadRow(code=code, values={"status_name": "Mới", **values})
    write_rows(index_to_write(), [seen], began_at=database_now(), read_from=read_from)


def fill(user: User, code: str, address: str) -> None:
    """Put a row with the address into every table, under one ticket."""
    made = change(user, code, wanted={"account_email": address}, before={"account_email": ""})
    base = {"account_email": address}
    BulkItem.objects.create(bulk=run(user), position=1, ticket_code=code, base=base, change=made)
    Draft.objects.create(actor=user, ticket_code=code, inputs={"account_email": [address]}, updated_at=NOW)
    Presence.objects.create(actor=user, ticket_code=code, tab="t", opened_at=NOW, seen_at=NOW)
    index(code, account_email=address)


def test_erasing_any_ticket_removes_every_kept_file(lead: User, administrator: User) -> None:
    """A row with an error belongs to no ticket of its run, and may name the erased one."""
    keep_file(run(lead))
    change(lead, "AAA1")

    erase(ErasureSubject(code="AAA1"), user=administrator)

    assert BulkFile.objects.count() == 0
    assert BulkUpdate.objects.count() == 1


def everything() -> str:
    """Return every value of every table of the product, except users' own addresses."""
    held = []
    for model in apps.get_app_config("ticketadmin").get_models():
        if model is not User:
            held += list(model._default_manager.values_list())
    return repr(held)


def test_every_table_with_ticket_data_is_listed() -> None:
    """A new model with a ticket's code or with JSON needs its line in STORES, SHARED or here."""
    without = {
        "AuditEntry",  # masked when written: test_audit
        "TicketIndex",  # of the list as a whole
        "TicketRule",  # names of fields and groups
        "CrmSnapshot",  # of the connection; two facts name the ticket that showed them
        "SharedState",  # moments
    }
    found = {
        model.__name__
        for model in apps.get_app_config("ticketadmin").get_models()
        if any(
            field.name == "ticket_code" or isinstance(field, models.JSONField)
            for field in model._meta.concrete_fields
        )
    }

    listed = {store.model.__name__ for store in STORES} | {model.__name__ for model, _columns in SHARED}
    assert found - without <= listed


@pytest.mark.parametrize(
    "subject",
    [ErasureSubject(code="AAA1"), ErasureSubject(address=LAN), ErasureSubject(address="LAN@example.COM")],
)
def test_erasing_a_ticket_leaves_nothing_in_any_table(
    subject: ErasureSubject, lead: User, administrator: User
) -> None:
    fill(lead, "AAA1", LAN)
    fill(lead, "BBB2", "minh@example.com")

    found = look_up(subject, user=administrator)
    assert (found.codes, found.total) == (("AAA1",), 5)
    done = erase(subject, user=administrator)

    assert done.rows == {"changes": 1, "items": 1, "drafts": 1, "presence": 1, "index": 1}
    held = everything()
    assert LAN not in held
    if subject.address:
        assert "AAA1" not in held
    assert held.count("minh@example.com") >= 4
    assert sum(one.tickets for one in status_counts(current_index())) == 1


COLUMNS = [(store, column) for store in STORES for column in store.texts]


@pytest.mark.parametrize(
    ("store", "column"), COLUMNS, ids=[f"{store.name}-{column}" for store, column in COLUMNS]
)
@pytest.mark.parametrize(
    "text",
    [
        LAN,
        "Hỏi Lan <Lan@Example.com>, gấp",
        'mailto:lan@example.com"',
        "<a href='mailto:lan%40example.com'>x</a>",
    ],
)
def test_an_address_is_found_in_every_column(store: Any, column: str, text: str, lead: User) -> None:
    fill(lead, "AAA1", "nobody@example.org")
    row = store.model._default_manager.first()
    is_json = isinstance(store.model._meta.get_field(column), models.JSONField)
    setattr(row, column, {"deep": [{"x": text}]} if is_json else text)
    row.save()

    assert store.codes_with(LAN) == {"AAA1"}


@pytest.mark.parametrize(
    "text",
    ["xlan@example.com", "lan@example.com.vn", "x.lan@example.com", "lan@example.community", "lan example"],
)
def test_a_longer_address_is_a_different_one(text: str, lead: User, administrator: User) -> None:
    fill(lead, "AAA1", text)

    assert look_up(ErasureSubject(address=LAN), user=administrator).codes == ()
    assert without_address([{"x": text}], LAN) == [{"x": text}]


def test_rows_without_a_ticket_lose_the_address(lead: User, administrator: User) -> None:
    ended = run(lead, wishes={"account_email": {"set": LAN}}, notes={"malformed": [f"{LAN}!"]})
    SavedView.objects.create(owner=lead, name="Lan", query="text=lan%40example.com")
    kept = SavedView.objects.create(owner=lead, name="All", query="text=x")
    AccessAttempt.objects.create(username=LAN, ip_address="192.0.2.1", failures_since_start=1)
    snippet = Snippet.objects.create(owner=lead, name="lan", content=f"<p>Hỏi {LAN}.</p>")
    change = {"field": "account_email", "do": "set", "texts": [LAN]}
    recipe = Recipe.objects.create(owner=lead, name="Lan", changes=[change])

    done = erase(ErasureSubject(address="Lan@example.com"), user=administrator)

    ended.refresh_from_db()
    assert (ended.wishes, ended.notes["malformed"]) == ({"account_email": {"set": "…"}}, ["…!"])
    assert list(SavedView.objects.all()) == [kept]
    snippet.refresh_from_db()
    recipe.refresh_from_db()
    assert snippet.content == "<p>Hỏi ….</p>"
    assert recipe.changes[0]["texts"] == ["…"]
    assert done.rows == {"bulkupdate": 1, "savedview": 1, "recipe": 1, "snippet": 1, "accessattempt": 1}
    assert LAN not in everything()


@pytest.mark.parametrize("outcome", ["pending", "unknown", "accepted"])
def test_an_open_change_prevents_erasing(outcome: str, lead: User, administrator: User) -> None:
    fill(lead, "AAA1", LAN)
    change(lead, "AAA1", outcome=outcome)
    before = everything()

    for subject in (ErasureSubject(code="AAA1"), ErasureSubject(address=LAN)):
        with pytest.raises(StillOpen) as refused:
            erase(subject, user=administrator)
        assert refused.value.found.open_codes == ("AAA1",)
    assert everything() == before


@pytest.mark.parametrize("state", [state for state in BulkState if state not in {"finished", "cancelled"}])
def test_an_unfinished_run_prevents_erasing(state: BulkState, lead: User, administrator: User) -> None:
    going = run(lead, state)
    BulkItem.objects.create(bulk=going, position=1, ticket_code="AAA1")

    with pytest.raises(StillOpen) as refused:
        erase(ErasureSubject(code="AAA1"), user=administrator)

    assert refused.value.found.open_runs == (going,)
    assert BulkItem.objects.exists()


def test_a_save_that_begins_meanwhile_stops_the_erasing(lead: User, administrator: User) -> None:
    fill(lead, "AAA1", LAN)
    begun: list[Change] = []

    def save_begins(ask: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not begun and sql.startswith("DELETE") and "changedfield" in sql:
            begun.append(change(lead, "AAA1", outcome="pending"))
        return ask(sql, *rest)

    with connection.execute_wrapper(save_begins), pytest.raises(StillOpen):
        erase(ErasureSubject(code="AAA1"), user=administrator)

    assert begun
    assert Change.objects.filter(outcome="verified").exists()
    assert not AuditEntry.objects.filter(action=AuditAction.ERASED).exists()


def test_the_audit_entry_says_who_and_how_much_but_no_address(lead: User, administrator: User) -> None:
    fill(lead, "AAA1", LAN)
    erase(ErasureSubject(address=LAN), user=administrator)

    entry = AuditEntry.objects.get(action=AuditAction.ERASED)
    assert (entry.actor, entry.target_kind) == (administrator, _EMAIL)
    assert (entry.details["tickets"], entry.details["changes"]) == (1, 1)
    assert LAN not in json.dumps([entry.target_name, entry.details])


def test_an_erased_ticket_returns_only_when_it_is_opened(lead: User, administrator: User) -> None:
    fill(lead, "AAA1", LAN)
    erase(ErasureSubject(code="AAA1"), user=administrator)

    index("AAA1", account_email=LAN)
    index("BBB2")
    assert list(IndexedTicket.objects.values_list("code", flat=True)) == ["BBB2"]
    assert sum(one.tickets for one in status_counts(current_index())) == 1

    index("AAA1", ReadFrom.TICKET, account_email=LAN)
    assert IndexedTicket.objects.filter(code="AAA1").exists()
    assert not ErasedTicket.objects.exists()
    index("AAA1", account_email=LAN)
    assert IndexedTicket.objects.get(code="AAA1").values["account_email"] == LAN


def test_a_run_says_how_many_of_its_tickets_were_erased(lead: User, administrator: User) -> None:
    fill(lead, "AAA1", LAN)
    erase(ErasureSubject(code="AAA1"), user=administrator)

    assert BulkUpdate.objects.get().notes == {"erased": 1}


def test_an_account_with_the_address_is_named_and_kept(staff: User, administrator: User) -> None:
    User.objects.filter(pk=staff.pk).update(email="Lan@example.com")

    assert erase(ErasureSubject(address=LAN), user=administrator).users == ("staff",)
    assert User.objects.filter(pk=staff.pk).exists()


@pytest.mark.parametrize("role", ["staff", "lead"])
def test_only_administrators_may_search_or_erase(role: str, request: pytest.FixtureRequest) -> None:
    user = request.getfixturevalue(role)
    for use in (look_up, erase):
        with pytest.raises(Forbidden):
            use(ErasureSubject(code="AAA1"), user=user)


# --- the command ---------------------------------------------------------------------------------


def test_the_command_searches_first_and_erases_with_yes(
    lead: User, administrator: User, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(lead, "AAA1", LAN)

    call_command("erase", LAN, "--by", "administrator")
    assert "Nothing was erased: add --yes." in capsys.readouterr().out
    assert Change.objects.exists()
    call_command("erase", LAN, "--by", "administrator", "--yes")
    assert not Change.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["AAA1", "--by", "nobody"], "is not an active administrator"),
        (["AAA1", "--by", "lead"], "is not an active administrator"),
        (["a b", "--by", "administrator"], "neither a ticket code nor an e-mail address"),
        (["BBB2", "--by", "administrator", "--yes"], "not settled or not ended yet: BBB2"),
    ],
)
def test_the_command_says_why_it_cannot_erase(
    arguments: list[str], told: str, lead: User, administrator: User
) -> None:
    change(lead, "BBB2", outcome="unknown")

    with pytest.raises(CommandError, match=told):
        call_command("erase", *arguments)


# --- retention -----------------------------------------------------------------------------------

Make = Callable[[User, datetime], Any]


def make_session(_user: User, when: datetime) -> Session:
    return Session.objects.create(session_key=str(when.timestamp()), session_data="", expire_date=when)


def make_attempt(_user: User, when: datetime) -> AccessAttempt:
    made = AccessAttempt.objects.create(username=str(when), ip_address="192.0.2.1", failures_since_start=1)
    AccessAttempt.objects.filter(pk=made.pk).update(attempt_time=when)
    return made


def make_missing(_user: User, when: datetime) -> IndexedTicket:
    code = f"M{when:%j%H}"
    index(code)
    IndexedTicket.objects.filter(code=code).update(missing_at=when)
    return IndexedTicket.objects.get(code=code)


MAKE: dict[str, Make] = {
    "KEEP_HISTORY_DAYS": lambda user, when: change(user, created_at=when),
    "KEEP_BULK_DAYS": lambda user, when: run(user, finished_at=when),
    "KEEP_DRAFTS_DAYS": lambda user, when: Draft.objects.create(
        actor=user, ticket_code=f"D{when:%j%H}", updated_at=when
    ),
    "discarded_drafts": lambda user, when: Draft.objects.create(
        actor=user, ticket_code=f"D{when:%j%H}", updated_at=NOW, discarded_at=when
    ),
    "files": lambda user, when: keep_file(run(user), created_at=when),
    "prepared_runs": lambda user, when: run(user, BulkState.READY, created_at=when, started_at=None),
    "missing_tickets": make_missing,
    "presence": lambda user, when: Presence.objects.create(
        actor=user, ticket_code="P", tab=str(when.timestamp()), opened_at=when, seen_at=when
    ),
    "reset_requests": lambda user, when: ResetRequest.objects.create(person=user, created_at=when),
    "claims": lambda user, when: IdentityClaim.objects.create(
        user=user, source="oidc", subject=str(when), seen_at=when
    ),
    "binding_links": lambda _user, when: BindingLink.objects.create(
        user=User.objects.create_user(f"owner {when:%j%H}"), digest="x", expires_at=when
    ),
    "sessions": make_session,
    "failed_attempts": make_attempt,
}


def test_every_kind_of_retention_is_tested() -> None:
    assert set(MAKE) | {"tasks"} == set(BY_SETTING) | set(BY_NEED)


@pytest.mark.parametrize("name", MAKE)
def test_old_rows_are_deleted_and_recent_ones_kept(name: str, lead: User, settings: Any) -> None:
    now = timezone.now()
    if name in BY_SETTING:
        settings.KEEP_HISTORY_DAYS = settings.KEEP_BULK_DAYS = settings.KEEP_DRAFTS_DAYS = 100
        settings.RETENTION_BY_DEFAULT = frozenset()  # days that an operator set need no notice
        age = timedelta(days=100)
    else:
        age = BY_NEED[name][0]
    old = MAKE[name](lead, now - age - timedelta(hours=1))
    young = MAKE[name](lead, now - age + timedelta(hours=1))

    done = upkeep(now)

    assert done[name] == 1
    assert not type(old)._default_manager.filter(pk=old.pk).exists()
    assert type(young)._default_manager.filter(pk=young.pk).exists()


@pytest.mark.parametrize("name", BY_SETTING)
def test_zero_days_keep_rows_forever(name: str, lead: User, settings: Any) -> None:
    setattr(settings, name, 0)
    old = MAKE[name](lead, timezone.now() - timedelta(days=9_000))

    upkeep(timezone.now())

    assert type(old)._default_manager.filter(pk=old.pk).exists()


@pytest.mark.parametrize("name", BY_SETTING)
def test_default_retention_deletes_nothing_until_its_notice_ends(
    name: str, lead: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The database of an upgrade got retention when it was migrated: here, just now."""
    settings.RETENTION_BY_DEFAULT = frozenset(BY_SETTING)
    now = timezone.now()
    old = MAKE[name](lead, now - timedelta(days=9_000))
    rows = type(old)._default_manager.filter(pk=old.pk)

    upkeep(now)
    assert rows.exists()
    assert any("retention_announced" in one.getMessage() and name in str(vars(one)) for one in caplog.records)
    assert [(one.setting, one.rows) for one in notices(now)] == [(name, 1)]

    upkeep(now + NOTICE + timedelta(hours=1))
    assert not rows.exists()
    assert notices(now + NOTICE + timedelta(hours=1)) == []


def test_administrators_see_what_the_defaults_will_delete(
    administrator: User, client_of: Callable[[User], Client], settings: Any
) -> None:
    settings.RETENTION_BY_DEFAULT = frozenset(BY_SETTING)
    web = client_of(administrator)
    assert "Old data will be deleted" not in web.get("/connection/").content.decode()

    MAKE["KEEP_HISTORY_DAYS"](administrator, timezone.now() - timedelta(days=9_000))
    page = web.get("/connection/").content.decode()

    assert "Old data will be deleted" in page
    assert "1 row is older than 730 days" in page
    settings.RETENTION_BY_DEFAULT = frozenset()
    assert "Old data will be deleted" not in web.get("/connection/").content.decode()


def test_open_rows_are_kept_however_old(lead: User, settings: Any) -> None:
    settings.KEEP_HISTORY_DAYS = settings.KEEP_BULK_DAYS = 1
    settings.RETENTION_BY_DEFAULT = frozenset()
    long_ago = timezone.now() - timedelta(days=900)
    unknown = change(lead, outcome="unknown", created_at=long_ago)
    paused = run(lead, BulkState.PAUSED, created_at=long_ago, started_at=long_ago)

    upkeep(timezone.now())

    assert list(Change.objects.all()) == [unknown]
    assert list(BulkUpdate.objects.all()) == [paused]


def test_pruning_by_hand_also_deletes_runs_and_drafts(lead: User, capsys: pytest.CaptureFixture[str]) -> None:
    for name in BY_SETTING:
        MAKE[name](lead, timezone.now() - timedelta(days=400))

    call_command("prune_history", "--older-than", "1y")

    assert [model.objects.count() for model in (Change, BulkUpdate, Draft)] == [0, 0, 0]
    assert "1 runs were deleted." in capsys.readouterr().out
