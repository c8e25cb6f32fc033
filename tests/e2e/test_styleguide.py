"""The style guide shows every component; print, strong contrast and forced colours work, too."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.conftest import CHROMIUM_FLAGS
from tests.e2e.axe import RULES, load_axe, violations
from tests.e2e.conftest import FAILURES, Tab
from tests.e2e.editing import opened
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox, SandboxProcess

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parent.parent.parent
CODE = "ABCXYZ1234"
SHEETS = ("components", "forms", "account", "bulk", "conflict", "layout")
# Classes that only a script or a library sets, or that frame a whole page.
ELSEWHERE = re.compile(
    r"^(ProseMirror|prose-|suggestions|status-menu|menu|skip|page-head--|columns__side|bar__nav|link-target"
    r"|table--items|no-print|filters|form__grid--|reading|input$|tone-text-)"
)
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def painting_browser(isolated_browser: Browser, chromium: str) -> Iterator[Browser]:
    """One more Chromium, which paints all of a page: pixels are compared here alone."""
    started = isolated_browser.browser_type.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
    yield started
    started.close()


@pytest.fixture(scope="module")
def guide(
    painting_browser: Browser, fresh_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Page]]:
    """Opens the style guide of a server with DEBUG; all looks at it share a window."""
    server = LiveServer(tmp_path_factory.mktemp("guide"), fresh_sandbox.url, is_swept=False, DEBUG="1")
    tab = Tab(painting_browser.new_context(reduced_motion="reduce"), server).sign_in("admin")
    load_axe(tab.unopened)

    def show(width: int, theme: Any) -> Page:
        tab.unopened.set_viewport_size({"width": width, "height": 900})
        tab.unopened.emulate_media(color_scheme=theme, forced_colors="none", reduced_motion="reduce")
        return tab.goto("/styleguide/")

    yield show
    tab.context.close()
    server.stop()
    assert tab.complaints == []


@pytest.mark.parametrize(
    ("width", "theme"),
    [
        (1280, "light"),
        (390, "dark"),
        pytest.param(1280, "dark", marks=pytest.mark.slow),
        pytest.param(390, "light", marks=pytest.mark.slow),
    ],
)
def test_the_style_guide_looks_the_same_twice_and_axe_finds_nothing(
    width: int, theme: str, guide: Callable[..., Page]
) -> None:
    page = guide(width, theme)
    FAILURES.mkdir(exist_ok=True)
    page.screenshot(path=FAILURES / f"styleguide-{width}-{theme}.png", full_page=True)
    first = page.screenshot(animations="disabled")
    page.reload()

    assert page.screenshot(animations="disabled") == first
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(page, RULES["dark"] if theme == "dark" else WCAG) == []


def test_every_component_of_the_style_sheets_is_shown(guide: Callable[..., Page]) -> None:
    shown = set(
        guide(1280, "light").evaluate("[...document.querySelectorAll('*')].flatMap((e) => [...e.classList])")
    )
    sheets = " ".join((ROOT / f"static/css/{name}.css").read_text(encoding="utf-8") for name in SHEETS)
    selectors = " ".join(re.findall(r"([^{}]+)\{", re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL)))
    named = {name for name in re.findall(r"\.([a-zA-Z][\w-]*)", selectors) if not ELSEWHERE.match(name)}

    assert named - shown == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_ticket_prints_its_values_dark_on_white(
    theme: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", color_scheme=theme).goto(f"/tickets/{CODE}/")
    page.emulate_media(media="print", color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]

    for gone in (".bar", ".savebar", ".quick", "main .button"):
        expect(page.locator(gone).first).to_be_hidden()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_label("Title")).to_be_visible()
    expect(page.locator(".content").first).to_have_css("max-height", "none")  # a long one is not cut off
    expect(page.get_by_label("Title")).to_have_css("border-top-width", "0px")
    assert brightness(page, "main h1", "color") < 60
    assert brightness(page, "input[name=ticket_title]", "color") < 60
    assert brightness(page, "body", "backgroundColor") == 255


def test_a_bulk_result_prints_its_counts_and_a_line_for_each_ticket(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    worker = LiveWorker(live, "print-worker")
    lead = Lead(live)
    path = lead.run([CODE, "KHONGCO99"], emergency_phone="0909123123")
    lead.close()
    worker.stop()
    page = tab_of("lead", color_scheme="dark").goto(path)
    page.emulate_media(media="print")

    expect(page.locator(".tile").first).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="KHONGCO99")).to_be_visible()
    for gone in (".bar", ".steps", "#live-afterwards", "#live-keep-recipe", "main .button"):
        expect(page.locator(gone).first).to_be_hidden()
    assert brightness(page, "main td", "color") < 60
    assert page.pdf().startswith(b"%PDF")


@pytest.fixture
def channels(live: LiveServer) -> Iterator[None]:
    """A custom field of which several options may be chosen."""
    options = r"'dt = Điện thoại\nmail = Thư\nchat = Chat'"
    made = f"key='kenh', label='Kênh', kind='multi_select', choices_text={options}"
    live.execute(f"from ticketadmin.models import CustomField as C; C.objects.create({made})")
    yield
    live.execute("from ticketadmin.models import CustomField as C; C.objects.get(key='kenh').delete()")


@pytest.mark.usefixtures("channels")
def test_only_the_selected_options_are_printed(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").goto(f"/tickets/{CODE}/")
    for name in ("Điện thoại", "Chat"):
        page.get_by_label(name).check()
    page.emulate_media(media="print")
    options = page.get_by_role("group", name="Kênh")

    for name in ("Điện thoại", "Chat"):
        expect(options.get_by_text(name)).to_be_visible()
    expect(options.get_by_text("Thư")).to_be_hidden()
    for box in options.get_by_role("checkbox", include_hidden=True).all():
        expect(box).to_be_hidden()


def test_a_printed_list_is_a_table_even_on_narrow_paper(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", viewport={"width": 700, "height": 990}).goto("/tickets/")
    cell = page.locator("tr[data-code] td").nth(1)
    expect(cell).to_have_css("display", "block")
    page.emulate_media(media="print")

    expect(cell).to_have_css("display", "table-cell")
    head = page.get_by_role("columnheader", name="Code")
    above, below = head.bounding_box(), cell.bounding_box()
    assert above
    assert below
    assert above["x"] == below["x"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 700


def test_forced_colours_show_what_is_selected(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    table = "<table><tbody><tr><td><p>một</p></td><td><p>hai</p></td></tr></tbody></table>"
    live_sandbox.edit(CODE, ticket_content=table)
    page = opened(tab_of("staff", forced_colors="active"))
    text = page.get_by_role("textbox", name="Content", exact=True)
    text.get_by_text("một").click()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    text.get_by_text("một").drag_to(text.get_by_text("hai"))
    page.get_by_role("button", name="Bold", exact=True).click()
    chosen = [
        page.locator(".quick").get_by_role("button", pressed=True),
        page.get_by_role("group", name="How to edit").get_by_role("button", pressed=True),
        page.get_by_role("button", name="Bold", exact=True),
        page.locator(".selectedCell").first,
    ]
    for one in chosen:
        assert is_outlined(one), one
    page.get_by_role("combobox", name=re.compile("Ticket code")).fill(CODE)
    option = page.get_by_role("option", name=f"Open ticket {CODE}")
    expect(option).to_be_visible()
    assert not is_outlined(option)
    page.keyboard.press("ArrowDown")
    assert is_outlined(option)


def test_forced_colours_show_which_view_is_open(guide: Callable[..., Page]) -> None:
    page = guide(1280, "light")
    page.emulate_media(forced_colors="active")

    assert is_outlined(page.locator(".chip").filter(has_text="Overdue"))


def is_outlined(thing: Locator) -> bool:
    """Whether a line is drawn around it."""
    return bool(thing.evaluate("one => getComputedStyle(one).outlineStyle === 'solid'"))


def test_forced_colours_keep_the_borders(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff", forced_colors="active").goto("/tickets/")
    page.locator("tr[data-code]").first.wait_for()

    badge = page.locator("[data-quick-cell] .badge").first
    assert badge.evaluate("one => getComputedStyle(one).borderTopStyle") == "solid"
    primary = page.locator("main .button--primary").first
    assert primary.evaluate("one => parseFloat(getComputedStyle(one).borderTopWidth)") >= 2


def test_stronger_contrast_reaches_seven_to_one(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff", contrast="more").goto("/tickets/")
    rule = {"type": "rule", "values": ["color-contrast-enhanced"]}
    page.locator("tr[data-code]").first.wait_for()

    assert violations(page, rule, within=".muted") == []


def brightness(page: Page, selector: str, name: str) -> float:
    """Return the mean of red, green and blue of an element's colour, 0 to 255."""
    colour = page.locator(selector).first.evaluate(f"one => getComputedStyle(one).{name}")
    parts = [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]
    return sum(parts) / 3
