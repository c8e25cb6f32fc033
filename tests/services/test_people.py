"""Admitting users whom an external source authenticated: roles by groups, one source per user."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from ticketadmin.models import IdentitySource, Role, User
from ticketadmin.services.people.access import Forbidden
from ticketadmin.services.people.accounts import (
    Disabled,
    ExternalUser,
    NameTaken,
    NoRole,
    NotAdmitted,
    admit,
    sign_out_everywhere,
)

pytestmark = pytest.mark.django_db
LAN = ExternalUser(
    source=IdentitySource.OIDC, subject="https://a.example 1", username="lan", groups=["support"]
)


@pytest.fixture(autouse=True)
def _mapping(settings: Any) -> None:
    settings.ROLE_GROUPS = {"staff": ["support"], "lead": ["leads"], "administrator": ["it", "ops"]}


def external(**changes: Any) -> ExternalUser:
    return ExternalUser(**{**vars(LAN), **changes})


def test_groups_decide_roles_at_each_sign_in() -> None:
    assert admit(LAN).role_names == ["Staff"]
    assert admit(external(groups=["leads", "ops"])).role_names == ["Administrator", "Team lead"]
    assert admit(external(groups=["SUPPORT", "support"])).role_names == ["Staff"]


@pytest.mark.parametrize("groups", [[], ["SUPPORT"], ["support "], ["staff", "administrator"]])
def test_unmapped_groups_give_no_role(groups: list[str]) -> None:
    admit(LAN)
    with pytest.raises(NoRole):
        admit(external(groups=groups))

    assert User.objects.get().role_names == []


def test_a_group_created_by_an_administrator_is_kept() -> None:
    person = admit(LAN)
    person.groups.add(Group.objects.create(name="night shift"))

    assert admit(external(groups=[])).role_names == ["night shift"]


def test_without_a_mapping_roles_are_given_by_hand(settings: Any) -> None:
    settings.ROLE_GROUPS = {"staff": [], "lead": [], "administrator": []}
    with pytest.raises(NoRole):
        admit(LAN)
    User.objects.get().groups.add(Group.objects.get(name=Role.LEAD.value))

    assert admit(LAN).role_names == ["Team lead"]


def test_an_external_user_never_becomes_superuser_or_gets_a_password() -> None:
    person = admit(external(groups=["it"]))

    assert not person.is_superuser
    assert not person.is_staff
    assert not person.has_usable_password()


def test_a_user_known_by_subject_keeps_the_account(make_person: Callable[..., User]) -> None:
    known = make_person(Role.STAFF, "Lan", source=IdentitySource.OIDC, subject=LAN.subject)

    assert admit(LAN) == known
    with pytest.raises(NameTaken):
        admit(external(subject="https://a.example 2"))


@pytest.mark.parametrize("source", [IdentitySource.LOCAL, IdentitySource.LDAP])
def test_an_account_of_another_source_with_the_same_name_is_not_taken_over(
    source: IdentitySource, make_person: Callable[..., User]
) -> None:
    make_person(Role.ADMINISTRATOR, "LAN", source=source, email="lan@example.com")

    with pytest.raises(NameTaken):
        admit(external(email="lan@example.com"))


def test_the_same_subject_at_another_provider_is_another_user() -> None:
    admit(LAN)

    with pytest.raises(NameTaken):
        admit(external(subject="https://b.example 1"))


def test_a_deactivated_user_stays_deactivated() -> None:
    person = admit(LAN)
    person.is_active = False
    person.save()

    with pytest.raises(Disabled):
        admit(external(groups=["it"]))
    assert person.role_names == ["Staff"]


def test_names_follow_the_external_source_and_are_not_emptied() -> None:
    admit(external(first_name="Lan", last_name="Trần" * 100, email="lan@example.com"))
    person = admit(external(first_name="Lan Anh"))

    assert person.first_name == "Lan Anh"
    assert person.last_name.startswith("Trần")
    assert len(person.last_name) == 150
    assert person.email == "lan@example.com"


def test_every_spelling_of_a_name_is_one_user() -> None:
    ldap = {"source": IdentitySource.LDAP, "subject": None}
    names = ["ﬁona", "fiona", "FIONA", "Ｆiona"]

    assert len({admit(external(**ldap, username=name)).pk for name in names}) == 1


def test_invisible_characters_are_not_part_of_a_name() -> None:
    person = admit(external(username="la\u202en\x00", first_name="L\x00an\n"))

    assert (person.username, person.first_name) == ("lan", "Lan")
    with pytest.raises(NotAdmitted):
        admit(external(subject="https://a.example 9", username="\x00"))


def test_signing_out_another_user_needs_the_permission(staff: User, lead: User, administrator: User) -> None:
    with pytest.raises(Forbidden):
        sign_out_everywhere(staff, user=lead)
    sign_out_everywhere(staff, user=administrator)

    root = User.objects.create_superuser("root")
    with pytest.raises(Forbidden):
        sign_out_everywhere(root, user=administrator)
    assert (staff.session_generation, root.session_generation) == (1, 0)


def test_two_simultaneous_first_sign_ins_create_one_account() -> None:
    made: list[User] = []

    def another_tab(ask: Callable[..., Any], sql: str, *rest: Any) -> Any:
        answer = ask(sql, *rest)
        if not made and '"subject" = ' in sql:  # this tab has just been told that the user is unknown
            made.append(User.objects.create_user("lan", source=LAN.source, subject=LAN.subject))
        return answer

    with connection.execute_wrapper(another_tab):
        person = admit(LAN)

    assert [person] == made
