"""Steps that tests of the content's editor share."""

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab, next_page


def opened(tab: Tab, code: str = "ABCXYZ1234") -> Page:
    """Open a ticket and its content for editing."""
    page = tab.goto(f"/tickets/{code}/")
    open_editor(page)
    return page


def open_editor(page: Page) -> None:
    """Open the content of the ticket that is shown."""
    page.get_by_text("Edit the content", exact=True).click()
    expect(page.get_by_role("group", name="How to edit")).to_be_visible()


def save(page: Page) -> None:
    """Save and see that it was verified, on the next page: this one may say so of an earlier save."""
    with next_page(page):
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
