"""A hostile ticket in a real browser: it stays in its box and requests nothing."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Tab
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
HOSTILE = (
    '<div style="position:fixed;inset:0;z-index:9999;background:#fff" class="bar savebar" id="main">'
    '<form action="https://evil.example"><button name="status_name" data-shortcuts-save-button>Save</button>'
    "</form></div>"
    f"<h1>{'W' * 4000}</h1><table><tr>{'<td>ô</td>' * 300}</tr></table><p dir='rtl'>\u202eesrever</p>"
    '<a href="https://evil.example/sign-in">https://bank.com</a>'
    '<img src="https://track.example.com/1.gif" alt="biểu đồ"><script>document.title="owned"</script>'
)
COVERED = """() => [...document.querySelectorAll("main button, main a, main input, main select, header a")]
  .filter(control => !control.closest(".content") && control.checkVisibility())
  .filter(control => {
    control.scrollIntoView({block: "center", behavior: "instant"});
    const box = control.getBoundingClientRect();
    if (!box.width || !box.height) return false;
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return Boolean(top?.closest(".content"));
  }).map(control => control.outerHTML)"""


@pytest.fixture
def hostile(live_sandbox: Sandbox) -> None:
    live_sandbox.edit(CODE, ticket_content=HOSTILE, ticket_title="Phiếu \u202e gnort")


@pytest.mark.usefixtures("hostile")
@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_content_neither_covers_controls_nor_widens_the_page(
    width: int, tab_of: Callable[..., Tab]
) -> None:
    page = tab_of("staff", viewport={"width": width, "height": 900}).goto(URL)
    content = page.get_by_role("group", name="Content", exact=True)

    expect(content).to_contain_text("really leads to evil.example")
    expect(content.get_by_role("button")).to_have_count(0)
    assert page.evaluate(COVERED) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "owned" not in page.title()


@pytest.mark.usefixtures("hostile")
def test_images_of_a_ticket_load_after_show_images_and_not_before(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("staff")
    asked = note_requests_elsewhere(tab.unopened)
    page = tab.goto(URL)
    expect(page.get_by_text("Image not loaded: biểu đồ: track.example.com")).to_be_visible()
    assert asked == []

    page.get_by_role("link", name="Show images").click()
    expect(page.get_by_role("img", name="biểu đồ")).to_be_visible()
    assert asked == ["https://track.example.com/1.gif (no referrer)"]

    page.get_by_role("link", name="Hide images").click()
    expect(page.get_by_role("link", name="Show images")).to_be_visible()
    assert len(asked) == 1


def note_requests_elsewhere(page: Page) -> list[str]:
    asked: list[str] = []

    def answer(route: Route) -> None:
        referrer = route.request.headers.get("referer", "no referrer")
        asked.append(f"{route.request.url} ({referrer})")
        route.fulfill(status=200, content_type="image/svg+xml", body=PICTURE)

    page.route("https://*/**", answer)
    return asked


PICTURE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><rect width="40" height="40"/></svg>'
)
