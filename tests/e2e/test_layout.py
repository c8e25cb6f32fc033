"""Layout: nothing is cut off, boxes are aligned, rows of filters are full."""

from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.browsing import Visitor
from tests.e2e.conftest import Tab
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
BESIDE_LINKS = 800  # pixels: Django's settings pages still have their links at the left
CUT = """(cells) => cells.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.innerText)"""
# Boxes that reach over the edge of the row that they are in.
OVER = """(rows) => rows.flatMap((row) => [...row.querySelectorAll("input, select, textarea")]
  .filter((box) => box.getBoundingClientRect().right > row.getBoundingClientRect().right)
  .map((box) => box.name))"""
# Icons whose text begins below them.
ALONE = """(icons) => icons.map((icon) => [icon, icon.nextElementSibling])
  .filter(([icon, text]) => text.getBoundingClientRect().top >= icon.getBoundingClientRect().bottom)
  .map(([, text]) => text.innerText)"""
# Pixels between each of some elements and the next one below it.
GAPS = """(all) => {
  const boxes = all.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect());
  return boxes.slice(1).map((box, at) => Math.round(box.top - boxes[at].bottom));
}"""
# The buttons of a page that are filled with the colour of its main action.
FILLED = """(buttons) => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.backgroundColor = "var(--accent)";
  const accent = getComputedStyle(probe).backgroundColor;
  probe.remove();
  return buttons.filter((one) => getComputedStyle(one).backgroundColor === accent)
    .map((one) => one.value || one.innerText);
}"""
CAPITALS = """(all) => all.filter((one) => getComputedStyle(one).textTransform === "uppercase").length"""
# Links above a settings page that lie across its headings.
ACROSS = """(links) => {
  const boxes = [...document.querySelectorAll("#content :is(h1, h2)")].map((one) => {
    const range = document.createRange();
    range.selectNodeContents(one);
    return range.getBoundingClientRect();
  });
  return links.filter((link) => {
    const own = link.getBoundingClientRect();
    return boxes.some((box) => box.left < own.right && own.left < box.right
      && box.top < own.bottom && own.top < box.bottom);
  }).map((link) => link.innerText);
}"""
# Pixels from the edge of what is in a card to what is in the first cells of its table.
INSET = """(table) => {
  const card = table.closest(".card");
  const edge = card.getBoundingClientRect().left + card.clientLeft
    + parseFloat(getComputedStyle(card).paddingLeft);
  return [...table.querySelectorAll(":is(th, td):first-child")].map((cell) =>
    Math.round(cell.getBoundingClientRect().left + parseFloat(getComputedStyle(cell).paddingLeft) - edge))
    .filter((inset) => inset !== 0);
}"""
RIGHT = "(boxes) => [...new Set(boxes.map((one) => Math.round(one.getBoundingClientRect().right)))]"
ROWS = "(boxes) => Object.values(Object.groupBy(boxes, (one) => one.offsetTop)).map((row) => row.length)"


def test_a_due_date_is_not_cut_off_with_longer_words(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date().isoformat()
    live_sandbox.edit(CODE, expected_at=today, status_name="Mới")
    tab = tab_of("staff", locale="vi-VN", viewport={"width": 1280, "height": 900})
    tab.goto(f"/tickets/{CODE}/")  # so that the index knows it
    due = tab.goto(f"/tickets/?text={CODE}").locator("tr[data-code] .table__expected")

    expect(due.locator(".badge")).to_be_visible()
    assert due.evaluate_all(CUT) == []


@pytest.fixture
def channels(live: LiveServer) -> Iterator[None]:
    """A custom field of which several options may be chosen."""
    made = r"key='kenh', label='Kênh', kind='multi_select', choices_text='dt = Điện thoại\nmail = Thư'"
    live.execute(f"from ticketadmin.models import CustomField as C; C.objects.create({made})")
    yield
    live.execute("from ticketadmin.models import CustomField as C; C.objects.get(key='kenh').delete()")


@pytest.mark.usefixtures("channels")
def test_boxes_of_a_bulk_update_are_aligned_with_their_button(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    lead = Lead(live)
    path = lead.choose([CODE])
    lead.close()
    page = tab_of("lead", viewport={"width": 1280, "height": 900}).goto(path)
    boxes = page.locator(".wish__value > :is(input:not([type=hidden]), select, textarea)")
    row = page.locator(".wish:has([name=ticket_title])")
    title = row.locator("[name=ticket_title]").bounding_box()
    button = row.locator(".snippet-button").bounding_box()
    options = page.get_by_label("Điện thoại").locator("..")

    assert boxes.count() > 8
    assert len(boxes.evaluate_all(RIGHT)) == 1
    page.set_viewport_size({"width": 390, "height": 900})
    assert len(boxes.evaluate_all(RIGHT)) == 1
    assert title
    assert button
    assert title["x"] + title["width"] < button["x"]
    assert title["y"] == button["y"]
    expect(options).to_have_css("column-gap", "8px")


@pytest.mark.parametrize("locale", ["en-GB", "vi-VN"])
def test_boxes_of_a_confirmation_are_in_one_line(
    locale: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    worker, lead = LiveWorker(live, "layout-worker"), Lead(live)
    path = lead.check(lead.choose([CODE]), emergency_phone="0909123123")
    lead.close()
    worker.stop()
    boxes = tab_of("lead", locale=locale).goto(path).locator("#live-confirm input[type=number]")

    assert boxes.count() == 2
    assert boxes.evaluate_all(ROWS) == [2]


def test_what_says_nothing_yet_takes_no_room_on_the_page_of_a_run(
    tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    lead = Lead(live)
    worker = LiveWorker(live, "room-worker")
    path = lead.check(lead.choose([CODE]), emergency_phone="0909123124")
    lead.close()
    worker.stop()
    page = tab_of("lead").goto(path)

    assert page.locator(".page-head, [data-bulk-live]").evaluate_all(GAPS) == [24]


def test_bars_of_the_runs_fill_their_cells_on_a_phone(tab_of: Callable[..., Tab], live: LiveServer) -> None:
    lead = Lead(live)
    lead.choose([CODE])
    lead.close()
    bars = tab_of("lead", viewport={"width": 390, "height": 900}).goto("/bulk/").locator("td .meter")

    assert bars.count()
    assert bars.evaluate_all(RIGHT) == bars.locator("xpath=ancestor::td").evaluate_all(RIGHT)


@pytest.mark.parametrize("locale", ["en-GB", "vi-VN"])
@pytest.mark.parametrize(("user", "rows"), [("lead", [4, 4]), ("staff", [7])])
def test_filters_of_the_history_fill_their_rows(
    user: str, rows: list[int], locale: str, tab_of: Callable[..., Tab]
) -> None:
    tab = tab_of(user, locale=locale, viewport={"width": 1280, "height": 900})
    boxes = tab.goto("/history/").locator(".form__grid--filters > div")

    assert boxes.evaluate_all(ROWS) == rows
    assert boxes.evaluate_all(OVER) == []


def test_boxes_of_settings_stay_in_their_frame_beside_the_links(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("admin", viewport={"width": BESIDE_LINKS, "height": 900})
    over = {}
    for path in ("user/1/change/", "user/add/", "customfield/1/change/", "ticketrule/add/"):
        page = tab.goto(f"/admin/ticketadmin/{path}")
        expect(page.locator("#nav-sidebar")).to_be_visible()
        over[path] = page.locator("#content .form-row").evaluate_all(OVER)

    assert {path: names for path, names in over.items() if names} == {}


def test_what_is_in_a_table_begins_where_the_rest_of_its_card_does(
    tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    lead = Lead(live)
    lead.choose([CODE])
    lead.close()
    tab = tab_of("admin", viewport={"width": 1280, "height": 900})
    for path in ("/audit/", "/tickets/", "/bulk/"):
        table = tab.goto(path).locator("main .table--cards").first
        assert table.evaluate(INSET) == [], path


@pytest.mark.parametrize("width", [1280, 390])
def test_a_settings_page_has_one_filled_button_and_nothing_across_its_heading(
    width: int, tab_of: Callable[..., Tab]
) -> None:
    tab = tab_of("admin", viewport={"width": width, "height": 900})
    filled, faults = {}, {}
    for path in ("user/", "statussetting/", "user/1/change/", "user/add/", "customfield/1/change/"):
        page = tab.goto(f"/admin/ticketadmin/{path}")
        buttons = page.locator("#content :is(.button, [type=submit], .submit-row a, .object-tools a)")
        filled[path] = buttons.evaluate_all(FILLED)
        across = page.locator(".object-tools a").evaluate_all(ACROSS)
        capitals = page.locator("#content :is(a, input, th, h2)").evaluate_all(CAPITALS)
        faults[path] = (across, capitals)

    assert filled == {
        "user/": ["Add user"],
        "statussetting/": ["Add status setting", "Save"],  # the second saves the boxes in the rows
        "user/1/change/": ["Save"],
        "user/add/": ["Save"],
        "customfield/1/change/": ["Save"],
    }
    assert {path: found for path, found in faults.items() if found != ([], 0)} == {}


def test_icons_of_the_connection_page_stay_beside_their_text(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("admin", locale="vi-VN", viewport={"width": 390, "height": 900})
    page = tab.goto("/connection/")
    page.locator("main form[action='/connection/'] button").click()
    expect(page.locator("#check-steps")).to_be_visible()
    icons = page.locator("main li > .icon")

    assert icons.count() > 10
    assert icons.evaluate_all(ALONE) == []


def test_controls_around_an_html_content_do_not_touch_each_other(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content="<p style='color:red'>đỏ</p>")
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    editor = page.locator("[data-content-editor]")
    editor.locator("summary").click()
    expect(editor.locator(".content-preview .content")).to_be_visible()
    parts = editor.locator(".editor-switch, .banner, textarea, .content-preview__shown > *, .field__help")
    gaps = parts.evaluate_all(GAPS)

    assert len(gaps) == 6
    assert min(gaps) >= 4


def test_the_last_failures_are_cards_on_a_phone(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    live_sandbox.fault("status", code=CODE, method="PUT", status=403)
    visitor = Visitor(live)
    visitor.post(f"/tickets/{CODE}/", visitor.form(CODE).filled(emergency_phone="0909111222"))
    visitor.close()
    cells = tab_of("admin", viewport={"width": 390, "height": 900}).goto("/connection/").locator("td")
    labels = cells.evaluate_all("(all) => all.map((one) => getComputedStyle(one, '::before').fontFamily)")

    assert len(labels) >= 5
    assert len(set(labels)) == 1
    assert cells.evaluate_all("(all) => all.filter((one) => one.children.length > 1).length") == 0
