"""The signed base of a form: it is read back unchanged, for its own ticket and user only."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import json_values
from ticketadmin.models import Role, User
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.saving.form_base import (
    Base,
    WrongBase,
    base_of,
    load_base,
    load_owned_base,
    load_signed_base,
)
from ticketadmin.services.saving.merge import FieldConflict

CODE = "ABCXYZ1234"
LAN, MINH = User(pk=1, password="a"), User(pk=2, password="b")
HOUR = timedelta(hours=1)
names = st.sampled_from(["ticket_title", "custom_fields.a", "custom_fields.Ô"])
bases = st.builds(
    Base,
    code=st.just(CODE),
    values=st.dictionaries(names, json_values),
    loaded_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    conflicts=st.lists(st.builds(FieldConflict, names, json_values, json_values, json_values)).map(tuple),
)


@given(bases)
def test_a_signed_base_is_read_back_unchanged(base: Base) -> None:
    token = base.sign(LAN)

    assert load_base(token, code=CODE, user=LAN) == base
    assert load_signed_base(token, code=CODE) == base


@given(bases, st.sets(names))
def test_a_base_without_fields_knows_nothing_of_them(base: Base, left_out: set[str]) -> None:
    less = base.without(left_out)

    assert less.values == {name: value for name, value in base.values.items() if name not in left_out}
    assert (less.was_read, less.conflicts) == (base.was_read, base.conflicts)


@pytest.mark.parametrize(
    "token",
    [
        "", "nonsense", ":", "a:b:c",
        Base(CODE).sign(LAN)[:-1], Base(CODE).sign(LAN) + "x", "x" + Base(CODE).sign(LAN),
    ],
)  # fmt: skip
def test_a_base_that_was_altered_is_refused(token: str) -> None:
    with pytest.raises(WrongBase):
        load_base(token, code=CODE, user=LAN)


def test_a_base_of_another_ticket_or_user_is_refused() -> None:
    token = Base(CODE, {"ticket_title": "Cũ"}).sign(LAN)

    with pytest.raises(WrongBase):
        load_base(token, code="OTHER", user=LAN)
    with pytest.raises(WrongBase):
        load_signed_base(token, code="OTHER")
    with pytest.raises(WrongBase):
        load_base(token, code=CODE, user=MINH)


def test_a_ticket_that_could_not_be_read_has_an_empty_base() -> None:
    read = ReadTicket(CODE, {"ticket_title": "Cũ"}, timezone.now())

    assert base_of(None, CODE) == Base(CODE)
    assert not base_of(None, CODE).was_read
    assert base_of(read, CODE) == Base(CODE, read.values, read.read_at)


def new_password(user: User) -> None:
    user.set_password("another-long-password-2")
    user.save()


def switched_off(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def deleted(user: User) -> None:
    User.objects.filter(pk=user.pk).delete()


@pytest.mark.parametrize("change", [new_password, switched_off, deleted])
def test_a_base_has_no_owner_after_the_users_sessions_ended(
    change: Callable[[User], Any], make_person: Callable[..., User]
) -> None:
    user = make_person(Role.STAFF)
    base = Base(CODE, {"ticket_title": "Cũ"})
    token = base.sign(user)
    assert load_owned_base(token, code=CODE, max_age=HOUR) == (base, user)

    change(user)

    with pytest.raises(WrongBase):
        load_owned_base(token, code=CODE, max_age=HOUR)


@pytest.mark.parametrize(("age", "is_taken"), [(HOUR - timedelta(minutes=1), True), (HOUR * 2, False)])
def test_a_base_has_an_owner_for_a_limited_time(
    age: timedelta, is_taken: bool, make_person: Callable[..., User]
) -> None:
    user = make_person(Role.STAFF)
    with time_machine.travel(datetime.now(UTC) - age):
        token = Base(CODE).sign(user)

    if is_taken:
        assert load_owned_base(token, code=CODE, max_age=HOUR)[1] == user
    else:
        with pytest.raises(WrongBase):
            load_owned_base(token, code=CODE, max_age=HOUR)
