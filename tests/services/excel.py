"""The parts of a workbook as Excel writes them, for tests of reading one."""

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
STRINGS = "xl/sharedStrings.xml"
SHEET = "xl/worksheets/sheet1.xml"
# Shared strings, styles by number, results beside formulas.
EXCEL = {
    "[Content_Types].xml": f'''<Types xmlns="{PACKAGE}/content-types">
        <Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
        <Default Extension="xml" ContentType="application/xml"/>
        <Override PartName="/xl/workbook.xml" ContentType="{KIND}.sheet.main+xml"/>
        <Override PartName="/{SHEET}" ContentType="{KIND}.worksheet+xml"/>
        <Override PartName="/xl/styles.xml" ContentType="{KIND}.styles+xml"/>
        <Override PartName="/{STRINGS}" ContentType="{KIND}.sharedStrings+xml"/></Types>''',
    "_rels/.rels": f'''<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>''',
    "xl/workbook.xml": f'''<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><workbookPr/>
        <sheets><sheet name="Phiếu" sheetId="1" r:id="rId1"/></sheets></workbook>''',
    "xl/_rels/workbook.xml.rels": f'''<Relationships xmlns="{PACKAGE}/relationships">
        <Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>
        <Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/>
        <Relationship Id="rId3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>''',
    "xl/styles.xml": f'''<styleSheet xmlns="{MAIN}">
        <numFmts count="1"><numFmt numFmtId="164" formatCode="0000000000"/></numFmts>
        <fonts count="1"><font><sz val="11"/></font></fonts>
        <fills count="1"><fill><patternFill patternType="none"/></fill></fills>
        <borders count="1"><border/></borders>
        <cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>
        <cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>
        <xf numFmtId="164" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>
        <xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/></cellXfs>
        </styleSheet>''',
    STRINGS: f'''<sst xmlns="{MAIN}" count="6" uniqueCount="6"><si><t>Mã</t></si><si><t>Điện thoại</t></si>
        <si><t>Ngày</t></si><si><t>Tiêu đề</t></si><si><t>TK-1</t></si>
        <si><r><t xml:space="preserve">Máy </t></r><r><rPr><b/></rPr><t>in</t></r>
        <rPh sb="0" eb="1"><t>x</t></rPh></si></sst>''',
    SHEET: f'''<worksheet xmlns="{MAIN}"><dimension ref="A1:G4"/><sheetData>
        <row r="1" spans="1:7"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>
        <c r="C1" t="s"><v>2</v></c>
        <c r="D1" t="s"><v>3</v></c><c r="E1" t="inlineStr"><is><t>E</t></is></c>
        <c r="F1" t="str"><f>"F"</f><v>F</v></c><c r="G1" t="str"><f>"G"</f><v>G</v></c></row>
        <row r="3" spans="1:7" hidden="1"><c r="A3" t="s"><v>4</v></c><c r="B3" s="1"><v>901234567</v></c>
        <c r="C3" s="2"><v>46387</v></c><c r="D3" t="s"><v>5</v></c><c r="E3" t="b"><v>1</v></c>
        <c r="F3" t="e"><f>NA()</f><v>#N/A</v></c><c r="G3" t="str"><f>""</f><v></v></c></row>
        <row r="4" spans="1:7"><c r="A4"><v>1234567</v></c><c r="D4"><f>1+1</f><v>2</v></c>
        <c r="E4"><f>2+2</f></c></row>
        </sheetData><mergeCells count="1"><mergeCell ref="B4:C4"/></mergeCells></worksheet>''',
}
