"""Differences between two versions of a text, as pages show them."""

from django.template import engines
from hypothesis import given
from hypothesis import strategies as st

from ticketadmin.services.values.diffs import word_diff
from ticketadmin.templatetags.texts import marked

TEXT = st.text("ab <&\n", max_size=20)


@given(TEXT, TEXT)
def test_nothing_is_written_between_the_pieces(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    html = marked(pieces)

    written = html.replace("<ins>", "").replace("</ins>", "").replace("<del>", "").replace("</del>", "")
    text = "".join(piece.text for piece in pieces)
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    assert written == (escaped if pieces else "<em>empty</em>")


def test_what_was_added_and_removed_is_marked() -> None:
    template = engines["django"].from_string("{{ pieces|marked }}")

    html = template.render({"pieces": word_diff("old word", "new word")})

    assert html.count("<ins>new</ins>") == 1
    assert html.count("<del>old</del>") == 1
    assert "word" in html
