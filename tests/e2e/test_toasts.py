"""Toasts confirm small things: announced once, never in the way, dismissed by button, Escape or time."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Tab
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
SAVED = "Your preferences were saved."
MOVING = {"reduced_motion": "no-preference"}  # a toast slides in, as for most users


def save_preferences(page: Page) -> Locator:
    """Save the preferences as they are; returns the toast that says so."""
    page.locator(".bar__in > details.menu > summary").click()
    page.get_by_role("button", name="Save preferences").click()
    toast = page.locator("[data-toast]").filter(has_text=SAVED)
    expect(toast).to_be_visible()
    return toast


def test_a_toast_is_dismissed_by_button_or_escape_and_returns_the_focus(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", **MOVING).goto("/account/")
    toast = save_preferences(page)
    expect(page.get_by_role("status").filter(has_text=SAVED)).to_have_count(1)
    toast.get_by_role("button", name="Dismiss").click()
    expect(toast).to_have_count(0)
    expect(page.locator("#main")).to_be_focused()

    toast = save_preferences(page)
    page.locator(".bar__in > details.menu > summary").click()
    page.keyboard.press("Escape")
    expect(page.locator(".bar__in > details.menu")).not_to_have_attribute("open", "")
    expect(toast).to_be_visible()
    page.keyboard.press("Escape")
    expect(toast).to_have_count(0)


def test_a_toast_is_announced_once_after_the_page_has_loaded(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto("/account/")
    page.add_init_script(
        """window.said = []; document.addEventListener("DOMContentLoaded", () => {
        new MutationObserver((changes) => { for (const { target } of changes) {
          const region = target.closest?.("[role=status]");
          if (region?.textContent.trim()) window.said.push(region.textContent); } })
          .observe(document.body, { childList: true, subtree: true });
        });"""
    )
    expect(save_preferences(page)).to_contain_text(SAVED)
    page.wait_for_function("() => window.said.length > 0")  # a function: the policy allows no eval

    assert page.evaluate("window.said") == [SAVED]


def test_a_toast_stays_while_hovered_or_focused_and_disappears_after_ten_seconds(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto("/account/")
    page.clock.install()
    toast = save_preferences(page)
    page.clock.run_for(4_000)
    toast.hover()
    page.clock.run_for(60_000)
    expect(toast).to_be_visible()
    toast.get_by_role("button").focus()
    page.mouse.move(0, 0)
    page.clock.run_for(60_000)
    expect(toast).to_be_visible()

    page.locator("main a").first.focus()
    page.clock.run_for(4_000)
    expect(toast).to_be_visible()
    page.clock.run_for(7_000)
    expect(toast).to_have_count(0)


def overlap(one: Locator, other: Locator) -> bool:
    """Whether two elements overlap."""
    a, b = one.bounding_box(), other.bounding_box()
    assert a
    assert b
    is_beside = a["x"] + a["width"] <= b["x"] or b["x"] + b["width"] <= a["x"]
    return not is_beside and a["y"] < b["y"] + b["height"] and b["y"] < a["y"] + a["height"]


@pytest.mark.parametrize("width", [1280, pytest.param(900, marks=pytest.mark.slow), 390])
def test_a_toast_covers_neither_the_focus_nor_the_save_bar(
    width: int, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", viewport={"width": width, "height": 700}, **MOVING).goto(f"/tickets/{CODE}/")
    page.clock.install()  # so that it does not disappear meanwhile
    toast = save_preferences(page)
    savebar = page.locator(".savebar")
    savebar.scroll_into_view_if_needed()
    expect(page.locator("[data-toast-list]")).to_have_attribute("data-toast-place", "")
    page.locator("#main").focus()
    for _press in range(30):
        page.keyboard.press("Tab")
        page.clock.run_for(100)
        focused = page.locator(":focus")
        if focused.count() == 0:  # beyond the end of the page
            break
        if focused.locator("xpath=ancestor::*[@data-toast]").count():
            continue
        assert not overlap(toast, focused), focused.evaluate("one => one.outerHTML")
        assert not overlap(toast, savebar), focused.evaluate("one => one.outerHTML")


def test_without_scripts_a_toast_is_part_of_the_page(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", java_script_enabled=False).goto("/account/")
    toast = save_preferences(page)

    expect(toast.get_by_role("button")).to_have_count(0)
    assert not overlap(toast, page.get_by_role("heading", level=1))
    page.emulate_media(media="print")
    expect(toast).to_be_hidden()
