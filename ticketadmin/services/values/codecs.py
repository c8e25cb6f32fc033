"""The codec of each kind, and the comparisons that every other module makes through it."""

from ticketadmin.services.values.browser import Widget
from ticketadmin.services.values.choice_codecs import MultiSelectCodec, SelectCodec, YesNoCodec
from ticketadmin.services.values.codec import Codec
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.numbers import DateCodec, EpochDateCodec, NumberCodec
from ticketadmin.services.values.text_codecs import EmailCodec, HtmlCodec, NameCodec, PhoneCodec, TextCodec

TITLE_MAX_LENGTH = 255
TEXT_MAX_LENGTH = 2_000
LONG_TEXT_MAX_LENGTH = 20_000

CODECS: dict[Kind, Codec] = {
    Kind.LINE: TextCodec(TITLE_MAX_LENGTH, is_title=True),
    Kind.HTML: HtmlCodec(),
    Kind.EMAIL: EmailCodec(),
    Kind.CHOICE: NameCodec(TEXT_MAX_LENGTH),
    Kind.DATE: DateCodec(),
    Kind.PHONE: PhoneCodec(),
    Kind.TEXT: TextCodec(TEXT_MAX_LENGTH),
    Kind.LONG_TEXT: TextCodec(LONG_TEXT_MAX_LENGTH, Widget.AREA),
    Kind.NUMBER: NumberCodec(),
    Kind.EPOCH_DATE: EpochDateCodec(),
    Kind.SELECT: SelectCodec(),
    Kind.MULTI_SELECT: MultiSelectCodec(),
    Kind.YES_NO: YesNoCodec(),
    Kind.RAW: TextCodec(LONG_TEXT_MAX_LENGTH, is_raw=True),
}


def codec_of(field: Field) -> Codec:
    """Return the codec of a field's kind."""
    return CODECS[field.kind]


def is_nothing(value: Value) -> bool:
    """Return whether the value is a JSON spelling of nothing, whatever the field."""
    return value is None or value in ("", [], {})


def canonical(field: Field, value: Value) -> str:
    """Return the form in which two spellings of one value are equal; "" for every kind of empty.

    Line ends, Unicode composition and outer white space never make a difference; for numbers, dates,
    options and HTML the kind decides.
    """
    return "" if is_nothing(value) else codec_of(field).canonical(field, value)


def is_empty(field: Field, value: Value) -> bool:
    """Return whether the value is one of the spellings of "nothing"."""
    return canonical(field, value) == ""


def same_value(field: Field, one: Value, other: Value) -> bool:
    """Return whether the CRM holding `one` and the CRM holding `other` is the same to a user."""
    return one == other or canonical(field, one) == canonical(field, other)


def is_identical(field: Field, one: Value, other: Value) -> bool:
    """Return whether a user who sees `one` and wants `other` changes nothing; outer white space matters."""
    return one == other or _exact(field, one) == _exact(field, other)


def _exact(field: Field, value: Value) -> str:
    return "" if is_nothing(value) else codec_of(field).exact(field, value)
