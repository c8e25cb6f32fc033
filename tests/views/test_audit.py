"""The audit log in the browser: what is recorded of users' actions, its page, filters and export."""

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.auth.tokens import default_token_generator
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tests.factories import PASSWORD, make_run
from tests.views.test_history import record as record_change
from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    BulkState,
    CustomField,
    Role,
    User,
)
from ticketadmin.services.audit.record import Target, record

PEOPLE = "/admin/ticketadmin/user/"


@pytest.fixture
def admin(administrator: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(administrator)


@pytest.fixture
def minh(make_person: Callable[..., User]) -> User:
    return make_person(Role.STAFF, "minh", first_name="Minh")


def group(role: Role) -> int:
    return Group.objects.get(name=role.value).pk


def last(action: AuditAction) -> AuditEntry:
    return AuditEntry.objects.filter(action=action)[0]


def person_data(**values: Any) -> dict[str, Any]:
    return {
        "username": "minh",
        "source": "local",
        "first_name": "Minh",
        "theme": "dark",
        "is_active": "on",
        "groups": [group(Role.STAFF)],
        **values,
    }


def test_a_change_of_roles_is_one_entry_with_actor_account_values_and_address(
    admin: Client, administrator: User, minh: User
) -> None:
    data = person_data(groups=[group(Role.LEAD), group(Role.ADMINISTRATOR)])
    admin.post(f"{PEOPLE}{minh.pk}/change/", data, REMOTE_ADDR="192.0.2.5")

    entry = AuditEntry.objects.get(action=AuditAction.ROLES_CHANGED, actor=administrator)
    assert (entry.before, entry.after) == ({"roles": ["staff"]}, {"roles": ["administrator", "lead"]})
    assert (entry.target_name, entry.address, entry.channel) == ("minh", "192.0.2.5", "web")


def test_the_record_of_roles_survives_the_administrator_who_gave_them(
    admin: Client, administrator: User, minh: User
) -> None:
    admin.post(f"{PEOPLE}{minh.pk}/change/", person_data(groups=[group(Role.ADMINISTRATOR)]))
    theirs = Client()
    theirs.force_login(minh)

    answers = [
        theirs.post(f"{PEOPLE}{administrator.pk}/delete/", {"post": "yes"}),
        theirs.post(
            PEOPLE,
            {"action": "delete_selected", "_selected_action": [administrator.pk], "post": "yes"},
        ),
    ]

    assert [answer.status_code for answer in answers] == [403, 200]
    assert "Switch the account off instead" in answers[1].content.decode()
    assert last(AuditAction.ROLES_CHANGED).actor == administrator


def test_a_user_who_never_acted_can_be_deleted(admin: Client, minh: User) -> None:
    answer = admin.post(f"{PEOPLE}{minh.pk}/delete/", {"post": "yes"})

    assert answer.status_code == 302
    assert last(AuditAction.USER_DELETED).target_name == "minh"


def test_passwords_set_by_an_administrator_and_by_the_user_are_distinguished(
    admin: Client, administrator: User, minh: User
) -> None:
    chosen = {"password1": "mot-mat-khau-moi-2026", "password2": "mot-mat-khau-moi-2026"}
    admin.post(f"{PEOPLE}{minh.pk}/password/", chosen)
    theirs = Client()
    theirs.post("/sign-in/", {"username": "minh", "password": chosen["password1"]})
    new = {"new_password1": "hai-mat-khau-moi-2026", "new_password2": "hai-mat-khau-moi-2026"}
    theirs.post("/password/", {"old_password": chosen["password1"], **new})

    by_other, own = last(AuditAction.PASSWORD_SET), last(AuditAction.PASSWORD_CHANGED)
    assert (by_other.actor, by_other.target_name) == (administrator, "minh")
    assert (own.actor, own.target_name) == (minh, "minh")


def test_signing_out_everywhere_and_ending_a_wait_are_recorded(
    admin: Client, administrator: User, minh: User
) -> None:
    for action in ("sign_out", "end_wait"):
        admin.post(PEOPLE, {"action": action, "_selected_action": [minh.pk]})

    for recorded in (AuditAction.SIGNED_OUT_EVERYWHERE, AuditAction.WAIT_ENDED):
        assert (last(recorded).actor, last(recorded).target_name) == (administrator, "minh")


def test_a_setting_edited_in_the_list_is_recorded(admin: Client, administrator: User) -> None:
    field = CustomField.objects.create(key="so_serial", label="Serial", order=1)
    path = "/admin/ticketadmin/customfield/"
    form = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": field.pk, "form-0-order": 7}

    admin.post(path, {**form, "_save": "Save"})

    entry = last(AuditAction.SETTING_CHANGED)
    assert (entry.actor, entry.before, entry.after) == (administrator, {"order": 1}, {"order": 7})


@pytest.mark.parametrize(
    ("button", "state", "action"),
    [
        ("pause", BulkState.RUNNING, AuditAction.RUN_PAUSED),
        ("resume", BulkState.PAUSED, AuditAction.RUN_RESUMED),
        ("cancel", BulkState.PAUSED, AuditAction.RUN_CANCELLED),
        ("discard", BulkState.DRAFT, AuditAction.RUN_DISCARDED),
    ],
)
def test_actions_on_a_colleagues_run_are_recorded_but_not_on_ones_own(
    button: str, state: BulkState, action: AuditAction, lead: User, administrator: User, admin: Client
) -> None:
    for owner in (lead, administrator):
        run = make_run(owner, state=state)
        assert admin.post(f"/bulk/{run.uuid}/{button}/").status_code == 303

    entry = AuditEntry.objects.get(action=action)
    assert (entry.actor, entry.target_name) == (administrator, "lead")


def body_of(answer: Any) -> str:
    assert isinstance(answer, StreamingHttpResponse)
    return b"".join(answer.streaming_content).decode()  # type: ignore[arg-type]


def test_an_export_is_recorded_with_its_filter_and_rows(admin: Client, administrator: User) -> None:
    for code in ("AAA1", "AAA1", "BBB2"):
        record_change(administrator, code=code)

    body_of(admin.get("/history/changes.csv?ticket=AAA1&outcome=verified", REMOTE_ADDR="192.0.2.5"))

    entry = last(AuditAction.EXPORTED)
    assert (entry.actor, entry.target_kind, entry.address) == (administrator, "history", "192.0.2.5")
    assert entry.details == {
        "rows": 2,
        "complete": True,
        "filters": {"ticket": "AAA1", "outcome": "verified"},
    }
    assert entry.request_id


def test_an_aborted_export_is_recorded_as_aborted(admin: Client, administrator: User) -> None:
    for _number in range(5):
        record_change(administrator)

    answer = admin.get("/history/changes.csv")
    assert isinstance(answer, StreamingHttpResponse)
    lines = iter(answer.streaming_content)
    for _line in range(3):
        next(lines)  # type: ignore[arg-type]
    answer.close()

    assert last(AuditAction.EXPORTED).details == {"rows": 2, "complete": False, "filters": {}}


def test_a_head_request_is_not_recorded_as_an_export(admin: Client) -> None:
    admin.head("/history/changes.csv")

    assert not AuditEntry.objects.filter(action=AuditAction.EXPORTED).exists()


def test_downloads_of_results_and_of_the_audit_log_are_recorded_as_exports(admin: Client, lead: User) -> None:
    run = make_run(lead, state=BulkState.FINISHED)
    body_of(admin.get(f"/bulk/{run.uuid}/results.csv"))
    body_of(admin.get("/audit/entries.csv?action=signed_in"))

    kinds = AuditEntry.objects.filter(action=AuditAction.EXPORTED).values_list("target_kind", flat=True)
    assert list(kinds) == ["auditlog", "bulkupdate"]


def test_the_page_describes_actor_action_and_target(admin: Client, administrator: User, minh: User) -> None:
    Client().post("/sign-in/", {"username": administrator.username, "password": PASSWORD})
    admin.post(f"{PEOPLE}{minh.pk}/change/", person_data(groups=[group(Role.LEAD)], is_active=""))

    page = admin.get("/audit/").content.decode()

    for told in ("Roles changed", "User switched off", "administrator", "minh", "staff", "lead", "Signed in"):
        assert told in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("action=signed_in", ["signed_in"]),
        ("action=wait_ended", ["wait_ended"]),
        ("actor={administrator}&action=setting_changed", []),
        ("target={minh}&action=wait_ended", ["wait_ended"]),
        ("target={administrator}&action=wait_ended", []),
        ("address=192.0.2.77", ["wait_ended"]),
        ("since=2999-12-31", []),
        ("until=2000-01-01", []),
    ],
)
def test_the_log_is_filtered(
    query: str, found: list[str], admin: Client, administrator: User, minh: User
) -> None:
    Client().post("/sign-in/", {"username": administrator.username, "password": PASSWORD})
    post = {"action": "end_wait", "_selected_action": [minh.pk]}
    admin.post(PEOPLE, post, REMOTE_ADDR="192.0.2.77")
    query = query.format(administrator=administrator.pk, minh=minh.pk)

    rows = list(csv.DictReader(io.StringIO(body_of(admin.get(f"/audit/entries.csv?{query}"))[1:])))

    assert [row["action"] for row in rows] == found
    assert len(admin.get(f"/audit/?{query}").context["page"].rows) == len(found)


@pytest.mark.parametrize("query", ["action=nonsense", "since=yesterday", "actor=999999", "address=here"])
def test_an_invalid_filter_is_named_and_exports_nothing(query: str, admin: Client) -> None:
    for path in ("/audit/", "/audit/entries.csv"):
        answer = admin.get(f"{path}?{query}")
        assert answer.status_code == 422
        assert "field__errors" in answer.content.decode()


def test_the_log_is_paged_at_constant_cost(
    admin: Client, administrator: User, django_assert_max_num_queries: Any
) -> None:
    for _number in range(120):
        record(AuditAction.WAIT_ENDED, user=administrator)

    with django_assert_max_num_queries(12):
        first = admin.get("/audit/?action=wait_ended")
    second = admin.get(first.context["page"].pages.next_url)
    third = admin.get(second.context["page"].pages.next_url)

    assert [len(page.context["page"].rows) for page in (first, second, third)] == [50, 50, 20]
    assert third.context["page"].pages.next_url == ""


def test_entries_of_a_newer_version_are_shown(admin: Client) -> None:
    entry = AuditEntry(created_at=timezone.now(), action="invented", channel="moon", target_kind="invented")
    entry.before, entry.details = {"colour": {"deep": [1]}}, {"reason": "Because"}
    entry.save()

    page = admin.get("/audit/").content.decode()

    assert "invented" in page
    assert "Because" in page


def test_the_page_is_in_vietnamese(admin: Client, administrator: User) -> None:
    administrator.language = "vi"
    administrator.save()

    assert "Nhật ký kiểm tra" in admin.get("/audit/").content.decode()


def test_an_entry_says_that_the_password_link_was_used(staff: User) -> None:
    number = urlsafe_base64_encode(force_bytes(staff.pk))
    client = Client()
    address = f"/password/new/{number}/{default_token_generator.make_token(staff)}/"
    page = client.get(address, follow=True)
    client.post(page.request["PATH_INFO"], {"new_password1": PASSWORD * 2, "new_password2": PASSWORD * 2})

    entry = last(AuditAction.PASSWORD_SET)
    assert (entry.actor, entry.target_name, entry.details) == (None, "staff", {"via": "password_link"})


KINDS = ("history", "tickets", "snippets", "bulkfile", "bulkupdate", "snippet", "recipe", "group", "user")


@pytest.mark.parametrize("kind", KINDS)
def test_the_target_of_an_entry_is_named_in_the_readers_language(admin: Client, kind: str) -> None:
    record(AuditAction.EXPORTED, Target(kind, "1", "xyz"), details={"rows": 1, "complete": True})
    admin.defaults["HTTP_ACCEPT_LANGUAGE"] = "vi"

    page = admin.get("/audit/").content.decode()

    shown = re.findall(r"xyz\s*<span[^>]*>([^<]*)</span>", page)
    assert shown
    assert re.search("[^ -~]", shown[0]), shown  # a Vietnamese word has a mark
