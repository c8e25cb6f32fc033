"""Rules as people read them: what a change needs before it is made, and why it was not made."""

from collections.abc import Iterable, Sequence

from django import forms
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from ticketadmin.models import TicketRule, Tone
from ticketadmin.presenters.changes import Notice
from ticketadmin.presenters.outcomes import NOTHING_CHANGED
from ticketadmin.presenters.unmet import describe_unmet, group_labels
from ticketadmin.services.rules.checking import Requirement, Unmet, concerns, rules_of
from ticketadmin.services.saving.change_reason import CHANGE_REASON
from ticketadmin.services.saving.quick_status import STATUS
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
