"""Rules as users read them: what a change needs before it is made, and what it does not meet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from ticketadmin.models import Role, TicketRule, Tone
from ticketadmin.presenters.outcomes import NOTHING_CHANGED, Notice
from ticketadmin.services.rules.checking import Requirement, Unmet, concerns, rules_of
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.values.fields import STATUS
from ticketadmin.services.values.schema import TicketSchema


def broken_notice(unmet: Sequence[Unmet], schema: TicketSchema) -> Notice:
    """Return the banner for a change that rules do not allow."""
    missing = {one.requirement for one in unmet}
    if Requirement.GROUP in missing:
        step = _("Ask a member of these groups to make the change.")
    elif Requirement.READABLE in missing:
        step = _("Fill the fields in here, or ask an administrator, who can change the rule.")
    elif missing == {Requirement.REASON}:
        step = _("Give a reason, then save again.")
    else:
        step = _("Add what is missing, then save again.")
    sentences = " ".join(describe_unmet(one, schema) for one in unmet)
    text = f"{sentences} {NOTHING_CHANGED}"
    return Notice(Tone.DANGER, _("Not saved: a rule does not allow this change."), text, step)


def broken_by_box(unmet: Sequence[Unmet], schema: TicketSchema) -> dict[str, tuple[str, ...]]:
    """Return what is missing by the box of the form that it concerns."""
    found: dict[str, list[str]] = {}
    for one in unmet:
        sentence = describe_unmet(one, schema)
        if one.requirement is Requirement.REASON:
            boxes: Sequence[str] = (CHANGE_REASON,)
        else:
            boxes = (one.field,) if one.requirement is Requirement.GROUP else one.names
        for box in boxes:
            found.setdefault(box, []).append(sentence)
    return {box: tuple(sentences) for box, sentences in found.items()}


def rule_sentence(rule: TicketRule, schema: TicketSchema) -> str:
    """Return what a rule requires in one sentence, for the form and before a quick status is set."""
    needs = []
    if rule.required_fields:
        labels = [str(schema.field(name).label) for name in rule.required_fields]
        needs.append(_("%(names)s filled in") % {"names": get_text_list(labels, _("and"))})
    if rule.needs_reason:
        needs.append(_("a reason"))
    if rule.groups:
        groups = get_text_list(group_labels(rule.groups), _("or"))
        needs.append(_("membership of %(groups)s") % {"groups": groups})
    of = f"“{rule.value}”" if rule.value else _("Any change")
    return _("%(of)s requires: %(needs)s.") % {"of": of, "needs": "; ".join(needs)}


def show_rules(form: forms.Form, rules: Iterable[TicketRule], schema: TicketSchema) -> None:
    """Say at each box of a form what rules require where it is changed."""
    for rule in rules:
        if box := form.fields.get(rule.field):
            text = " ".join(filter(None, (str(box.help_text), rule_sentence(rule, schema))))
            box.help_text = form[rule.field].help_text = text  # a bound field keeps the text it was made with


def rules_of_status(status: str, schema: TicketSchema) -> list[str]:
    """Return what rules require where this status is set, a sentence each."""
    rules = rules_of(schema)
    return [rule_sentence(rule, schema) for rule in rules if concerns(rule, STATUS, status)]


def describe_unmet(unmet: Unmet, schema: TicketSchema) -> str:
    """Return one sentence on what a change does not meet."""
    return _SENTENCES[unmet.requirement]() % _named(unmet, schema)


# Called where the language is known; a lazy text could not be formatted with translated names.
_SENTENCES = {
    Requirement.FILLED: lambda: _("%(what)s: these fields must be filled in: %(names)s."),
    Requirement.READABLE: lambda: _(
        "%(what)s: these fields must be filled in, which cannot be checked, because the CRM does not show "
        "them: %(names)s."
    ),
    Requirement.REASON: lambda: _("%(what)s: a reason is required."),
    Requirement.GROUP: lambda: _("%(what)s: only these groups may do this: %(names)s."),
}


def _named(unmet: Unmet, schema: TicketSchema) -> dict[str, str]:
    is_group = unmet.requirement is Requirement.GROUP
    names = group_labels(unmet.names) if is_group else [str(schema.field(name).label) for name in unmet.names]
    return {"what": _what(unmet.field, unmet.value, schema), "names": get_text_list(names, _("and"))}


def _what(name: str, value: str, schema: TicketSchema) -> str:
    label = str(schema.field(name).label)
    return _("%(field)s “%(value)s”") % {"field": label, "value": value} if value else label


def group_labels(names: Iterable[str]) -> list[str]:
    """Return the names of groups: the roles in the user's language, others by their names."""
    known = dict(Role.choices)
    return [str(known.get(name, name)) for name in names]


def describe_all(kept: Iterable[Mapping[str, Any]] | None, schema: TicketSchema) -> list[str]:
    """Return a sentence for each unmet requirement that is kept with a change or a bulk item."""
    return [describe_unmet(Unmet.from_json(one), schema) for one in kept or ()]
