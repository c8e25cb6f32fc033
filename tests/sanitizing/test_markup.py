"""Documents are spelled out as a parser reads them, and none costs more than its bounds of time and memory."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nh3
import pytest
from hypothesis import given, settings, strategies

from tests.sanitizing.documents import LENGTH, families
from ticketadmin.markup import tokens
from ticketadmin.sanitizing import (
    FORMATTING,
    MAX_LEVELS,
    MAX_REOPENED,
    TAGS,
    ContentTooComplex,
    clean_html,
    removed_by_cleaning,
    spell_out,
)


def parsed(document: str) -> str:
    """Return the tree that html5ever makes of a document, as HTML."""
    return nh3.clean(document, tags=set(TAGS), attributes={}, link_rel=None)


HARD = [
    "<",
    ">",
    "/",
    "=",
    '"',
    "'",
    "!",
    "-",
    "--",
    "?",
    " ",
    "\n",
    "\f",
    "\v",
    "\xa0",
    "&lt",
    "&amp;",
    "]]>",
]
TAGS_AND_PIECES = [
    "<p",
    "<b",
    "<A",
    "</b",
    "</P",
    "<i>",
    "</i>",
    "<!--",
    "-->",
    "--!>",
    "<![CDATA[",
    "<!doctype ",
    "x",
]


@given(strategies.lists(strategies.sampled_from(HARD + TAGS_AND_PIECES), max_size=40).map("".join))
@settings(max_examples=600, deadline=None)
def test_a_rewritten_document_parses_to_the_same_tree(document: str) -> None:
    known = all(name in TAGS for kind, _source, name, _rest in tokens(document) if kind in {"start", "end"})
    spelled_out = spell_out(document)

    if known:
        assert parsed(spelled_out) == parsed(document)
    assert re.sub(r'<!---->|</?[a-z0-9]+(?: [a-z]+="[^"<>]*")*>', "", spelled_out).find("<b") == -1


def in_a_process_with_limits(*arguments: str) -> str:
    """Return what the cost documents print; on Linux the process may take 300 MB more than it starts with."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.sanitizing.documents", *arguments],
        cwd=Path(__file__).resolve().parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-500:]
    return done.stdout


@pytest.mark.slow
def test_no_family_of_documents_exceeds_its_limits_of_memory_and_tags() -> None:
    results = [json.loads(line) for line in in_a_process_with_limits().splitlines()]

    assert len(results) == len(families())
    for name, result, length, count, depth in results:
        assert result in {"accepted", "too_deep"}, name
        assert depth <= 4 * MAX_LEVELS, name
        assert length <= 6 * LENGTH, name
        assert count <= 3 * LENGTH, name


def test_no_document_of_any_tags_exceeds_its_limits_of_time_and_memory() -> None:
    assert "passed" in in_a_process_with_limits("any")


@pytest.mark.parametrize(
    "document",
    [
        "<div>" * (MAX_LEVELS + 1),
        "<b>" + "<blockquote>" * (MAX_LEVELS + 1),
        "<p><b>" + "<p>x" * (MAX_REOPENED + 1),
        f'<p><a href="https://x/{"y" * 20_000}">' + "<p>x" * 4_000,
        f'<table><a href="https://x/{"y" * 5_000}">' + "<td></a>x" * 4_900,
    ],
    ids=["levels", "levels in formatting", "formatting reopened", "a link reopened", "one in a table"],
)
def test_a_document_that_a_parser_would_make_huge_is_refused(document: str) -> None:
    with pytest.raises(ContentTooComplex) as caught:
        clean_html(document)

    assert caught.value.code == "too_deep"


@pytest.mark.parametrize(
    "document",
    [
        "<div>" * MAX_LEVELS + "x",
        "<table><tr><td>" * 60 + "x",
        "<ul><li><p>" * 60 + "x",
        "<p><b>" + "<p>x" * 3_000,
        f'<p><a href="https://x/{"y" * 1_900}">x</a>' + "<p>x" * 9_000,
    ],
    ids=["levels", "tables", "lists", "formatting reopened", "a long link before long text"],
)
def test_ordinary_content_is_within_the_limits(document: str) -> None:
    assert "x" in clean_html(document)


@pytest.mark.parametrize("name", sorted(FORMATTING))
def test_formatting_elements_lose_their_attributes(name: str) -> None:
    assert clean_html(f'<{name} dir="rtl" title="x">y</{name}>') == f"<{name}>y</{name}>"


UNFINISHED = [
    "<!--",
    "<title>",
    "<style ",
    "<a b='",
    "<a =",
    "<a / ",
    "</title ",
    "<!",
    "</",
    "<?",
    "<script></",
]


@pytest.mark.parametrize("piece", UNFINISHED)
def test_the_time_for_unfinished_pieces_is_linear_in_their_length(piece: str) -> None:
    def seconds(length: int) -> float:
        document = (piece * length)[:length]
        assert sum(len(source) for _kind, source, _name, _rest in tokens(document)) == length
        started = time.process_time()
        clean_html(document)
        removed_by_cleaning(document)
        return time.process_time() - started

    seconds(10)
    quarter = min(seconds(LENGTH // 4) for _ in range(3))  # the one least disturbed by other processes
    assert any(seconds(LENGTH) < 10 * quarter + 0.1 for _ in range(3))


@pytest.mark.parametrize(
    ("document", "cleaned"),
    [
        ("<pre>foo</pre>", "<pre>foo</pre>"),
        ("<pre>\nfoo</pre>", "<pre>foo</pre>"),
        ("<pre>\n\nfoo</pre>", "<pre>\n\nfoo</pre>"),
        ("<pre>\n\n\n\nfoo</pre>", "<pre>\n\n\n\nfoo</pre>"),
        ('<pre dir="rtl">\r\n\r\nfoo</pre>', '<pre dir="rtl">\n\nfoo</pre>'),
        ("<pre><x></x>\nfoo</pre>", "<pre>\n\nfoo</pre>"),
        ("a &am<!-- -->p; b", "a &amp;am<!-- -->p; b".replace("<!-- -->", "")),
        ("a <<!-- -->b>", "a &lt;b&gt;"),
        ("x &lt;y <b dir=RTL title=x>z</b>", "x &lt;y <b>z</b>"),
        ("x &lt;y <span dir=RTL title=x>z</span>", 'x &lt;y <span dir="RTL">z</span>'),
        ("<title>Buch</title>x", "x"),
        ("<title>Buch x", "Buch x"),
        ("<title>Buch <b>x</b><title>y", "Buch <b>x</b>y"),
        ("a<style>b", "a"),
        ("a <b", "a &lt;b"),  # no element: nothing closes the tag, so it is a text
    ],
)
def test_harmless_content_looks_the_same_in_a_browser(document: str, cleaned: str) -> None:
    assert clean_html(document) == cleaned
    assert clean_html(cleaned) == cleaned


@pytest.mark.parametrize(
    ("document", "labels"),
    [
        ("<title>Buch</title>", ["1 page title"]),
        ("<title>Buch", ["1 unknown element (its text stays)"]),
        ("a<style>b<p>c", ["everything after 1 unfinished comment, script, style sheet or tag"]),
        ("a<!-- b <p>c", ["everything after 1 unfinished comment, script, style sheet or tag"]),
        ("a<![CDATA[ b", ["everything after 1 unfinished comment, script, style sheet or tag"]),
        ("<!-->a<!--->b<!-- c --!>d", ["3 hidden comments"]),
        ("a <b c", []),
        ("<p>a <b c", ["everything after 1 unfinished comment, script, style sheet or tag"]),
        ("<style>a</style><script>b</script>", ["1 script", "1 style sheet"]),
        ("<!-- a --><![CDATA[b]]><!doctype html><p>c", ["2 hidden comments"]),
        ('<p ">" style=x>a', ["1 technical attribute"]),
        ("<p STYLE=x OnClick='1'>a", ["1 script", "1 colour or font setting"]),
        ("<div>" * 101 + "<x>", []),
        ("<pre>\n\na</pre>", []),
    ],
)
def test_removed_elements_are_named_correctly(document: str, labels: list[str]) -> None:
    assert removed_by_cleaning(document) == labels
