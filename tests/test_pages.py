"""Every name in the template of a page is one that the page has: `tests/page_templates.py`."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.page_templates import wrong_names, wrong_names_in
from ticketadmin.presenters.changes import HistoryPage
from ticketadmin.presenters.page import Page

PACKAGE = Path(__file__).resolve().parent.parent / "ticketadmin"
PRESENTERS, VIEWS = PACKAGE / "presenters", PACKAGE / "views"


def pages() -> Iterator[type[Page]]:
    for file in sorted(PRESENTERS.glob("*.py")):
        found = import_module(f"ticketadmin.presenters.{file.stem}")
        for one in vars(found).values():
            if isinstance(one, type) and issubclass(one, Page) and one.__module__ == found.__name__:
                yield one


PAGES = [one for one in pages() if "template" in vars(one)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.__name__)
def test_a_template_uses_only_attributes_of_its_page(page: type[Page]) -> None:
    assert wrong_names(page) == set()


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("{{ page.changes|length }}{{ page.pages.next_url }}{{ user.username }}", ""),
        ("{{ page.chnages }}", "page.chnages"),
        ("{{ changes }}", "changes"),
        ("{% if not page.is_filtered and page.is_odd %}{% endif %}", "page.is_odd"),
        ("{% for one in page.changes %}{{ one.notice.hue }}{% endfor %}", "one.notice.hue"),
        ("{% for a in page.changes %}{% for b in a.rows %}{{ b.odd }}{% endfor %}{% endfor %}", "b.odd"),
        ("{% with one=page.pages %}{{ one.nxt_url }}{% endwith %}", "one.nxt_url"),
        ("{% include 'shared/_outcome.html' with outcome=page only %}", "shared/_outcome.html: outcome.tone"),
        ("{% load i18n %}{% translate 'Save' as text %}{{ text }}{{ txt }}", "txt"),
        ("{% load i18n %}{% blocktranslate with at=page.att %}{{ at }}{% endblocktranslate %}", "page.att"),
        ("{% url 'ticket' page.code %}", "page.code"),
        ("{{ page.tabs|default:page.tbs }}", "page.tbs"),
    ],
)
def test_an_unknown_name_in_a_template_is_found(source: str, wrong: str) -> None:
    found = wrong_names_in(source, HistoryPage)

    assert wrong in found if wrong else not found


def test_views_pass_pages_to_templates() -> None:
    found = set()
    for file in sorted(VIEWS.rglob("*.py")):
        name = file.relative_to(VIEWS).as_posix()
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef) and passes_a_context(function):
                found.add(f"{name} {function.name}")

    assert found == {"pages.py show"}


def passes_a_context(function: ast.FunctionDef) -> bool:
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    renders = [one for one in calls if isinstance(one.func, ast.Name) and one.func.id == "render"]
    return any(len(one.args) > 2 for one in renders)
