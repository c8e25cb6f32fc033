"""axe finds nothing on any page in any state: themes, languages, widths, errors, dialogs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browsing import Visitor
from tests.e2e.axe import LAYOUT, RULES, load_axe, violations
from tests.e2e.conftest import Tab
from tests.e2e.leading import Lead
from tests.live import LiveServer, LiveWorker
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
FEW = "/tickets/?q=TK24000"  # nine rows, where the state "tickets" has the contrast of all fifty
# A page is loaded once a language and looked at in both widths: with all rules, light, in the width named
# here; dark, for colours and for what depends on the layout, in the other. So each language is seen in each
# width and each theme, and each theme in each width.
WIDTHS = {"en": 1280, "vi": 390}
OTHER_WIDTHS = {"en": 390, "vi": 1280}
OPEN = "document.querySelectorAll('dialog[open], :popover-open, [aria-expanded=true], details[open]').length"


def problems_of(page: Page, language: str, within: str | None = None) -> list[str]:
    """Look at a page in both themes and widths, without loading it again; axe looks `within` a selector."""
    was_open = page.evaluate(OPEN)
    looks = [
        (WIDTHS[language], "light", RULES["light"]),
        (OTHER_WIDTHS[language], "dark", [*RULES["dark"], *LAYOUT]),
    ]
    problems = [f"{look[:2]}: {one}" for look in looks for one in violations_in(page, *look, within)]
    assert page.evaluate(OPEN) == was_open, "what was looked at has closed"
    return problems


def violations_in(page: Page, width: int, theme: Any, rules: list[str], within: str | None) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")  # Django's links fade
    is_wider = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return ["wider than the window"] * is_wider + violations(page, rules, within=within)


State = Callable[[Tab, Sandbox], Page]


def page_at(path: str) -> State:
    return lambda tab, _crm: tab.goto(path)


def listed(path: str) -> State:
    def state(tab: Tab, _crm: Sandbox) -> Page:
        page = tab.goto(path)
        page.locator("tr[data-code]").first.wait_for()
        return page

    return state


def invalid(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[name=emergency_phone]").fill("12")
    page.locator("[data-shortcuts-save-button]").click()
    page.locator("#errors-title").wait_for()
    return page


def in_conflict(tab: Tab, crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[name=ticket_title]").fill("Của tôi")
    crm.edit(CODE, ticket_title="Của họ")
    page.locator("[data-shortcuts-save-button]").click()
    page.locator("#conflicts-title").wait_for()
    return page


def saved(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[name=ticket_title]").fill("Đã đổi")
    page.locator("[data-shortcuts-save-button]").click()
    page.locator("#saved-title").wait_for()
    return page


def previewed(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[name=ticket_title]").fill("Xem trước")
    page.locator("[data-preview]").click()
    page.locator("#preview .values").wait_for()
    return page


def suggesting(tab: Tab, _crm: Sandbox) -> Page:
    page = listed(FEW)(tab, _crm)
    page.locator("[data-box]").fill(f"{CODE} ")
    page.locator("#suggestions [role=option]").first.wait_for()
    return page


def menu_open(tab: Tab, crm: Sandbox) -> Page:
    page = listed(FEW)(tab, crm)
    page.locator("[data-quick-set]").first.click()
    return page


def help_open(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()
    return page


def signing_in_again(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.evaluate("document.querySelector('[data-session-sign-in]').showModal()")
    return page


def editing(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[data-content-editor] summary").click()
    page.locator("[data-rich-tools]").wait_for()
    return page


def asking(dialog: str) -> State:
    def state(tab: Tab, crm: Sandbox) -> Page:
        page = editing(tab, crm)
        page.locator(f"[data-toolbar-tool={dialog}]").click()
        page.locator("dialog[open]").wait_for()
        return page

    return state


def writing_html(tab: Tab, crm: Sandbox) -> Page:
    page = editing(tab, crm)
    page.locator("[data-rich-mode=source]").click()
    page.locator("[data-rich-preview] .content").wait_for()
    return page


def choosing_a_snippet(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[data-snippets][value=ticket_title]").click()
    page.locator("#snippet-options [role=option]").first.wait_for()
    return page


def typing_a_snippet(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("#id_change_reason").press_sequentially("//c")
    page.locator("#snippet-options [role=option]").first.wait_for()
    page.get_by_text(
        re.compile("Draft kept on the server,|Bản nháp đã giữ")
    ).wait_for()  # else the next page has it
    return page


def may_lose_fields(tab: Tab, crm: Sandbox) -> Page:
    crm.edit(CODE, ticket_content="<p style='color:red'>đỏ</p>")
    page = tab.goto(URL)
    page.locator("[data-content-editor] summary").click()
    page.locator("[data-rich-losses]").wait_for()
    return page


def after_a_fault(kind: str, **fault: Any) -> State:
    def state(tab: Tab, crm: Sandbox) -> Page:
        page = tab.goto(URL)
        page.locator("[name=ticket_title]").fill("Sẽ không gửi được")
        crm.fault(kind, code=CODE, method="PUT", **fault)
        page.locator("[data-shortcuts-save-button]").click()
        page.locator("main .banner").first.wait_for()
        return page

    return state


def crm_unreachable(tab: Tab, crm: Sandbox) -> Page:
    crm.fault("status", code=CODE, method="GET", times=None, status=500)
    return tab.goto(URL)


def with_a_draft(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto(URL)
    page.locator("[name=ticket_title]").fill("Nháp")
    page.get_by_text(re.compile("Draft kept on the server,|Bản nháp đã giữ")).wait_for()
    return tab.goto(URL)


STATES: dict[str, State] = {
    "editing": editing,
    "asking for a link": asking("link"),
    "asking for an image": asking("image"),
    "asking for a table": asking("table"),
    "writing HTML": writing_html,
    "may_lose_fields": may_lose_fields,
    "tickets": listed("/tickets/"),
    "suggestions": suggesting,
    "status menu": menu_open,
    "ticket": page_at(URL),
    "invalid": invalid,
    "conflict": in_conflict,
    "saved": saved,
    "preview": previewed,
    "refused": after_a_fault("status", status=403),
    "not applied": after_a_fault("ignore_write"),
    "out of reach": crm_unreachable,
    "draft": with_a_draft,
    "nothing found": page_at("/tickets/?q=khongcogihet"),
    "forbidden": page_at("/bulk/"),
    "status page": page_at(f"{URL}status/?to=Hủy"),
    "update only": page_at(f"{URL}?read=off"),
    "missing ticket": page_at("/tickets/KHONGCO99/"),
    "history": page_at("/history/"),
    "password": page_at("/password/"),
    "account": page_at("/account/"),
    "recipes": page_at("/recipes/"),
    "a new recipe": page_at("/recipes/new/"),
    "choosing a snippet": choosing_a_snippet,
    "typing a snippet": typing_a_snippet,
    "snippets": page_at("/snippets/"),
    "a new snippet": page_at("/snippets/new/"),
    "import of snippets": page_at("/snippets/import/"),
    "not found": page_at("/nowhere/"),
    "help": help_open,
    "sign in again": signing_in_again,
}


# What is around these is the page of the state "editing", "ticket" or "tickets", which axe has looked at.
WITHIN = {
    "asking for a link": "dialog[open]",
    "asking for an image": "dialog[open]",
    "asking for a table": "dialog[open]",
    "writing HTML": "[data-content-editor]",
    "may_lose_fields": "[data-content-editor]",
    "suggestions": ".bar__box",
    "status menu": "#status-menu, [data-quick-set][aria-expanded=true]",
    "preview": "#preview",
    "choosing a snippet": "#snippet-menu, [data-snippets][value=ticket_title]",
    "typing a snippet": "#snippet-menu, #id_change_reason",
    "help": "dialog[open]",
    "sign in again": "dialog[open]",
}


def chosen(tab: Tab, codes: str) -> Page:
    page = tab.goto("/bulk/new/")
    page.locator("[name=codes]").fill(codes)
    page.locator("main .button--primary").click()
    return page


def choosing_changes(tab: Tab, _crm: Sandbox) -> Page:
    page = chosen(tab, f"{CODE} {CODE} ?!")
    page.locator("[data-changes-form]").wait_for()
    return page


def changes_invalid(tab: Tab, crm: Sandbox) -> Page:
    page = choosing_changes(tab, crm)
    page.locator("input[name='action.emergency_phone'][value=set]").check()
    page.locator("[name=emergency_phone]").fill("12")
    page.locator("main .button--primary").click()
    page.locator("#errors-title").wait_for()
    return page


def nothing_chosen(tab: Tab, _crm: Sandbox) -> Page:
    page = chosen(tab, "")
    page.locator("#errors-title").wait_for()
    return page


def connection_tested(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto("/connection/")
    page.locator("main form[action='/connection/'] button").click()
    page.locator("#check-steps").wait_for()
    return page


def own_menu(tab: Tab, _crm: Sandbox) -> Page:
    page = tab.goto("/account/")
    page.locator(".bar__in > details.menu > summary").click()
    return page


def preferences_saved(tab: Tab, crm: Sandbox) -> Page:
    page = own_menu(tab, crm)
    page.locator("form:has([name=theme]) button").first.click()
    page.locator("[data-toast]").wait_for()
    return page


def settings(path: str) -> State:
    """Return a page of Django's admin; a user without access must not get it."""

    def state(tab: Tab, _crm: Sandbox) -> Page:
        page = tab.goto(path)
        page.locator("#site-name").wait_for()
        page.locator("#content").wait_for()
        return page

    return state


STATES_OF_LEADS: dict[str, State] = {
    "bulk updates": page_at("/bulk/"),
    "new bulk update": page_at("/bulk/new/"),
    "nothing chosen": nothing_chosen,
    "changes": choosing_changes,
    "changes invalid": changes_invalid,
    "connection": connection_tested,
    "menu": own_menu,
    "everybody's history": page_at("/history/"),
    "preferences saved": preferences_saved,
    "accessibility": page_at("/accessibility/"),
    "settings": settings("/admin/"),
    "people": settings("/admin/ticketadmin/user/"),
    "a person": settings("/admin/ticketadmin/user/1/change/"),
    "statuses": settings("/admin/ticketadmin/statussetting/"),
    "a rule": settings("/admin/ticketadmin/ticketrule/add/"),
    "a custom field": settings("/admin/ticketadmin/customfield/1/change/"),
    "deleting a status": settings("/admin/ticketadmin/statussetting/1/delete/"),
}


@pytest.fixture
def runs(live: LiveServer, live_sandbox: Sandbox) -> dict[str, State]:
    """A dry run and a bulk update that has ended, each with a ticket that does not exist."""
    worker = LiveWorker(live, "axe-worker")
    lead = Lead(live)
    codes = [CODE, "KHONGCO99"]
    ended = lead.run(codes, emergency_phone="0909123123")
    dry = lead.check(lead.choose(codes), emergency_phone="0909321321")
    lead.close()
    worker.stop()
    return {"dry run": page_at(dry), "bulk update that ended": page_at(ended)}


@pytest.fixture
def language_of(live: LiveServer) -> Iterator[Callable[[str, str], None]]:
    def choose(username: str, language: str) -> None:
        visitor = Visitor(live, username)
        token = visitor.form(CODE).values["csrfmiddlewaretoken"]
        visitor.post("/preferences/", {"csrfmiddlewaretoken": token, "language": language})
        visitor.close()

    yield choose
    for username in ("staff", "admin"):
        choose(username, "")


@pytest.fixture
def _snippet(live: LiveServer) -> None:
    """A snippet that the staff can choose."""
    live.forget_snippets()
    visitor = Visitor(live)
    token = visitor.session.cookies["csrftoken"]
    typed = {"csrfmiddlewaretoken": token, "name": "chao", "content": "<p>Chào {customer}</p>"}
    assert visitor.post("/snippets/new/", typed).status_code == 303
    visitor.close()


# The second looks at every state once more, each theme in the other width.
LANGUAGES = ["en", pytest.param("vi", marks=pytest.mark.slow)]


@pytest.mark.usefixtures("_snippet")
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing(
    language: str,
    tab_of: Callable[..., Tab],
    live_sandbox: Sandbox,
    language_of: Callable[[str, str], None],
) -> None:
    language_of("staff", language)

    assert problems_in(STATES, tab_of("staff"), live_sandbox, language) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_pages_of_leads_and_administrators(
    language: str,
    tab_of: Callable[..., Tab],
    live_sandbox: Sandbox,
    language_of: Callable[[str, str], None],
    runs: dict[str, State],
) -> None:
    language_of("admin", language)
    states = {**STATES_OF_LEADS, **runs}

    assert problems_in(states, tab_of("admin"), live_sandbox, language) == {}


def problems_in(states: dict[str, State], tab: Tab, crm: Sandbox, language: str) -> dict[str, list[str]]:
    """Show one state after the other in a window and look at each; returns what was found, by its name."""
    found: dict[str, list[str]] = {}
    load_axe(tab.unopened)
    for name, show in states.items():
        crm.reset()
        tab.server.forget_drafts()
        page = show(tab, crm)
        if problems := problems_of(page, language, WITHIN.get(name)):
            found[name] = problems
        page.set_viewport_size({"width": WIDTHS["en"], "height": 900})
    return found


def test_axe_finds_nothing_on_pages_without_a_sign_in(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of(None)
    load_axe(tab.unopened)
    for path in (
        "/sign-in/",
        "/password/forgotten/",
        "/password/forgotten/sent/",
        "/password/new/MQ/x/",
        "/accessibility/",
    ):
        for language in WIDTHS:  # the page's own is English; its widths are both
            assert problems_of(tab.goto(path), language) == [], path
