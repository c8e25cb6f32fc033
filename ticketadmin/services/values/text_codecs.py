"""The kinds whose values are texts: lines, long texts, HTML, e-mail addresses, phone numbers, raw JSON."""

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from ticketadmin.markup import is_blank_html
from ticketadmin.sanitizing import ContentTooComplex, as_html, clean_html, known_clean
from ticketadmin.services.values.browser import Widget, has_line_end, with_plain_line_ends
from ticketadmin.services.values.codec import Codec, Inputs, seen_text, typed_text
from ticketadmin.services.values.fields import Field, Value
from ticketadmin.services.values.json_text import is_container, is_number, json_text, read_json
from ticketadmin.text import normal_text, normalize

_JSON_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})(?:\.\d{1,15})?", re.ASCII)


class TextCodec(Codec):
    """A text. An object or a list is edited as JSON; a number or a boolean keeps its type if possible."""

    def __init__(
        self, limit: int, widget: Widget = Widget.LINE, *, is_title: bool = False, is_raw: bool = False
    ) -> None:
        self.limit = limit
        self.own_widget = widget
        self.is_title = is_title
        self.is_raw = is_raw

    def widget(self, field: Field, texts: Inputs) -> Widget:
        """Return a text area for JSON of more than one line, too."""
        is_json = any(text.startswith(("{", "[")) and len(text) > 30 for text in texts)
        return Widget.AREA if is_json and not self.is_title else super().widget(field, texts)

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        """Return the text, or the JSON value if the previous value was JSON."""
        text = typed_text(texts[0])
        if len(text) > self.limit:
            raise too_long(len(text), self.limit)
        if is_container(like) or (self.is_raw and like is not None and not isinstance(like, str)):
            return _read_json(text)
        if isinstance(like, bool) and text.strip() in {"true", "false"}:
            return text.strip() == "true"
        if is_number(like) and _JSON_NUMBER.fullmatch(text.strip()):
            return read_json(text.strip())
        return _with_line_ends_of(like, self._without_outer_space(text, like))

    def _without_outer_space(self, text: str, like: Value) -> str:
        if self.own_widget is Widget.AREA:  # the indent of the first line belongs to the text
            return text
        if self.is_title and not (isinstance(like, str) and has_line_end(like)):
            return " ".join(text.strip().split("\n"))
        return text if "\n" in text.strip() else text.strip()

    def retype(self, field: Field, value: Value, like: Value) -> Value:
        """Return a typed text with the JSON type and the line ends of the previous value."""
        return self.read(field, [json_text(value)], like)

    def canonical(self, _field: Field, value: Value) -> str:
        """Return the text composed, with LF and without outer white space; JSON with its keys sorted."""
        return normal_text(json_text(value, sort_keys=True))

    def exact(self, _field: Field, value: Value) -> str:
        return typed_text(json_text(value, sort_keys=True))


def _read_json(text: str) -> Value:
    try:
        return read_json(text)
    except ValueError as error:
        message = _(
            "The CRM holds JSON here, and what you typed is not valid JSON. "
            "To store a text, put it in double quotes."
        )
        raise ValidationError(message, code="invalid_json") from error


def _with_line_ends_of(like: Value, text: str) -> str:
    """Return the text with CRLF where the previous text uses it throughout."""
    if isinstance(like, str) and "\r\n" in like and "\n" not in like.replace("\r\n", ""):
        return text.replace("\n", "\r\n")
    return text


def too_long(length: int, limit: int) -> ValidationError:
    """Return the error for a text of more characters than the field takes."""
    message = _("This is %(length)s characters long; at most %(limit)s are possible.")
    numbers = {"length": length, "limit": limit}
    params = {name: number_format(number, force_grouping=True) for name, number in numbers.items()}
    return ValidationError(message, code="too_long", params=params)


class NameCodec(TextCodec):
    """A category or status: the name as it was posted; `TicketSchema.resolve` finds the CRM's spelling."""

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        """Return the name unchanged: names may differ in case or outer white space only."""
        text = with_plain_line_ends(texts[0])
        if len(text) > self.limit:
            raise too_long(len(text), self.limit)
        return text

    def retype(self, _field: Field, value: Value, _like: Value) -> Value:
        """Return the name: the field is a string by contract."""
        return value


class HtmlCodec(Codec):
    """The content: HTML. A text without one known element is shown and stored as the HTML of that text."""

    own_widget = Widget.CONTENT

    def show(self, _field: Field, value: Value) -> Inputs:
        """Return HTML, so that an editor keeps the lines of a plain text."""
        return [as_html(json_text(value))]

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        """Return the cleaned HTML; "" if cleaning leaves nothing."""
        return clean_html(typed_text(texts[0]).strip())

    def retype(self, _field: Field, value: Value, _like: Value) -> Value:
        """Return the HTML: the field is a string by contract."""
        return value

    def canonical(self, _field: Field, value: Value) -> str:
        """Return the cleaned HTML; beyond the bounds of cleaning the text itself."""
        text = normal_text(json_text(value))
        try:
            cleaned = known_clean(text)
        except ContentTooComplex:
            return text
        return "" if is_blank_html(cleaned) else cleaned

    def is_blank(self, texts: Inputs) -> bool:
        """Return whether the box or the editor is empty: an emptied editor leaves paragraphs behind."""
        return all(is_blank_html(text) for text in texts)


class EmailCodec(Codec):
    """An e-mail address."""

    own_widget = Widget.EMAIL

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        text = seen_text(texts[0])
        try:
            validate_email(text)
        except ValidationError as error:
            message = _("This is not an e-mail address. Write it like name@example.com.")
            raise ValidationError(message, code="invalid_email") from error
        return text

    def exact(self, _field: Field, value: Value) -> str:
        return normalize("NFC", json_text(value))


class PhoneCodec(Codec):
    """A phone number, which keeps its spelling."""

    own_widget = Widget.PHONE

    def read(self, _field: Field, texts: Inputs, _like: Value) -> Value:
        text = seen_text(texts[0])
        digits = sum(character.isdigit() for character in text)
        if not re.fullmatch(r"[0-9 +\-().]{6,20}", text) or digits < 6:
            message = _(
                "Write 6 to 20 digits, spaces or + - ( ) . with at least 6 digits, for example 0123456789."
            )
            raise ValidationError(message, code="invalid_phone")
        return text

    def exact(self, _field: Field, value: Value) -> str:
        return normalize("NFC", json_text(value))
