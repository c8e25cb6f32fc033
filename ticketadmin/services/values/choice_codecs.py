"""The kinds with options: one of several, several, yes or no."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ticketadmin.services.values.browser import Widget, posted_text
from ticketadmin.services.values.codec import Codec, Inputs, box_for, seen_text, typed_text
from ticketadmin.services.values.fields import Field, Value
from ticketadmin.services.values.json_text import is_container, is_number, json_text

_PAIRS = (
    ("1", "0"),
    ("true", "false"),
    ("yes", "no"),
    ("on", "off"),
    ("y", "n"),
    ("t", "f"),
    ("có", "không"),
)
_ANSWERS = {word: answer for pair in _PAIRS for word, answer in zip(pair, ("1", "0"), strict=True)}


def option_text(value: Value) -> str:
    """Return the text that identifies a stored option: 1, 1.0 and "1" are the same option."""
    if isinstance(value, float) and value == value // 1 and abs(value) < 10**15:
        return str(int(value))
    return json_text(value)


def _known(field: Field) -> list[str]:
    return [value for value, _label in field.choices]


def _posted(text: str) -> str:
    return posted_text(Widget.SELECT, text)


class _Options:
    """Finds the option that a posted text names: as a browser posts it, else without outer white space."""

    def __init__(self, options: list[str]) -> None:
        self._posted = {_posted(option): option for option in reversed(options)}
        self._plain = {typed_text(option).strip(): option for option in reversed(options)}

    def named(self, text: str) -> str | None:
        return self._posted.get(_posted(text)) or self._plain.get(typed_text(text).strip())


def unknown_option(text: str) -> ValidationError:
    """Return the error for a text that names none of a field's options."""
    message = _("%(value)s is not one of the options.")
    return ValidationError(message, code="unknown_option", params={"value": text})


class SelectCodec(Codec):
    """One option: a string, a number, or a list of one of them."""

    own_widget = Widget.SELECT

    def widget(self, field: Field, texts: Inputs) -> Widget:
        return Widget.SELECT if field.choices else box_for(texts)

    def show(self, field: Field, value: Value) -> Inputs:
        """Return the option's text; true and false are the options "1" and "0" if those exist."""
        if isinstance(value, list) and len(value) == 1 and not is_container(value[0]):
            return self.show(field, value[0])
        text, known = option_text(value), _known(field)
        if isinstance(value, bool) and text not in known and _ANSWERS[text] in known:
            return [_ANSWERS[text]]
        return [text]

    def read(self, field: Field, texts: Inputs, like: Value) -> Value:
        """Return the option in the JSON type of the previous value."""
        old = self.show(field, like) if like is not None else []
        text = _Options([*_known(field), *old]).named(texts[0])
        if text is None and field.choices:
            raise unknown_option(texts[0])
        if text in old and text not in _known(field):
            return like
        return _option_like(typed_text(texts[0]).strip() if text is None else text, like)

    def canonical(self, field: Field, value: Value) -> str:
        return self.show(field, value)[0].strip()


def _option_like(text: str, like: Value) -> Value:
    if isinstance(like, list) and len(like) == 1:
        return [_option_like(text, like[0])]
    if isinstance(like, bool) and text.lower() in _ANSWERS:
        return _ANSWERS[text.lower()] == "1"
    is_whole = text.removeprefix("-").isdecimal() and len(text) <= 18 and text == str(int(text))
    return int(text) if is_number(like) and is_whole else text


class MultiSelectCodec(Codec):
    """Several options: a list. Stored options that stay ticked keep their JSON and their position."""

    own_widget = Widget.CHECKS

    def widget(self, field: Field, texts: Inputs) -> Widget:
        """Return checkboxes: each holds any text."""
        return Widget.CHECKS

    def show(self, _field: Field, value: Value) -> Inputs:
        """Return the texts of the options, each once; blank ones cannot be ticked and are not shown."""
        texts = (option_text(item) for item in _items(value))
        return list(dict.fromkeys(text for text in texts if text.strip()))

    def read(self, field: Field, texts: Inputs, like: Value) -> Value:
        """Return the old options that are still ticked, then the newly ticked ones."""
        shown, known = self.show(field, like), _known(field)
        options = _Options([*shown, *known])
        ticked: list[str] = []
        for text in texts:
            found = options.named(text)
            if found is None and known:
                raise unknown_option(text)
            ticked.append(typed_text(text).strip() if found is None else found)
        further = [text for text in dict.fromkeys(ticked) if text not in shown]
        pattern = _number_among(like)
        return [*_still_ticked(like, ticked), *(_option_like(text, pattern) for text in further)]

    def canonical(self, field: Field, value: Value) -> str:
        """Return the options in one order, each once."""
        shown = sorted(text.strip() for text in self.show(field, value))
        return json_text(shown) if shown else ""

    def is_foreign(self, _field: Field, _value: Value) -> bool:
        """Return False: an option that is an object is shown as its JSON among the others."""
        return False


def _still_ticked(like: Value, ticked: list[str]) -> list[Value]:
    """Return the previous options without those that were unticked; those not shown cannot be unticked."""
    posted = {_posted(text) for text in ticked}
    return [
        item for item in _items(like) if not (text := option_text(item)).strip() or _posted(text) in posted
    ]


def _number_among(like: Value) -> Value:
    """Return a number if all previous options are numbers, else None."""
    filled = [item for item in _items(like) if option_text(item).strip()]
    return filled[0] if filled and all(is_number(item) for item in filled) else None


def _items(value: Value) -> list[Value]:
    if value is None or value == "":
        return []
    return value if isinstance(value, list) else [value]


class YesNoCodec(Codec):
    """Yes or no, in the pair of spellings that is stored; "1" and "0" if nothing is stored."""

    own_widget = Widget.SELECT

    def widget(self, field: Field, texts: Inputs) -> Widget:
        """Return a select: it holds any text as a further option."""
        return Widget.SELECT

    def show(self, field: Field, value: Value) -> Inputs:
        """Return "1" or "0", or the text of any other value."""
        answer = self.canonical(field, value)
        return [answer if answer in {"1", "0"} else json_text(value)]

    def read(self, _field: Field, texts: Inputs, like: Value) -> Value:
        answer = _ANSWERS.get(seen_text(texts[0]).lower())
        if answer is None:
            raise ValidationError(_("Choose yes or no."), code="invalid_answer")
        if isinstance(like, bool):
            return answer == "1"
        if is_number(like):
            return int(answer)
        return _answer_like(answer, like.strip()) if isinstance(like, str) else answer

    def canonical(self, _field: Field, value: Value) -> str:
        """Return "1" or "0" for the spellings of yes and no, else the text in lower case."""
        text = option_text(value).strip().lower()
        return _ANSWERS.get(text, text)


def _answer_like(answer: str, like: str) -> str:
    pair = next((pair for pair in _PAIRS if like.lower() in pair), _PAIRS[0])
    word = pair[0] if answer == "1" else pair[1]
    if like.isupper():
        return word.upper()
    return word.capitalize() if like[:1].isupper() else word
