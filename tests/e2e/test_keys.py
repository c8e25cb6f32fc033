"""Shortcuts do what the help says and nothing else: saving, suggestions, what Escape closes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Tab
from tests.e2e.editing import opened, save
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
BOX = re.compile("Ticket code")


@pytest.mark.parametrize("content", ["<p>Máy in kẹt giấy</p>", "<pre><code>lỗi</code></pre>"])
def test_saving_from_within_the_editor_leaves_the_content_alone(
    content: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content=content)
    page = opened(tab_of("staff"))
    page.get_by_label("Title").fill("Chỉ đổi tiêu đề")
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()

    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "ticket_title": "Chỉ đổi tiêu đề"}]


def in_the_box(page: Page) -> None:
    page.get_by_role("combobox", name=BOX).press("Control+Enter")


def in_a_dialog(page: Page) -> None:
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.get_by_role("button", name="Link", exact=True).click()
    dialog = page.get_by_role("dialog", name="Link")
    dialog.get_by_label("Address").press("Control+Enter")
    dialog.get_by_role("button", name="Cancel").click()


@pytest.mark.parametrize("press_elsewhere", [in_the_box, in_a_dialog])
def test_the_save_shortcut_does_nothing_in_another_form(
    press_elsewhere: Callable[[Page], None], tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = opened(tab_of("staff"))
    page.get_by_label("Title").fill("Chưa xong")
    press_elsewhere(page)
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()  # which comes before any save
    page.get_by_label("Emergency phone").fill("0909123123")
    save(page)

    assert live_sandbox.puts(CODE) == [
        {"ticket_code": CODE, "ticket_title": "Chưa xong", "emergency_phone": "0909123123"}
    ]


def test_the_save_shortcut_does_nothing_while_the_user_signs_in_again(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    tab = tab_of("staff")
    page = tab.goto(URL)
    page.get_by_label("Title").fill("Chưa xong")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()
    tab.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Hủy").click()
    password = page.get_by_role("dialog").get_by_label("Password")
    password.fill(live.passwords["staff"])
    password.press("Control+Enter")
    password.press("Enter")
    expect(page.get_by_role("status").filter(has_text="“Hủy”")).to_be_visible()
    page.get_by_label("Emergency phone").fill("0909123123")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?saved="))

    assert [set(one) - {"ticket_code"} for one in live_sandbox.puts(CODE)] == [
        {"status_name"},
        {"ticket_title", "emergency_phone"},
    ]


def test_with_shortcuts_off_saving_by_key_works_only_within_the_form_and_the_help_says_so(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, live: LiveServer
) -> None:
    live.add_person("khongphim", name="Không Phím")
    tab = tab_of("khongphim")
    tab.page.get_by_text("Không Phím", exact=True).first.click()
    tab.page.get_by_label("Keyboard shortcuts").uncheck()
    tab.page.get_by_role("button", name="Save preferences").click()
    expect(tab.page.get_by_text("Your preferences were saved.")).to_be_visible()
    page = tab.goto(URL)
    page.get_by_text("Không Phím", exact=True).first.click()
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text(
        "Keys are switched off; only Esc, and Ctrl Enter within a ticket's form, still work."
    )
    page.keyboard.press("Escape")

    page.get_by_label("Title").fill("Gõ dở")
    page.locator("h1").click()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()  # which comes before any save
    page.get_by_label("Emergency phone").fill("0909123123")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("status").filter(has_text="Saved and verified.")).to_be_visible()

    assert live_sandbox.puts(CODE) == [
        {"ticket_code": CODE, "ticket_title": "Gõ dở", "emergency_phone": "0909123123"}
    ]


def test_escape_closes_only_the_dialog_over_a_menu(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff").goto(URL)
    page.get_by_text("Demo Staff", exact=True).first.click()
    keys, help_of_keys = page.get_by_role("button", name="Keys"), page.get_by_role("dialog", name="Keys")
    for close in ("Escape", "Enter"):  # Enter presses the dialog's button
        keys.click()
        expect(help_of_keys).to_be_visible()
        page.keyboard.press(close)
        expect(help_of_keys).to_be_hidden()
        expect(keys).to_be_focused()

    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()


def with_a_suggestion_chosen(page: Page) -> None:
    """Type a code into the box and choose the first suggestion with the arrow key."""
    page.get_by_role("combobox", name=BOX).fill(CODE)
    option = page.get_by_role("option", name=f"Open ticket {CODE}")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")


def test_enter_with_closed_suggestions_selects_none(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    with_a_suggestion_chosen(page)
    page.keyboard.press("Escape")
    box = page.get_by_role("combobox", name=BOX)
    expect(box).to_have_attribute("aria-expanded", "false")
    expect(page.locator("#suggestions [aria-selected=true]")).to_have_count(0)
    box.evaluate("one => { one.value = 'máy in kẹt giấy'; }")  # as dictation does, without a key
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"\?text="))


def test_text_typed_after_a_selection_replaces_the_selection(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    with_a_suggestion_chosen(page)
    page.route("**/suggest/**", lambda route: route.abort())  # the next suggestions never come
    page.keyboard.type(" TK240001")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(r"\?codes="))


def test_a_column_pasted_after_a_selection_replaces_the_selection(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("lead").page
    with_a_suggestion_chosen(page)
    page.evaluate(
        """text => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const options = {clipboardData: data, bubbles: true, cancelable: true};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        "\n" + "\n".join(f"TK9{number:05d}" for number in range(300)),
    )
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Update 301 tickets")).to_be_visible()


def test_a_suggestion_opens_on_a_click_and_not_on_mouse_down(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = tab_of("staff").page
    box = page.get_by_role("combobox", name=BOX)
    box.fill(CODE)
    option = page.get_by_role("option", name=f"Open ticket {CODE}")
    left: list[str] = []
    page.on("request", lambda asked: left.append(asked.url) if asked.is_navigation_request() else None)
    option.hover()
    page.mouse.down(button="right")
    page.mouse.up(button="right")
    page.mouse.down()
    page.mouse.move(400, 700)  # a finger that scrolls ends elsewhere
    page.mouse.up()
    expect(box).to_be_focused()
    box.fill(f"{CODE} hoan")
    expect(page.get_by_role("option", name=re.compile("→ Đã hoàn tất"))).to_be_visible()
    assert left == []

    box.fill(CODE)
    option.click()
    expect(page).to_have_url(re.compile(f"{URL}$"))


def test_without_scripts_no_shortcut_is_advertised(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    page = tab_of("staff", java_script_enabled=False).goto(URL)
    page.get_by_text("Demo Staff", exact=True).first.click()

    expect(page.get_by_role("button", name="Save preferences")).to_be_visible()
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    expect(page.locator(".box__key")).to_be_hidden()
