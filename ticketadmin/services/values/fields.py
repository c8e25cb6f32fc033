"""The fields of a ticket and their kinds.

One `Field` for each of the API's seven standard fields and for each custom field, whether an
administrator described it or the CRM merely sent it. How values of a kind are shown, read and compared is
in its codec (`codecs`).

Values are JSON as the API has them: strings for the standard fields, anything for custom fields.
A value that is not known is absent from every mapping, never empty.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Subquery
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ticketadmin.models import CustomField, FieldKind, json_rows, rows_in

CUSTOM_PREFIX = "custom_fields."
_DESCRIBING = ("key", "label", "kind", "choices_text", "help_text", "required", "order", "is_listed")
Value = Any  # JSON; mypy cannot follow a recursive alias through Django's JSONField


class Kind(StrEnum):
    """How a field is typed. The custom kinds carry the names of `models.FieldKind`."""

    LINE = "line"
    HTML = "html"
    EMAIL = "email"
    CHOICE = "choice"
    DATE = "date"
    PHONE = "phone"
    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    EPOCH_DATE = "epoch_date"
    SELECT = "select"
    MULTI_SELECT = "multi_select"
    YES_NO = "yes_no"
    RAW = "raw"  # a custom field that is not described


@dataclass(frozen=True)
class Field:
    """One field of a ticket. `clearable` tells whether the CRM may be asked to empty it."""

    name: str
    label: str | Promise
    kind: Kind
    clearable: bool = True
    choices: tuple[tuple[str, str], ...] = ()
    help_text: str | Promise = ""

    @property
    def key(self) -> str | None:
        """The key inside `custom_fields`, or None for a standard field."""
        return self.name.removeprefix(CUSTOM_PREFIX) if self.name.startswith(CUSTOM_PREFIX) else None


STANDARD: tuple[Field, ...] = (
    Field("ticket_title", gettext_lazy("Title"), Kind.LINE, clearable=False),
    Field("ticket_content", gettext_lazy("Content"), Kind.HTML),
    Field("account_email", gettext_lazy("Customer e-mail"), Kind.EMAIL),
    Field("cate_name", gettext_lazy("Category"), Kind.CHOICE),
    Field("status_name", gettext_lazy("Status"), Kind.CHOICE, clearable=False),
    Field("expected_at", gettext_lazy("Expected date"), Kind.DATE),
    Field("emergency_phone", gettext_lazy("Emergency phone"), Kind.PHONE),
)


def catalogue(known_names: Iterable[str] = (), described: Iterable[Field] | None = None) -> dict[str, Field]:
    """Return every field by name: standard, described custom ones, then undescribed ones in `known_names`.

    `described` is what `described_in` returned; without it one query reads them.
    """
    if described is None:
        described = _in_order(CustomField.objects.order_by())
    fields = {field.name: field for field in (*STANDARD, *described)}
    for name in known_names:
        if name.startswith(CUSTOM_PREFIX) and name not in fields:
            fields[name] = undescribed(name)
    return fields


def described_column() -> Subquery:
    """Return the described custom fields as a column of any query, for `described_in`."""
    return json_rows(CustomField.objects.all(), ("id", *_DESCRIBING))


def described_in(column: str | None) -> tuple[Field, ...]:
    """Return the fields in the text of `described_column`, in the order of the form."""
    return _in_order(CustomField(**one) for one in rows_in(column))


def listed_in(column: str | None) -> tuple[CustomField, ...]:
    """Return those of the same column that an administrator marked for the list, in the same order."""
    return tuple(_sorted(CustomField(**one) for one in rows_in(column) if one["is_listed"]))


def _in_order(definitions: Iterable[CustomField]) -> tuple[Field, ...]:
    return tuple(_described(definition) for definition in _sorted(definitions))


def _sorted(definitions: Iterable[CustomField]) -> list[CustomField]:
    """Return the definitions in the order of the form: here, as collations of databases differ."""
    return sorted(definitions, key=lambda one: (one.order, one.label, one.pk))


def undescribed(name: str) -> Field:
    """Return the field for a custom key that no administrator described; its key is its label."""
    return Field(name, name.removeprefix(CUSTOM_PREFIX), Kind.RAW)


def _described(definition: CustomField) -> Field:
    return Field(
        CUSTOM_PREFIX + definition.key,
        definition.label,
        Kind(FieldKind(definition.kind).value),
        clearable=not definition.required,
        choices=definition.choices,
        help_text=definition.help_text,
    )
