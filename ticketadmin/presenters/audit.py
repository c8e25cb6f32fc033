"""Entries of the audit log as administrators read them: labels of kinds and fields, values as text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from ticketadmin.models import AUDIT_LOG, HISTORY, TICKET, AuditAction, AuditEntry, Channel, IdentitySource
from ticketadmin.presenters.changes import ValueRow
from ticketadmin.presenters.outcomes import Text
from ticketadmin.presenters.page import page
from ticketadmin.presenters.paging import FilteredPage
from ticketadmin.ticketapi.tickets import as_text

_KINDS: dict[str, Text] = {
    HISTORY: gettext_lazy("history"),
    AUDIT_LOG: gettext_lazy("audit log"),
    TICKET: gettext_lazy("ticket"),
    "group": gettext_lazy("role"),
    "recipe": gettext_lazy("recipe"),
    "tickets": gettext_lazy("list of tickets"),
    "snippets": gettext_lazy("snippets"),
    "bulkfile": gettext_lazy("uploaded file"),
}
# Labels of names that are not fields of the target's model.
_NAMES: dict[str, Text] = {
    "roles": gettext_lazy("roles"),
    "permissions": gettext_lazy("permissions"),
    "is_superuser": gettext_lazy("superuser"),
    "is_active": gettext_lazy("active"),
    "owner_id": gettext_lazy("owner"),
    "query": gettext_lazy("filters"),
}
_WAYS: dict[str, Text] = {
    **{source.value: source.label for source in IdentitySource},
    "password_link": gettext_lazy("link for a new password"),
}


_COUNTS: dict[str, Any] = {
    "rows": ngettext_lazy("%(n)s row", "%(n)s rows", "count"),
    "failures": ngettext_lazy("%(n)s failure", "%(n)s failures", "count"),
    "contents_not_read": ngettext_lazy(
        "%(n)s content could not be read", "%(n)s contents could not be read", "count"
    ),
}


@dataclass(frozen=True)
class AuditRow:
    """One entry with its labels and values as text."""

    entry: AuditEntry
    action: Text
    kind: Text
    changes: tuple[ValueRow, ...]  # None: there was no value
    notes: tuple[str, ...]
    channel: Text


@page("audit/audit.html")
class AuditPage(FilteredPage):
    """The audit log."""

    rows: list[AuditRow]


def present_entries(entries: Iterable[AuditEntry]) -> list[AuditRow]:
    """Return the entries as rows."""
    return [
        AuditRow(
            entry,
            action=_label(AuditAction, entry.action),
            kind=_kind(entry.target_kind),
            changes=tuple(_changes(entry)),
            notes=tuple(_notes(entry.details)),
            channel=_label(Channel, entry.channel),
        )
        for entry in entries
    ]


def _label(words: type[models.TextChoices], value: str) -> Text:
    """Return a member's label; the value itself if only a newer version knows it."""
    return words(value).label if value in words.values else value


def _kind(kind: str) -> Text:
    if kind in _KINDS or not kind:
        return _KINDS.get(kind, "")
    try:
        return apps.get_model("ticketadmin", kind)._meta.verbose_name or kind
    except LookupError:
        return kind


def _changes(entry: AuditEntry) -> Iterator[ValueRow]:
    for name in {**entry.before, **entry.after}:
        before, after = (
            _value(values[name]) if name in values else None for values in (entry.before, entry.after)
        )
        if before or after:
            yield ValueRow(name, _field_label(entry.target_kind, name), before, after)


def _field_label(kind: str, name: str) -> Text:
    if name in _NAMES:
        return _NAMES[name]
    try:
        field = apps.get_model("ticketadmin", kind)._meta.get_field(name)
    except (LookupError, FieldDoesNotExist):
        return name
    return getattr(field, "verbose_name", name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return ", ".join(map(_value, value))
    return as_text(value)


def _notes(details: Mapping[str, Any]) -> Iterator[str]:
    """Yield a phrase for each of an entry's details; those unknown to this version are shown as they are."""
    for name, value in details.items():
        if name in _COUNTS:
            yield _COUNTS[name] % {"count": value, "n": number_format(value)}
        elif name == "complete":
            yield _("complete") if value else _("broken off")
        elif name in {"via", "source"}:
            yield _("by: %(way)s") % {"way": _WAYS.get(value, value)}
        elif name == "filters":
            yield from (f"{key}: {one}" for key, one in value.items())
        else:
            yield f"{name}: {_value(value)}"
