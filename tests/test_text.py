"""Normal forms of text are right, and linear in its length whatever it is made of."""

import ast
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from django.template import engines
from hypothesis import assume, given, strategies

from tests.limits import cpu_limit
from ticketadmin import text as forms_of_text
from ticketadmin.models import User
from ticketadmin.text import MAX_MARKS, Form, normalize

PACKAGE = Path(__file__).resolve().parent.parent / "ticketadmin"
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
# In two classes, so that sorting has work; U+0F73 has class 0 and decomposes into two marks.
MARKS = [
    "\u0301\u0316",
    "\u0316\u0301",
    "\u0323\u0309",
    "\u0f73",
    "\u0344\u0f81",
    "\uff9e\u0301",
    "\u0f71\u0f72",
]
LENGTH = 200_000

LETTERS = strategies.sampled_from("aeoĐđ ẤÂ½ﬁ가각\u1100\u1161\u0301\u0316\u0323\u0f73\u0344\uff9e\u0345ΐ")
WORDS = strategies.text(strategies.one_of(LETTERS, strategies.characters(exclude_categories=["Cs"])))


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


@given(WORDS)
def test_ordinary_text_is_normalised_as_unicode_says(text: str) -> None:
    runs = re.findall("1+", "".join(str(min(unicodedata.combining(one), 1)) for one in decomposed(text)))
    assume(all(len(run) <= MAX_MARKS for run in runs))

    for form in FORMS:
        assert normalize(form, text) == unicodedata.normalize(form, text)


@given(WORDS, strategies.sampled_from(MARKS), strategies.integers(1, 60), WORDS)
def test_normalising_twice_changes_nothing(before: str, marks: str, times: int, after: str) -> None:
    for form in FORMS:
        once = normalize(form, before + marks * times + after)
        assert normalize(form, once) == once


@pytest.mark.parametrize("form", FORMS)
def test_only_the_text_around_a_run_of_more_than_thirty_marks_is_normalised(form: Form) -> None:
    within, beyond = "\u0301\u0316" * (MAX_MARKS // 2), "\u0301\u0316" * (MAX_MARKS // 2) + "\u0301"

    assert normalize(form, "½" + within) == unicodedata.normalize(form, "½" + within)
    assert normalize(form, f"e\u0301 x{beyond}e\u0301") == (
        unicodedata.normalize(form, "e\u0301 x") + beyond + unicodedata.normalize(form, "e\u0301")
    )


FUNCTIONS: dict[str, Callable[[str], object]] = {
    **{form: lambda text, form=form: normalize(form, text) for form in FORMS},  # type: ignore[misc]
    **{
        name: getattr(forms_of_text, name)
        for name in ("normal_text", "folded", "folded_login", "plain_letters", "heading", "visible")
    },
    "contains": lambda text: forms_of_text.contains(text, text),
    "printable": lambda text: forms_of_text.printable(text, limit=LENGTH),
    "without_controls": forms_of_text.without_controls,
    "normalize_username": User.normalize_username,
    "truncatechars": lambda text: (
        engines["django"].from_string("{{ text|truncatechars:60 }}").render({"text": text})
    ),
}


@pytest.mark.parametrize("marks", MARKS, ids=ascii)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_normal_form_takes_linear_time_in_a_run_of_marks(name: str, marks: str) -> None:
    text = "e" + marks * (LENGTH // len(marks))

    with cpu_limit(4):  # sorting the run takes minutes
        FUNCTIONS[name](text)


def test_all_public_functions_of_the_module_are_measured() -> None:
    tree = ast.parse((PACKAGE / "text.py").read_text(encoding="utf-8"))
    public = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}

    assert {name for name in public if not name.startswith("_")} <= FUNCTIONS.keys() | {"normalize"}


def test_nothing_else_calls_unicodes_normaliser() -> None:
    """Only the stand-in for the CRM is exempt, which is not part of the product."""
    users = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_call = (
                isinstance(node, ast.Attribute)
                and node.attr == "normalize"
                and (isinstance(node.value, ast.Name) and node.value.id == "unicodedata")
            )
            is_import = isinstance(node, ast.ImportFrom) and node.module == "unicodedata"
            if is_call or is_import:
                users.add(path.relative_to(PACKAGE).as_posix())

    assert users == {"text.py", "sandbox/crm.py"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("exactly te", "exactly te"),
        ("one letter more", "one lette…"),
        ("e\u0301" * 10, "é" * 10),
        ("e\u0301" * 11, "é" * 9 + "…"),
        ("a" + "\u0316" * 100, "a" + "\u0316" * 39 + "…"),
        ("<b>&amp;</b>", "&lt;b&gt;&amp;amp;&lt;…"),
        ("", ""),
    ],
)
def test_a_line_is_shortened_by_visible_characters(text: str, shown: str) -> None:
    template = engines["django"].from_string("{{ text|truncatechars:10 }}")

    assert template.render({"text": text}) == shown
