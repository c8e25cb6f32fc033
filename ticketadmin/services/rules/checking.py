"""Whether one change obeys the rules. Called by the save after its fresh read, and by the dry run.

Everything that is sent goes through the save, so a rule holds everywhere: the form, a quick status, a bulk
update, a command. The messages for a broken rule are in `presenters/rules.py`.

A change that is taken back, and a restore, obey the rules on groups alone: the ticket goes to a state that
it had before, and every other requirement is kept with the change as waived.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ticketadmin.models import Prepared, TicketRule, User
from ticketadmin.services.values.codecs import is_empty
from ticketadmin.services.values.fields import CATEGORY, STATUS, Value
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.text import folded, visible

NAMED_VALUES = frozenset({STATUS, CATEGORY})  # fields whose single values can have a rule


class Requirement(StrEnum):
    """What a rule requires; the value is what is stored with a change or a bulk item."""

    FILLED = "filled"
    READABLE = "readable"  # a field that must be filled in cannot be read, so it may be empty
    REASON = "reason"
    GROUP = "group"


@dataclass(frozen=True)
class Unmet:
    """One requirement that a change does not meet.

    `field` and `value` are what the rule is about, "" for any value; `names` are the fields that must be
    filled in, or the groups that may do it.
    """

    requirement: Requirement
    field: str
    value: str = ""
    names: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, from which `from_json` makes an equal one."""
        return {**vars(self), "requirement": self.requirement.value, "names": list(self.names)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Unmet":
        """Return what was kept with `as_json`."""
        return cls(Requirement(kept["requirement"]), kept["field"], kept["value"], tuple(kept["names"]))


@dataclass(frozen=True)
class ProposedChange:
    """A change that is about to be sent: `wanted` are the values that the CRM does not hold yet.

    `known` is what the ticket holds as far as it was just read; a field that is absent cannot be checked.
    """

    wanted: Mapping[str, Value]
    known: Mapping[str, Value]
    user: User
    change_reason: str = ""
    takes_back: bool = False


@dataclass(frozen=True)
class RuleCheck:
    """What the rules say of a change: with `broken` it is not sent; `waived` does not prevent it."""

    broken: tuple[Unmet, ...] = ()
    waived: tuple[Unmet, ...] = ()


def load_rules() -> tuple[TicketRule, ...]:
    """Return every rule; one query. There is one for each field and value at most."""
    return tuple(_RULES.rows())


_RULES = Prepared(TicketRule.objects.all)


def rules_of(schema: TicketSchema) -> tuple[TicketRule, ...]:
    """Return every rule as read together with the CRM's lists; by a query only if they were not."""
    known = schema.choices.rules
    return load_rules() if known is None else known


def names_to_read(rules: Iterable[TicketRule]) -> list[str]:
    """Return the fields that the rules look at, beside those that change."""
    return list(dict.fromkeys(name for rule in rules for name in rule.required_fields))


def check_rules(rules: Iterable[TicketRule], proposed: ProposedChange, schema: TicketSchema) -> RuleCheck:
    """Return what the change does not meet.

    Makes a query for the user's groups, only if a rule names some and they did not come with the session.
    """
    broken: list[Unmet] = []
    waived: list[Unmet] = []
    for rule in rules:
        for unmet in _unmet(rule, proposed, schema):
            is_allowed = unmet.requirement is Requirement.READABLE and rule.allows_unreadable
            is_waived = is_allowed or (proposed.takes_back and unmet.requirement is not Requirement.GROUP)
            (waived if is_waived else broken).append(unmet)
    return RuleCheck(tuple(broken), tuple(waived))


def concerns(rule: TicketRule, name: str, value: Value) -> bool:
    """Return whether a rule is about storing this value in this field.

    Names are compared in any case: without the CRM's list they are typed, and the CRM may fold them.
    """
    return rule.field == name and (not rule.value or _spelled(value) == _spelled(rule.value))


def _spelled(name: Value) -> str:
    return folded(" ".join(visible(str(name)).split()))


def _unmet(rule: TicketRule, proposed: ProposedChange, schema: TicketSchema) -> Iterator[Unmet]:
    """Yield the requirements of a rule that a change does not meet; none if the rule does not apply to it."""
    if rule.field not in proposed.wanted or not concerns(rule, rule.field, proposed.wanted[rule.field]):
        return
    after = {**proposed.known, **proposed.wanted}
    shown = [name for name in rule.required_fields if name in after]
    empty = [name for name in shown if is_empty(schema.field(name), after[name])]
    unread = [name for name in rule.required_fields if name not in after]
    if empty:
        yield Unmet(Requirement.FILLED, rule.field, rule.value, tuple(empty))
    if unread:
        yield Unmet(Requirement.READABLE, rule.field, rule.value, tuple(unread))
    if rule.needs_reason and not proposed.change_reason:
        yield Unmet(Requirement.REASON, rule.field, rule.value)
    if rule.groups and proposed.user.group_names.isdisjoint(rule.groups):
        yield Unmet(Requirement.GROUP, rule.field, rule.value, tuple(rule.groups))
