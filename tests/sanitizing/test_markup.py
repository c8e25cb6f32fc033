"""What is measured before parsing, beside what parsers then make: the same, so nothing can hide from the measure."""

import json
import os
import re
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import nh3
import pytest
from hypothesis import given, settings, strategies

from tests.sanitizing.documents import LENGTH, families
from ticketadmin.markup.tokens import tokens
from ticketadmin.markup.tree import ELEMENTS, FORMATTING, MAX_OPEN_ELEMENTS, MAX_REOPENED, TooComplex, Tree
from ticketadmin.sanitizing import _spelled_out, clean_html, what_is_removed

Step = tuple[str, str]  # "text", "start" or "end", and the text or the name


def parsed(document: str) -> str:
    """Return the tree that html5ever makes of a document, as HTML."""
    return nh3.clean(document, tags=set(ELEMENTS), attributes={}, link_rel=None)


def steps_of(names: list[str]) -> strategies.SearchStrategy[list[Step]]:
    return strategies.lists(
        strategies.one_of(
            strategies.tuples(strategies.just("start"), strategies.sampled_from(names)),
            strategies.tuples(strategies.sampled_from(["start", "end"]), strategies.sampled_from(names)),
            strategies.tuples(strategies.just("text"), strategies.sampled_from(["x", " "])),
        ),
        max_size=60,
    )


FORMATTED = [*sorted(FORMATTING), "p", "div", "span", "li", "h1"]
TABLES = "table tr td th caption tbody thead colgroup col a b i p div li".split()


def assert_the_tree_is_the_parsers(steps: list[Step]) -> None:
    tree = Tree()
    document, opened = "", 0
    for kind, group in groupby(steps, key=lambda step: step[0]):
        words = [word for _kind, word in group]
        for word in ["".join(words)] if kind == "text" else words:
            getattr(tree, kind)(word)
            opened += kind == "start" and word in FORMATTING
            document += {"text": word, "start": f"<{word}>", "end": f"</{word}>"}[kind]

    written = parsed(document)
    made = re.findall(r"<([a-z0-9]+)>", written)
    assert sum(name in FORMATTING for name in made) == opened + tree.reopened, document
    assert tree.is_rearranged or parsed(written) == written, document


@given(strategies.one_of(steps_of(sorted(ELEMENTS)), steps_of(FORMATTED), steps_of(TABLES)))
@settings(max_examples=400, deadline=None)
def test_a_tree_has_what_a_parser_makes_of_the_same_tags(steps: list[Step]) -> None:
    assert_the_tree_is_the_parsers(steps)


@pytest.mark.parametrize(
    "tags",
    [
        "div b table /b /table /div p . /p p . /p",
        "div b table td /b /td /table /div .",
        "div b table caption /b /caption /table /div .",
        "b" + " div" * 7 + " /b . p .",
        "b" + " div" * 12 + " /b . p .",
        "b i u s em div /b . p .",
        "p b b b b p . p .",
        "p a p . a . p .",
        "table b tr . td . /table . p .",
        "table colgroup b . col . /table p .",
        "table tr td b /th /tbody . /tr . /table .",
        "table caption b td . /caption . /table .",
        "table td b table tr b /td . /table . /table p .",
        "dd b li dd . /dd . /li .",
        "ul li b ul /li . li . /ul /ul .",
        "h1 b h2 /h3 . p .",
        "p b div /p . /div .",
        "b /p . /br",
        "span b div /span . /div .",
    ],
)
def test_each_rule_that_hides_an_end_from_a_count_is_known(tags: str) -> None:
    kinds = {".": "text", "/": "end"}
    assert_the_tree_is_the_parsers(
        [(kinds.get(tag[0], "start"), tag.removeprefix("/")) for tag in tags.split()]
    )


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
def test_a_document_spelled_out_is_the_same_document_to_a_parser(document: str) -> None:
    known = all(
        name in ELEMENTS for kind, _source, name, _rest in tokens(document) if kind in {"start", "end"}
    )
    spelled_out, _is_rearranged = _spelled_out(document)

    if known:
        assert parsed(spelled_out) == parsed(document)
    assert re.sub(r'<!---->|</?[a-z0-9]+(?: [a-z]+="[^"<>]*")*>', "", spelled_out).find("<b") == -1


def test_no_family_of_documents_takes_more_than_its_multiple_of_memory_and_tags() -> None:
    """In a process of its own, which on Linux may take 300 MB more than it starts with."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sanitizing.documents"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-200:] + done.stderr[-500:]
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(families())
    for name, result, length, count, depth in results:
        assert result in {"accepted", "too_deep"}, name
        assert depth <= 4 * MAX_OPEN_ELEMENTS, name
        assert length <= 6 * LENGTH, name
        assert count <= LENGTH + 4 * MAX_REOPENED, name


def test_what_a_parser_would_open_anew_without_end_is_refused() -> None:
    tree = Tree()
    tree.start("p")
    tree.start("b")
    for _number in range(MAX_REOPENED):
        tree.start("p")
        tree.text("x")
    tree.start("p")

    with pytest.raises(TooComplex):
        tree.text("x")


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
def test_the_time_for_unfinished_pieces_grows_with_their_length_not_with_its_square(piece: str) -> None:
    def seconds(length: int) -> float:
        document = (piece * length)[:length]
        assert sum(len(source) for _kind, source, _name, _rest in tokens(document)) == length
        started = time.process_time()
        clean_html(document)
        what_is_removed(document)
        return time.process_time() - started

    seconds(10)
    assert seconds(LENGTH) < 10 * seconds(LENGTH // 4) + 0.1


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
        ("x &lt;y <b dir=RTL title=x>z</b>", 'x &lt;y <b dir="RTL">z</b>'),
        ("<title>Buch</title>x", "x"),
        ("<title>Buch x", "Buch x"),
        ("<title>Buch <b>x</b><title>y", "Buch <b>x</b>y"),
        ("a<style>b", "a"),
        ("a <b", "a &lt;b"),  # no element: nothing closes the tag, so it is a text
    ],
)
def test_harmless_content_stays_as_a_browser_shows_it(document: str, cleaned: str) -> None:
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
def test_what_is_removed_is_named_as_it_is(document: str, labels: list[str]) -> None:
    assert [removal.label for removal in what_is_removed(document)] == labels
