"""Cleaning, without a browser: nothing dangerous remains, nothing readable is lost."""

import gc
import html
import random
import re
import string
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings, strategies

from tests.sanitizing.corpus import BENIGN, ELEMENTS, MUTATIONS, hostile
from ticketadmin import sanitizing
from ticketadmin.presenters.content import display_content
from ticketadmin.sanitizing import (
    ATTRIBUTES,
    TAGS,
    ContentTooComplex,
    clean_html,
    removed_by_cleaning,
    visible_text,
)


class Inspector(HTMLParser):
    """Fails on anything that the allowlist does not name."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            if tag == "a" and name == "rel":
                assert value == "noopener noreferrer nofollow"
                continue
            assert name in ATTRIBUTES.get(tag, frozenset()) | ATTRIBUTES["*"], (tag, name)
            if name in {"href", "src"}:
                address = re.sub(r"[\x00-\x20\u00a0\u00ad\u200b\ufeff]", "", html.unescape(value or ""))
                scheme = address.partition(":")[0] if re.match(r"[^/?#]*:", address) else ""
                assert scheme.lower() in {"", "http", "https", "mailto", "tel"}, value
                assert not address.startswith(("//", "\\", "/\\")), value

    handle_startendtag = handle_starttag

    def handle_comment(self, data: str) -> None:
        pytest.fail(f"a comment stayed: {data}")

    def handle_decl(self, decl: str) -> None:
        pytest.fail(f"a declaration stayed: {decl}")

    handle_pi = handle_decl
    unknown_decl = handle_decl


def inspect(cleaned: str) -> None:
    reader = Inspector(convert_charrefs=True)
    reader.feed(cleaned)
    reader.close()


def test_corpus_is_large() -> None:
    assert len(set(hostile())) > 1_000


def test_nothing_hostile_remains_and_cleaning_is_idempotent() -> None:
    for document in hostile():
        cleaned = clean_html(document)
        inspect(cleaned)
        assert clean_html(cleaned) == cleaned, document


@pytest.mark.parametrize(("document", "words"), BENIGN)
def test_every_visible_word_of_a_benign_document_remains(document: str, words: str) -> None:
    assert " ".join(visible_text(document).split()) == words
    assert clean_html(clean_html(document)) == clean_html(document)


@pytest.mark.parametrize("tag", ["script", "style", "title"])
def test_contents_of_script_style_and_title_are_removed(tag: str) -> None:
    assert "bí mật" not in clean_html(f"<p>trước</p><{tag}>bí mật</{tag}><p>sau</p>")


@pytest.mark.parametrize("tag", ["section", "article", "form", "select", "center", "noscript", "fieldset"])
def test_words_beside_a_removed_block_do_not_run_together(tag: str) -> None:
    text = visible_text(f"trước<{tag}>trong</{tag}>sau")

    assert text.split() == ["trước", "trong", "sau"]


def test_links_get_a_safe_rel_attribute() -> None:
    cleaned = clean_html('<a href="https://example.com" target="_blank" rel="opener">x</a>')

    assert cleaned == '<a href="https://example.com" rel="noopener noreferrer nofollow">x</a>'


def test_allowed_markup_is_unchanged() -> None:
    document = (
        '<h2>A</h2><p dir="rtl">b <strong>c</strong></p><table><tbody><tr><td colspan="2">d</td></tr></tbody></table>'
        '<ol start="3" type="a"><li>e</li></ol><img src="https://example.com/f.png" alt="g"><hr><pre><code>h</code></pre>'
    )

    assert clean_html(document) == document


@pytest.mark.parametrize("kind", ["disc", "x", "aa", "", "1 onclick=x"])
def test_a_list_is_numbered_by_a_known_kind_alone(kind: str) -> None:
    assert clean_html(f'<ol type="{kind}"><li>a</li></ol>') == "<ol><li>a</li></ol>"


# Function calls instead of seconds, which other load cannot change. The most expensive ordinary document
# of the same length needs a tenth of this.
MOST_CALLS = 6_000_000


class CountedCalls:
    """Counts the calls of Python functions and of built-in ones within a with block."""

    count = 0

    def __enter__(self) -> "CountedCalls":
        gc.disable()  # Hypothesis hangs functions on the garbage collector
        sys.setprofile(self._note)
        return self

    def _note(self, _frame: object, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            self.count += 1

    def __exit__(self, *_exception: object) -> None:
        sys.setprofile(None)
        gc.enable()


EXPENSIVE = {
    "nested div": "<div>" * 9_000,
    "nested div, closed": "<div>" * 4_000 + "</div>" * 4_000,
    "unclosed b with attributes": "".join(f"<b a{number}>" for number in range(2_500)),
    "unclosed formatting before blocks": "<b><i><u>" * 20 + "<p>x" * 9_000,
    "attributes": "<p " + " ".join(f"a{number}=1" for number in range(6_000)) + ">",
    "brackets in a style": "<p style='" + "(" * 20_000 + "'>x",
    "entities": "&" * 50_000,
    "less-than signs": "<" * 50_000,
    "open comment": "<!--" * 12_000,
    "table soup": "<table><td><table>" * 2_500,
    "selects": "<select><option>" * 3_000,
    "svg": "<svg><g>" * 6_000,
    "templates": "<template>" * 4_500,
    "quotes": '<p title="' * 4_500,
    "closing tags": "</b>" * 12_000,
    "half a tag": "<a " * 16_000,
    "equal signs": "<a" + "=" * 49_000 + ">",
    "nulls": "\0" * 50_000,
    "misnested": "<b><i></b></i>" * 3_500,
    "anchors": "<a href=x>" * 4_900,
    "lists": "<ul><li>" * 6_000,
    "doctype": "<!DOCTYPE " * 4_900,
    "growing links": "<a href=//>" * 4_500,
}


# To count every call takes ten times as long as cleaning; these take four fifths of all.
LONGEST = {
    "less-than signs", "entities", "unclosed formatting before blocks", "anchors", "misnested", "half a tag",
}  # fmt: skip
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in LONGEST else name for name in EXPENSIVE]


@pytest.mark.parametrize("name", EACH)
def test_no_document_exceeds_its_cost_limit(name: str) -> None:
    document = EXPENSIVE[name]
    assert len(document) <= 50_000
    with CountedCalls() as calls:
        try:
            cleaned = clean_html(document)
        except ContentTooComplex:
            cleaned = ""
    inspect(cleaned)
    assert calls.count < MOST_CALLS


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("x" * 50_001, "too_long"),
        ("<div>" * 101, "too_deep"),
        ("<p " + " ".join(f"a{number}" for number in range(1_001)) + ">", "too_many_attributes"),
    ],
)
def test_a_document_beyond_the_limits_is_a_clear_error(document: str, code: str) -> None:
    with pytest.raises(ContentTooComplex) as caught:
        clean_html(document)

    assert caught.value.code == code


def test_a_document_at_the_limits_is_accepted() -> None:
    clean_html("x" * 50_000)
    clean_html("<div>" * 100)
    clean_html("<p " + " ".join(f"a{number}" for number in range(1_000)) + ">")


def test_content_beyond_the_limits_is_displayed_escaped_with_a_notice() -> None:
    shown = display_content("<div>" * 101 + "<script>alert(1)</script>")

    assert "<script" not in shown.html
    assert "&lt;script&gt;" in shown.html
    assert shown.notice


def test_remote_images_load_only_on_request() -> None:
    document = '<p>x <img src="https://track.example.com/1.gif" alt="biểu đồ"></p>'

    blocked = display_content(document)
    assert "<img" not in blocked.html
    assert blocked.blocked_images == 1
    assert "biểu đồ" in blocked.html
    assert "track.example.com" in blocked.html
    assert "<img" in display_content(document, show_images=True).html


@pytest.mark.parametrize("broken", ["_bleach", "_nh3"])
def test_a_parser_error_never_lets_raw_input_through(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fail(html_text: str, **_options: object) -> str:
        calls.append(html_text)
        if len(calls) > 1:
            return str(original(html_text, **_options))
        raise RecursionError

    original = getattr(sanitizing, broken)
    monkeypatch.setattr(sanitizing, broken, fail)

    cleaned = clean_html("<img src=x onerror=alert(1)>")

    assert calls
    inspect(cleaned)
    assert "&lt;img" in cleaned


@pytest.mark.parametrize("hole", ["_bleach", "_nh3"])
def test_a_hole_in_one_parser_is_not_a_hole_in_the_tool(hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitizing, hole, lambda html_text, **_options: html_text)

    for document in MUTATIONS:
        cleaned = clean_html(document)
        assert not re.search(r"<(script|svg|math|iframe|style)\b", cleaned, re.IGNORECASE), document
        assert not re.search(r"<[a-z][^>\"']*\son\w+=", cleaned, re.IGNORECASE), document


FRAGMENTS = strategies.lists(
    strategies.one_of(
        strategies.sampled_from([f"<{tag}>" for tag in ELEMENTS]),
        strategies.sampled_from([f"</{tag}>" for tag in ELEMENTS]),
        strategies.sampled_from(MUTATIONS),
        strategies.sampled_from(["<!--", "-->", "]]>", "<![CDATA[", '"', "'", "<", ">", "&lt;", "&amp;"]),
        strategies.text(alphabet=string.ascii_letters + "<>&\"'=/ ;:#\t\n\0é", max_size=12),
    ),
    max_size=14,
).map("".join)


@given(FRAGMENTS)
@settings(max_examples=250, deadline=None)
def test_no_mixture_gets_through(document: str) -> None:
    cleaned = clean_html(document)

    inspect(cleaned)
    assert clean_html(cleaned) == cleaned


def test_elements_to_be_removed_are_named_in_words() -> None:
    found = removed_by_cleaning(
        "<script>1</script><p style='x' onclick=1>a</p><img src=cid:1><a href=javascript:1>x</a>"
    )

    assert sum(int(removal.partition(" ")[0]) for removal in found) == 5
    assert removed_by_cleaning("<p>sạch</p>") == []


def test_the_limits_never_refuse_ordinary_mail() -> None:
    generator = random.Random(7)  # noqa: S311 - believable text, not cryptography
    words = "máy in không nhận lệnh khách hàng báo lỗi sau khi cập nhật phần mềm".split()
    rows = []
    for number in range(250):
        text = " ".join(generator.choices(words, k=18))
        rows.append(f"<p class=MsoNormal><span style='font-size:1{number % 9}pt'><b>{text}</b></span></p>")

    assert len(visible_text("".join(rows)).split("\n")) == 250
