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
