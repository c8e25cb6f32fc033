"""Files of common programs, uploaded by a lead: planned changes, questions and errors."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.files_of_programs import FIELDS, ProgramFile, all_files
from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkState, BulkUpdate, CustomField, User
from ticketadmin.services.values.codecs import canonical
from ticketadmin.services.values.schema import load_schema


def consents_of(notes: dict[str, Any]) -> frozenset[str]:
    reading = notes["reading"]
    names = {"hidden": "hidden_rows", "other_sheets": "other_sheets", "merged": "merged_cells"}
    return frozenset(said for name, said in names.items() if reading.get(name))


def planned(run: BulkUpdate) -> dict[str, dict[str, str]]:
    fields = load_schema().fields
    return {
        item.ticket_code: {
            name: ", ".join(wish["set"])
            if isinstance(wish["set"], list)
            else canonical(fields[name], wish["set"])
            for name, wish in item.wishes.items()
        }
        for item in run.items.all()
    }


@pytest.mark.parametrize("file", all_files(), ids=lambda file: file.name)
@pytest.mark.django_db
def test_files_written_by_common_programs_are_read_as_intended(
    file: ProgramFile, lead: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    for kind, key, label, options in FIELDS:
        CustomField.objects.create(kind=kind, key=key, label=label, choices_text=options)
    browser = client_of(lead)

    answer = browser.post("/bulk/new/", {"file": SimpleUploadedFile("phieu", file.content)})
    if file.refused:
        assert (answer.status_code, BulkUpdate.objects.count()) == (422, 0)
        assert file.refused in answer.content.decode()
        return
    assert answer.status_code == 303
    run = BulkUpdate.objects.get()
    questions = run.notes.get("questions", [])
    assert {one["column"] for one in questions} == set(file.answers)
    assert consents_of(run.notes) == file.agrees
    assert tuple(error["column"] for error in run.notes["errors"]) == file.wrong
    posted = {f"reading_{at}": file.answers[one["column"]] for at, one in enumerate(questions)}

    browser.post(f"/bulk/{run.uuid}/", {**posted, "as_read": "on", "leave_out": "on"})

    run.refresh_from_db()
    assert run.state == BulkState.CHECKING
    assert planned(run) == file.planned
    assert sandbox.puts() == []
