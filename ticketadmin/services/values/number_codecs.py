"""The kinds with a number or a day behind them."""

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ticketadmin.services.values.browser import Widget, is_date
from ticketadmin.services.values.codec import Codec, Inputs, Value, box_for, seen_text
from ticketadmin.services.values.fields import Field
from ticketadmin.services.values.json_text import json_text
from ticketadmin.services.values.numbers import (
    FIRST_YEAR,
    date_to_epoch,
    epoch_to_date,
    number_like,
    plain_number,
    read_number,
    to_number,
)
from ticketadmin.text import normal_text


class NumberCodec(Codec):
    """A number: a JSON number or a string of digits."""

    own_widget = Widget.NUMBER

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        return number_like(read_number(seen_text(texts[0])), like)

    def retype(self, _field: Field, value: Value, like: Value) -> Value:
        """Return a number that was read before; its spelling is not judged again."""
        return number_like(to_number(value) or Decimal(0), like)

    def canonical(self, _field: Field, value: Value) -> str:
        number = to_number(value)
        return normal_text(json_text(value)) if number is None else plain_number(number)

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return to_number(value) is None


class DateCodec(Codec):
    """A day, stored as YYYY-MM-DD."""

    own_widget = Widget.DATE

    def widget(self, _field: Field, texts: Inputs) -> Widget:
        """Return a date input, or for what is no date a box that does not drop it."""
        return Widget.DATE if all(is_date(text) for text in texts) else box_for(texts)

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        return read_day(texts[0]).isoformat()

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return not is_date(json_text(value))


class EpochDateCodec(DateCodec):
    """A day, stored as seconds or milliseconds since 1970: a JSON number or a string of digits."""

    def show(self, _field: Field, value: Value) -> Inputs:
        """Return the day as YYYY-MM-DD, or the number where it names no day."""
        day = epoch_to_date(value)
        return [day.isoformat() if day else json_text(value)]

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        """Return midnight of the day in the unit and JSON type of what was there.

        Raises ValidationError as `read_day` does, and `day_like_seconds` for a day that as milliseconds is so
        small a number that it would be read back as seconds.
        """
        day = read_day(texts[0])
        sent = date_to_epoch(day, like)
        if epoch_to_date(sent) != day:
            message = _("This field holds milliseconds, which cannot tell a day before 12 January 1978.")
            raise ValidationError(message, code="day_like_seconds")
        return sent

    def canonical(self, _field: Field, value: Value) -> str:
        day = epoch_to_date(value)
        return day.isoformat() if day else normal_text(json_text(value))

    def is_foreign(self, _field: Field, value: Value) -> bool:
        return epoch_to_date(value) is None


def read_day(text: str) -> date:
    """Return the day that a user typed as YYYY-MM-DD.

    Raises ValidationError: `invalid_date`, or `early_date` for a year that was typed with two digits.
    """
    text = seen_text(text)
    if not is_date(text):
        message = _("This is not a calendar date. Write it as YYYY-MM-DD, for example 2026-12-31.")
        raise ValidationError(message, code="invalid_date")
    day = date.fromisoformat(text)
    if day.year < FIRST_YEAR:
        message = _("The year %(year)s is before %(first)s. Write the year with four digits: 2026.")
        raise ValidationError(message, code="early_date", params={"year": day.year, "first": FIRST_YEAR})
    return day
