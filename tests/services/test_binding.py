"""A name alone does not open a pending account: a link or an administrator decides."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from ticketadmin.models import AuditAction, AuditEntry, BindingLink, IdentityClaim, IdentitySource, Role, User
from ticketadmin.services.people.access import Forbidden
from ticketadmin.services.people.accounts import ExternalUser, NameTaken, NotBound, admit
from ticketadmin.services.people.binding import (
    LINK_FOR,
    MAX_CLAIMS,
    CannotBind,
    choose_claim,
    make_link,
    user_of_link,
    using_link,
)

pytestmark = pytest.mark.django_db
PROVIDER = "https://a.example"
SOURCES = [IdentitySource.OIDC, IdentitySource.LDAP]


def external_user(source: IdentitySource, subject: str = "1", **values: Any) -> ExternalUser:
    """What the provider or directory says; the directory knows a name only."""
    known = f"{PROVIDER} {subject}" if source == IdentitySource.OIDC else None
    return ExternalUser(
        **{"source": source, "subject": known, "username": "lan", "first_name": "Lan", **values}
    )


@pytest.fixture(params=SOURCES)
def waiting(request: pytest.FixtureRequest, make_person: Callable[..., User]) -> User:
    return make_person(Role.LEAD, "lan", source=request.param)


def test_a_name_alone_opens_no_account(waiting: User) -> None:
    for _try in range(2):
        with pytest.raises(NotBound):
            admit(external_user(waiting.source))

    waiting.refresh_from_db()
    assert waiting.subject is None
    assert AuditEntry.objects.filter(action=AuditAction.SIGN_IN_REFUSED).count() == 2


def test_the_link_connects_the_account_once(waiting: User, administrator: User) -> None:
    token = make_link(waiting, user=administrator)
    assert user_of_link(token) == waiting

    with using_link(token):
        assert admit(external_user(waiting.source)) == waiting
    assert admit(external_user(waiting.source)) == waiting
    assert user_of_link(token) is None
    if waiting.source == IdentitySource.OIDC:
        with using_link(token), pytest.raises(NameTaken):
            admit(external_user(waiting.source, "2"))
    bound = AuditEntry.objects.get(action=AuditAction.ACCOUNT_BOUND)
    assert (bound.actor, bound.details["way"]) == (waiting, "link")
    assert not IdentityClaim.objects.exists()


def test_a_link_expires_and_is_replaced_by_a_newer_one(waiting: User, administrator: User) -> None:
    first = make_link(waiting, user=administrator)
    second = make_link(waiting, user=administrator)

    with time_machine.travel(timezone.now() + LINK_FOR + timedelta(seconds=1)):
        for token in (first, second, "", "x"):
            with using_link(token), pytest.raises(NotBound):
                admit(external_user(waiting.source))
    with using_link(first), pytest.raises(NotBound):
        admit(external_user(waiting.source))
    with using_link(second):
        assert admit(external_user(waiting.source)) == waiting


def test_a_link_of_another_account_connects_nothing(
    waiting: User, administrator: User, make_person: Callable[..., User]
) -> None:
    other = make_person(Role.STAFF, "minh", source=waiting.source)

    with using_link(make_link(other, user=administrator)), pytest.raises(NotBound):
        admit(external_user(waiting.source))


def test_no_link_is_stored_readably(waiting: User, administrator: User) -> None:
    token = make_link(waiting, user=administrator)

    assert token not in repr(list(BindingLink.objects.values_list()))
    assert token not in repr(list(AuditEntry.objects.values_list()))


def test_an_administrator_chooses_among_recorded_attempts(
    administrator: User, make_person: Callable[..., User]
) -> None:
    waiting = make_person(Role.LEAD, "lan", source=IdentitySource.OIDC)
    for number in ("thief", "owner"):
        with pytest.raises(NotBound):
            admit(external_user(IdentitySource.OIDC, number, email=f"{number}@example.com"))

    claim = IdentityClaim.objects.get(email="owner@example.com")
    choose_claim(waiting, claim.pk, user=administrator)

    assert admit(external_user(IdentitySource.OIDC, "owner")) == waiting
    with pytest.raises(NameTaken):
        admit(external_user(IdentitySource.OIDC, "thief"))


def test_recorded_attempts_are_limited_in_number(make_person: Callable[..., User]) -> None:
    make_person(Role.LEAD, "lan", source=IdentitySource.OIDC)
    for number in range(MAX_CLAIMS + 3):
        with pytest.raises(NotBound):
            admit(external_user(IdentitySource.OIDC, str(number)))

    assert IdentityClaim.objects.count() == MAX_CLAIMS


@pytest.mark.parametrize("source", SOURCES)
def test_a_superuser_is_never_connected(source: IdentitySource, administrator: User) -> None:
    root = User.objects.create_superuser("lan", source=source)
    boss = User.objects.create_superuser("boss")

    with pytest.raises(NotBound):
        admit(external_user(source))
    with pytest.raises(Forbidden):
        make_link(root, user=administrator)
    with pytest.raises(CannotBind):
        make_link(root, user=boss)
    assert not IdentityClaim.objects.exists()


@pytest.mark.parametrize("role", ["staff", "lead"])
def test_only_administrators_make_links(role: str, waiting: User, request: pytest.FixtureRequest) -> None:
    with pytest.raises(Forbidden):
        make_link(waiting, user=request.getfixturevalue(role))


def test_one_identity_has_one_account(administrator: User, make_person: Callable[..., User]) -> None:
    taken = make_person(Role.STAFF, "minh", source=IdentitySource.OIDC, subject=f"{PROVIDER} 1")
    waiting = make_person(Role.LEAD, "lan", source=IdentitySource.OIDC)
    claim = IdentityClaim.objects.create(
        user=waiting, source="oidc", subject=taken.subject, seen_at=timezone.now()
    )

    with pytest.raises(CannotBind):
        choose_claim(waiting, claim.pk, user=administrator)


# --- the directory's own id of an entry --------------------------------------------------------------

ID = "ldap entryUUID 0b1e6a4c-5f2e-103f-8d9a-6f0c2a1b3c4d"
OTHER_ID = ID.replace("0b1e", "ffff")


def in_directory(subject: str | None, username: str = "lan") -> ExternalUser:
    return ExternalUser(source=IdentitySource.LDAP, subject=subject, username=username)


def test_an_account_bound_by_name_is_bound_by_id_at_the_next_sign_in(
    make_person: Callable[..., User],
) -> None:
    by_name = make_person(Role.LEAD, "lan", source=IdentitySource.LDAP, subject="ldap lan")

    assert admit(in_directory(ID)) == by_name
    assert admit(in_directory(ID, username="lan.renamed")) == by_name
    by_name.refresh_from_db()
    assert (by_name.subject, by_name.username) == (ID, "lan")
    assert AuditEntry.objects.get(action=AuditAction.ACCOUNT_BOUND).details["way"] == "id"


def test_a_name_that_the_directory_gives_to_another_entry_is_not_the_old_account(
    make_person: Callable[..., User],
) -> None:
    make_person(Role.LEAD, "lan", source=IdentitySource.LDAP, subject=ID)

    for subject in (OTHER_ID, None):
        with pytest.raises(NameTaken):
            admit(in_directory(subject))


def test_a_provider_cannot_claim_an_account_of_the_directory_by_name(
    make_person: Callable[..., User],
) -> None:
    make_person(Role.LEAD, "lan", source=IdentitySource.LDAP, subject="ldap lan")

    with pytest.raises(NameTaken):
        admit(ExternalUser(source=IdentitySource.OIDC, subject=f"{PROVIDER} 1", username="lan"))


# --- the pages -----------------------------------------------------------------------------------


def test_the_page_makes_a_link_that_leads_to_the_sign_in(
    administrator: User, client_of: Callable[[User], Client], make_person: Callable[..., User]
) -> None:
    waiting = make_person(Role.LEAD, "lan", source=IdentitySource.OIDC)
    page = f"/people/{waiting.pk}/company-account/"
    admin = client_of(administrator)
    link = admin.post(page, {"link": "yes"}).context["page"].link

    theirs = Client()
    answer = theirs.get(link, follow=True)

    assert answer.request["PATH_INFO"] == "/sign-in/"
    assert "This account here becomes yours." in answer.content.decode()
    assert link not in admin.get(page).content.decode()
    assert Client().get(link[:-3] + "x/").status_code == 404


def test_the_page_lists_attempts_and_connects_one(
    administrator: User, client_of: Callable[[User], Client], make_person: Callable[..., User]
) -> None:
    waiting = make_person(Role.LEAD, "lan", source=IdentitySource.OIDC)
    with pytest.raises(NotBound):
        admit(external_user(IdentitySource.OIDC, email="lan@example.com"))
    page, admin = f"/people/{waiting.pk}/company-account/", client_of(administrator)
    assert "lan@example.com" in admin.get(page).content.decode()

    claim = IdentityClaim.objects.get()
    assert admin.post(page, {"claim": str(claim.pk)}).status_code == 303
    assert admin.post(page, {"claim": str(claim.pk)}).status_code == 409
    waiting.refresh_from_db()
    assert waiting.subject == f"{PROVIDER} 1"


def test_moving_a_superuser_to_the_company_is_refused(client_of: Callable[[User], Client]) -> None:
    root = User.objects.create_superuser("root")
    data = {"username": "root", "source": "oidc", "theme": "dark", "is_active": "on"}

    page = client_of(root).post(f"/admin/ticketadmin/user/{root.pk}/change/", data)

    assert "A superuser signs in with a password kept here." in page.content.decode()
    root.refresh_from_db()
    assert root.source == IdentitySource.LOCAL
