"""Reading a page as a browser does: its forms with the values that they would send."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse


def squeezed(page: str) -> str:
    """Return HTML without the line breaks and spaces that its template has around tags and attributes."""
    return re.sub(r"(?<=>) | (?=[<>])", "", re.sub(r"\s+", " ", page)).strip()


@dataclass
class PageForm:
    """One form: where it goes and what it would send, without any button."""

    attributes: dict[str, str]
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def action(self) -> str:
        return self.attributes.get("action", "")

    def filled(self, **changes: str | list[str]) -> dict[str, list[str]]:
        """Return the values with some typed over; line ends as browsers send them."""
        typed = {name: value if isinstance(value, list) else [value] for name, value in changes.items()}
        merged = {**self.values, **typed}
        return {name: [_crlf(value) for value in values] for name, values in merged.items()}


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


# Only these tags determine what a form sends. Parsing whole pages took 12 % of the time of view tests.
_ATTRIBUTES = r"""(?:"[^"]*"|'[^']*'|[^>"'])*"""
_OF_FORMS = re.compile(rf"<textarea\b.*?</textarea>|</?(?:form|input|select|option)\b{_ATTRIBUTES}>", re.S)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[PageForm] = []
        self._is_open = False
        self._textarea: str | None = None
        self._text = ""
        self._select: str | None = None
        self._options: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(PageForm(values))
            self._is_open = True
        elif tag == "input":
            self._input(values)
        elif tag == "textarea":
            self._textarea, self._text = values.get("name", ""), ""
        elif tag == "select":
            self._select, self._options = values.get("name", ""), []
        elif tag == "option":
            self._options.append((values.get("value", ""), "selected" in values))

    def _input(self, values: dict[str, str]) -> None:
        kind = values.get("type", "text")
        if kind in {"checkbox", "radio"} and "checked" not in values:
            return
        if kind not in {"submit", "button"}:
            self._add(values.get("name", ""), values.get("value", "on" if kind == "checkbox" else ""))

    def handle_data(self, data: str) -> None:
        self._text += data if self._textarea is not None else ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._is_open = False
        elif tag == "textarea" and self._textarea is not None:
            self._add(self._textarea, self._text.removeprefix("\n"))
            self._textarea = None
        elif tag == "select" and self._select is not None:
            chosen = [value for value, is_selected in self._options if is_selected]
            self._add(self._select, (chosen or [value for value, _ in self._options[:1]] or [""])[-1])
            self._select = None

    def _add(self, name: str, value: str) -> None:
        if self._is_open and name:
            self.forms[-1].values.setdefault(name, []).append(value)


def forms_in(response: HttpResponse | Any) -> list[PageForm]:
    """Return the forms of a page."""
    reader = _Reader()
    reader.feed("".join(_OF_FORMS.findall(response.content.decode())))
    reader.close()
    return reader.forms


def ticket_form(response: HttpResponse | Any) -> PageForm:
    """Return the form in which the ticket is edited."""
    return next(form for form in forms_in(response) if "data-ticket-form" in form.attributes)


def form_to(response: HttpResponse | Any, part_of_action: str) -> PageForm:
    """Return the first form that posts to an address with this part."""
    return next(form for form in forms_in(response) if part_of_action in form.action)
