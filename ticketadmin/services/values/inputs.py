"""A field's value as the texts of a form, and back: shown, compared with what was posted, read, retyped.

An input is a list of texts, as a form posts it; an empty list is an empty box. What each kind does is in
its codec (`codecs`); page, quick status, undo, bulk update, file and command all use this module.
"""

from django.core.exceptions import ValidationError

from ticketadmin.services.values.browser import Widget, is_date, posted_texts
from ticketadmin.services.values.codec import Inputs
from ticketadmin.services.values.codecs import canonical, codec_of, is_nothing
from ticketadmin.services.values.fields import Field, Kind, Value
from ticketadmin.services.values.text_codecs import too_long

MAX_INPUT = 200_000  # characters; no field takes as many, so that no work is done on more


def to_inputs(field: Field, value: Value) -> Inputs:
    """Return the texts that a form shows for a value; none for an empty one."""
    return [] if is_nothing(value) else codec_of(field).show(field, value)


def widget_of(field: Field, texts: Inputs) -> Widget:
    """Return a widget that holds these texts without changing them."""
    return codec_of(field).widget(field, texts)


def is_foreign(field: Field, value: Value) -> bool:
    """Return whether the value does not fit the field's kind; it is kept unless the user replaces it."""
    return not is_nothing(value) and codec_of(field).is_foreign(field, value)


def is_blank(field: Field, posted: Inputs) -> bool:
    """Return whether the posted texts are an empty box."""
    return codec_of(field).is_blank(posted)


def is_untouched(field: Field, posted: Inputs, base: Value) -> bool:
    """Return whether the posted texts are what a browser posts for the base as a form showed it.

    An HTML editor rewrites its content, so HTML is also untouched where both mean the same.
    """
    if is_as_shown(field, posted, base):
        return True
    text = "".join(posted[:1])
    if field.kind is not Kind.HTML or is_blank(field, [text]) or len(text) > MAX_INPUT:
        return False
    return canonical(field, text) == canonical(field, base)


def is_as_shown(field: Field, posted: Inputs, base: Value) -> bool:
    """Return whether the posted texts are, character by character, what a browser posts for the base."""
    shown = to_inputs(field, base)
    widget = widget_of(field, shown)
    expected = posted_texts(widget, shown)
    if widget is Widget.DATE and not all(is_date(text) for text in posted if text.strip()):
        return False  # typed where a date is a plain box: it is an error to be shown, not an empty box
    if widget is Widget.CHECKS:
        return {text for text in posted if text} == {text for text in expected if text}
    return posted_texts(widget, posted) == expected


def parse(field: Field, posted: Inputs, like: Value = None) -> Value:
    """Return the value to send for what was typed; `like` is the value known before, whose JSON type is kept.

    Raises ValidationError with a code. A blank input is returned as "" without a check: whether a field may
    be emptied is the caller's question.
    """
    texts = [text for text in posted if text.strip()]
    if not texts:
        return ""
    length = max(map(len, texts))
    if length > MAX_INPUT:
        raise too_long(length, MAX_INPUT)
    return codec_of(field).read(field, texts, like)


def retyped(field: Field, value: Value, like: Value) -> Value:
    """Return a typed value with the JSON type of what a ticket holds, as its form would send it.

    What cannot take that type is returned as it is (see `can_be_retyped`). Never raises.
    """
    try:
        return value if _has_no_type(value, like) else codec_of(field).retype(field, value, like)
    except ValidationError:
        return value


def can_be_retyped(field: Field, value: Value, like: Value) -> bool:
    """Return whether a typed value can take the JSON type of what a ticket holds: a form would accept it."""
    try:
        return _has_no_type(value, like) or codec_of(field).retype(field, value, like) is not None
    except ValidationError:
        return False


def not_offered(field: Field, value: Value, like: Value = None) -> tuple[str, ...]:
    """Return the options in a value that neither its field offers nor `like`, a ticket's own, holds."""
    if field.kind not in {Kind.SELECT, Kind.MULTI_SELECT} or not field.choices:
        return ()
    offered = {option for option, _label in field.choices} | set(to_inputs(field, like))
    return tuple(text for text in to_inputs(field, value) if text not in offered)


def _has_no_type(value: Value, like: Value) -> bool:
    return like is None or is_nothing(value)


def empty_value(field: Field, like: Value) -> Value:
    """Return what is sent to clear a field: "" for a string, [] for options, null for other custom values.

    The contract types the standard fields as strings; unset custom fields are read as null. The
    effect of either is undocumented, which is why a clear is always read back.
    """
    if field.key is None:
        return ""
    return [] if isinstance(like, list) else None
