"""What is quoted of an answer that is an HTML page: its text, in linear time."""

import time

import pytest

from ticketadmin.ticketapi.replies import plain


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (
            "<html><head><title>x</title><style>p{}</style></head><body><p>Bad request</p></html>",
            "Bad request",
        ),
        ("<head><title>x</title><p>An unclosed head</p>", "An unclosed head"),
        ("<SCRIPT>alert(1)</SCRIPT\n><header>kept</header>", "kept"),
        ("before<style>p {", "before"),
    ],
)
def test_an_html_error_page_is_quoted_by_its_text(page: str, words: str) -> None:
    assert plain(page, str) == words


@pytest.mark.parametrize("piece", ["<head ", "<script ", "<style></", "<title", "</title", "<", "<a", "&"])
def test_quoting_a_page_takes_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        page = (piece * length)[:length]
        started = time.process_time()
        plain(page, str)
        return time.process_time() - started

    seconds(10)
    assert seconds(20_000) < 10 * seconds(5_000) + 0.05
