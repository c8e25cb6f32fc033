"""The fields of a ticket and their kinds.

There is one `Field` for each of the API's seven standard fields and for each custom field, whether an
administrator described it or the CRM merely sent it. The codec of its kind (`codecs`) defines how its values
are shown, read and compared.

Values are JSON as the API has them: strings for the standard fields, anything for custom fields.
A value that is not known is absent from every mapping, never empty.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ticketadmin.models import KEY_LETTER, MAX_FIELD_KEY, CustomField, FieldKind

CUSTOM_PREFIX = "custom_fields."
TITLE, STATUS, CATEGORY = "ticket_title", "status_name", "cate_name"
CUSTOM_NAME = re.compile(rf"{re.escape(CUSTOM_PREFIX)}{KEY_LETTER}{{1,{MAX_FIELD_KEY}}}")
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


DATE_KINDS = frozenset({Kind.DATE, Kind.EPOCH_DATE})


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
    Field(TITLE, gettext_lazy("Title"), Kind.LINE, clearable=False),
    Field("ticket_content", gettext_lazy("Content"), Kind.HTML),
    Field("account_email", gettext_lazy("Customer e-mail"), Kind.EMAIL),
    Field(CATEGORY, gettext_lazy("Category"), Kind.CHOICE),
    Field(STATUS, gettext_lazy("Status"), Kind.CHOICE, clearable=False),
    Field("expected_at", gettext_lazy("Expected date"), Kind.DATE),
    Field("emergency_phone", gettext_lazy("Emergency phone"), Kind.PHONE),
)


def undescribed(name: str) -> Field:
    """Return the field for a custom key that no administrator described; its key is its label."""
    return Field(name, name.removeprefix(CUSTOM_PREFIX), Kind.RAW)


def described(definition: CustomField) -> Field:
    """Return the field that an administrator described."""
    return Field(
        CUSTOM_PREFIX + definition.key,
        definition.label,
        Kind(FieldKind(definition.kind).value),
        clearable=not definition.required,
        choices=definition.choices,
        help_text=definition.help_text,
    )
