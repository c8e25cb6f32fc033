"""Errors in the rows of a file are shown in the reader's language, not in that of the upload."""

import re
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.pages import form_to
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkUpdate, CustomField, FieldKind, User
from ticketadmin.services.bulk.files import message_in

HEADER = (
    "ticket_code,ticket_title,account_email,cate_name,status_name,expected_at,emergency_phone,"
    "amount,is_vip,tier,raw,since"
)
# A row for each kind of error and warning: its cells by their number in the header.
FAULTS: list[dict[int, str]] = [
    {0: ""},
    {0: "TK 1!"},
    {0: "#REF!"},
    {0: "TK-SAME", 1: "x"},
    {0: "TK-SAME", 1: "y"},
    {1: "x" * 400},
    {1: "#N/A"},
    {2: "khong"},
    {3: "Loi nao do"},
    {4: "Dang xu ly nhe"},
    {4: "[clear]"},
    {5: "31/02/2026"},
    {5: "02/03/0026"},
    {6: "12"},
    {6: "912345678"},
    {7: "mot"},
    {7: "1.250"},
    {8: "co le"},
    {9: "vang"},
    {12: "ngoài cột"},
]


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    for key, kind, options in (
        ("amount", FieldKind.NUMBER, ""),
        ("is_vip", FieldKind.YES_NO, ""),
        ("tier", FieldKind.SELECT, "1 = Bạc\n2 = Kim cương"),
        ("raw", FieldKind.TEXT, ""),
        ("since", FieldKind.EPOCH_DATE, ""),
    ):
        CustomField.objects.create(key=key, label=key, kind=kind, choices_text=options)
    web = client_of(lead)
    web.get("/bulk/new/")
    return web


def upload(web: Client) -> BulkUpdate:
    width = len(HEADER.split(","))
    lines = [HEADER, "TK-RIGHT,Đúng" + "," * (width - 2)]
    for number, fault in enumerate(FAULTS):
        cells = [f"TK-{number}"] + [""] * max(width - 1, *fault)
        for at, text in fault.items():
            cells[at] = text
        lines.append(",".join(f'"{cell}"' for cell in cells))
    file = SimpleUploadedFile("phieu.csv", "\r\n".join(lines).encode())
    answer = web.post("/bulk/new/", {**form_to(web.get("/bulk/new/"), "/bulk/new/").filled(), "file": file})
    assert answer.status_code == 303, answer.content.decode()
    return BulkUpdate.objects.latest("created_at")


def errors_shown(web: Client, run: BulkUpdate) -> list[str]:
    """Return the rows of the tables of errors and of warnings, whose last cell is what the file holds."""
    page = web.get(f"/bulk/{run.uuid}/").content.decode()
    rows = [row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if 'class="mono" data-label' in row]
    return [" ".join(re.sub("<[^>]+>", " ", row).split()) for row in rows]


@pytest.mark.parametrize(("uploaded", "read"), [("vi", "en"), ("en", "vi")])
def test_row_errors_are_read_in_the_language_of_the_reader(
    uploaded: str, read: str, web: Client, lead: User
) -> None:
    def speak(language: str) -> None:
        User.objects.filter(pk=lead.pk).update(language=language)

    speak(read)
    expected = errors_shown(web, upload(web))
    speak(uploaded)
    run = upload(web)
    before = errors_shown(web, run)
    speak(read)
    shown = errors_shown(web, run)

    assert run.notes["error_rows"] == 15  # the others are warnings and questions
    assert run.notes["warning_count"] >= 1
    assert shown == expected
    assert set(before) & set(shown) == set()


def test_row_errors_of_an_earlier_version_are_shown_as_they_were_kept(web: Client) -> None:
    run = upload(web)
    run.notes["errors"] = [{"row": 3, "column": "ticket_code", "message": "Sai mã.", "value": "?"}]
    run.save()

    assert "3 ticket_code Sai mã. ?" in errors_shown(web, run)
    assert message_in(run.notes["errors"][0]) == "Sai mã."
