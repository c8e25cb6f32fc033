"""The fields of a ticket, and when two values of one are the same.

One `Field` for each of the API's seven standard fields and for each custom field, whether an
administrator described it or the CRM merely sent it. Page, bulk update and command all read values
through `inputs.parse`, and "the same value" has one definition here, `canonical`.

Values are JSON as the API has them: strings for the standard fields, anything for custom fields.
A value that is not known is absent from every mapping, never empty.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from ticketadmin.models import CustomField, FieldKind
from ticketadmin.sanitizing import ContentTooComplex, known_clean
from ticketadmin.text import normal_text

CUSTOM_PREFIX = "custom_fields."
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
    RAW = "raw"  # a custom field nobody described


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


def catalogue(known_names: Iterable[str] = ()) -> dict[str, Field]:
    """Return every field by name: standard, described custom ones, then undescribed ones in `known_names`."""
    described = [_described(definition) for definition in CustomField.objects.all()]
    fields = {field.name: field for field in (*STANDARD, *described)}
    for name in known_names:
        if name.startswith(CUSTOM_PREFIX) and name not in fields:
            fields[name] = undescribed(name)
    return fields


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


def canonical(field: Field, value: Value) -> str:
    """Return the form in which two spellings of one value are equal; "" for every kind of empty.

    Line endings, Unicode composition and outer white space never make a difference; for numbers,
    dates, options and HTML the kind decides.
    """
    if value is None or value == "" or value == [] or value == {}:
        return ""
    spell = _CANONICAL.get(field.kind, _canonical_text)
    return spell(value)


def same_value(field: Field, one: Value, other: Value) -> bool:
    """Tell whether the CRM holding `one` and the CRM holding `other` is the same to a person."""
    return one == other or canonical(field, one) == canonical(field, other)


def _canonical_text(value: Value) -> str:
    return (
        normal_text(value)
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )


def _canonical_line(value: Value) -> str:
    return normal_text(str(value).replace("\r", "").replace("\n", ""))


def _canonical_html(value: Value) -> str:
    text = normal_text(str(value))
    try:
        return known_clean(text)
    except ContentTooComplex:
        return text


def _canonical_number(value: Value) -> str:
    number = to_number(str(value))
    if number is None:
        return _canonical_text(value)
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def to_number(text: str) -> Decimal | None:
    """Return the number that a text spells, or None: also for one of more digits than anybody means.

    `1e999999999` is nine letters and would be a gigabyte when written out.
    """
    if len(text) > 100:
        return None
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    is_sensible = number.is_finite() and abs(number.adjusted()) <= 50
    return number if is_sensible else None


def _canonical_epoch_date(value: Value) -> str:
    day = epoch_to_date(value)
    return day.isoformat() if day else _canonical_text(value)


def _canonical_options(value: Value) -> str:
    options = value if isinstance(value, list) else [value]
    return json.dumps(sorted(str(option) for option in options), ensure_ascii=False)


def canonical_yes_no(value: Value) -> str:
    """Return "1" or "0" for the spellings of yes and no, else the text in lower case."""
    text = str(value).strip().lower()
    return "1" if text in {"1", "true", "yes"} else "0" if text in {"0", "false", "no"} else text


_CANONICAL: dict[Kind, Callable[[Value], str]] = {
    Kind.LINE: _canonical_line,
    Kind.HTML: _canonical_html,
    Kind.NUMBER: _canonical_number,
    Kind.EPOCH_DATE: _canonical_epoch_date,
    Kind.SELECT: lambda value: str(value).strip(),
    Kind.MULTI_SELECT: _canonical_options,
    Kind.YES_NO: canonical_yes_no,
}


def is_date(text: str) -> bool:
    """Tell whether the text is a calendar date written as YYYY-MM-DD."""
    try:
        return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII) and date.fromisoformat(text))
    except ValueError:
        return False


def epoch_to_date(value: Value) -> date | None:
    """Return the day that seconds since 1970 name in CUSTOM_DATE_TIME_ZONE, or None if they name none."""
    try:
        moment = datetime.fromtimestamp(int(str(value)), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.astimezone(ZoneInfo(settings.CUSTOM_DATE_TIME_ZONE)).date()
