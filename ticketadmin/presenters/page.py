"""Whole pages: what a template sees as `page`, and which template that is.

Each page is a frozen dataclass beside what it shows. `tests/test_pages.py` compares the names in a page's
template, and in the partials that it includes, with the types of its fields.
"""

from dataclasses import dataclass
from typing import ClassVar

from django.forms import BaseForm


class Page:
    """Base of every page."""

    template: ClassVar[str]


@dataclass(frozen=True)
class FormPage(Page):
    """A page with nothing but a form."""

    form: BaseForm
