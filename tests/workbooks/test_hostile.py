"""Small archives that cost minutes or gigabytes if a library parses them: each is refused, and cheaply.

The attacker uploads them; the web process must keep serving everyone else.
"""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import Workbook

from tests.forking import run_module
from tests.limits import cpu_limit
from tests.services.excel import EXCEL, MAIN, OFFICE, SHEET, STRINGS
from ticketadmin.services.spreadsheets import read_table, workbooks
from ticketadmin.services.spreadsheets.table import Table, UnreadableFile
from ticketadmin.services.spreadsheets.workbooks import start_module
from ticketadmin.workbooks.checking import (
    MAX_CELL_CHARACTERS,
    MAX_CELLS,
    MAX_DEPTH,
    MAX_STYLES,
    Code,
    RefusedWorkbook,
    check_archive,
)

STYLES, BOOK = "xl/styles.xml", "xl/workbook.xml"
RELATIONS = "xl/_rels/workbook.xml.rels"
BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>'
)


@pytest.fixture(autouse=True)
def _new_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start what reads workbooks as the product does."""
    monkeypatch.setattr(workbooks, "start_module", start_module)


def archive(parts: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as written:
        for name, text in parts.items():
            written.writestr(name, text)
    return content.getvalue()


def with_rows(rows: str) -> dict[str, str | bytes]:
    return EXCEL | {SHEET: f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'}


def with_styles(inside: str) -> dict[str, str | bytes]:
    return EXCEL | {STYLES: f'<styleSheet xmlns="{MAIN}">{inside}</styleSheet>'}


def with_part_moved(name: str, part: str, text: str | bytes) -> dict[str, str | bytes]:
    """Return the workbook with a part under another name, to which its relationship leads."""
    moved = EXCEL | {RELATIONS: EXCEL[RELATIONS].replace(part.removeprefix("xl/"), name)}
    del moved[part]
    return moved | {f"xl/{name}": text}


BOMBED = BOMB + EXCEL[STRINGS].replace("Mã", "&c;")
CELL = '<c r="A1"><v>1</v></c>'
HOSTILE: dict[str, tuple[Mapping[str, str | bytes], Code]] = {
    "a document type in a part of another name": (
        with_part_moved("strings.dat", STRINGS, BOMBED),
        Code.DAMAGED,
    ),
    "a document type in UTF-16": (EXCEL | {STRINGS: BOMBED.encode("utf-16")}, Code.DAMAGED),
    "a document type in UTF-16 without a mark": (
        EXCEL | {STRINGS: b"\0<" + BOMBED[1:].encode("utf-16-be")},
        Code.DAMAGED,
    ),
    "a document type behind a mark and a comment": (
        EXCEL | {STRINGS: b"\xef\xbb\xbf<!-- x -->" + BOMBED.encode()},
        Code.DAMAGED,
    ),
    "a document type in a part that nothing names": (EXCEL | {"xl/x": BOMB + "<x/>"}, Code.DAMAGED),
    "too many formats in a part of another name": (
        with_part_moved("styles.dat", STYLES, f'<x xmlns="{MAIN}">{"<font/>" * (MAX_STYLES + 1)}</x>'),
        Code.TOO_MUCH_INSIDE,
    ),
    "a number format of 200 KB": (
        with_styles(f'<numFmts><numFmt numFmtId="164" formatCode="{"[" * 200_000}"/></numFmts>'),
        Code.DAMAGED,
    ),
    "a number format of 300 characters": (
        with_styles(f'<numFmts><numFmt numFmtId="164" formatCode="{"0" * 300}"/></numFmts>'),
        Code.DAMAGED,
    ),
    "300,000 formats": (with_styles(f"<cellXfs>{'<xf/>' * 300_000}</cellXfs>"), Code.TOO_MUCH_INSIDE),
    "300,000 number formats": (
        with_styles(f"<numFmts>{'<numFmt/>' * 300_000}</numFmts>"),
        Code.TOO_MUCH_INSIDE,
    ),
    "row 99,999,999": (with_rows(f'<row r="99999999">{CELL}</row>'), Code.DAMAGED),
    "row 1,048,577": (with_rows(f'<row r="1048576"/><row>{CELL}</row>'), Code.DAMAGED),
    "a row without a number": (with_rows(f'<row r="1e6">{CELL}</row>'), Code.DAMAGED),
    "a row before the first": (with_rows(f'<row r="0">{CELL}</row>'), Code.DAMAGED),
    "column XFE": (with_rows('<row r="1"><c r="XFE1"/></row>'), Code.DAMAGED),
    "more cells in a row than columns": (with_rows(f"<row>{'<c/>' * 16_385}</row>"), Code.DAMAGED),
    "a place that is none": (with_rows('<row r="1"><c r="AAAAAAAAAAAA1"/></row>'), Code.DAMAGED),
    "1.9 million empty cells": (with_rows(f"<row>{'<c/>' * 190}</row>" * 10_000), Code.TOO_MUCH_INSIDE),
    "more strings than cells": (
        EXCEL | {STRINGS: f'<sst xmlns="{MAIN}">{"<si/>" * (MAX_CELLS + 1)}</sst>'},
        Code.TOO_MUCH_INSIDE,
    ),
    "a string of many runs": (
        EXCEL | {STRINGS: f'<sst xmlns="{MAIN}"><si>{"<r><t>abcdefgh</t></r>" * 10_000}</si></sst>'},
        Code.DAMAGED,
    ),
    "a number of 70,000 digits": (
        with_rows(f'<row r="1"><c r="A1"><v>{"9" * (MAX_CELL_CHARACTERS + 1)}</v></c></row>'),
        Code.DAMAGED,
    ),
    "a formula of 70,000 characters": (
        with_rows(f'<row r="1"><c r="A1"><f>{"A" * (MAX_CELL_CHARACTERS + 1)}</f></c></row>'),
        Code.DAMAGED,
    ),
    "elements in elements": (EXCEL | {"xl/x.xml": "<x>" * (MAX_DEPTH + 1)}, Code.DAMAGED),
    "an element with 600 attributes": (
        EXCEL | {"xl/x.xml": "<x " + " ".join(f"a{n}='' " for n in range(600)) + "/>"},
        Code.DAMAGED,
    ),
    "an attribute of 40,000 characters": (EXCEL | {"xl/x.xml": f'<x a="{"x" * 40_000}"/>'}, Code.DAMAGED),
    "300 sheets of one part": (
        EXCEL
        | {
            BOOK: f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            + '<sheet name="x" sheetId="1" r:id="rId1"/>' * 300
            + "</sheets></workbook>"
        },
        Code.TOO_MUCH_INSIDE,
    ),
}


LONGEST = {"1.9 million empty cells", "more strings than cells"}
EACH = [pytest.param(kind, marks=pytest.mark.slow) if kind in LONGEST else kind for kind in HOSTILE]


@pytest.mark.parametrize("kind", EACH)
def test_each_kind_is_refused_before_a_library_parses_it(kind: str) -> None:
    parts, code = HOSTILE[kind]
    with zipfile.ZipFile(io.BytesIO(archive(parts))) as opened, pytest.raises(RefusedWorkbook) as caught:
        check_archive(opened)

    assert caught.value.code == code


def test_a_duplicate_part_is_refused() -> None:
    content = io.BytesIO(archive(EXCEL))
    with zipfile.ZipFile(content, "a") as written, pytest.warns(UserWarning, match="Duplicate"):
        written.writestr(STRINGS, BOMBED)

    with zipfile.ZipFile(content) as opened, pytest.raises(RefusedWorkbook):
        check_archive(opened)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_part_with_an_unsupported_compression_is_refused(compression: int) -> None:
    opened = zipfile.ZipFile(io.BytesIO(archive(EXCEL, compression)))

    with opened, pytest.raises(RefusedWorkbook):
        check_archive(opened)


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"xl/media/image1.png": b"\x89PNG <!DOCTYPE x [" + b"\0" * 99}, id="picture"),
        pytest.param({"xl/drawings/vml.vml": "<xml><br></xml>"}, id="drawing that is not well-formed"),
        pytest.param({"xl/printerSettings1.bin": "HP".encode("utf-16-le")}, id="printer"),
        pytest.param(with_rows(f'<row r="7.0">{CELL}</row><row r="1048576">{CELL}</row>'), id="last row"),
        pytest.param(with_rows('<row r="1"><c r="XFD1"/></row>'), id="last column"),
        pytest.param(
            with_styles("<xf/>" * MAX_STYLES + '<numFmt formatCode="' + "0" * 255 + '"/>'),
            id="as many formats as Excel has",
        ),
    ],
)
def test_files_of_spreadsheet_programs_are_not_refused(extra: Mapping[str, str | bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(EXCEL | extra))) as opened:
        assert SHEET in check_archive(opened)


def shared_formulas() -> dict[str, str | bytes]:
    formula = "+".join(f"A{row}" for row in range(1, 1_000))
    first = f'<c r="A1" t="str"><v>code</v></c><c r="B1"><f t="shared" si="0">{formula}</f></c>'
    return with_rows(
        f'<row r="1">{first}</row>' + '<row><c><v>7</v></c><c><f t="shared" si="0"/></c></row>' * 9_000
    )


def test_shared_formulas_are_not_expanded() -> None:
    with cpu_limit(10):
        table = read_table(archive(shared_formulas()), "x.xlsx")

    assert table.header[0] == "code"
    assert len(table.problems) == 9_001


def validations(count: int) -> bytes:
    """Return a workbook within every bound on which openpyxl works for a second per 20,000 of them."""
    rules = '<dataValidation type="list" sqref="A1:B2 C1:D2 E1:F2"/>' * count
    sheet = EXCEL[SHEET].replace("</worksheet>", f"<dataValidations>{rules}</dataValidations></worksheet>")
    return archive(EXCEL | {SHEET: sheet})


def test_exceeding_processor_time_is_a_readable_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_CPU_SECONDS", 1)

    assert_refused(validations(300_000), "too_much_inside")


def test_exceeding_the_time_limit_is_a_readable_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_WORKBOOK_SECONDS", 0.2)

    assert_refused(validations(100_000), "too_much_inside")


def test_exceeding_memory_is_a_readable_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "MAX_MEMORY", 64 * 1024 * 1024)
    strings = f'<sst xmlns="{MAIN}">' + f"<si><t>{'x' * 60_000}</t></si>" * 1_000

    assert_refused(archive(EXCEL | {STRINGS: strings + "</sst>"}), "too_much_inside")


def test_a_process_that_cannot_start_is_a_readable_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for python in ("/nowhere/python", "/bin/false"):
        monkeypatch.setattr(sys, "executable", python)

        assert_refused(archive(EXCEL), "unavailable")


def test_a_forked_reader_answers_and_is_limited_like_a_new_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So what other tests find about workbooks is true for the product."""
    read = read_table(archive(EXCEL), "x.xlsx")

    monkeypatch.setattr(workbooks, "start_module", run_module)
    assert read_table(archive(EXCEL), "x.xlsx") == read
    monkeypatch.setattr(workbooks, "MAX_CPU_SECONDS", 1)
    assert_refused(validations(300_000), "too_much_inside")


def assert_refused(content: bytes, code: str) -> None:
    with cpu_limit(10), pytest.raises(UnreadableFile) as caught:
        read_table(content, "x.xlsx")

    assert caught.value.code == code
    assert caught.value.messages[0].endswith(".")


def test_the_reading_process_has_no_secret_and_no_django(tmp_path: Path) -> None:
    """The file is replaced by a question: what is in the environment, and which modules are loaded."""
    question = (
        "import os, sys, ticketadmin.workbooks.__main__, ticketadmin.workbooks.reading as reading;"
        "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'django'))"
    )
    root = Path(workbooks.__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", question], cwd=root, capture_output=True, text=True, check=True, env={}
    )
    assert done.stdout.strip() == "[]"

    seen = tmp_path / "python"
    seen.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n", encoding="utf-8")
    seen.chmod(0o755)
    assert "TICKET_API_KEY" in os.environ
    with pytest.MonkeyPatch.context() as patch, suppress(UnreadableFile):
        patch.setattr(sys, "executable", str(seen))
        read_table(archive(EXCEL), "x.xlsx")
    names = {line.partition("=")[0] for line in (tmp_path / "seen").read_text(encoding="utf-8").splitlines()}
    assert names <= {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "OPENPYXL_LXML", "PWD", "OLDPWD", "SHLVL", "_"}


def test_the_web_process_never_opens_a_workbook() -> None:
    services = Path(workbooks.__file__).parent

    for path in services.glob("*.py"):
        assert "load_workbook" not in path.read_text(encoding="utf-8")
        assert "zipfile" not in path.read_text(encoding="utf-8")


def test_many_rows_of_an_ordinary_file_are_read() -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Phiếu")
    for row in range(2_001):
        sheet.append([f"TK-{row}", row, None, "x"])
    content = io.BytesIO()
    book.save(content)

    table = read_table(content.getvalue(), "x.xlsx")

    assert isinstance(table, Table)
    assert table.rows[-1].cells == ("TK-2000", "2000", "", "x")
