"""Whole pages: what a template sees as `page`, and which template that is.

Each page is a frozen dataclass in the module of what it shows. `tests/test_pages.py` compares the names in a
page's template, and in the partials that it includes, with the types of its fields.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform

from django.forms import BaseForm

PageT = TypeVar("PageT", bound="Page")


class Page:
    """Base of every page."""

    template: ClassVar[str]


@dataclass_transform(frozen_default=True)
def page(template: str) -> Callable[[type[PageT]], type[PageT]]:
    """Make a class a frozen dataclass that belongs to a template: `@page("history/history.html")`."""

    def decorate(kind: type[PageT]) -> type[PageT]:
        kind.template = template
        return dataclass(frozen=True)(kind)

    return decorate


@dataclass(frozen=True)
class FormPage(Page):
    """A page with nothing but a form."""

    form: BaseForm
