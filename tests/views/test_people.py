"""Users managed in the admin: by administrators only, who can neither lock themselves out nor gain rights."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from tests.factories import PASSWORD
from tests.views.test_sessions import is_signed_in
from tests.views.test_signing_in import sign_in
from ticketadmin.models import IdentitySource, Role, User

PEOPLE = "/admin/ticketadmin/user/"
CHOSEN = "mot-mat-khau-moi-2026"


def group(role: Role) -> int:
    return Group.objects.get(name=role.value).pk


@pytest.fixture
def admin(administrator: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(administrator)


def person_data(**values: Any) -> dict[str, Any]:
    return {
        "username": "minh",
        "source": "local",
        "first_name": "Minh",
        "last_name": "Lê",
        "email": "",
        "language": "vi",
        "theme": "dark",
        "shortcuts_enabled": "on",
        "groups": [group(Role.LEAD)],
        **values,
    }


def test_an_administrator_creates_a_user_with_role_language_and_theme_on_one_page(admin: Client) -> None:
    data = person_data(password1=CHOSEN, password2=CHOSEN, email="minh@example.com")

    assert admin.post(f"{PEOPLE}add/", data).status_code == 302

    minh = User.objects.get(username="minh")
    assert (minh.language, minh.theme, minh.role_names) == ("vi", "dark", ["Team lead"])
    assert minh.may("run_bulk_updates")
    assert not minh.may("administer")
    assert not minh.is_superuser
    assert sign_in(Client(), "minh", CHOSEN).status_code == 302


def test_password_rules_apply_there_too(admin: Client) -> None:
    page = admin.post(f"{PEOPLE}add/", person_data(password1="minh1", password2="minh1")).content.decode()

    assert "This password is too short." in page
    assert not User.objects.filter(username="minh").exists()


def test_an_external_user_needs_no_password(admin: Client) -> None:
    assert admin.post(f"{PEOPLE}add/", person_data(source="ldap")).status_code == 302

    minh = User.objects.get(username="minh")
    assert minh.source == IdentitySource.LDAP
    assert not minh.has_usable_password()


def test_the_list_says_roles_in_words(admin: Client, staff: User, lead: User) -> None:
    page = admin.get(PEOPLE).content.decode()

    assert "Team lead" in page
    assert "Sign out everywhere" in page


def test_the_list_is_narrowed_by_roles_in_words(admin: Client, staff: User, lead: User) -> None:
    page = admin.get(PEOPLE).content.decode()

    address = re.search(r'<a href="([^"]+)">\s*Team lead\s*</a>', page)
    assert address
    assert " role" in page[: address.start()].rsplit("<summary", 1)[-1]
    found = admin.get(PEOPLE + address[1]).context["cl"].queryset
    assert list(found) == [lead]


def test_moving_a_user_to_the_directory_ends_their_password_and_sessions(admin: Client, staff: User) -> None:
    theirs = Client()
    sign_in(theirs, "staff", PASSWORD)

    answer = admin.post(
        f"{PEOPLE}{staff.pk}/change/", person_data(username="staff", source="ldap", is_active="on")
    )

    assert answer.status_code == 302
    assert not is_signed_in(theirs)
    assert sign_in(Client(), "staff", PASSWORD).status_code == 200


def test_an_administrator_signs_a_user_out_everywhere(
    admin: Client, staff: User, client_of: Callable[[User], Client]
) -> None:
    theirs = client_of(staff)

    answer = admin.post(PEOPLE, {"action": "sign_out", "_selected_action": [staff.pk]}, follow=True)

    assert "1 user is signed out." in answer.content.decode()
    assert not is_signed_in(theirs)
    assert is_signed_in(admin)


def test_an_administrator_ends_a_users_sign_in_wait(admin: Client, staff: User, settings: Any) -> None:
    settings.AXES_FAILURE_LIMIT = 2
    for _attempt in range(2):
        sign_in(Client(), "Staff", "guess")
    assert sign_in(Client(), "staff", PASSWORD).status_code == 429

    admin.post(PEOPLE, {"action": "end_wait", "_selected_action": [staff.pk]})

    assert sign_in(Client(), "staff", PASSWORD).status_code == 302


@pytest.mark.parametrize("change", [{"is_active": ""}, {"groups": []}, {"source": "ldap"}])
def test_administrators_cannot_lock_themselves_out(
    change: dict[str, Any], admin: Client, administrator: User
) -> None:
    data = person_data(username="administrator", is_active="on", groups=[group(Role.ADMINISTRATOR)])

    page = admin.post(f"{PEOPLE}{administrator.pk}/change/", {**data, **change})

    assert "You would lock yourself out." in page.content.decode()
    assert admin.post(f"{PEOPLE}{administrator.pk}/delete/", {"post": "yes"}).status_code == 403
    administrator.refresh_from_db()
    assert administrator.is_active
    assert administrator.role_names == ["Administrator"]


def test_an_administrator_does_not_become_superuser(admin: Client, administrator: User) -> None:
    root = User.objects.create_superuser("root", password=PASSWORD)
    kept = root.password
    pages = [
        admin.post(f"{PEOPLE}{root.pk}/password/", {"password1": CHOSEN, "password2": CHOSEN}),
        admin.post(f"{PEOPLE}{root.pk}/change/", person_data(username="root")),
        admin.post(f"{PEOPLE}{root.pk}/delete/", {"post": "yes"}),
        admin.get("/admin/auth/group/"),
    ]
    admin.post(PEOPLE, {"action": "sign_out", "_selected_action": [root.pk]})
    mine = person_data(username="administrator", is_active="on", groups=[group(Role.ADMINISTRATOR)])
    admin.post(f"{PEOPLE}{administrator.pk}/change/", {**mine, "is_superuser": "on", "is_staff": "on"})

    assert [page.status_code for page in pages] == [403] * 4
    root.refresh_from_db()
    administrator.refresh_from_db()
    assert (root.password, root.session_generation) == (kept, 0)
    assert not administrator.is_superuser


@pytest.mark.parametrize("role", [Role.STAFF, Role.LEAD, None])
def test_only_administrators_manage_users(
    role: Role | None, make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    client = client_of(make_person(role, "curious", is_staff=True))
    other = make_person(Role.STAFF, "other")

    for path in (PEOPLE, f"{PEOPLE}add/", f"{PEOPLE}{other.pk}/change/", f"{PEOPLE}{other.pk}/password/"):
        assert client.get(path).status_code in {302, 403}, path
        assert client.post(path, person_data()).status_code in {302, 403}, path
    client.post(PEOPLE, {"action": "sign_out", "_selected_action": [other.pk]})
    other.refresh_from_db()
    assert other.session_generation == 0


def test_no_admin_page_shows_a_password_hash_or_a_provider_subject(admin: Client, staff: User) -> None:
    staff.subject = "https://sign-in.example.com 4711"
    staff.save()
    for path in (PEOPLE, f"{PEOPLE}{staff.pk}/change/", f"{PEOPLE}{staff.pk}/history/", "/admin/"):
        page = admin.get(path).content.decode()
        assert staff.password not in page, path
        assert "4711" not in page, path


def test_searching_users_by_password_hash_is_refused(admin: Client) -> None:
    assert admin.get(f"{PEOPLE}?password__startswith=md5").status_code in {302, 400}


def test_the_settings_lead_to_the_products_own_password_page(admin: Client) -> None:
    assert admin.get("/admin/password_change/")["Location"] == "/password/"


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", PEOPLE])
def test_a_user_without_permission_is_told_so_immediately(
    path: str, staff: User, client_of: Callable[[User], Client]
) -> None:
    assert client_of(staff).get(path, follow=True).status_code == 403


def test_an_administrator_is_redirected_to_the_requested_admin_page(administrator: User) -> None:
    client = Client()
    asked = client.get(PEOPLE, follow=True)
    assert asked.request["PATH_INFO"] == "/sign-in/"

    answer = sign_in(client, "administrator", PASSWORD, data={"next": asked.context["next"]}, follow=True)

    assert answer.request["PATH_INFO"] == PEOPLE


def test_the_admin_redirects_to_no_other_site(admin: Client) -> None:
    assert admin.get("/admin/login/?next=https://evil.example/")["Location"] == "/admin/"
