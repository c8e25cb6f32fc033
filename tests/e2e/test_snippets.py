"""Snippets at the cursor: by `//name` and by the button, in rich text, HTML and plain boxes."""

import itertools
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browsing import Visitor
from tests.e2e.conftest import Tab
from tests.e2e.editing import opened, save
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.browser
DONE = "Đã hoàn tất"
SNIPPETS = {
    "chào": "<p>Chào <b>{customer}</b>,</p>",
    "hẹn": "Hẹn gặp lại A&B\n{me}",
    "danh-sách": "<ul><li>một</li><li>hai</li></ul>",
}


def keep(live: LiveServer, username: str, snippets: dict[str, str]) -> None:
    visitor = Visitor(live, username)
    token = visitor.session.cookies["csrftoken"]
    for name, content in snippets.items():
        typed = {"csrfmiddlewaretoken": token, "name": name, "content": content}
        assert visitor.post("/snippets/new/", typed).status_code == 303
    visitor.close()


@pytest.fixture(scope="module", autouse=True)
def _snippets(live: LiveServer) -> None:
    live.forget_snippets()
    keep(live, "staff", SNIPPETS)


_NUMBERS = itertools.count()


@pytest.fixture
def code(live_sandbox: Sandbox) -> str:
    """A ticket of the test's own: another's draft may be kept after that test has ended."""
    one = [one for one in live_sandbox.codes() if one.startswith("TK2")][next(_NUMBERS)]
    live_sandbox.edit(one, ticket_title="Máy", account_name="Công ty <Sao>")
    return one


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Snippets").get_by_role("option")


def rich(tab: Tab, crm: Sandbox, code: str, content: str) -> Locator:
    """Open a ticket with this content in the rich text editor, the cursor at its end."""
    crm.edit(code, ticket_content=content)
    page = opened(tab, code)
    box = page.get_by_role("textbox", name="Content", exact=True)
    box.click()
    page.keyboard.press("Control+End")
    return box


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_a_name_typed_in_rich_text_becomes_its_content(
    key: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    box = rich(tab_of("staff"), live_sandbox, code, "<p>Máy hỏng.</p>")
    page = box.page
    page.keyboard.type(" //chao")
    expect(options(page)).to_have_count(1)
    page.keyboard.press(key)
    expect(box).to_have_text("Máy hỏng. Chào Công ty <Sao>,")
    save(page)

    assert live_sandbox.ticket(code)["ticket_content"] == (
        "<p>Máy hỏng. Chào <strong>Công ty &lt;Sao&gt;</strong>,</p>"
    )


def test_paragraphs_and_lists_of_a_snippet_keep_their_structure(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    box = rich(tab_of("staff"), live_sandbox, code, "<p>Máy hỏng.</p>")
    page = box.page
    page.keyboard.press("Enter")
    page.keyboard.type("//danh")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(box.get_by_role("listitem")).to_have_text(["một", "hai"])
    expect(box).not_to_contain_text("//")


def test_undo_removes_the_inserted_text(tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str) -> None:
    box = rich(tab_of("staff"), live_sandbox, code, "<p>Máy hỏng.</p>")
    page = box.page
    page.keyboard.type(" //chào")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(box).to_contain_text("Công ty")

    page.keyboard.press("Control+z")

    expect(box).not_to_contain_text("Công ty")
    expect(box).to_contain_text("Máy hỏng.")


def test_a_plain_box_gets_the_text_and_its_undo(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    title = page.get_by_label("Title", exact=True)
    title.click()
    page.keyboard.press("Home")
    page.keyboard.type("//hẹn")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(title).to_have_value("Hẹn gặp lại A&B Demo StaffMáy")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()

    page.keyboard.press("Control+z")
    expect(title).to_have_value("//hẹnMáy")


def test_slashes_in_addresses_and_dates_open_no_menu(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    reason = page.locator("#id_change_reason")
    reason.click()
    page.keyboard.type("//chao")  # so that the menu is loaded
    expect(options(page)).to_have_count(1)
    for text in ("https://chao", "12//2026", "a//chao", "//chao ", "// chao", "///chao"):
        reason.fill("")
        page.keyboard.type(text)

        expect(page.locator("#snippet-menu"), text).to_be_hidden()
        page.keyboard.type("x")
        expect(page.locator("#snippet-menu"), text).to_be_hidden()
        expect(reason).to_have_value(f"{text}x")


def test_escape_keeps_the_typed_text(tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    reason = page.locator("#id_change_reason")
    reason.click()
    page.keyboard.type("xem //c")
    expect(options(page)).not_to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#snippet-menu")).to_be_hidden()
    page.keyboard.type("hao")

    expect(reason).to_have_value("xem //chao")
    expect(reason).to_be_focused()
    expect(page.locator("#snippet-menu")).to_be_hidden()


def test_arrows_select_and_slashes_alone_select_nothing(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    reason = page.locator("#id_change_reason")
    reason.click()
    page.keyboard.type("//")
    expect(options(page)).to_have_count(3)
    expect(options(page).and_(page.locator("[aria-selected=true]"))).to_have_count(0)
    page.keyboard.press("ArrowUp")
    expect(options(page).last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    chosen = options(page).first
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(reason).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "?")
    page.keyboard.press("Enter")

    expect(reason).to_have_value("Chào Công ty <Sao>,")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_button_opens_a_menu_that_can_be_searched_by_keyboard(
    width: int, tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff", viewport={"width": width, "height": 900}).goto(f"/tickets/{code}/")
    title = page.get_by_label("Title", exact=True)
    title.click()
    page.keyboard.press("Home")
    button = page.get_by_role("button", name="Insert a snippet into “Title”")
    button.focus()
    page.keyboard.press("Enter")
    search = page.get_by_role("combobox", name="Search your snippets")
    expect(search).to_be_focused()
    expect(options(page)).to_have_count(3)
    page.keyboard.type("GAP lai")
    expect(options(page)).to_have_count(1)
    box = page.locator("#snippet-menu").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    page.keyboard.press("Enter")

    expect(title).to_be_focused()
    expect(title).to_have_value("Hẹn gặp lại A&B Demo StaffMáy")
    expect(page.get_by_role("status").filter(has_text="The snippet “hẹn” was inserted.")).to_have_count(1)
    button.click()
    expect(search).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#snippet-menu")).to_be_hidden()
    expect(title).to_be_focused()


def test_an_html_box_gets_html_from_html_and_from_plain_text(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = opened(tab_of("staff"), code)
    page.get_by_role("button", name="HTML", exact=True).click()
    source = page.get_by_label("Content as HTML")
    source.fill("dòng <một>\ndòng hai")
    page.keyboard.press("Control+End")
    page.keyboard.type(" //hen")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(source).to_have_value("dòng <một>\ndòng hai Hẹn gặp lại A&B\nDemo Staff")
    page.keyboard.type("\n//danh")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(source).to_have_value(
        "<p>dòng &lt;một&gt;<br>dòng hai Hẹn gặp lại A&amp;B<br>Demo Staff</p>" + SNIPPETS["danh-sách"]
    )


def test_a_snippet_request_without_an_answer_loses_nothing(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    page.route("**/snippets/*/text/*", lambda route: route.abort())
    reason = page.locator("#id_change_reason")
    reason.click()
    page.keyboard.type("//hen")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page.get_by_role("alert").filter(has_text="nothing was inserted. Try again.")).to_be_visible()
    expect(reason).to_have_value("//hen")


def test_a_list_that_failed_once_is_requested_again_without_another_keystroke(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    held: list[Route] = []
    page.route("**/snippets/menu/*", lambda route: route.continue_() if held else held.append(route))
    reason = page.locator("#id_change_reason")
    reason.click()
    with page.expect_request("**/snippets/menu/*"):  # for which every later key waits, too
        page.keyboard.type("//hen")
    expect(reason).to_have_value("//hen")
    held[0].abort()

    expect(options(page)).to_contain_text(["//hẹn"])


def test_without_scripts_a_snippet_is_added_at_the_end_of_the_box(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff", java_script_enabled=False).goto(f"/tickets/{code}/")
    page.get_by_label("Emergency phone").fill("0123456789")
    page.get_by_role("button", name="Insert a snippet into “Title”").click()
    page.get_by_label("Insert a snippet into “Title”").select_option(label="//hẹn · Hẹn gặp lại A&B {me}")
    page.get_by_role("button", name="Insert it at the end").click()

    expect(page.get_by_text("The snippet “hẹn” was inserted at the end of “Title”.")).to_be_visible()
    expect(page.get_by_label("Title", exact=True)).to_have_value("Máy Hẹn gặp lại A&B Demo Staff")
    expect(page.get_by_label("Emergency phone")).to_have_value("0123456789")
    assert live_sandbox.puts(code) == []
    page.get_by_label("Title", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Saved and verified.")).to_be_visible()


def test_line_breaks_of_a_plain_text_survive_in_the_editor(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    box = rich(tab_of("staff"), live_sandbox, code, "Lan <lan@example.com>\ndòng hai")
    box.page.keyboard.type("!")
    save(box.page)

    assert live_sandbox.ticket(code)["ticket_content"] == "<p>Lan &lt;lan@example.com&gt;<br>dòng hai!</p>"


def test_in_a_bulk_update_a_snippet_sets_the_field_without_values_of_a_ticket(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    made = {"gửi": "<p>Chào</p><p>{today}</p>", "mã": "{code}"}
    keep(live, "lead", made)
    page = tab_of("lead").goto("/bulk/new/")
    page.locator("[name=codes]").fill("ABCXYZ1234")
    page.get_by_role("button", name="Choose the changes").click()
    content = page.locator("[name=ticket_content]")
    content.click()
    page.keyboard.type("//ma")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="There is no single ticket here")).to_be_visible()
    content.fill("")
    page.get_by_role("button", name="Insert a snippet into “Content”").click()
    expect(page.get_by_role("combobox", name="Search your snippets")).to_be_focused()
    page.keyboard.type("gui")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(content).to_have_value(re.compile(r"<p>Chào</p><p>[^<{]+</p>"))
    expect(page.locator("input[name='action.ticket_content'][value=set]")).to_be_checked()


@pytest.fixture
def needs_reason(live: LiveServer, live_sandbox: Sandbox) -> Iterator[None]:
    """A rule that requires a reason for a status."""
    made = f"TicketRule.objects.create(field='status_name', value={DONE!r}, needs_reason=True)"
    live.execute(f"from ticketadmin.models import TicketRule; {made}")
    yield
    live.execute("from ticketadmin.models import TicketRule; TicketRule.objects.all().delete()")


def test_the_reason_of_a_status_set_in_the_list_takes_a_snippet_of_its_ticket(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox, code: str, needs_reason: None
) -> None:
    live_sandbox.edit(code, status_name="Mới")
    live.sweep()
    page = tab_of("staff").goto(f"/tickets/?codes={code}")
    row = page.locator(f'tr[data-code="{code}"]')
    row.locator("[data-quick-set]").click()
    page.get_by_role("menuitem", name=DONE).click()
    reason = row.get_by_label("Reason for the change")
    reason.click()
    page.keyboard.type("Xong: //chao")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(reason).to_have_value("Xong: Chào Công ty <Sao>,")
    assert live_sandbox.puts(code) == []
    row.get_by_role("button", name="Insert a snippet into “Reason for the change”").press("Enter")
    expect(page.get_by_role("combobox", name="Search your snippets")).to_be_focused()
    page.keyboard.press("Escape")
    expect(reason).to_be_focused()
    page.keyboard.press("Enter")

    expect(row).to_contain_text("Verified")
    assert [put["status_name"] for put in live_sandbox.puts(code)] == [DONE]
    page.goto(f"{live.url}/history/")
    expect(page.get_by_text("Xong: Chào Công ty <Sao>,").first).to_be_visible()


def test_the_reason_of_an_undo_takes_a_snippet(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    tab = tab_of("staff")
    page = tab.goto(f"/tickets/{code}/")
    page.get_by_label("Title", exact=True).fill("Máy mới")
    save(page)
    tab.goto(f"/history/?ticket={code}")
    page.get_by_text("Give a reason").click()
    page.get_by_role("button", name="Insert a snippet into “Reason for the change”").click()
    expect(page.get_by_role("combobox", name="Search your snippets")).to_be_focused()
    page.keyboard.type("chao")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")
    reason = page.get_by_label("Reason for the change")
    expect(reason).to_have_value("Chào Công ty <Sao>,")
    reason.press("Enter")

    expect(page.get_by_role("heading", name="Saved and verified.")).to_be_visible()
    assert [put["ticket_title"] for put in live_sandbox.puts(code)] == ["Máy mới", "Máy"]


def test_the_value_of_an_additional_custom_field_accepts_a_snippet(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/?read=off")
    page.get_by_text("Set another custom field by its key").click()
    page.locator("#new_custom_value").click()
    page.keyboard.type("//hen")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Enter")

    expect(page.locator("#new_custom_value")).to_have_value("Hẹn gặp lại A&B Demo Staff")


def test_without_scripts_a_snippet_goes_into_the_changes_of_a_bulk_update(
    tab_of: Callable[..., Tab], live: LiveServer, live_sandbox: Sandbox
) -> None:
    keep(live, "lead", {"chỉ-chữ": "chỉ chữ"})
    page = tab_of("lead", java_script_enabled=False).goto("/bulk/new/")
    page.locator("[name=codes]").fill("ABCXYZ1234")
    page.get_by_role("button", name="Choose the changes").click()
    page.get_by_label("Value for Title").fill("Máy")
    page.get_by_role("button", name="Insert a snippet into “Title”").click()
    page.get_by_label("Insert a snippet into “Title”").select_option(label="//chỉ-chữ · chỉ chữ")
    page.get_by_role("button", name="Insert it at the end").click()

    expect(page.get_by_label("Value for Title")).to_have_value("Máy chỉ chữ")
    expect(page.locator("input[name='action.ticket_title'][value=set]")).to_be_checked()


@pytest.fixture
def many(live: LiveServer) -> Iterator[None]:
    """Shared snippets of another user, more than the menu lists."""
    live.execute(
        "from ticketadmin.models import Snippet, User; lead = User.objects.get(username='lead');"
        "made = [Snippet(owner=lead, name=f'n{number:03}', content='x', is_shared=True)"
        " for number in range(500)];"
        "made.append(Snippet(owner=lead, name='zzz-cuối', content='Lời cuối', is_shared=True));"
        "Snippet.objects.bulk_create(made)"
    )
    yield
    live.execute(
        "from ticketadmin.models import Snippet; Snippet.objects.filter(owner__username='lead').delete()"
    )


def test_a_menu_that_cannot_list_all_snippets_says_so_and_finds_the_others(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox, code: str, many: None
) -> None:
    page = tab_of("staff").goto(f"/tickets/{code}/")
    page.get_by_role("button", name="Insert a snippet into “Title”").click()
    expect(options(page)).to_have_count(500)
    expect(page.get_by_text("There are more snippets than are listed here.")).to_be_visible()
    page.keyboard.type("loi cuoi")
    expect(options(page)).to_have_text(["//zzz-cuối Lời cuối Demo Lead"])
    expect(page.get_by_text("There are more snippets than are listed here.")).to_be_hidden()
    page.keyboard.press("Enter")
    title = page.get_by_label("Title", exact=True)
    expect(title).to_have_value(re.compile("Lời cuối"))

    reason = page.locator("#id_change_reason")
    reason.click()
    page.keyboard.type("//zzz")
    expect(options(page)).to_have_count(1)
    page.keyboard.press("Tab")
    expect(reason).to_have_value("Lời cuối")
    page.keyboard.type(" //không-có")
    expect(page.locator("#snippet-menu")).to_be_hidden()
    expect(reason).to_have_value("Lời cuối //không-có")
