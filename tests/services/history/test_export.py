"""No cell of a table that leaves the product can act as a formula, however a spreadsheet opens it."""

import csv
import io

import pytest
from hypothesis import given, strategies

from ticketadmin.services.history.export import csv_lines, harmless
from ticketadmin.services.spreadsheets.formulas import armed, armed_inside, disarmed, disarmed_inside

COMMAND = "=cmd|' /C calc'!A0"


@pytest.mark.parametrize(
    "text",
    [
        COMMAND, "+1+cmd|x", "-1+cmd|x", "@SUM(A1)", " =1+1", "\u00a0=1+1", "\ufeff=1+1", "\u200b=1+1",
        "\t=1+1", "\tx", "\r=1+1", "\n=1+1", "＝1+1", "＋a", "－a", "＠a", '=HYPERLINK("http://x")',
    ],
)  # fmt: skip
def test_a_text_that_begins_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert harmless(text).startswith("'")


@pytest.mark.parametrize("text", ["-5", "+84 901 234 567", "(028) 3823-4567", "0901234567", "-1.5"])
def test_numbers_and_phone_numbers_stay_as_they_are(text: str) -> None:
    assert harmless(text) == text


def test_ordinary_texts_stay_as_they_are() -> None:
    text = "Khách báo:\n- máy in (tầng 2); màn hình\n- nhiệt độ -5\na = b, c@d.vn"

    assert harmless(text) == text


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_no_separator_turns_part_of_a_text_into_a_formula(separator: str) -> None:
    hostile = [
        f"a{separator}{COMMAND}",
        f"a\n{COMMAND};",
        f"a{separator} @x",
        f'"{separator}-cmd|x',
        f"a{separator}- 5+WEBSERVICE(A1)",
        f'a{separator}"{COMMAND};b',
        f'a{separator} " "{COMMAND}',
    ]
    file = "".join(csv_lines([COMMAND, "b"], [hostile])).removeprefix("\ufeff")

    for row in csv.reader(io.StringIO(file, newline=""), delimiter=separator):
        assert [cell for cell in row if cell.lstrip().startswith(tuple("=+-@"))] == []


@given(strategies.text(alphabet='=+-@;|\t\r\n ,"1a＝', max_size=12))
def test_only_apostrophes_are_added_and_no_text_begins_like_a_formula(text: str) -> None:
    cell = harmless(text)

    assert cell.replace("'", "") == text
    assert not cell.lstrip().startswith(tuple("=@＝"))


@pytest.mark.parametrize("part", ["\n", '\n"', ";", ";+", "\t \u200b"])
def test_many_separators_are_scanned_in_linear_time(part: str) -> None:
    # Quadratic work would take this test minutes.
    assert harmless("a" + part * 60_000) == "a" + part * 60_000


@given(strategies.text(alphabet="=+-@'\t\r\n 1a＝", max_size=12))
def test_an_import_restores_what_an_export_disarmed(text: str) -> None:
    assert armed(disarmed(text)) == text


@given(strategies.text(alphabet="=+-@'|;!(\t\r\n\" 1a＝", max_size=16))
def test_a_text_disarmed_at_its_beginning_and_inside_is_restored(text: str) -> None:
    assert armed_inside(armed(disarmed(disarmed_inside(text)))) == text


@pytest.mark.parametrize("text", ["'90s", "'0123", "'", "''", "'tis"])
def test_an_apostrophe_that_disarms_nothing_is_part_of_the_text(text: str) -> None:
    assert disarmed(text) == armed(text) == text
