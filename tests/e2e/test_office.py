"""An exported list that LibreOffice opened and saved: only what a user changed counts as changed."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.conftest import skip_or_fail
from tests.exports import (
    CONTENTS,
    cell,
    change,
    describe_fields,
    export,
    fill_contents,
    fill_crm,
    index,
    item_of,
    upload,
)
from tests.sandbox_driver import Sandbox
from ticketadmin.models import User

pytestmark = pytest.mark.slow
MAX_SECONDS = 120


@pytest.fixture(scope="module")
def office() -> str:
    """The program LibreOffice."""
    found = shutil.which("soffice")
    if not found:
        skip_or_fail("LibreOffice Calc", "REQUIRE_OFFICE")
    return str(found)


def saved_by(office: str, content: bytes, folder: Path) -> bytes:
    """Return the file as LibreOffice saves it after opening it."""
    (folder / "in.xlsx").write_bytes(content)
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    made = ["--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out")]
    command = [office, "--headless", "--norestore", profile, *made, str(folder / "in.xlsx")]
    subprocess.run(command, check=True, capture_output=True, timeout=MAX_SECONDS)
    return (folder / "out" / "in.xlsx").read_bytes()


def test_after_libreoffice_saved_500_tickets_only_a_changed_cell_is_sent(
    office: str,
    lead: User,
    sandbox: Sandbox,
    client_of: Callable[[User], Client],
    tmp_path: Path,
) -> None:
    describe_fields()
    web = client_of(lead)
    codes = fill_crm(sandbox, 500)
    index(*codes)

    def edit(book: Any) -> None:
        cell(book, codes[7], "Title").value = "Sửa trong bảng tính"
        cell(book, codes[8], "Emergency phone").value = "0123 456 789"

    content = saved_by(office, change(export(web, *codes), edit), tmp_path)
    assert content[:2] == b"PK"
    run = upload(web, content)

    wanted = {item.ticket_code: item.wishes for item in run.items.exclude(wishes__isnull=True)}
    assert {code: set(wishes) for code, wishes in wanted.items()} == {
        codes[7]: {"ticket_title"},
        codes[8]: {"emergency_phone"},
    }
    assert run.notes["reading"]["misfit"] is None
    assert run.notes["error_rows"] == 0
    assert run.notes["reading"]["differences"]["emptied"] == {}
    assert item_of(run, codes[7]).file_base.keys() == {"ticket_title"}


def test_after_libreoffice_saved_contents_only_a_changed_one_is_sent(
    office: str, lead: User, sandbox: Sandbox, client_of: Callable[[User], Client], tmp_path: Path
) -> None:
    web = client_of(lead)
    codes = fill_contents(sandbox, {code: held for code, (held, _shown) in CONTENTS.items()})
    exported = export(web, *codes, columns="title", contents="1")

    def edit(book: Any) -> None:
        cell(book, "C-HTML", "Content").value = "<p>Sửa trong bảng tính</p>"

    run = upload(web, saved_by(office, change(exported, edit), tmp_path))

    wanted = {item.ticket_code: item.wishes for item in run.items.exclude(wishes__isnull=True)}
    assert {code: set(wishes) for code, wishes in wanted.items()} == {"C-HTML": {"ticket_content"}}
    assert (run.notes["reading"]["misfit"], run.notes["error_rows"]) == (None, 0)
    assert run.notes["reading"]["differences"]["emptied"] == {}
