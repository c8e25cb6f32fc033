"""Snippets as files: the download is recorded, the upload writes exactly what it showed."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.pages import forms_in
from ticketadmin.models import AuditAction, AuditEntry, Snippet, User
from ticketadmin.services.snippets.keep import MAX_SNIPPETS
from ticketadmin.services.snippets.table import MAX_SNIPPET_FILE_BYTES

IMPORT = "/snippets/import/"
EXPORT = "/snippets/snippets.csv"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(staff)


@pytest.fixture
def leads(lead: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(lead)


def downloaded(web: Client) -> bytes:
    answer: Any = web.post(EXPORT)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def uploaded(web: Client, content: bytes | str) -> Any:
    content = content.encode() if isinstance(content, str) else content
    return web.post(IMPORT, {"file": SimpleUploadedFile("snippets.csv", content)})


def plan_of(page: Any) -> dict[str, str]:
    return next({"plan": form.values["plan"][0]} for form in forms_in(page) if "plan" in form.values)


def statuses(page: Any) -> dict[str, str]:
    return {row.name: row.status for row in page.context["page"].rows}


def kept() -> dict[str, str]:
    return dict(Snippet.objects.values_list("name", "content"))


def test_an_exported_file_changes_nothing_when_imported(leads: Client, lead: User, staff: User) -> None:
    contents = {"một": "<p>=1+1; @x</p>", "hai": "'=x\n=cmd|x", "ba": "-5"}
    for name, content in contents.items():
        Snippet.objects.create(owner=lead, name=name, content=content, is_shared=name == "hai")
    Snippet.objects.create(owner=staff, name="bốn", content="của đồng nghiệp", is_shared=True)
    Snippet.objects.create(owner=staff, name="riêng", content="x")

    file = downloaded(leads)

    page = uploaded(leads, file)
    assert "riêng".encode() not in file
    assert statuses(page) == dict.fromkeys(["một", "hai", "ba", "bốn"], "unchanged")
    assert "There is nothing to write." in page.content.decode()
    entry = AuditEntry.objects.get(action=AuditAction.EXPORTED)
    assert (entry.actor, entry.target_kind, entry.details["rows"]) == (lead, "snippets", 4)


def test_without_the_permission_to_share_a_file_has_only_ones_own_snippets(
    web: Client, staff: User, lead: User
) -> None:
    Snippet.objects.create(owner=staff, name="mine", content="x")
    Snippet.objects.create(owner=lead, name="theirs", content="x", is_shared=True)

    assert b"theirs" not in downloaded(web)


def test_a_file_is_shown_row_by_row_and_then_written(web: Client, staff: User, lead: User) -> None:
    for name in ("same", "other", "apart"):
        Snippet.objects.create(owner=staff, name=name, content="cũ")
    Snippet.objects.create(owner=lead, name="theirs", content="x", is_shared=True)
    file = (
        "name,shared,owner,content\r\nnew,,,<p onclick=x()>mới</p>\r\nsame,no,staff,cũ\r\nOther,,,khác\r\n"
        "two words,,,x\r\nnew,,,x\r\nshared,yes,,x\r\nempty,,,\r\ntheirs,,lead,y\r\nodd,maybe,,x\r\n"
    )

    page = uploaded(web, file)

    rows = [(row.number, row.status) for row in page.context["page"].rows]
    assert rows == [
        *((number, "refused") for number in (5, 6, 7, 8, 9, 10)),
        *[(2, "new"), (4, "changed"), (3, "unchanged")],
    ]
    text = page.content.decode()
    for words in (
        "A name has 1 to 40 letters",
        "Row 2 has the same name.",
        "Your role does not allow sharing snippets.",
        "Write the text of the snippet.",
        "Only lead can change it.",
        "“maybe” under “shared” is neither yes nor no.",
        "<del>cũ</del>",
        "Write 2 snippets",
    ):
        assert words in text
    assert Snippet.objects.count() == 4

    answer = web.post(IMPORT, plan_of(page), follow=True)

    assert "Snippets: 1 new, 1 changed." in answer.content.decode()
    assert kept() == {"new": "<p>mới</p>", "same": "cũ", "other": "khác", "apart": "cũ", "theirs": "x"}


@pytest.mark.parametrize("meanwhile", ["changed", "deleted", "made"])
def test_changes_made_meanwhile_are_reported_and_nothing_is_written(
    web: Client, staff: User, meanwhile: str
) -> None:
    old = Snippet.objects.create(owner=staff, name="old", content="cũ")
    page = uploaded(web, "name,content\r\nold,từ tệp\r\nnew,mới\r\n")
    if meanwhile == "changed":
        Snippet.objects.update(content="giữa chừng")
    elif meanwhile == "deleted":
        old.delete()
    else:
        Snippet.objects.create(owner=staff, name="new", content="giữa chừng")
    before = kept()

    answer = web.post(IMPORT, plan_of(page))

    assert answer.status_code == 409
    assert "Your snippets changed since you were shown this." in answer.content.decode()
    assert kept() == before
    web.post(IMPORT, plan_of(answer))
    assert kept() == {"old": "từ tệp", "new": "mới"}


def test_leads_can_share_by_file_and_it_is_recorded(leads: Client, lead: User) -> None:
    Snippet.objects.create(owner=lead, name="a", content="x", is_shared=True)
    page = uploaded(leads, "name,shared,content\r\na,,x\r\nb,Có,y\r\n")
    assert statuses(page) == {"a": "unchanged", "b": "new"}
    web_answer = leads.post(IMPORT, plan_of(page))

    assert web_answer.status_code == 303
    assert Snippet.objects.get(name="b").is_shared
    assert AuditEntry.objects.filter(target_kind="snippet", action="setting_created").count() == 1
    withdrawn = uploaded(leads, "name,shared,content\r\na,no,x\r\n")
    assert "It is no longer shared." in withdrawn.content.decode()


def test_a_permission_lost_meanwhile_refuses_the_row(leads: Client, lead: User) -> None:
    page = uploaded(leads, "name,shared,content\r\nb,yes,y\r\n")
    lead.groups.set([])
    lead.user_permissions.clear()

    assert leads.post(IMPORT, plan_of(page)).status_code == 403
    assert not Snippet.objects.exists()


def test_a_plan_of_another_user_or_altered_is_refused(web: Client, leads: Client) -> None:
    plan = plan_of(uploaded(leads, "name,content\r\nb,y\r\n"))

    for posted in (plan, {"plan": plan["plan"][:-2] + "xx"}, {"plan": ""}):
        answer = web.post(IMPORT, posted, follow=True)
        assert "Nothing was written. Upload the file again." in answer.content.decode()
    assert not Snippet.objects.exists()


def test_rows_beyond_the_limit_are_refused(web: Client, staff: User) -> None:
    Snippet.objects.bulk_create(
        Snippet(owner=staff, name=f"n{number}", content="x") for number in range(MAX_SNIPPETS - 1)
    )
    page = uploaded(web, "name,content\r\na,x\r\nb,x\r\nn1,y\r\n")

    assert statuses(page) == {"a": "new", "b": "refused", "n1": "changed"}
    assert "You would have more than 200 snippets." in page.content.decode()
    web.post(IMPORT, plan_of(page))
    assert Snippet.objects.count() == MAX_SNIPPETS


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "The file is empty."),
        (b"x" * (MAX_SNIPPET_FILE_BYTES + 1), "The file is larger than 1,024 KB."),
        (b"name\r\na\r\n", "The column “content” is missing."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(web: Client, content: bytes, said: str) -> None:
    page = uploaded(web, content)

    assert page.status_code == 422
    assert said in page.content.decode()


def test_a_missing_file_is_reported(web: Client) -> None:
    page = web.post(IMPORT, {})

    assert page.status_code == 422
    assert "Choose a CSV file." in page.content.decode()


def test_the_plan_of_the_largest_file_can_be_posted(web: Client) -> None:
    """It goes through the browser; texts that cannot be compressed are the worst."""
    letters = random.Random(1)  # noqa: S311 - no secret
    alphabet = "".join(map(chr, range(0x4E00, 0x9FA5)))
    row = "".join(letters.choices(alphabet, k=18_000))
    rows = [f"n{number},{row[number:]}{row[:number]}" for number in range(19)]
    file = ("name,content\r\n" + "\r\n".join(rows)).encode()
    assert MAX_SNIPPET_FILE_BYTES * 0.9 < len(file) <= MAX_SNIPPET_FILE_BYTES

    page = uploaded(web, file)
    answer = web.post(IMPORT, plan_of(page))

    assert answer.status_code == 303
    assert Snippet.objects.count() == 19


@pytest.mark.parametrize(("language", "limit"), [("en", "At most 1,000 rows"), ("vi", "Tối đa 1.000 dòng")])
def test_the_page_groups_the_digits_of_its_limit(web: Client, language: str, limit: str) -> None:
    page = web.get(IMPORT, headers={"accept-language": language}).content.decode()

    assert limit in " ".join(page.split())
