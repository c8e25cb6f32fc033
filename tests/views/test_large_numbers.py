"""Counts are written with separators as the language has them; keys, codes, years and files are not."""

import re
from typing import Any

import pytest
from django.utils import timezone

from tests.factories import fill_index, make_item, make_run, make_user, signed_in
from tests.sandbox_driver import Sandbox
from ticketadmin.models import (
    AuditAction,
    AuditEntry,
    BulkItem,
    BulkState,
    ItemOutcome,
    Recipe,
    Role,
    SavedView,
    Snippet,
    User,
)

CODE = "ABCXYZ1234"
MANY = 1_234
KEY = 1_234_567  # of a row
GROUPED = re.compile(r"1[.,\u00a0\u202f]234[.,\u00a0\u202f]567")


def pages_of(user: User, *paths: str) -> dict[str, str]:
    client = signed_in(user)
    return {path: " ".join(client.get(path).getvalue().decode().split()) for path in paths}


@pytest.mark.django_db
@pytest.mark.parametrize(("language", "shown"), [("en", "1,234"), ("vi", "1.234")])
def test_counts_of_tickets_have_separators(language: str, shown: str, sandbox: Sandbox) -> None:
    user = make_user(Role.ADMINISTRATOR, language=language)
    codes = [f"TK{number}" for number in range(MANY)]
    fill_index(*codes, values={"ticket_title": "tk"})
    ended, ready, under_way = (
        make_run(user, *codes, state=state)
        for state in (BulkState.FINISHED, BulkState.READY, BulkState.RUNNING)
    )
    BulkItem.objects.filter(bulk__in=[ended, under_way]).update(outcome=ItemOutcome.VERIFIED)
    make_item(under_way, "TK-LAST")
    AuditEntry.objects.create(
        created_at=timezone.now(), action=AuditAction.EXPORTED, actor=user, details={"rows": MANY}
    )
    runs = [f"/bulk/{run.uuid}/" for run in (ended, ready, under_way)]

    pages = pages_of(user, "/tickets/", "/bulk/", *runs, "/audit/")

    assert {path: shown in page for path, page in pages.items()} == dict.fromkeys(pages, True)
    plain = {path: re.findall(r".{30}\b1234\b.{30}", page) for path, page in pages.items()}
    assert {path: found for path, found in plain.items() if found} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "vi"])
def test_keys_codes_and_values_stay_as_they_are(language: str, sandbox: Sandbox) -> None:
    user = make_user(Role.ADMINISTRATOR, pk=KEY, language=language)
    colleague = make_user(Role.STAFF, "colleague", pk=KEY + 1)
    SavedView.objects.create(pk=KEY, owner=user, name="v", query="text=1234567")
    Recipe.objects.create(pk=KEY, owner=user, name="r", changes=[])
    Snippet.objects.create(pk=KEY, owner=user, name="s", content="<p>1234567</p>")
    sandbox.edit(CODE, ticket_title="1234567", custom_fields={"note": 1234567, "so": "1234567"})
    fill_index("TK1234567", values={"ticket_title": "1234567"})
    run = make_run(user, "1234567", state=BulkState.FINISHED)
    paths = [
        "/tickets/", f"/tickets/{CODE}/", f"/tickets/{CODE}/status/", "/suggest/?q=1234567",
        "/suggest/?q=TK1234567 /r",
        "/recipes/", "/recipes/1234567/", "/snippets/", "/snippets/1234567/", "/snippets/menu/", "/bulk/new/",
        f"/bulk/{run.uuid}/", "/history/", "/account/", "/audit/", "/admin/ticketadmin/user/",
        "/admin/ticketadmin/user/1234567/change/", f"/people/{colleague.pk}/company-account/",
    ]  # fmt: skip

    pages = pages_of(user, *paths)

    found = {path: GROUPED.findall(page) for path, page in pages.items()}
    assert {path: texts for path, texts in found.items() if texts} == {}
    assert {path for path, page in pages.items() if "123456" not in page} == set()
    year = str(timezone.localdate().year)
    assert not any(f"{year[0]}{mark}{year[1:]}" in page for page in pages.values() for mark in ",.")


@pytest.mark.django_db
def test_files_hold_plain_numbers(sandbox: Sandbox) -> None:
    user = make_user(Role.ADMINISTRATOR, pk=KEY)
    fill_index("TK1234567", values={"ticket_title": "1234567"})
    run: Any = make_run(user, "1234567", state=BulkState.FINISHED)

    files = pages_of(user, "/list/tickets.csv", f"/bulk/{run.uuid}/results.csv", "/history/changes.csv")

    assert not any(GROUPED.search(content) for content in files.values())
