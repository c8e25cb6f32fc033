"""Marks in workbooks as other programs write them: prefixes, empty rows, cells without a place, formulas."""

import io
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from tests.services.excel import EXCEL, MAIN, SHEET
from ticketadmin.workbooks.checking import RefusedWorkbook
from ticketadmin.workbooks.marking import AddedColumn, mark_workbook

pytestmark = pytest.mark.filterwarnings("ignore:Workbook contains no default style")
CELLS = frozenset([(3, 1), (5, 0), (3, 9)])
ERRORS = AddedColumn("Errors", 1, {3: "a <b> & \x01c", 5: "d"}, None, CELLS, "Phiếu")


def workbook(sheet: str) -> bytes:
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name, text in {**EXCEL, SHEET: sheet}.items():
            archive.writestr(name, text)
    return content.getvalue()


def sheet_of(content: bytes) -> str:
    return ZipFile(io.BytesIO(content)).read(SHEET).decode()


@pytest.mark.parametrize("p", ["", "x:"])
def test_a_sheet_keeps_its_contents_and_gets_a_last_column(p: str) -> None:
    name = f"xmlns:{p[:-1]}" if p else "xmlns"
    sheet = f'''<?xml version="1.0" encoding="UTF-8"?>
        <{p}worksheet {name}="{MAIN}"><{p}dimension ref="A1:C3"/>
        <{p}sheetData><{p}row r="1" spans="1:3"><{p}c><{p}v>1</{p}v></{p}c><{p}c/></{p}row>
        <{p}row r="3"><{p}c r="A3" t="str"><{p}f>"a&gt;b"</{p}f><{p}v>a&gt;b</{p}v></{p}c>
        <{p}c r="B3" s=\'1\'><{p}v>7</{p}v></{p}c><{p}c r="C3"/></{p}row><{p}row r="4"/>
        <{p}row ht="20" r="5"/></{p}sheetData></{p}worksheet>'''

    marked = mark_workbook(workbook(sheet), ERRORS)

    rows = load_workbook(io.BytesIO(marked), data_only=True).worksheets[0]
    assert [rows.cell(row, 4).value for row in range(1, 6)] == ["Errors", None, "a <b> & c", None, "d"]
    assert (rows["A3"].value, rows["B3"].value, rows["B3"].number_format) == ("a>b", 7, "0000000000")
    assert rows["B3"].fill.fgColor.rgb == "FFFFC7CE"
    assert rows["A3"].fill.fgColor.rgb != "FFFFC7CE"
    text = sheet_of(marked)
    assert 'ref="A1:D3"' in text
    assert f'<{p}f>"a&gt;b"</{p}f><{p}v>a&gt;b</{p}v>' in text
    assert "spans" not in text


def test_an_existing_error_column_is_replaced_in_place() -> None:
    sheet = f'''<worksheet xmlns="{MAIN}"><sheetData>
        <row r="1"><c r="A1"><v>1</v></c><c r="B1"><v>2</v></c></row>
        <row r="3"><c r="A3"><v>3</v></c><c r="C3"><v>4</v></c></row>
        <row r="4"><c r="B4"><v>5</v></c><c r="C4"><v>6</v></c></row>
        <row r="5"><c r="B5"/></row></sheetData></worksheet>'''
    errors = AddedColumn("Errors", 1, ERRORS.texts, 1, sheet="Phiếu")

    rows = load_workbook(io.BytesIO(mark_workbook(workbook(sheet), errors))).worksheets[0]

    found = [[cell.value for cell in row] for row in rows.iter_rows()]
    assert found == [
        [1, "Errors", None],
        [None, None, None],
        [3, "a <b> & c", 4],
        [None, None, 6],
        [None, "d", None],
    ]


def test_a_part_in_another_encoding_is_written_in_utf_8() -> None:
    row = '<row r="1"><c r="A1" t="inlineStr"><is><t>Mã</t></is></c></row>'
    sheet = f"""<?xml version="1.0" encoding="UTF-16"?>
        <worksheet xmlns="{MAIN}"><sheetData>{row}</sheetData></worksheet>""".strip()
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name, text in EXCEL.items():
            archive.writestr(name, sheet.encode("utf-16") if name == SHEET else text)

    rows = load_workbook(io.BytesIO(mark_workbook(content.getvalue(), ERRORS))).worksheets[0]

    assert [cell.value for cell in rows[1]] == ["Mã", "Errors"]


def test_line_ends_of_texts_and_formats_are_kept() -> None:
    sheet = f'''<worksheet xmlns="{MAIN}"><sheetData><row r="3"><c r="A3" t="inlineStr" s="1"><is>
        <t xml:space="preserve">a&#13;&#10;b &amp;amp; &lt;i></t></is></c><c r="B3" s="1"><v>1</v></c></row>
        </sheetData></worksheet>'''
    content = io.BytesIO()
    with ZipFile(content, "w") as archive:
        for name, text in {**EXCEL, SHEET: sheet}.items():
            archive.writestr(name, text.replace("0000000000", "0&#10;0&quot;"))

    marked = mark_workbook(content.getvalue(), ERRORS)

    rows = load_workbook(io.BytesIO(marked)).worksheets[0]
    assert rows["A3"].value == "a\r\nb &amp; <i>"
    assert rows["B3"].number_format == '0\n0"'


def test_a_full_sheet_is_refused() -> None:
    sheet = f'''<worksheet xmlns="{MAIN}"><sheetData><row r="1"><c r="XFD1"><v>1</v></c></row>
        </sheetData></worksheet>'''

    with pytest.raises(RefusedWorkbook):
        mark_workbook(workbook(sheet), ERRORS)
