"""Every way of changing a row adds to the audit log, and the log itself is never changed."""

import json
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db import models, transaction
from django.db.models import ProtectedError
from django.test import Client
from django.utils import timezone

from tests.factories import PASSWORD
from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    Channel,
    CustomField,
    FailedSignIns,
    IdentitySource,
    Role,
    SavedView,
    StatusSetting,
    User,
)
from ticketadmin.models.audit import AppendOnly
from ticketadmin.services.audit import tracking
from ticketadmin.services.audit.record import (
    MAX_AUDITED_VALUE,
    ActionOrigin,
    Target,
    acting_from,
    masked,
    record,
)
from ticketadmin.services.audit.sign_ins import MAX_ENTRIES
from ticketadmin.services.erasing.retention import upkeep, upkeep_if_due
from ticketadmin.services.people.accounts import Disabled, ExternalUser, NoRole, admit

pytestmark = pytest.mark.django_db


@pytest.fixture
def minh(make_person: Callable[..., User]) -> User:
    return make_person(Role.STAFF, "minh", first_name="Minh")


def last(action: AuditAction) -> AuditEntry:
    return AuditEntry.objects.filter(action=action)[0]


def count(action: AuditAction) -> int:
    return AuditEntry.objects.filter(action=action).count()


def rename(user: User) -> None:
    user.first_name, user.email = "Minh Anh", "minh@example.com"
    user.save()


def switch_off(user: User) -> None:
    user.is_active = False
    user.save(update_fields=["is_active"])


def switch_on(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.save()


def promote(user: User) -> None:
    user.is_superuser = True
    user.save()


def choose_password(user: User) -> None:
    user.set_password("another-long-password-2")
    user.save()


def give_permission(user: User) -> None:
    user.user_permissions.add(Permission.objects.get(codename="administer"))


def add_role(user: User) -> None:
    user.groups.add(Group.objects.get(name=Role.LEAD.value))


def add_to_role(user: User) -> None:
    Group.objects.get(name=Role.LEAD.value).user_set.add(user)


def clear_role(user: User) -> None:
    Group.objects.get(name=Role.STAFF.value).user_set.clear()


# What is done to a user, the action recorded, and the values before and after.
CHANGES: list[tuple[Callable[[User], None], AuditAction, dict[str, Any], dict[str, Any]]] = [
    (
        rename,
        AuditAction.USER_CHANGED,
        {"first_name": "Minh", "email": ""},
        {"first_name": "Minh Anh", "email": "minh@example.com"},
    ),
    (switch_off, AuditAction.USER_SWITCHED_OFF, {"is_active": True}, {"is_active": False}),
    (switch_on, AuditAction.USER_SWITCHED_ON, {"is_active": False}, {"is_active": True}),
    (promote, AuditAction.PERMISSIONS_CHANGED, {"is_superuser": False}, {"is_superuser": True}),
    (choose_password, AuditAction.PASSWORD_SET, {}, {}),
    (
        give_permission,
        AuditAction.PERMISSIONS_CHANGED,
        {"permissions": []},
        {"permissions": ["administer"]},
    ),
    (add_role, AuditAction.ROLES_CHANGED, {"roles": ["staff"]}, {"roles": ["lead", "staff"]}),
    (add_to_role, AuditAction.ROLES_CHANGED, {"roles": ["staff"]}, {"roles": ["lead", "staff"]}),
    (clear_role, AuditAction.ROLES_CHANGED, {"roles": ["staff"]}, {"roles": []}),
    (
        User.delete,
        AuditAction.USER_DELETED,
        {
            "username": "minh",
            "first_name": "Minh",
            "last_name": "",
            "email": "",
            "source": "local",
            "is_active": True,
            "is_superuser": False,
            "is_staff": False,
            "roles": ["staff"],
        },
        {},
    ),
]


@pytest.mark.parametrize(
    ("change", "action", "before", "after"), CHANGES, ids=[change[0].__name__ for change in CHANGES]
)
def test_each_change_of_an_account_is_recorded_with_its_values(
    change: Callable[[User], None],
    action: AuditAction,
    before: dict[str, Any],
    after: dict[str, Any],
    minh: User,
    administrator: User,
) -> None:
    earlier, key = AuditEntry.objects.count(), str(minh.pk)
    with acting_from(ActionOrigin(Channel.WEB, "192.0.2.7", lambda: administrator)):
        change(minh)

    assert AuditEntry.objects.count() == earlier + 1
    entry = last(action)
    assert (entry.before, entry.after) == (before, after)
    assert (entry.target_kind, entry.target_id, entry.target_name) == ("user", key, "minh")
    assert (entry.actor, entry.actor_name) == (administrator, "administrator")
    assert (entry.channel, entry.address) == ("web", "192.0.2.7")


@pytest.mark.parametrize("save", [User.save, lambda user: user.save(update_fields=["last_login", "theme"])])
def test_a_save_without_a_relevant_change_is_not_recorded(save: Callable[[User], None], minh: User) -> None:
    earlier = AuditEntry.objects.count()
    minh.last_login, minh.theme = timezone.now(), "dark"

    save(minh)

    assert AuditEntry.objects.count() == earlier


def test_rehashing_a_password_is_not_recorded_as_a_new_password(minh: User, settings: Any) -> None:
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        *settings.PASSWORD_HASHERS,
    ]
    assert minh.check_password(PASSWORD)

    minh.refresh_from_db()
    assert minh.password.startswith("pbkdf2")
    assert count(AuditAction.PASSWORD_SET) == count(AuditAction.PASSWORD_CHANGED) == 0


def test_no_entry_holds_a_password_or_its_hash(minh: User) -> None:
    choose_password(minh)

    held = json.dumps(list(AuditEntry.objects.values("before", "after", "details", "target_name")))
    assert "another-long-password-2" not in held
    assert minh.password not in held


def test_directory_groups_that_change_roles_are_one_entry_that_names_the_directory(settings: Any) -> None:
    settings.ROLE_GROUPS = {"staff": ["support"], "lead": ["leads"], "administrator": []}
    lan = ExternalUser(
        source=IdentitySource.OIDC, subject="https://a.example 1", username="lan", groups=["support"]
    )
    admit(lan)
    earlier = count(AuditAction.ROLES_CHANGED)

    admit(ExternalUser(**{**vars(lan), "groups": ["leads"]}))
    admit(ExternalUser(**{**vars(lan), "groups": ["leads"]}))

    assert count(AuditAction.ROLES_CHANGED) == earlier + 1
    entry = last(AuditAction.ROLES_CHANGED)
    assert (entry.before, entry.after) == ({"roles": ["staff"]}, {"roles": ["lead"]})
    assert entry.details == {"via": "oidc"}
    assert entry.actor is None


def test_a_rejected_user_of_an_external_source_is_recorded(settings: Any) -> None:
    settings.ROLE_GROUPS = {"staff": ["support"], "lead": [], "administrator": []}
    lan = ExternalUser(source=IdentitySource.OIDC, subject="https://a.example 1", username="lan")
    with pytest.raises(NoRole):
        admit(lan)
    assert last(AuditAction.SIGN_IN_REFUSED).details == {"reason": "NoRole"}

    switch_off(User.objects.get(username="lan"))
    with pytest.raises(Disabled):
        admit(lan)
    assert last(AuditAction.SIGN_IN_REFUSED).details == {"reason": "Disabled"}


@pytest.mark.parametrize(
    ("row", "field", "value"),
    [
        (CustomField(key="so_serial", label="Serial"), "required", True),
        (StatusSetting(name="Mới"), "is_done", True),
        (Group(name="night shift"), "name", "day shift"),
    ],
    ids=["custom field", "status setting", "group"],
)
def test_settings_are_recorded_when_made_changed_and_deleted(
    row: models.Model, field: str, value: object
) -> None:
    row.pk = None
    row._state.adding = True
    row.save()
    assert last(AuditAction.SETTING_CREATED).after[field] == getattr(row, field)
    before = getattr(row, field)
    setattr(row, field, value)
    row.save()
    row.save()
    changed = AuditEntry.objects.get(action=AuditAction.SETTING_CHANGED)
    assert (changed.before, changed.after) == ({field: before}, {field: value})
    row.delete()
    assert last(AuditAction.SETTING_DELETED).before[field] == value


def test_every_model_that_administrators_edit_is_tracked() -> None:
    edited = {model for model in admin.site._registry if model._meta.app_label in {"ticketadmin", "auth"}}

    assert edited == {User, *tracking.SETTINGS}


def test_shared_views_are_recorded_and_private_ones_are_not(lead: User) -> None:
    earlier = AuditEntry.objects.count()
    view = SavedView.objects.create(owner=lead, name="Mine", query="text=lan@example.com")
    view.name = "Still mine"
    view.save()
    assert AuditEntry.objects.count() == earlier

    view.is_shared = True
    view.save()
    shared = last(AuditAction.VIEW_SHARED)
    assert shared.after["is_shared"] is True
    assert shared.target_name == "Still mine"
    view.query = "text=minh%40example.com&status=minh@example.com"
    view.save()
    assert "minh@example.com" not in json.dumps(last(AuditAction.VIEW_CHANGED).after)
    view.delete()
    assert last(AuditAction.VIEW_WITHDRAWN).before["name"] == "Still mine"


def test_an_entry_can_be_neither_changed_nor_deleted(minh: User) -> None:
    entry = record(AuditAction.EXPORTED, Target("history"))
    attempts: list[Callable[[], object]] = [
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(actor_name="nobody"),
        lambda: AuditEntry.objects.bulk_update([entry], ["actor_name"]),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnly), transaction.atomic():
            attempt()

    entry.refresh_from_db()
    assert entry.actor_name == ""


def test_a_user_who_acted_cannot_be_deleted_even_by_the_shell(minh: User) -> None:
    record(AuditAction.EXPORTED, Target("history"), user=minh)

    with pytest.raises(ProtectedError):
        minh.delete()
    assert User.objects.filter(pk=minh.pk).exists()


def test_an_entry_is_logged_as_an_event_without_e_mail(
    minh: User, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with caplog.at_level(logging.INFO), django_capture_on_commit_callbacks(execute=True):
        rename(minh)

    told = [one for one in caplog.records if one.name == "ticketadmin.audit"]
    assert len(told) == 1
    facts = told[0].__dict__["facts"]
    assert facts["action"] == "user_changed"
    assert facts["target"] == f"user {minh.pk}"
    assert facts["after"]["first_name"] == "Minh Anh"
    assert "minh@example.com" not in caplog.text
    assert "minh@example.com" not in json.dumps(facts)


def test_long_texts_are_truncated_and_say_so() -> None:
    deep = [["y" * 5_000]]
    entry = record(AuditAction.SETTING_CHANGED, after={"choices_text": "x" * 100_000, "deep": deep})

    assert len(json.dumps(entry.after)) < 3 * MAX_AUDITED_VALUE
    assert "(100,000 characters)" in entry.after["choices_text"]


def test_an_entry_never_holds_what_postgresql_cannot_store() -> None:
    entry = record(AuditAction.EXPORTED, details={"filters": {"text": "a\0b"}, "names": ["\0"]})

    assert entry.details == {"filters": {"text": "ab"}, "names": [""]}


@pytest.mark.parametrize(
    "text", ["lan@example.com", "find LAN@EXAMPLE.COM now", "a=1&text=lan+x@example.com", "<lan@example.com>"]
)
def test_a_customers_address_is_masked_by_a_digest_that_stays_the_same(text: str) -> None:
    assert "@" not in masked(text)
    assert masked(text) == masked(text)
    assert masked("Lan@Example.com") == masked("lan@example.com") != masked("minh@example.com")


# --- sign-ins ------------------------------------------------------------------------------------


def sign_in(username: str, password: str, **options: Any) -> None:
    Client(**options).post("/sign-in/", {"username": username, "password": password})


def test_a_sign_in_is_recorded_with_its_address(minh: User) -> None:
    sign_in("minh", PASSWORD, REMOTE_ADDR="192.0.2.9")

    entry = last(AuditAction.SIGNED_IN)
    assert (entry.actor, entry.address, entry.details) == (minh, "192.0.2.9", {"source": "local"})
    assert entry.request_id


@pytest.mark.parametrize("name", ["minh", " MINH ", "Minh"])
def test_a_failed_sign_in_of_an_account_names_it(name: str, minh: User) -> None:
    sign_in(name, "guess", REMOTE_ADDR="192.0.2.9")

    entry = last(AuditAction.SIGN_IN_FAILED)
    assert (entry.target_name, entry.actor, entry.address) == ("minh", None, "192.0.2.9")


@pytest.mark.parametrize("name", ["my-Secret-passw0rd", "x" * 10_000, "\x00", ""])
def test_an_unknown_name_is_counted_by_address_and_not_stored(name: str, minh: User) -> None:
    for _attempt in range(3):
        sign_in(name, "guess", REMOTE_ADDR="192.0.2.9")

    assert count(AuditAction.SIGN_IN_FAILED) == 0
    counted = sum(FailedSignIns.objects.filter(address="192.0.2.9").values_list("count", flat=True))
    assert counted == (3 if name in {"my-Secret-passw0rd"} else counted)
    upkeep(timezone.now() + timedelta(hours=2))
    assert FailedSignIns.objects.count() == 0
    held = json.dumps(list(AuditEntry.objects.values("target_name", "before", "after", "details")))
    assert "Secret" not in held


def test_counted_failures_become_one_entry_per_address_after_an_hour(minh: User) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
        sign_in("stranger", "guess", REMOTE_ADDR=address)
    upkeep(timezone.now())
    assert count(AuditAction.SIGN_IN_FAILED) == 0

    upkeep(timezone.now() + timedelta(hours=1))

    failed = AuditEntry.objects.filter(action=AuditAction.SIGN_IN_FAILED)
    told = failed.values_list("address", "details__failures")
    assert set(told) == {("192.0.2.1", 1), ("192.0.2.2", 2)}


def test_guessing_at_an_account_does_not_fill_the_log(minh: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = settings.SIGN_IN_FAILURES_OF_PERSON = 1_000
    for _attempt in range(MAX_ENTRIES + 3):
        sign_in("minh", "guess")

    assert count(AuditAction.SIGN_IN_FAILED) == MAX_ENTRIES
    assert FailedSignIns.objects.get().count == 3


# --- retention -----------------------------------------------------------------------------------


def age(entry: AuditEntry, days: int) -> None:
    models.QuerySet(AuditEntry).filter(pk=entry.pk).update(created_at=timezone.now() - timedelta(days=days))


def test_only_the_retention_setting_removes_entries(settings: Any) -> None:
    old, young = record(AuditAction.EXPORTED), record(AuditAction.EXPORTED)
    age(old, 400)
    for days, left in ((0, {old, young}), (500, {old, young}), (399, {young})):
        settings.KEEP_AUDIT_DAYS = days
        upkeep(timezone.now())
        assert set(AuditEntry.objects.filter(pk__in=[old.pk, young.pk])) == left


def test_only_one_worker_does_the_regular_cleaning() -> None:
    assert upkeep_if_due() is not None
    assert upkeep_if_due() is None


def test_no_module_bypasses_the_signals_of_tracked_tables() -> None:
    """`update` and `bulk_create` send none: the allowed uses record what they do by themselves."""
    package = Path(apps.get_app_config("ticketadmin").path)
    names = "|".join(model.__name__ for model in (User, SavedView, *tracking.SETTINGS))
    passing = re.compile(rf"\b(?:{names})\.objects\.(?:\w+\([^\n]*\)\.)*(?:update|bulk_create|bulk_update)\(")
    found = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if passing.search(path.read_text(encoding="utf-8"))
    }

    recorded = {"services/people/accounts.py", "services/people/binding.py"}
    assert found == recorded | {"management/commands/prepare_demo.py"}
