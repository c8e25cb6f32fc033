"""Content as other systems write it: viewing never sends it, and editing loses nothing silently.

`bodies/` holds such contents, byte for byte. `LOSSES` says what the rich text editor must name for each.
"""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab
from tests.e2e.editing import open_editor, opened, save
from tests.sandbox_driver import Sandbox
from ticketadmin.presenters.content import display_content
from ticketadmin.sanitizing import as_html, clean_html

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
BODIES = {
    path.stem: path.read_bytes().decode() for path in sorted((Path(__file__).parent / "bodies").iterdir())
}
LOSSES = {
    "arabic-customer": {"the direction of text"},
    "github-tasks": {"code", "check boxes and form fields"},
    "gmail-reply": {"colours and fonts"},
    "hostile": {"videos and other embedded objects", "links"},
    "html-3-in-capitals": {"alignment"},
    "jira": {"colours and fonts", "marked, small, big, inserted or quoted text"},
    "monitoring-alert": {"alignment", "captions"},
    "old-browser-editor": {"colours and fonts", "marked, small, big, inserted or quoted text"},
    "outlook-reply": {"colours and fonts"},
    "pictures-in-text": {"images"},
    "quill": {"colours and fonts"},
    "tinymce": {"colours and fonts"},
    "wiki": {
        "targets of links within the content",
        "headings",
        "marked, small, big, inserted or quoted text",
        "lists",
    },
    "word-in-a-mail": {"colours and fonts"},
}
AS_SHOWN = "html => new DOMParser().parseFromString(html, 'text/html').body.innerHTML"
ADDED = "<p>Đã xử lý</p>"
# The rest is as much work as all other tests of the editor, and comes last in CI.
IN_EVERY_RUN = {"decomposed-accents", "hostile", "nothing-closed", "wiki"}
EACH = [name if name in IN_EVERY_RUN else pytest.param(name, marks=pytest.mark.slow) for name in BODIES]


def named(page: Page) -> set[str]:
    return set(page.locator("[data-rich-losses]:not([hidden]) li:not([hidden])").all_inner_texts())


def test_the_table_has_enough_contents() -> None:
    assert len(BODIES) >= 20
    assert set(LOSSES) | IN_EVERY_RUN <= set(BODIES)


@pytest.mark.parametrize("name", EACH)
def test_untouched_content_is_not_sent_losses_are_named_and_html_is_sent_as_previewed(
    name: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    body = BODIES[name]
    live_sandbox.edit(CODE, ticket_content=body)
    page = opened(tab_of("staff"))
    assert named(page) == LOSSES.get(name, set())
    page.get_by_label("Emergency phone").fill("0123456789")
    save(page)
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "emergency_phone": "0123456789"}]
    assert live_sandbox.ticket(CODE)["ticket_content"] == body

    open_editor(page)
    page.get_by_role("button", name="HTML", exact=True).click()
    source = page.get_by_label("Content as HTML")
    source.fill(source.input_value() + ADDED)
    preview = page.locator("[data-rich-preview]")
    expect(preview.get_by_role("group")).to_contain_text("Đã xử lý")
    shown = preview.get_by_role("group").inner_html()  # with the template's white space around it
    save(page)

    sent = live_sandbox.puts(CODE)[-1]["ticket_content"]
    assert sent == unicodedata.normalize("NFC", clean_html(as_html(body.replace("\r\n", "\n")) + ADDED))
    stored = str(display_content(sent).html).strip()
    assert unicodedata.normalize("NFC", shown.strip()) == page.evaluate(AS_SHOWN, stored)
