"""No typed text is ever lost: crashes of browser and server, an ended session, a colleague who is faster."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Locator, Page, Request, expect

from tests.e2e.conftest import Tab
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


def type_in_three_fields(page: Page) -> None:
    """Type, and wait for the draft with all of it: an earlier one may be stored meanwhile."""
    page.get_by_label("Title").fill("Gõ dở tiêu đề")
    page.get_by_label("Emergency phone").fill("0911222333")
    page.get_by_text("Edit the content", exact=True).click()
    page.get_by_role("button", name="HTML", exact=True).click()
    with page.expect_event("requestfinished", lambda request: "Nội dung gõ dở".encode() in posted(request)):
        page.get_by_label("Content as HTML").fill("<p>Nội dung gõ dở</p>")


def posted(request: Request) -> bytes:
    """Return what a request sends as a draft."""
    return (request.post_data_buffer or b"") if request.url.endswith("/draft/") else b""


def expect_three_fields(page: Page) -> None:
    expect(page.get_by_label("Title")).to_have_value("Gõ dở tiêu đề")
    expect(page.get_by_label("Emergency phone")).to_have_value("0911222333")
    expect(page.get_by_label("Content as HTML")).to_have_value("<p>Nội dung gõ dở</p>")


def test_a_crash_of_the_browser_loses_nothing(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    type_in_three_fields(page)
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    tab.context.close()

    page = tab_of("staff").goto(URL)

    expect(page.get_by_text("was restored.")).to_be_visible()
    expect_three_fields(page)
    assert live_sandbox.puts(CODE) == []


def test_leaving_immediately_still_keeps_the_last_keystroke(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Vừa gõ xong đã đi")
    tab.goto("/tickets/")

    page = tab.goto(URL)
    expect(page.get_by_label("Title")).to_have_value("Vừa gõ xong đã đi")


def test_text_typed_before_the_scripts_load_is_kept(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    with tab_of("staff").before_scripts(URL) as page:
        page.get_by_label("Title").fill("Gõ trước khi trang sẵn sàng")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()

    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Gõ trước khi trang sẵn sàng")


def test_a_draft_is_discarded_and_restored(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").goto(URL)
    page.get_by_label("Title").fill("Nháp")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.get_by_label("Title")).to_have_value(live_sandbox.ticket(CODE)["ticket_title"])

    page.get_by_role("button", name="Bring it back").click()

    expect(page.get_by_label("Title")).to_have_value("Nháp")


@pytest.mark.parametrize("cookies", [("sessionid",), ("sessionid", "csrftoken")], ids=["session", "every"])
def test_a_save_after_the_session_ended_continues_after_signing_in_within_the_page(
    cookies: tuple[str, ...], tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Sau khi hết phiên")
    for name in cookies:
        tab.context.clear_cookies(name=name)
    page.get_by_role("button", name="Save", exact=True).click()

    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    expect(page.get_by_text("Kept in this browser only")).to_be_visible()
    dialog.get_by_label("Password").fill("wrong")
    dialog.get_by_role("button", name="Sign in and continue").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    assert live_sandbox.puts(CODE) == []
    dialog.get_by_label("Password").fill(live.passwords["staff"])
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Sau khi hết phiên"}]


# Forms that keep no draft: their address, what is typed where, their button, and what the next page shows.
WITHOUT_DRAFTS = {
    "a snippet": ("/snippets/new/", {"Name": "giu-lai"}, "Save the snippet", "giu-lai"),
    "a recipe": ("/recipes/new/", {"Name": "giu-mau"}, "Save the recipe", "giu-mau"),
    "codes of a bulk update": (
        "/bulk/new/",
        {"Ticket codes": "TK240001"},
        "Choose the changes",
        "What to change",
    ),
}


def type_without_draft(page: Page, boxes: dict[str, str], button: str) -> None:
    """Fill a form that keeps no draft, and press its button."""
    editor = page.locator("[contenteditable=true]")
    if "/snippets/" in page.url:
        editor.fill("Dài lắm")
    elif "/recipes/" in page.url:
        page.get_by_label("Value for Emergency phone").fill("0911222333")
    for label, text in boxes.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name=button, exact=True).click()


@pytest.fixture
def _no_kept_names(live: LiveServer) -> Iterator[None]:
    yield
    live.forget_snippets()
    live.forget_recipes()


@pytest.mark.usefixtures("_no_kept_names")
@pytest.mark.parametrize("cookies", [("sessionid",), ("sessionid", "csrftoken")], ids=["session", "every"])
@pytest.mark.parametrize("kind", WITHOUT_DRAFTS)
def test_forms_without_drafts_continue_after_signing_in_within_the_page(
    kind: str, cookies: tuple[str, ...], tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    path, boxes, button, shown = WITHOUT_DRAFTS[kind]
    tab = tab_of("lead")
    page = tab.goto(path)
    for name in cookies:
        tab.context.clear_cookies(name=name)
    type_without_draft(page, boxes, button)

    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Password").fill(live.passwords["lead"])
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("main").get_by_text(shown, exact=True).first).to_be_visible()
    expect(page).not_to_have_url(re.compile(f"{path}$|sign-in"))


@pytest.mark.parametrize("kind", WITHOUT_DRAFTS)
def test_forms_without_drafts_stay_while_the_server_is_unreachable(
    kind: str, tab_of: Callable[..., Tab]
) -> None:
    path, boxes, button, _shown = WITHOUT_DRAFTS[kind]
    tab = tab_of("lead")
    page = tab.goto(path)
    expect(page.locator("[contenteditable=true]")).to_have_count(
        1 if "/snippets/" in path else 0
    )  # it is loaded
    page.context.set_offline(True)
    try:
        type_without_draft(page, boxes, button)

        expect(page.get_by_role("alert").filter(has_text="The server cannot be reached.")).to_be_visible()
        label, text = next(iter(boxes.items()))
        expect(page.get_by_label(label, exact=True)).to_have_value(text)
    finally:
        page.context.set_offline(False)


def test_after_closing_the_sign_in_dialog_the_save_can_be_tried_again(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Đóng hộp thoại rồi lưu lại")
    tab.context.clear_cookies(name="sessionid")
    save = page.get_by_role("button", name="Save", exact=True)
    save.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Đóng hộp thoại rồi lưu lại")

    save.click()
    dialog.get_by_label("Password").fill(live.passwords["staff"])
    dialog.get_by_role("button", name="Sign in and continue").click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert len(live_sandbox.puts(CODE)) == 1


def test_without_scripts_the_form_survives_the_sign_in_page(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff", java_script_enabled=False)
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Không script, hết phiên")
    tab.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("What you typed is kept as your draft.")).to_be_visible()
    page.get_by_label("Username").fill("staff")
    page.get_by_label("Password").fill(live.passwords["staff"])
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_label("Title")).to_have_value("Không script, hết phiên")
    assert live_sandbox.puts(CODE) == []


@pytest.mark.parametrize("locale", ["en-GB", "vi-VN"])
def test_without_scripts_a_form_without_drafts_survives_the_end_of_the_session(
    locale: str, tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    """The page repeats what was typed, and sends it once its user is back and has seen it."""
    tab = tab_of("staff", java_script_enabled=False, locale=locale)
    page = tab.goto("/snippets/new/")
    name = f"het-phien-{locale.lower()}"
    page.locator("[name=name]").fill(name)
    page.locator("[name=content]").fill("Xin chào,\n\n  dòng hai <b>")
    tab.context.clear_cookies(name="sessionid")
    page.locator("form[action$='/snippets/new/'] .button--primary").last.click()

    expect(page.locator("textarea").last).to_have_value("Xin chào,\n\n  dòng hai <b>")
    with page.expect_popup() as opened:
        page.locator("a[target=_blank]").click()
    beside = opened.value
    beside.locator("[name=username]").fill("staff")
    beside.locator("[name=password]").fill(live.passwords["staff"])
    beside.locator("main form .button--primary").click()
    expect(beside).to_have_url(re.compile("/session/back/$"))
    page.locator("main form button").click()
    expect(page.locator("main form")).to_contain_text("Demo Staff")
    page.locator("main form button").click()

    expect(page).to_have_url(re.compile("/snippets/"))
    page = tab.goto("/snippets/")
    expect(page.get_by_text(f"//{name}")).to_be_visible()


def sign_in(page: Page, live: LiveServer, name: str) -> None:
    page.goto(f"{live.url}/sign-in/")
    page.locator("[name=username]").fill(name)
    page.locator("[name=password]").fill(live.passwords[name])
    page.locator("main form .button--primary").click()
    expect(page).to_have_url(f"{live.url}/tickets/")


def test_another_user_who_signs_in_within_the_page_never_sees_the_text(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Chỉ của staff")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    other = tab.open()
    tab.context.clear_cookies(name="sessionid")
    sign_in(other, live, "lan")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_label("Title")).to_have_value(live_sandbox.ticket(CODE)["ticket_title"])
    assert "Chỉ của staff" not in page.content()
    assert live_sandbox.puts(CODE) == []


@pytest.mark.parametrize("cookies", [("csrftoken",), ("csrftoken", "sessionid")], ids=["token", "session"])
def test_a_form_with_one_box_goes_on_with_a_new_token(
    cookies: tuple[str, ...], tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    tab = tab_of("admin")
    page = tab.goto("/erase/")
    page.locator("[name=subject]").fill("khong-co-ai@example.com")
    for name in cookies:
        tab.context.clear_cookies(name=name)
    page.locator("form[data-guard] .button--primary").click()
    if "sessionid" in cookies:
        page.get_by_role("dialog").locator("[name=password]").fill(live.passwords["admin"])
        page.get_by_role("dialog").locator(".button--primary").click()

    expect(page.locator("main")).to_contain_text("khong-co-ai@example.com")  # what was looked up
    expect(page.locator("h1")).to_have_text("Erase data")


@pytest.mark.parametrize("locale", ["en-GB", "vi-VN"])
@pytest.mark.parametrize(("path", "box"), [("/snippets/new/", "content"), ("/bulk/new/", "codes")])
def test_a_form_without_drafts_stays_and_is_not_sent_in_the_name_of_another_user_who_signed_in(
    path: str, box: str, locale: str, tab_of: Callable[..., Tab], live: LiveServer
) -> None:
    tab = tab_of("lead", locale=locale)
    page = tab.goto(path)
    form = page.locator("form[data-guard]")
    if box == "content":
        form.locator("[name=name]").fill(f"cua-lead-{locale.lower()}")
        page.locator("summary", has=page.locator("text=/./")).first.click()
        page.locator("button", has_text="HTML").first.click()
    typed = form.locator(f"textarea[name={box}]")
    typed.fill(f"{CODE} chỉ của lead")
    other = tab.open()
    tab.context.clear_cookies(name="sessionid")
    sign_in(other, live, "lan")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.is_navigation_request() else None)
    form.locator(".button--primary").last.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text(
        {"en-GB": "Another user", "vi-VN": "người khác"}[locale]
    )

    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(typed).to_have_value(f"{CODE} chỉ của lead")
    assert sent == []
    form.locator(".button--primary").last.click()
    dialog.locator("[name=password]").fill(live.passwords["lead"])
    dialog.locator(".button--primary").click()

    expect(page).not_to_have_url(re.compile(f"{path}$"))
    expect(page.locator("header")).to_contain_text("Demo Lead")


def test_two_users_see_each_other_and_neither_loses_text(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    one, other = tab_of("staff").goto(URL), tab_of("lan").goto(URL)
    one.get_by_label("Title").fill("Của staff")
    other.get_by_label("Title").fill("Của Lan")
    expect(one.get_by_text("Lan is changing this ticket, too")).to_be_visible()
    expect(other.get_by_text("Demo Staff is changing this ticket, too")).to_be_visible()

    one.get_by_role("button", name="Save", exact=True).click()
    expect(one.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    expect(other.get_by_text("Demo Staff saved this ticket")).to_be_visible()
    other.get_by_role("button", name="Save", exact=True).click()

    expect(other.get_by_text("The same field was changed meanwhile.")).to_be_visible()
    expect(other.get_by_text("Của staff").first).to_be_visible()
    expect(other.get_by_text("Của Lan").first).to_be_visible()
    assert live_sandbox.ticket(CODE)["ticket_title"] == "Của staff"


def test_the_page_survives_a_crash_of_the_server(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto(URL)
    page.get_by_label("Title").fill("Trước khi máy chủ chết")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    live.kill()
    try:
        page.get_by_label("Title").fill("Trong khi máy chủ chết")
        expect(page.get_by_text("Kept in this browser")).to_be_visible()
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_label("Title")).to_have_value("Trong khi máy chủ chết")
    finally:
        live.start()

    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Title")).to_have_value("Trong khi máy chủ chết")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()


@pytest.mark.parametrize(("locale", "says"), [("en-GB", "in this browser"), ("vi-VN", "trình duyệt này")])
def test_the_time_of_a_text_in_the_browser_is_in_the_zone_of_every_other_time(
    locale: str, says: str, tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    page = tab_of("staff", locale=locale, timezone_id="America/New_York").goto(URL)
    page.route("**/draft/", lambda route: route.fulfill(status=503, body="busy"))
    before = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    page.locator("[name=ticket_title]").fill("Ở bên kia trái đất")
    state = page.locator("[data-drafts-state]", has_text=says)
    expect(state).to_be_visible()

    shown = state.inner_text().rsplit(maxsplit=1)[-1]
    after = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert shown in {before.strftime("%H:%M"), after.strftime("%H:%M")}


def type_while_the_server_is_dead(tab: Tab, live: LiveServer, title: str) -> Page:
    """Leave a text in the browser alone; afterwards the server is there again, and the page is gone."""
    page = tab.goto(URL)
    live.kill()
    try:
        page.get_by_label("Title").fill(title)
        expect(page.get_by_text("Kept in this browser")).to_be_visible()
        page.goto("about:blank")
    finally:
        live.start()
    return page


def test_text_that_only_the_browser_holds_is_restored_automatically(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    page = type_while_the_server_is_dead(tab, live, "Chỉ có trong trình duyệt")

    page = tab.goto(URL)

    expect(page.get_by_label("Title")).to_have_value("Chỉ có trong trình duyệt")
    expect(page.get_by_text("was restored.")).to_be_visible()


def test_text_that_only_the_browser_holds_survives_a_server_that_refuses_it(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    page = type_while_the_server_is_dead(tab, live, "Chỉ có trong trình duyệt")
    page.route("**/draft/", lambda route: route.fulfill(status=503, body="busy"))
    page = tab.goto(URL)
    expect(page.get_by_text("Kept in this browser")).to_be_visible()
    page.unroute("**/draft/")
    page.get_by_label("Emergency phone").fill("0911222333")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()

    page = tab.goto(URL)

    expect(page.get_by_label("Title")).to_have_value("Chỉ có trong trình duyệt")
    expect(page.get_by_label("Emergency phone")).to_have_value("0911222333")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('draft:'))") == []


def test_a_page_loaded_before_the_beacon_arrives_still_shows_the_last_keystroke(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    tab = tab_of("staff")
    tab.unopened.add_init_script(
        "navigator.sendBeacon = () => true"
    )  # it is on its way for longer than the test
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Vừa gõ xong đã tải lại")
    page.reload()

    expect(page.get_by_text("was restored.")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Vừa gõ xong đã tải lại")


def test_a_draft_discarded_while_typing_does_not_reappear(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto(URL)
    page.get_by_label("Title").fill("Nháp")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    page.reload()
    page.get_by_label("Title").fill("Nháp dài hơn")
    page.get_by_role("button", name="Discard the draft").click()

    expect(page.get_by_text("The draft was discarded.")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value(live_sandbox.ticket(CODE)["ticket_title"])
    page.reload()
    expect(page.get_by_label("Title")).to_have_value(live_sandbox.ticket(CODE)["ticket_title"])


def stopped_save(tab: Tab, crm: Sandbox, title: str) -> tuple[Page, Locator]:
    """Press Save and stop the sending, as the key does in a browser; returns the page and its Save button."""
    stopping = "setTimeout(() => { stop(); document.title = 'stopped'; }, 300)"
    tab.unopened.add_init_script(f"addEventListener('submit', () => {stopping}, {{once: true}})")
    page = tab.goto(URL)
    save = page.get_by_role("button", name="Save", exact=True)
    crm.fault("delay", method="PUT", seconds=1.5)
    page.get_by_label("Title").fill(title)
    save.click(no_wait_after=True)
    expect(page).to_have_title("stopped")
    return page, save


def test_a_stopped_and_edited_save_is_saved_again(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page, save = stopped_save(tab_of("staff"), live_sandbox, "Lần một")

    page.get_by_label("Title").fill("Lần hai")
    save.click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("Lần hai")
    assert [put["ticket_title"] for put in live_sandbox.puts(CODE)] == ["Lần một", "Lần hai"]
    assert live_sandbox.ticket(CODE)["ticket_title"] == "Lần hai"


def test_a_stopped_save_can_be_repeated(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page, save = stopped_save(tab_of("staff"), live_sandbox, "Một lần")

    page.keyboard.press("Escape")
    save.click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert [put["ticket_title"] for put in live_sandbox.puts(CODE)] == ["Một lần"]


@pytest.mark.parametrize(("status", "body"), [(403, "<h1>Forbidden by the proxy</h1>"), (413, "too large")])
def test_a_refused_draft_does_not_prevent_a_save(
    status: int, body: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").goto(URL)
    page.route("**/draft/", lambda route: route.fulfill(status=status, body=body, content_type="text/html"))
    page.get_by_label("Title").fill("Trước một proxy")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()
    assert live_sandbox.ticket(CODE)["ticket_title"] == "Trước một proxy"


def test_a_hidden_tab_sends_nothing_until_it_is_shown(tab_of: Callable[..., Tab]) -> None:
    tab = tab_of("staff")
    beats: list[str] = []
    tab.unopened.on(
        "request", lambda request: beats.append(request.url) if "/presence/" in request.url else None
    )
    tab.unopened.clock.install()
    page = tab.goto(URL)
    with page.expect_request("**/presence/**"):
        page.clock.fast_forward(11_000)
    assert len(beats) == 2

    show = (
        "state => { Object.defineProperty(document, 'visibilityState', {value: state, configurable: true});"
    )
    show += " document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(show, "hidden")
    heard = len(beats)
    page.clock.fast_forward(60_000)
    with page.expect_response("**/healthz"):
        page.evaluate("fetch('/healthz')")  # what was sent before it is known after it
    assert len(beats) == heard
    with page.expect_request("**/presence/**"):
        page.evaluate(show, "visible")
        page.clock.fast_forward(100)
    assert len(beats) > heard
