"""What a change does not meet of the rules, as sentences: for banners, bulk tickets and the history."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from ticketadmin.models import Role
from ticketadmin.services.rules.checking import Requirement, Unmet
from ticketadmin.services.values.schema import TicketSchema, load_schema


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


def _what(field: str, value: str, schema: TicketSchema) -> str:
    label = str(schema.field(field).label)
    return _("%(field)s “%(value)s”") % {"field": label, "value": value} if value else label


def group_labels(names: Iterable[str]) -> list[str]:
    """Return groups as people know them: the roles in the user's language, others by their names."""
    known = dict(Role.choices)
    return [str(known.get(name, name)) for name in names]


def describe_all(kept: Iterable[Mapping[str, Any]] | None, schema: TicketSchema | None = None) -> list[str]:
    """Return a sentence for each unmet requirement that is kept with a change or a bulk item."""
    unmet = [Unmet.from_json(one) for one in kept or ()]
    schema = schema or (load_schema() if unmet else TicketSchema())
    return [describe_unmet(one, schema) for one in unmet]
