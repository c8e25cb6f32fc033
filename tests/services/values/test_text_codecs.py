"""The kinds whose values are texts: what of a typed text is sent, and what is refused."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import custom
from ticketadmin.services.values.browser import Widget
from ticketadmin.services.values.codec import Codec
from ticketadmin.services.values.codecs import CODECS
from ticketadmin.services.values.fields import Kind

INVISIBLE = st.text(alphabet="\u200b\u200e\u200f\u202a\u202c\u2066\u2069\ufeff\u00ad", max_size=3)
PHONES = st.from_regex(r"\+?[0-9][0-9 ().-]{4,17}[0-9]", fullmatch=True).filter(
    lambda text: sum(one.isdigit() for one in text) >= 6 and len(text) <= 20
)


def read(kind: Kind, text: str, like: Any = None) -> Any:
    return CODECS[kind].read(custom(kind), [text], like)


def refusal(kind: Kind, text: str, like: Any = None) -> str:
    with pytest.raises(ValidationError) as caught:
        read(kind, text, like)
    return str(caught.value.code)


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (Kind.LINE, 255),
        (Kind.TEXT, 2_000),
        (Kind.LONG_TEXT, 20_000),
        (Kind.RAW, 20_000),
        (Kind.CHOICE, 2_000),
    ],
)
def test_a_text_at_the_limit_is_accepted_and_a_longer_one_refused(kind: Kind, limit: int) -> None:
    assert read(kind, "x" * limit) == "x" * limit
    assert refusal(kind, "x" * (limit + 1)) == "too_long"


@pytest.mark.parametrize(
    ("text", "like", "sent"),
    [
        ("6", 5, 6),
        ("6.5", 5, 6.5),
        ("-0", 5, 0),
        ("007", 5, "007"),
        ("1e5", 5, "1e5"),
        (" 6 ", 5, 6),
        ("6", "5", "6"),
        ("true", False, True),
        ("True", False, "True"),
        ("yes", True, "yes"),
        ('{"b": 1}', {"a": 1}, {"b": 1}),
        ("null", [1], None),
        ("a\nb", "x\r\ny", "a\r\nb"),
        ("a\nb", "x\ny", "a\nb"),
        ("a\nb", "x\r\ny\nz", "a\nb"),
        (" a ", "x", "a"),
        ("e\u0301", "x", "é"),
        ("a\0b", "x", "ab"),
    ],
)
def test_a_text_takes_the_previous_json_type_only_if_it_can(text: str, like: Any, sent: Any) -> None:
    found = read(Kind.TEXT, text, like)

    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize("text", ["chữ", "{", "NaN", "[1e999]", '"\\ud800"', "[" * 100_000])
@pytest.mark.parametrize("like", [{"a": 1}, [1], [[]]])
def test_what_replaces_json_has_to_be_json(text: str, like: Any) -> None:
    assert refusal(Kind.LONG_TEXT, text[:20_000], like) == "invalid_json"


@given(st.text(alphabet="a \t\n", min_size=1, max_size=12).filter(str.strip))
def test_line_breaks_stay_in_a_long_text_and_become_spaces_in_a_title(text: str) -> None:
    assert read(Kind.LONG_TEXT, text) == text
    title = read(Kind.LINE, text)
    assert title == title.strip()
    assert "\n" not in title
    assert title.split() == text.split()


@given(st.text(max_size=40))
def test_a_name_is_what_was_posted_except_for_line_ends(text: str) -> None:
    assert read(Kind.CHOICE, text) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(PHONES, INVISIBLE, INVISIBLE, st.integers(0, 20))
def test_invisible_characters_in_a_phone_number_change_nothing(
    phone: str, before: str, within: str, at: int
) -> None:
    assert read(Kind.PHONE, before + phone[:at] + within + phone[at:]) == phone.strip()


@given(INVISIBLE, INVISIBLE, st.sampled_from(["\u00a0", " ", "\t", "\n", ""]))
def test_invisible_characters_around_an_address_change_nothing(before: str, after: str, space: str) -> None:
    assert read(Kind.EMAIL, f"{before}{space}lan@example.com{space}{after}") == "lan@example.com"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a < b && c", "a &lt; b &amp;&amp; c"),
        ("Lan <lan@example.com>", "Lan &lt;lan@example.com&gt;"),
        ("một\nhai\n\nba", "<p>một<br>hai</p><p>ba</p>"),
        ("<b>một</b>\nhai", "<b>một</b>\nhai"),
        ("<script>x</script>", ""),
    ],
)
def test_a_text_without_a_known_element_becomes_the_html_of_that_text(text: str, html: str) -> None:
    assert read(Kind.HTML, text) == html


@given(st.text(alphabet="ab<>&\n/p ", max_size=30))
def test_html_that_was_read_once_is_read_as_itself(text: str) -> None:
    once = read(Kind.HTML, text)
    shown = CODECS[Kind.HTML].show(custom(Kind.HTML), once)

    assert read(Kind.HTML, *shown) == once


@pytest.mark.parametrize("text", ["", " ", "<p></p>", "<p> </p><p><br></p>", "<p>&nbsp;</p>"])
def test_an_emptied_editor_is_blank(text: str) -> None:
    assert CODECS[Kind.HTML].is_blank([text])
    assert CODECS[Kind.TEXT].is_blank([text]) is not bool(text.strip())


@pytest.mark.parametrize(
    ("codec", "texts", "widget"),
    [
        (CODECS[Kind.TEXT], ["a"], Widget.LINE),
        (CODECS[Kind.TEXT], ["a\nb"], Widget.AREA),
        (CODECS[Kind.TEXT], ['{"a": 1}'], Widget.LINE),
        (CODECS[Kind.TEXT], ['{"a": "' + "x" * 30 + '"}'], Widget.AREA),
        (CODECS[Kind.LINE], ["[" + "1, " * 20], Widget.LINE),
        (CODECS[Kind.LONG_TEXT], ["a"], Widget.AREA),
        (CODECS[Kind.EMAIL], ["a\r\nb"], Widget.AREA),
        (CODECS[Kind.PHONE], ["0901"], Widget.PHONE),
        (CODECS[Kind.HTML], ["a\nb"], Widget.CONTENT),
    ],
)
def test_the_widget_can_hold_the_text(codec: Codec, texts: list[str], widget: Widget) -> None:
    assert codec.widget(custom(Kind.TEXT), texts) is widget
