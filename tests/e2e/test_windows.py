"""The next test gets a window in which nothing of the test before is left (`conftest.py: Windows`)."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import AS_MOST, IS_EMPTY, Tab, Windows
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
URL = "/tickets/ABCXYZ1234/"
TYPED = "Gõ dở của bài trước"


def test_a_reused_window_neither_shows_nor_sends_anything_of_its_previous_user(
    windows: Windows, live: LiveServer, live_sandbox: Sandbox
) -> None:
    before = Tab(windows.take(**AS_MOST), live).sign_in("staff")
    page = before.goto(URL)
    page.evaluate("sessionStorage.left = localStorage.left = window.name = 'left'")
    page.get_by_label("Title").fill(TYPED)  # its draft is kept a little later, or sent on leaving
    windows.give_back(before, **AS_MOST)
    assert page.evaluate(IS_EMPTY)

    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    tab = Tab(windows.take(**AS_MOST), live).sign_in("staff")
    page = tab.goto("/account/")
    page.wait_for_load_state("networkidle")
    assert tab.context is before.context
    assert [one for one in asked if one.startswith("POST")] == []
    assert page.evaluate("[sessionStorage.left, localStorage.left, window.name]") == [None, None, ""]
    page = tab.goto(URL)
    expect(page.get_by_label("Title")).not_to_have_value(TYPED)
    assert tab.complaints == []
    windows.give_back(tab, **AS_MOST)


def test_permanent_changes_to_a_page_do_not_reach_the_next_test(
    windows: Windows, live: LiveServer, live_sandbox: Sandbox
) -> None:
    before = Tab(windows.take(**AS_MOST), live).sign_in("staff")
    page = before.goto("/account/")
    page.route("**/account/", lambda route: route.abort())
    page.emulate_media(media="print")
    page.add_init_script("window.left = 'left'")
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    windows.give_back(before, **AS_MOST)
    del heard[:]

    tab = Tab(windows.take(**AS_MOST), live).sign_in("staff")
    after = tab.goto("/account/")

    assert tab.context is before.context
    assert page.is_closed()
    assert tab.context.pages == [after]
    assert after.viewport_size == AS_MOST["viewport"]
    assert after.evaluate("[window.left, opener, matchMedia('print').matches]") == [None, None, False]
    assert after.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    assert heard == []
    windows.give_back(tab, **AS_MOST)
