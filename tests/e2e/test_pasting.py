"""Pasting from other programs: all visible text, its structure, none of the junk, nothing executable.

`clipboards/` holds what those programs put on the clipboard, written by hand in their manner, and beside each
the content that the ticket should have after it was pasted into an empty editor.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab
from tests.sandbox_driver import Sandbox
from ticketadmin.sanitizing import clean_html

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
CLIPBOARDS = Path(__file__).parent / "clipboards"
PAYLOADS = sorted(path.name for path in CLIPBOARDS.iterdir() if ".expected" not in path.name)
WITH_PICTURES = {"word-picture.html", "web-page.html"}
PASTE = """([kind, text]) => {
  const data = new DataTransfer();
  data.setData(kind, text);
  const options = {clipboardData: data, bubbles: true, cancelable: true};
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
}"""
# What Chromium shows of it. A bullet or number that Word writes as text becomes a real one.
READ = """() => {
  for (const marker of document.querySelectorAll("[style*='mso-list:Ignore']")) marker.remove();
  for (const emoji of document.querySelectorAll("[data-emoji]")) emoji.replaceWith(emoji.alt);
  return document.body.innerText;
}"""


NUMBERED = (
    "<p style='mso-list:l0 level{level} lfo1'><![if !supportLists]><span style='mso-list:Ignore'>{marker}"
    "<span style='font:7.0pt \"Times New Roman\"'>&nbsp;&nbsp; </span></span><![endif]>{text}</p>"
)
WEB_ITEM = (
    "<div class='ListContainerWrapper'><{0}><li data-aria-level='{1}'><p>{2}<span class='EOP'>&nbsp;</span>"
    "</p></li></{0}></div>"
)
TO_DO = "<li><img src='data:,' alt='{}' aria-roledescription='checkbox'><p>{}</p></li>"


def word_list(*items: tuple[int, str, str]) -> str:
    return "".join(NUMBERED.format(level=level, marker=marker, text=text) for level, marker, text in items)


# What a reader of the source sees and a plain conversion would change or glue together.
SEEN: dict[str, tuple[str, str]] = {
    "levels that are left out": (
        word_list((1, "·", "một"), (3, "§", "ba"), (3, "§", "bốn"), (1, "·", "năm")),
        "<ul><li><p>một</p><ul><li><p>ba</p></li><li><p>bốn</p></li></ul></li><li><p>năm</p></li></ul>",
    ),
    "letters": (
        word_list((1, "b)", "hai"), (1, "c)", "ba")),
        '<ol start="2" type="a"><li><p>hai</p></li><li><p>ba</p></li></ol>',
    ),
    "roman numbers": (word_list((1, "III.", "ba")), '<ol start="3" type="I"><li><p>ba</p></li></ol>'),
    "bullets that are letters of another font": (
        word_list((1, "Ø", "một"), (1, "ü", "hai")),
        "<ul><li><p>một</p></li><li><p>hai</p></li></ul>",
    ),
    "numbers in parts": (
        word_list((1, "1.", "một"), (2, "1.1.", "phần"), (1, "2.", "hai")),
        '<ol><li><p>một</p></li></ol><p>1.1. phần</p><ol start="2"><li><p>hai</p></li></ol>',
    ),
    "numbers with a word": (word_list((1, "Điều 7.", "Phí")), "<p>Điều 7. Phí</p>"),
    "a numbered heading": (
        word_list((2, "1.1", "Phí")).replace("<p", "<h2").replace("</p", "</h2"),
        "<h2>1.1 Phí</h2>",
    ),
    "Word on the web": (
        WEB_ITEM.format("ul", 1, "một")
        + WEB_ITEM.format("ol start=2", 2, "con")
        + WEB_ITEM.format("ul", 1, "hai"),
        '<ul><li><p>một</p><ol start="2"><li><p>con</p></li></ol></li><li><p>hai</p></li></ul>',
    ),
    "a list of things to do": (
        f"<ul>{TO_DO.format('checked', 'xong')}{TO_DO.format('unchecked', 'chưa')}</ul>",
        "<ul><li><p>☑ xong</p></li><li><p>☐ chưa</p></li></ul>",
    ),
    "hidden text": ("<p>thấy<span style='display:none;mso-hide:all'> ẩn</span></p>", "<p>thấy</p>"),
    "hidden rows": (
        "<table><tr><td>1</td></tr><tr style='display: none'><td>2</td></tr></table>",
        "<table><tbody><tr><td><p>1</p></td></tr></tbody></table>",
    ),
    "lines by spans": (
        "<span style='color:red; display: block'>một</span><span style='display:flex'>hai</span>",
        "<p>một</p><p>hai</p>",
    ),
    "lines that a chat keeps": (
        "<div style='white-space: pre-wrap'>một\nhai\r\n\r\nbốn</div>",
        "<p>một<br>hai<br><br>bốn</p>",
    ),
    "a line that can be opened": ("<details><summary>Tóm</summary>Hết</details>", "<p>Tóm</p><p>Hết</p>"),
    "the address of a file in the network": (
        "<p><a href='file:///\\\\may1\\chung\\H%C4%90 1.docx'>hợp đồng</a></p>",
        "<p>hợp đồng (\\\\may1\\chung\\HĐ 1.docx)</p>",
    ),
    "a file named by its address": (
        "<p><a href='file:///D:/a b.txt'>D:\\a b.txt</a></p>",
        "<p>D:\\a b.txt</p>",
    ),
    "an address of another program": ("<p><a href='zalo://x/1'>Zalo</a></p>", "<p>Zalo (zalo://x/1)</p>"),
    "addresses within the document": (
        "<p><a href='#_Toc1'>mục</a> <a href='javascript:alert(1)'>nút</a></p>",
        "<p>mục nút</p>",
    ),
}


def editor(page: Page) -> None:
    page.get_by_text("Edit the content", exact=True).click()
    page.get_by_role("textbox", name="Content", exact=True).click()


def letters(text: str) -> str:
    return re.sub(r"\s+", "", text)


def seen(tab: Tab, html: str) -> str:
    page = tab.context.new_page()
    page.set_content(html)
    page.evaluate("() => document.querySelectorAll('script, iframe').forEach(one => one.remove())")
    text = page.evaluate(READ)
    page.close()
    return str(text)


def pasted(page: Page, name: str, payload: str) -> str:
    """Replace everything in the editor by pasting, and return what would be stored."""
    page.get_by_role("textbox", name="Content", exact=True).focus()
    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    page.evaluate(PASTE, ["text/html" if name.endswith("html") else "text/plain", payload])
    return clean_html(page.locator("textarea[data-content]").input_value())


def test_pasting_keeps_text_and_structure_and_removes_the_rest(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content="<p>Lỗi</p>")
    tab = tab_of("staff")
    page = tab.goto(f"/tickets/{CODE}/")
    editor(page)
    for name in PAYLOADS:
        payload = (CLIPBOARDS / name).read_text(encoding="utf-8")
        content = pasted(page, name, payload)
        expect(page.get_by_text("Pasted pictures were left out")).to_be_visible(visible=name in WITH_PICTURES)
        expected = (CLIPBOARDS / f"{name}.expected").read_text(encoding="utf-8")
        assert content == expected.strip(), name
        visible = seen(tab, payload) if name.endswith("html") else payload
        assert letters(seen(tab, content)) == letters(visible), name
        assert not re.search(
            r"<(script|style|iframe|svg|form)|\son\w+=|javascript:|mso|class=", content, re.I
        )

    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.ticket(CODE)["ticket_content"] == content


def test_a_screenshot_alone_is_refused_with_a_reason(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content="<p>Lỗi</p>")
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    editor(page)

    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(8)], "image.png", {type: "image/png"}));
          const options = {clipboardData: data, bubbles: true, cancelable: true};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )

    expect(page.get_by_text("Pasted pictures were left out")).to_be_visible()
    expect(page.get_by_label("Content as HTML")).to_have_value("<p>Lỗi</p>")


def test_numbers_lines_and_addresses_stay_as_they_were_seen(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content="<p>Lỗi</p>")
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    editor(page)

    found = {name: pasted(page, "html", source) for name, (source, _stored) in SEEN.items()}

    assert found == {name: clean_html(stored) for name, (_source, stored) in SEEN.items()}
    expect(page.get_by_text("Pasted pictures were left out")).to_be_hidden()


def test_what_is_far_too_long_is_refused_before_it_keeps_the_page_busy(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content="<p>Lỗi</p>")
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    editor(page)
    html = page.get_by_label("Content as HTML")
    refused = page.get_by_text("Nothing was pasted")
    rows = "<table>" + "<tr><td>1</td><td>2</td></tr>" * 4_000 + "</table>"

    for kind, text in (("text/plain", "dài " * 25_001), ("text/html", rows)):
        page.evaluate(PASTE, [kind, text])
        expect(refused).to_be_visible()
        expect(html).to_have_value("<p>Lỗi</p>")
        page.evaluate(PASTE, ["text/html", f"<p style='{'mso-x:y;' * 15_000}'></p>"])
        expect(refused).to_be_hidden()  # long by what is left out alone


def test_numbers_of_items_are_named_before_the_editor_loses_them(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content='<ol><li value="5">năm</li></ol>')
    page = tab_of("staff").goto(f"/tickets/{CODE}/")

    page.get_by_text("Edit the content", exact=True).click()

    expect(page.get_by_text("The rich text editor would lose parts of this content.")).to_be_visible()
    expect(page.locator("[data-rich-kind=numbering]")).to_be_visible()
