"""Which snippets a user is shown and finds: one's own first, then what colleagues share."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ticketadmin.models import Role, Snippet, User
from ticketadmin.services.snippets.keep import (
    MAX_FOUND,
    MAX_SNIPPET_QUERY,
    MAX_SNIPPETS_SHOWN,
    ListedSnippets,
    search_snippets,
    snippets_for,
)

pytestmark = pytest.mark.django_db


def names(found: ListedSnippets) -> list[str]:
    return [one.snippet.name for one in found.rows]


@pytest.fixture
def many(staff: User, lead: User) -> None:
    """Snippets of the user and of a colleague, one more than a list holds."""
    Snippet.objects.bulk_create(
        Snippet(owner=owner, name=f"{owner.pk}-{number:03}", content="x", is_shared=True)
        for owner, count in ((staff, 101), (lead, MAX_SNIPPETS_SHOWN - 100))
        for number in range(count)
    )


def test_a_list_continues_where_the_previous_one_ended(many: None, staff: User, lead: User) -> None:
    first = snippets_for(staff)
    second = snippets_for(staff, after=MAX_SNIPPETS_SHOWN)

    assert (len(first.rows), first.has_more) == (MAX_SNIPPETS_SHOWN, True)
    assert names(first)[:101] == [f"{staff.pk}-{number:03}" for number in range(101)]
    assert names(second) == [f"{lead.pk}-{MAX_SNIPPETS_SHOWN - 101:03}"]
    assert not second.has_more


def test_a_full_list_without_further_snippets_is_complete(many: None, staff: User, lead: User) -> None:
    Snippet.objects.filter(owner=lead).first().delete()  # type: ignore[union-attr]

    found = snippets_for(staff)

    assert (len(found.rows), found.has_more) == (MAX_SNIPPETS_SHOWN, False)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("chao", ["chào"]),
        ("CHÀO", ["chào"]),
        ("//chào", ["chào"]),
        ("hen gap", ["tạm-biệt"]),
        ("gặp hẹn", ["tạm-biệt"]),
        ("hẹn vắng", []),
        ("a&b", ["tạm-biệt"]),
        ("strong", []),  # a tag is not a word
        ("demo lead", ["của-lead"]),
        ("riêng", []),  # a colleague's own
        ("\u0300", ["chào", "tạm-biệt", "của-lead"]),  # nothing but a mark
    ],
)
def test_a_search_finds_names_texts_and_owners(
    words: str, expected: list[str], staff: User, make_person: Callable[..., User]
) -> None:
    colleague = make_person(Role.LEAD, username="demo", first_name="Demo", last_name="Lead")
    for owner, name, content, is_shared in [
        (staff, "chào", "Xin chào", False),
        (
            staff,
            "tạm-biệt",
            "<p><strong>Hẹn</strong> gặp lại a&amp;b</p>",
            False,
        ),
        (colleague, "của-lead", "x", True),
        (colleague, "riêng", "riêng", False),
    ]:
        Snippet.objects.create(owner=owner, name=name, content=content, is_shared=is_shared)

    assert names(search_snippets(staff, words)) == expected


def test_a_search_in_names_ignores_texts(staff: User) -> None:
    Snippet.objects.create(owner=staff, name="một", content="hai")
    Snippet.objects.create(owner=staff, name="hai", content="một")

    assert names(search_snippets(staff, "mot", in_names=True)) == ["một"]


def test_a_search_finds_snippets_beyond_the_list(many: None, staff: User, lead: User) -> None:
    last = Snippet.objects.get(owner=lead, name=f"{lead.pk}-{MAX_SNIPPETS_SHOWN - 101:03}")

    assert names(search_snippets(staff, last.name)) == [last.name]


def test_a_search_is_limited_and_reads_no_whole_text(many: None, staff: User) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = search_snippets(staff, "x" + " " * MAX_SNIPPET_QUERY + "nothing such")

    assert (len(found.rows), found.has_more) == (MAX_FOUND, True)
    assert len(queries) == 1
    assert queries[0]["sql"].count('"content"') == 1, "its beginning alone"
