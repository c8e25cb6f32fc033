"""One codec for each kind: stored JSON, what a widget shows, what a browser posts, and the JSON to send.

The browser's rules are in `browser`, the kinds in `text_codecs`, `numbers` and `choice_codecs`, and `codecs`
finds the codec of a field. Properties that all codecs have to satisfy, as checked in
tests/services/values/test_codecs.py:

- `widget` never changes a text that `show` returned, so an untouched field is posted as it was rendered;
- `read` keeps the JSON type of `like`, the value that was there; without one it sends the documented type;
- `canonical` is equal for two values that are the same to a user.
"""

import re
from abc import ABC, abstractmethod

from ticketadmin.services.values.browser import Widget, has_line_end, with_plain_line_ends
from ticketadmin.services.values.fields import Field, Value
from ticketadmin.services.values.json_text import is_container, json_text
from ticketadmin.text import normal_text, normalize, visible

Inputs = list[str]  # the texts of one field, as a form posts them; an empty list is an empty box


class Codec(ABC):
    """How values of one kind are shown, posted, read, compared and typed. Stateless."""

    own_widget = Widget.LINE

    def show(self, field: Field, value: Value) -> Inputs:
        """Return the texts that the widget holds for a value that is not empty."""
        return [json_text(value)]

    def widget(self, field: Field, texts: Inputs) -> Widget:
        """Return a widget that can hold these texts: the kind's own, or a text area."""
        return box_for(texts, self.own_widget) if self.own_widget.is_one_line else self.own_widget

    @abstractmethod
    def read(self, field: Field, texts: Inputs, like: Value) -> Value:
        """Return the value to send for texts that are not blank. Raises ValidationError with a code."""

    def retype(self, field: Field, value: Value, like: Value) -> Value:
        """Return a value from `read` as `read` would have returned it with this `like`."""
        return self.read(field, self.show(field, value), like)

    def canonical(self, field: Field, value: Value) -> str:
        """Return the form in which two spellings of one value are equal; "" for every kind of empty."""
        return normal_text(json_text(value))

    def exact(self, field: Field, value: Value) -> str:
        """Return the same as `canonical`, but with outer white space, which a user may want to remove."""
        return self.canonical(field, value)

    def is_foreign(self, field: Field, value: Value) -> bool:
        """Return whether a value that is not empty does not fit the kind, so that it is shown as its JSON."""
        return is_container(value)

    def is_blank(self, texts: Inputs) -> bool:
        """Return whether the posted texts are an empty box."""
        return not any(text.strip() for text in texts)


def box_for(texts: Inputs, line: Widget = Widget.LINE) -> Widget:
    """Return a text area for texts with line ends, else the one-line box."""
    return Widget.AREA if any(has_line_end(text) for text in texts) else line


def typed_text(text: str) -> str:
    """Return a posted text with LF line ends, composed (NFC), without NUL; white space stays."""
    return normalize("NFC", with_plain_line_ends(text).replace("\0", ""))


def seen_text(text: str) -> str:
    """Return a posted text with plain spaces and hyphens, and without invisible characters.

    For kinds with a syntax of their own: a number copied from a web page brings no-break spaces and
    direction marks with it, and looks right.
    """
    return re.sub(r"\s", " ", visible(text)).strip()
