"""A column with two readings is asked about once; its file is read again with the answer."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkFile, BulkState, BulkUpdate, CustomField, User
from ticketadmin.services.bulk.files import message_in

pytestmark = pytest.mark.django_db
DAYS = (
    "code,Expected date\r\nTK-1,05/12/26\r\nTK-2,06/12/26\r\nTK-3,05/12/26\r\nTK-4,7/8/26\r\nTK-5,9/1/26\r\n"
)


@pytest.fixture
def web(lead: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    CustomField.objects.create(kind="number", key="cost", label="Cost")
    CustomField.objects.create(kind="epoch_date", key="due", label="Due")
    CustomField.objects.create(kind="yes_no", key="paid", label="Paid")
    CustomField.objects.create(kind="select", key="shop", label="Shop", choices_text="a = Láng\nb = Lạng")
    return client_of(lead)


def upload(web: Client, text: str) -> BulkUpdate:
    answer = web.post("/bulk/new/", {"file": SimpleUploadedFile("a.csv", text.encode())})
    assert answer.status_code == 303
    return BulkUpdate.objects.get()


def page_of(web: Client, run: BulkUpdate, language: str = "en") -> str:
    answer = web.get(f"/bulk/{run.uuid}/", headers={"accept-language": language})
    return re.sub(r"\s+", " ", unescape(answer.content.decode()))


def values(run: BulkUpdate, name: str) -> list[str | None]:
    return [(item.wishes or {}).get(name, {}).get("set") for item in run.items.all()]


def test_a_column_is_asked_about_once_with_three_examples_in_both_readings(web: Client) -> None:
    run = upload(web, DAYS)

    page = page_of(web, run)

    assert page.count("which number of a day is the month?</legend>") == 1
    assert "It concerns 5 cells, for example:" in page
    rows = re.findall(r'<td>(\d+)</td> <td class="mono">([^<]*)</td> <td>([^<]*)</td> <td>([^<]*)</td>', page)
    assert [row[:2] for row in rows] == [("2", "05/12/26"), ("3", "06/12/26"), ("5", "7/8/26")]
    assert "5 " in rows[0][2]
    assert "12 " in rows[0][3]
    assert values(run, "expected_at") == [None] * 5


def test_the_question_is_asked_in_vietnamese(web: Client) -> None:
    assert "số nào trong ngày là tháng?" in page_of(web, upload(web, DAYS), "vi")


def test_no_check_starts_before_the_answer_and_typed_text_stays(web: Client) -> None:
    run = upload(web, DAYS)

    answer = web.post(f"/bulk/{run.uuid}/", {"action.ticket_title": "set", "ticket_title": "Máy in"})

    run.refresh_from_db()
    page = answer.content.decode()
    assert (answer.status_code, run.state) == (422, BulkState.DRAFT)
    assert "Choose how this column is meant." in page
    assert 'value="Máy in"' in page


@pytest.mark.parametrize(
    ("answer", "day", "said"),
    [("day_first", "2026-12-05", "day/month/year"), ("month_first", "2026-05-12", "month/day/year")],
)
def test_the_answer_applies_to_the_column_and_can_be_changed_before_the_run(
    answer: str, day: str, said: str, web: Client
) -> None:
    run = upload(web, DAYS)
    other = {"day_first": "month_first", "month_first": "day_first"}[answer]
    web.post(f"/bulk/{run.uuid}/", {"reading_0": other})
    BulkUpdate.objects.update(state=BulkState.READY)
    web.post(f"/bulk/{run.uuid}/change/")
    run.refresh_from_db()
    assert f'value="{other}" id="id_reading_0_' in page_of(web, run)

    web.post(f"/bulk/{run.uuid}/", {"reading_0": answer})

    run.refresh_from_db()
    assert run.state == BulkState.CHECKING
    assert values(run, "expected_at")[0] == day
    BulkUpdate.objects.update(state=BulkState.DRAFT)
    assert f"Column “Expected date”: days are {said}, as you chose." in page_of(web, run)


@pytest.mark.parametrize(
    ("column", "cells", "said", "read"),
    [
        ("Due", ["24/12/26", "05/12/26"], "days are day/month/year, as “24/12/26” in row 2", "1796403600"),
        ("Due", ["12/24/26", "05/12/26"], "days are month/day/year, as “12/24/26” in row 2", "1778518800"),
        ("Cost", ["1.250.000", "1.250"], "the comma is before decimals, as “1.250.000” in row 2", "1250"),
        ("Cost", ["85,000.50", "1,250"], "the point is before decimals, as “85,000.50” in row 2", "1250"),
    ],
)  # fmt: skip
def test_an_unambiguous_column_is_not_asked_about(
    column: str, cells: list[str], said: str, read: str, web: Client
) -> None:
    lines = "".join(f"TK-{at};{cell}\r\n" for at, cell in enumerate(cells))

    run = upload(web, f"code;{column}\r\n{lines}")

    page = page_of(web, run)
    assert f"Column “{column}”: {said} tells." in page
    assert 'name="reading_0"' not in page
    wishes = run.items.last().wishes  # type: ignore[union-attr]
    assert [wish["set"] for wish in wishes.values()] == [read]


@pytest.mark.parametrize(
    ("cells", "answer", "read"),
    [
        (["1.250", "3.400"], "decimal_comma", ["1250", "3400"]),
        (["1.250", "3.400"], "decimal_point", ["1.2500", "3.4000"]),
        (["1,250"], "decimal_comma", ["1.2500"]),
        (["2.5", "1.250", "7"], "decimal_comma", ["2.5", "1250", "7"]),
    ],
)
def test_numbers_with_two_readings_are_read_as_answered(
    cells: list[str], answer: str, read: list[str], web: Client
) -> None:
    run = upload(web, "code;Cost\r\n" + "".join(f"TK-{at};{cell}\r\n" for at, cell in enumerate(cells)))

    web.post(f"/bulk/{run.uuid}/", {"reading_0": answer, "leave_out": "on"})

    found = {item.ticket_code: item.wishes["custom_fields.cost"]["set"] for item in run.items.all()}
    assert [found.get(f"TK-{at}") for at in range(len(cells))] == read


def test_ambiguous_names_and_unknown_answers_are_each_asked_about_once(web: Client) -> None:
    run = upload(web, "code,Shop,Paid\r\nTK-1,LANG,ok\r\nTK-2,lang,OK\r\nTK-3,Lạng,no\r\n")
    assert [(one["column"], one["spelling"], one["rows"]) for one in run.notes["questions"]] == [
        ("Shop", "LANG", 2),
        ("Paid", "ok", 2),
    ]

    web.post(f"/bulk/{run.uuid}/", {"reading_0": "b", "reading_1": "1"})

    run.refresh_from_db()
    assert values(run, "custom_fields.shop") == ["b", "b", "b"]
    assert values(run, "custom_fields.paid") == ["1", "1", "0"]


def test_new_errors_due_to_an_answer_are_shown_before_the_check(web: Client) -> None:
    run = upload(web, "code,Paid\r\nTK-1,ok\r\nTK-2,yes\r\n")

    answer = web.post(f"/bulk/{run.uuid}/", {"reading_0": "[neither]", "leave_out": "on"})

    run.refresh_from_db()
    page = answer.content.decode()
    assert (answer.status_code, run.state) == (422, BulkState.DRAFT)
    assert "other rows have errors now" in page
    assert re.search(r'name="leave_out"[^>]*checked', page) is None
    web.post(f"/bulk/{run.uuid}/", {"reading_0": "[neither]", "leave_out": "on"})
    run.refresh_from_db()
    assert (run.state, [item.ticket_code for item in run.items.all()]) == (BulkState.CHECKING, ["TK-2"])


@pytest.mark.parametrize("answer", ["", "year_first", "[neither]"])
def test_an_answer_that_was_not_offered_is_ignored(answer: str, web: Client) -> None:
    run = upload(web, DAYS)

    assert web.post(f"/bulk/{run.uuid}/", {"reading_0": answer}).status_code == 422


def test_for_a_deleted_file_the_page_says_what_to_do(web: Client) -> None:
    run = upload(web, DAYS)
    BulkFile.objects.all().delete()

    page = web.post(f"/bulk/{run.uuid}/", {"reading_0": "day_first"}).content.decode()

    run.refresh_from_db()
    assert run.state == BulkState.DRAFT
    assert "The file is no longer kept" in page
    assert "Nothing was checked or sent yet." in page


def test_answers_are_kept_even_if_every_row_becomes_wrong(web: Client) -> None:
    run = upload(web, "code,Paid\r\nTK-1,ok\r\n")

    page = web.post(f"/bulk/{run.uuid}/", {"reading_0": "[neither]"}).content.decode()

    run.refresh_from_db()
    assert (run.state, run.items.count()) == (BulkState.DRAFT, 1)
    assert "The file cannot be used with these answers." in page
    assert re.search(r'value="\[neither\]"[^>]*checked', page)


# Column, cells of which the first decides, the other answer, the values then, the error of the deciding cell.
DECIDED = [
    (
        "Expected date",
        ["12/31/2026", "05/12/2026", "2026-12-05", "5.12.2026"],
        "day_first",
        [None, "2026-12-05", "2026-12-05", "2026-12-05"],
        "This is not a day as day/month/year, which you chose for this column.",
    ),
    (
        "Expected date",
        ["31/12/2026 8:30", "05/12/2026", "[clear]"],
        "month_first",
        [None, "2026-05-12", ""],
        "This is not a day as month/day/year, which you chose for this column.",
    ),
    (
        "Cost",
        ["1.250.000", "1.250", "7"],
        "decimal_point",
        [None, "1.2500", "7"],
        "This number does not fit a point before decimals, which you chose for this column.",
    ),
    (
        "Cost",
        ["2.5", "1,250"],
        "decimal_comma",
        [None, "1.2500"],
        "This number does not fit a comma before decimals, which you chose for this column.",
    ),
]


def decided_run(web: Client, column: str, cells: list[str]) -> BulkUpdate:
    return upload(web, f"code;{column}\r\n" + "".join(f"TK-{at};{cell}\r\n" for at, cell in enumerate(cells)))


def read_values(run: BulkUpdate, count: int) -> list[str | None]:
    """Return the value that each row sets, "" where it clears, None where the row is left out."""
    found = {item.ticket_code: next(iter((item.wishes or {}).values())) for item in run.items.all()}
    return [found[code].get("set", "") if (code := f"TK-{at}") in found else None for at in range(count)]


@pytest.mark.parametrize(("column", "cells", "answer", "read", "error"), DECIDED)
def test_changing_a_reading_makes_the_deciding_cell_an_error(
    column: str, cells: list[str], answer: str, read: list[str | None], error: str, web: Client
) -> None:
    run = decided_run(web, column, cells)
    assert 'name="changed_reading_0"' in page_of(web, run)
    assert f"Read column “{column}” differently" in page_of(web, run)
    assert run.notes["error_rows"] == 0

    shown = web.post(f"/bulk/{run.uuid}/", {"changed_reading_0": answer}).content.decode()

    run.refresh_from_db()
    assert (run.state, [message_in(one) for one in run.notes["errors"]]) == (BulkState.DRAFT, [error])
    assert error in shown
    assert read_values(run, len(cells)) == read
    assert "as you chose." in page_of(web, run)
    agreed = web.post(f"/bulk/{run.uuid}/", {"changed_reading_0": answer, "leave_out": "on"})
    assert agreed.status_code == 303


@pytest.mark.parametrize("posted", ["changed_reading_0", ""])
def test_a_changed_reading_stays_until_it_is_changed_again(posted: str, web: Client) -> None:
    column, cells, answer, read, _error = DECIDED[0]
    run = decided_run(web, column, cells)
    before = read_values(run, len(cells))
    web.post(f"/bulk/{run.uuid}/", {"changed_reading_0": answer, "leave_out": "on"})
    run.refresh_from_db()
    assert re.search(rf'value="{answer}"[^>]*checked', page_of(web, run))

    web.post(f"/bulk/{run.uuid}/", {posted: "month_first", "leave_out": "on"})

    assert read_values(run, len(cells)) == (before if posted else read)
    run.refresh_from_db()
    assert run.state == BulkState.CHECKING


def test_a_decided_reading_shows_the_deciding_cell_first_in_both_readings(web: Client) -> None:
    run = decided_run(web, "Expected date", ["05/12/2026", "06/12/2026", "07/12/2026", "12/31/2026"])

    page = page_of(web, run)

    rows = re.findall(r'<td>(\d+)</td> <td class="mono">([^<]*)</td> <td>([^<]*)</td> <td>([^<]*)</td>', page)
    assert [row[0] for row in rows] == ["5", "2", "3"]
    assert rows[0][2] == "an error"
    assert "3 cells can be read in both ways." in page


@pytest.mark.parametrize("cells", [["24/12/2026"], ["24/12/2026", "05.12.2026", "2026-12-05"]])
def test_a_column_without_ambiguous_cells_offers_no_other_reading(cells: list[str], web: Client) -> None:
    assert "changed_reading" not in page_of(web, decided_run(web, "Expected date", cells))


def test_a_reading_that_was_not_offered_changes_nothing(web: Client) -> None:
    run = decided_run(web, *DECIDED[0][:2])

    answer = web.post(f"/bulk/{run.uuid}/", {"changed_reading_0": "decimal_comma"})

    run.refresh_from_db()
    assert (answer.status_code, run.state) == (422, BulkState.DRAFT)
    assert 'id="id_changed_reading_0"' in answer.content.decode()
