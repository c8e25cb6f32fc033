"""Comparing an edit with the ticket as it is now: what would be sent, or why nothing can be. Nothing is."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, TicketRule, User
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.saving.edit import CLEAR, Clear, Edit, Set
from ticketadmin.services.saving.errors import (
    CheckFailed,
    EditConflict,
    NothingToSave,
    ReadingLost,
    RuleBroken,
    SaveProblem,
)
from ticketadmin.services.saving.form_base import Base
from ticketadmin.services.saving.intent import Blocked, SaveContext, TicketEdit, compare
from ticketadmin.services.saving.payload import Intent
from ticketadmin.services.values.schema import load_schema

CODE = "ABCXYZ1234"
TITLE, PHONE, SERIAL = "ticket_title", "emergency_phone", "custom_fields.so_serial"
Compare = Callable[..., Intent | Blocked]


@pytest.fixture
def comparing(staff: User, sandbox: Sandbox) -> Compare:
    """Compares wishes with the ticket, of a form loaded with `base`; None: in update-only mode."""

    def found(base: dict[str, Any] | None = None, **wishes: Any) -> Intent | Blocked:
        named = {name.replace("__", "."): wish for name, wish in wishes.items()}
        edit = Edit({name: wish if isinstance(wish, Clear) else Set(wish) for name, wish in named.items()})
        loaded = Base(CODE) if base is None else Base(CODE, base, timezone.now())
        edited = TicketEdit(CODE, edit, loaded, load_schema(get_choices()))
        intent = compare(edited, SaveContext(staff, uuid4()))
        assert sandbox.puts() == []
        assert not Change.objects.exists()
        return intent

    return found


def now(sandbox: Sandbox, *names: str) -> dict[str, Any]:
    ticket = sandbox.ticket(CODE)
    return {name: ticket[name] for name in names}


def test_only_values_that_the_ticket_does_not_hold_are_sent(comparing: Compare, sandbox: Sandbox) -> None:
    base = now(sandbox, TITLE, PHONE)

    intent = comparing(base, ticket_title=base[TITLE], emergency_phone="0909 111 222")

    assert isinstance(intent, Intent)
    assert intent.wanted == intent.payload == {PHONE: "0909 111 222"}
    assert intent.before is not None
    assert intent.before.items() >= base.items()
    assert intent.merged.already_there == (TITLE,)


def test_custom_fields_are_sent_whole_with_the_changed_one_in_them(
    comparing: Compare, sandbox: Sandbox
) -> None:
    held = {name: one for name, one in sandbox.ticket(CODE)["custom_fields"].items() if one is not None}

    intent = comparing({}, custom_fields__so_serial="SN-NEW")

    assert isinstance(intent, Intent)
    assert intent.wanted == {SERIAL: "SN-NEW"}
    assert intent.payload == {"custom_fields": {**held, "so_serial": "SN-NEW"}}


def test_fields_that_only_others_changed_are_kept_and_reported(comparing: Compare, sandbox: Sandbox) -> None:
    base = now(sandbox, TITLE, PHONE)
    sandbox.edit(CODE, emergency_phone="0909 999 999")

    intent = comparing(base, ticket_title="Của tôi")

    assert isinstance(intent, Intent)
    assert intent.payload == {TITLE: "Của tôi"}
    assert intent.merged.kept_theirs == {PHONE: (base[PHONE], "0909 999 999")}


def test_a_clear_is_sent_as_the_empty_value_of_the_kind(comparing: Compare, sandbox: Sandbox) -> None:
    intent = comparing(now(sandbox, PHONE), emergency_phone=CLEAR, custom_fields__so_serial=CLEAR)

    assert isinstance(intent, Intent)
    assert intent.wanted == {PHONE: "", SERIAL: None}


def nothing_wanted(sandbox: Sandbox) -> dict[str, Any]:
    return {"base": now(sandbox, TITLE)}


def held_already(sandbox: Sandbox) -> dict[str, Any]:
    return {"base": {}, **now(sandbox, TITLE, PHONE)}


def changed_by_both(sandbox: Sandbox) -> dict[str, Any]:
    base = now(sandbox, TITLE)
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")
    return {"base": base, TITLE: "Của tôi"}


def no_longer_shown(sandbox: Sandbox) -> dict[str, Any]:
    base = now(sandbox, "account_email")
    sandbox.switch(readable="silent")
    return {"base": base, "account_email": "a@example.com"}


def no_longer_readable(sandbox: Sandbox) -> dict[str, Any]:
    base = now(sandbox, TITLE)
    sandbox.switch(read_right="403")
    return {"base": base, TITLE: "Của tôi"}


def not_answered(sandbox: Sandbox) -> dict[str, Any]:
    sandbox.fault("status", method="GET", status=500, times=None, path="/ticket")
    return {"base": {}, TITLE: "Của tôi"}


def against_a_rule(sandbox: Sandbox) -> dict[str, Any]:
    TicketRule.objects.create(field=TITLE, needs_reason=True)
    return {"base": {}, TITLE: "Của tôi"}


@pytest.mark.parametrize(
    ("prepared", "problem", "left"),
    [
        (nothing_wanted, NothingToSave, []),
        (held_already, NothingToSave, []),
        (changed_by_both, EditConflict, [TITLE]),
        (no_longer_shown, ReadingLost, ["account_email"]),
        (no_longer_readable, ReadingLost, [TITLE]),
        (not_answered, CheckFailed, [TITLE]),
        (against_a_rule, RuleBroken, [TITLE]),
    ],
)
def test_each_obstacle_to_a_save_has_its_own_problem(
    prepared: Callable[[Sandbox], dict[str, Any]],
    problem: type[SaveProblem],
    left: list[str],
    comparing: Compare,
    sandbox: Sandbox,
) -> None:
    found = comparing(**prepared(sandbox))

    assert isinstance(found, Blocked)
    assert type(found.problem) is problem
    assert list(found.left) == left


def test_without_reading_every_wanted_value_is_sent_and_nothing_else(
    comparing: Compare, sandbox: Sandbox
) -> None:
    sandbox.switch(read_right="403")

    intent = comparing(None, ticket_title="Của tôi", custom_fields__so_serial="SN-NEW")

    assert isinstance(intent, Intent)
    assert intent.before is None
    assert intent.payload == {TITLE: "Của tôi", "custom_fields": {"so_serial": "SN-NEW"}}
