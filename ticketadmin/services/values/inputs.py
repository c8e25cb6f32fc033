"""What a person types into a field: shown from a value, compared with it, and read into the value to send.

An input is a list of texts, as a form posts it; an empty list is an empty box.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from ticketadmin.sanitizing import ContentTooComplex, clean_html
from ticketadmin.services.values.fields import (
    Field,
    Kind,
    Value,
    canonical,
    canonical_yes_no,
    epoch_to_date,
    is_date,
    to_number,
)
from ticketadmin.text import normal_text

TITLE_MAX_LENGTH = 255
TEXT_MAX_LENGTH = 2_000
LONG_TEXT_MAX_LENGTH = 20_000
MAX_INPUT = 200_000  # characters; no field takes as many, so that no work is done on more

Inputs = list[str]


def to_inputs(field: Field, value: Value) -> Inputs:
    """Return the value as a form shows it, so that what comes back unchanged was not touched.

    No value but an empty one becomes an empty box, which would clear it: what is no date stays as it is.
    """
    if canonical(field, value) == "":
        return []
    if field.kind is Kind.MULTI_SELECT:
        return [str(option) for option in value] if isinstance(value, list) else [str(value)]
    if field.kind is Kind.EPOCH_DATE:
        day = epoch_to_date(value)
        return [day.isoformat() if day else str(value)]
    if field.kind is Kind.YES_NO:
        return [canonical_yes_no(value)]
    if field.kind is Kind.LINE:
        return [str(value).replace("\r", "").replace("\n", "")]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]


def is_untouched(field: Field, posted: Inputs, base: Value) -> bool:
    """Tell whether the posted texts are the base as a form showed it, whatever a browser did to it."""
    shown = to_inputs(field, base)
    if field.kind is Kind.MULTI_SELECT:
        return sorted(_filled(posted)) == sorted(shown)
    one, other = "".join(_filled(posted)), "".join(shown)
    if normal_text(one) == normal_text(other):
        return True
    return field.kind in {Kind.HTML, Kind.NUMBER} and canonical(field, one) == canonical(field, other)


def parse(field: Field, posted: Inputs, like: Value = None) -> Value:
    """Return the value to send for what was typed; `like` is the value known before, whose JSON type is kept.

    Raises ValidationError with a code. An empty input is returned as "" without a check: whether a
    field may be emptied is the caller's question.
    """
    texts = _filled(posted)
    if not texts:
        return ""
    if (length := max(map(len, texts))) > MAX_INPUT:
        raise _too_long(length, MAX_INPUT)
    if field.kind is Kind.MULTI_SELECT:
        return _parse_options(field, texts)
    return _PARSE[field.kind](field, normal_text(texts[0]), like)


def _filled(posted: Inputs) -> Inputs:
    return [text for text in posted if text.strip()]


def _parse_line(field: Field, text: str, _like: Value) -> Value:
    limit = TITLE_MAX_LENGTH if field.kind is Kind.LINE else TEXT_MAX_LENGTH
    if len(text) > limit:
        raise _too_long(len(text), limit)
    return text.replace("\n", " ")


def _parse_long_text(_field: Field, text: str, _like: Value) -> Value:
    if len(text) > LONG_TEXT_MAX_LENGTH:
        raise _too_long(len(text), LONG_TEXT_MAX_LENGTH)
    return text


def _too_long(length: int, limit: int) -> ValidationError:
    message = _("This is %(length)s characters long; at most %(limit)s are possible.")
    return ValidationError(message, code="too_long", params={"length": length, "limit": limit})


def _parse_html(_field: Field, text: str, _like: Value) -> Value:
    try:
        return clean_html(text)
    except ContentTooComplex as error:
        raise ValidationError(str(error), code=error.code) from error


def _parse_email(_field: Field, text: str, _like: Value) -> Value:
    try:
        validate_email(text)
    except ValidationError as error:
        message = _("This is not an e-mail address. Write it like name@example.com.")
        raise ValidationError(message, code="invalid_email") from error
    return text


def _parse_date(_field: Field, text: str, _like: Value) -> Value:
    if not is_date(text):
        message = _("This is not a calendar date. Write it as YYYY-MM-DD, for example 2026-12-31.")
        raise ValidationError(message, code="invalid_date")
    return text


def _parse_phone(_field: Field, text: str, _like: Value) -> Value:
    digits = sum(character.isdigit() for character in text)
    if not re.fullmatch(r"[0-9 +\-().]{6,20}", text) or digits < 6:
        message = _(
            "Write 6 to 20 digits, spaces or + - ( ) . with at least 6 digits, for example 0123456789."
        )
        raise ValidationError(message, code="invalid_phone")
    return text


def _parse_number(_field: Field, text: str, like: Value) -> Value:
    number = to_number(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    if number is None:
        raise ValidationError(_("This is not a number."), code="invalid_number")
    if isinstance(like, (int, float)) and not isinstance(like, bool):
        return int(number) if number == number.to_integral_value() else float(number)
    return format(number, "f")


def _parse_epoch_date(field: Field, text: str, like: Value) -> Value:
    day = date.fromisoformat(str(_parse_date(field, text, like)))
    midnight = datetime.combine(day, time(), tzinfo=ZoneInfo(settings.CUSTOM_DATE_TIME_ZONE))
    seconds = int(midnight.timestamp())
    return seconds if isinstance(like, int) and not isinstance(like, bool) else str(seconds)


def _parse_options(field: Field, texts: Inputs) -> Value:
    known = {value for value, _label in field.choices}
    strangers = [text for text in texts if text not in known]
    if known and strangers:
        message = _("%(value)s is not one of the options.")
        raise ValidationError(message, code="unknown_option", params={"value": strangers[0]})
    return list(texts)


def _parse_select(field: Field, text: str, like: Value) -> Value:
    _parse_options(field, [text])
    return int(text) if isinstance(like, int) and not isinstance(like, bool) and text.isdecimal() else text


def _parse_yes_no(_field: Field, text: str, like: Value) -> Value:
    answer = canonical_yes_no(text)
    if answer not in {"0", "1"}:
        raise ValidationError(_("Choose yes or no."), code="invalid_answer")
    if isinstance(like, bool):
        return answer == "1"
    return int(answer) if isinstance(like, int) else answer


def _parse_raw(field: Field, text: str, like: Value) -> Value:
    if like is None or isinstance(like, str):
        return _parse_long_text(field, text, like)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        message = _("This value is stored as JSON and no longer reads as JSON.")
        raise ValidationError(message, code="invalid_json") from error


_PARSE: Mapping[Kind, Callable[[Field, str, Value], Value]] = {
    Kind.LINE: _parse_line,
    Kind.TEXT: _parse_line,
    Kind.CHOICE: _parse_line,
    Kind.HTML: _parse_html,
    Kind.EMAIL: _parse_email,
    Kind.DATE: _parse_date,
    Kind.PHONE: _parse_phone,
    Kind.LONG_TEXT: _parse_long_text,
    Kind.NUMBER: _parse_number,
    Kind.EPOCH_DATE: _parse_epoch_date,
    Kind.SELECT: _parse_select,
    Kind.YES_NO: _parse_yes_no,
    Kind.RAW: _parse_raw,
}


def empty_value(field: Field, like: Value = None) -> Value:
    """Return what is sent to clear a field: "" for a string, [] for options, null for other custom values.

    The contract types the standard fields as strings; unset custom fields are read as null. The
    effect of either is undocumented, which is why a clear is always read back.
    """
    if field.key is None:
        return ""
    return [] if isinstance(like, list) else None
