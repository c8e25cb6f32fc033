"""Rich text: loaded only when opened, never sent untouched, honest about what it would lose."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.conftest import Tab
from tests.e2e.editing import opened, save
from tests.sandbox_driver import Sandbox
from tests.waiting import let_pass

pytestmark = pytest.mark.browser
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
PLAIN = "<p>Máy <strong>không lên</strong> nguồn.</p><ul><li><p>một</p></li><li><p>hai</p></li></ul>"


def test_a_status_change_downloads_no_editor(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    tab = tab_of("staff")
    asked: list[str] = []
    tab.unopened.on("request", lambda request: asked.append(request.url))
    page = tab.goto(URL)
    page.get_by_role("button", name="Hủy").click()
    expect(page.get_by_role("status").filter(has_text="“Hủy”")).to_be_visible()
    assert [url for url in asked if "prose_editor" in url] == []

    page.get_by_text("Edit the content", exact=True).click()

    expect(page.get_by_role("textbox", name="Content", exact=True)).to_be_visible()
    assert [url for url in asked if "prose_editor" in url]


def test_what_is_typed_into_the_editor_is_sent_clean(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content=PLAIN)
    page = opened(tab_of("staff"))
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+End")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Bold").click()
    page.keyboard.type("Đã xử lý")
    save(page)

    content = live_sandbox.ticket(CODE)["ticket_content"]
    assert "<strong>Đã xử lý</strong>" in content
    assert "<strong>không lên</strong>" in content
    assert "<li><p>một</p></li>" in content
    assert set(live_sandbox.puts(CODE)[0]) == {"ticket_code", "ticket_content"}


def test_the_focus_moves_from_the_textarea_to_the_editor_immediately(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    code = live_sandbox.codes()[7]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content=PLAIN)
    page = tab_of("staff").goto(f"/tickets/{code}/")
    held: list[Route] = []
    page.route(re.compile("prose_editor/editor"), lambda one: one.continue_() if held else held.append(one))
    with page.expect_request(re.compile("prose_editor/editor")):
        page.get_by_text("Edit the content", exact=True).click()
    source = page.get_by_label("Content as HTML")
    source.click()
    source.evaluate("""source => new MutationObserver(() => {
        if (source.hidden) document.body.dataset.focused = document.activeElement.role;
    }).observe(source, { attributes: true })""")  # reports the focus before another key can arrive
    held[0].continue_()

    expect(page.locator("body")).to_have_attribute("data-focused", "textbox")
    page.keyboard.type("Kính gửi. ")
    expect(page.get_by_role("textbox", name="Content", exact=True)).to_contain_text("Kính gửi. ")


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "<div style='color:red'>đỏ<br/></div>\r\n",
        "",
        pytest.param("<p>a &lt;b&gt; &amp;amp; &nbsp;</p>  ", marks=pytest.mark.slow),
        pytest.param("<TABLE><TR><TD COLSPAN=2>CHỮ HOA", marks=pytest.mark.slow),
        pytest.param("chỉ chữ", marks=pytest.mark.slow),
        pytest.param("<h1>Tiêu đề</h1><p class=MsoNormal><o:p>Word</o:p></p>", marks=pytest.mark.slow),
    ],
)
def test_content_that_was_only_viewed_is_not_sent(
    content: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content=content)
    page = opened(tab_of("staff"))
    page.get_by_label("Emergency phone").fill("0123456789")
    save(page)

    assert live_sandbox.puts(CODE) == [{"ticket_code": CODE, "emergency_phone": "0123456789"}]
    assert live_sandbox.ticket(CODE)["ticket_content"] == content


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("<p style='color:red'>đỏ</p>", "colours and fonts"),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "lists"),
        pytest.param(
            "<p>x <mark>quan trọng</mark></p>",
            "marked, small, big, inserted or quoted text",
            marks=pytest.mark.slow,
        ),
        pytest.param("<h5>năm</h5>", "headings", marks=pytest.mark.slow),
    ],
)
def test_what_the_editor_would_lose_is_named_and_html_keeps_it(
    content: str, named: str, tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content=content)
    page = opened(tab_of("staff"))
    expect(page.get_by_text("would lose parts of this content")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text=re.compile(f"^{named}$"))).to_be_visible()
    expect(page.get_by_label("Content as HTML")).to_have_value(content)

    page.get_by_role("button", name="Use the rich text editor anyway").click()

    expect(page.get_by_role("textbox", name="Content", exact=True)).to_be_visible()
    page.get_by_role("button", name="HTML", exact=True).click()
    expect(page.get_by_label("Content as HTML")).to_have_value(content)


def test_the_html_preview_shows_what_would_be_stored_and_what_would_be_removed(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    code = next(
        one for one in live_sandbox.codes() if one.startswith("TK2")
    )  # its draft may outlive the test
    live_sandbox.edit(code, ticket_content=PLAIN)
    page = opened(tab_of("staff"), code)
    page.get_by_role("button", name="HTML", exact=True).click()
    source = page.get_by_label("Content as HTML")

    source.fill("<p onclick=go()>Xong</p><script>1</script><img src='https://example.com/a.png'>")

    preview = page.locator("[data-rich-preview]")
    expect(preview.get_by_role("listitem").filter(has_text="2 scripts")).to_be_visible()
    expect(preview.get_by_role("group", name="The content as it would be stored")).to_contain_text("Xong")
    expect(preview.locator("img")).to_have_count(0)
    page.get_by_role("button", name="Rich text").click()
    expect(preview.get_by_role("group")).to_be_hidden()


def test_a_preview_without_an_answer_says_so_and_keeps_the_text(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    code = live_sandbox.codes()[2]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content=PLAIN)
    page = opened(tab_of("staff"), code)
    page.get_by_role("button", name="HTML", exact=True).click()
    page.route("**/content/preview/", lambda route: route.abort())

    page.get_by_label("Content as HTML").fill("<p>Mới</p>")

    expect(page.get_by_text("The preview is not available now.")).to_be_visible()
    expect(page.get_by_label("Content as HTML")).to_have_value("<p>Mới</p>")


def test_content_that_gets_too_long_is_reported_while_typing(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    page = opened(tab_of("staff"), live_sandbox.codes()[9])  # its draft may be kept after the test has ended
    page.get_by_role("button", name="HTML", exact=True).click()
    source = page.get_by_label("Content as HTML")
    told = page.get_by_text("characters long; at most 50,000 are possible.")

    source.fill("😀" + "a" * 50_000)  # one character, which a script counts as two
    expect(told).to_contain_text("The content is 50,001 characters long")
    source.fill("😀" + "a" * 49_999)
    expect(told).to_be_hidden()


def test_the_draft_holds_what_was_typed_into_the_editor(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, ticket_content=PLAIN)
    tab = tab_of("staff")
    page = opened(tab)
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+Home")
    page.keyboard.type("Gõ dở ")
    expect(page.get_by_text("Draft kept on the server")).to_be_visible()

    page = tab.goto(URL)

    expect(page.get_by_role("textbox", name="Content", exact=True)).to_contain_text("Gõ dở Máy")


def test_pasted_script_and_style_do_not_survive(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    live_sandbox.edit(CODE, ticket_content=PLAIN)
    page = opened(tab_of("staff"))
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+A")
    page.evaluate(
        """html => {
          const data = new DataTransfer();
          data.setData("text/html", html);
          const options = {clipboardData: data, bubbles: true, cancelable: true};
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", options));
        }""",
        "<meta charset=utf-8><style>p{color:red}</style>"
        "<p class=MsoNormal style='color:red' onclick=alert(1)>Từ Word"
        "<script>alert(1)</script></p><table><tr><td>A</td><td>B</td></tr></table>"
        "<a href='javascript:alert(1)'>xấu</a> <a href='https://example.com'>tốt</a>",
    )
    save(page)

    content = live_sandbox.ticket(CODE)["ticket_content"]
    assert "Từ Word" in content
    assert "<td" in content
    assert 'href="https://example.com"' in content
    assert not re.search(r"script|style|onclick|Mso", content)


def test_every_tool_writes_what_its_name_says(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    code = live_sandbox.codes()[3]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content="<p>chữ</p>")
    page = opened(tab_of("staff"), code)
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+A")
    tools = page.get_by_role("toolbar", name="Tools for the text")
    text = page.locator("textarea[data-content]")
    for name, written in {
        "Bold": "<strong>chữ</strong>",
        "Italic": "<em>chữ</em>",
        "Underline": "<u>chữ</u>",
        "Strike through": "<s>chữ</s>",
        "Subscript": "<sub>chữ</sub>",
        "Superscript": "<sup>chữ</sup>",
        "Code within text": "<code>chữ</code>",
        "Heading 2": "<h2>chữ</h2>",
        "Quote": "<blockquote><p>chữ</p></blockquote>",
        "Code block": "<pre><code>chữ</code></pre>",
        "Numbered list": "<ol><li><p>chữ</p></li></ol>",
        "Bulleted list": "<ul><li><p>chữ</p></li></ul>",
    }.items():
        button = tools.get_by_role("button", name=name, exact=True)
        button.click()
        expect(text).to_have_value(re.compile(re.escape(written)))
        expect(button).to_have_attribute("aria-pressed", "true")
        tools.get_by_role("button", name="Clear formatting").click()
        expect(text).to_have_value("<p>chữ</p>")
        expect(button).to_have_attribute("aria-pressed", "false")
    let_pass(0.6)  # what is done within half a second is undone together
    tools.get_by_role("button", name="Bold", exact=True).click()
    expect(text).to_have_value("<p><strong>chữ</strong></p>")
    tools.get_by_role("button", name="Undo typing").click()
    expect(text).to_have_value("<p>chữ</p>")
    tools.get_by_role("button", name="Redo typing").click()
    expect(text).to_have_value("<p><strong>chữ</strong></p>")


def test_lists_nest_and_tables_grow_and_shrink(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    code = live_sandbox.codes()[4]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content="<ul><li><p>một</p></li><li><p>hai</p></li></ul>")
    page = opened(tab_of("staff"), code)
    page.get_by_role("textbox", name="Content", exact=True).get_by_text("hai").click()
    tools = page.get_by_role("toolbar", name="Tools for the text")
    text = page.locator("textarea[data-content]")
    tools.get_by_role("button", name="Nest the item deeper").click()
    expect(text).to_have_value("<ul><li><p>một</p><ul><li><p>hai</p></li></ul></li></ul>")
    tools.get_by_role("button", name="Move the item out").click()
    expect(text).to_have_value("<ul><li><p>một</p></li><li><p>hai</p></li></ul>")

    page.keyboard.press("Control+A")
    page.keyboard.press("Delete")
    tools.get_by_role("button", name="Clear formatting").click()
    tools.get_by_role("button", name="Table", exact=True).click()
    dialog = page.get_by_role("dialog", name="Table")
    dialog.get_by_label("Rows").fill("2")
    dialog.get_by_label("Columns").fill("2")
    dialog.get_by_role("button", name="Insert the table").click()
    for name, cells in {
        "Add a row": 6,
        "Add a column": 9,
        "Delete the row": 6,
        "Delete the column": 4,
    }.items():
        tools.get_by_role("button", name=name).click()
        expect(page.locator(".ProseMirror :is(td, th)")).to_have_count(cells)
    tools.get_by_role("button", name="Delete the table").click()
    expect(text).to_have_value("")


def test_links_and_images_are_entered_in_dialogs(tab_of: Callable[..., Tab], live_sandbox: Sandbox) -> None:
    code = live_sandbox.codes()[5]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content="<p>trang</p>")
    page = opened(tab_of("staff"), code)
    page.get_by_role("textbox", name="Content", exact=True).click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+k")
    dialog = page.get_by_role("dialog", name="Link")
    dialog.get_by_label("Address").fill("javascript:alert(1)")
    dialog.get_by_role("button", name="Set the link").click()
    expect(dialog).to_be_visible()
    dialog.get_by_label("Address").fill("example.com/a")
    dialog.get_by_role("button", name="Set the link").click()
    text = page.locator("textarea[data-content]")
    expect(text).to_have_value('<p><a href="https://example.com/a">trang</a></p>')

    page.keyboard.press("End")
    page.get_by_role("button", name="Image by its address").click()
    dialog = page.get_by_role("dialog", name="Image by its address")
    dialog.get_by_label("Address of the image").fill("https://example.com/a.png")
    dialog.get_by_label("What it shows").fill("lỗi")
    dialog.get_by_role("button", name="Insert the image").click()
    expect(text).to_have_value(re.compile('</a><img src="https://example.com/a.png" alt="lỗi"></p>$'))


def test_the_toolbar_is_one_tab_stop_with_arrow_keys(
    tab_of: Callable[..., Tab], live_sandbox: Sandbox
) -> None:
    code = live_sandbox.codes()[6]  # its draft may be kept after the test has ended
    live_sandbox.edit(code, ticket_content=PLAIN)
    page = opened(tab_of("staff"), code)
    box = page.get_by_role("textbox", name="Content", exact=True)
    box.click()
    page.keyboard.press("Alt+F10")
    tools = page.get_by_role("toolbar", name="Tools for the text")
    expect(tools.get_by_role("button", name="Paragraph")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Heading 1")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    expect(tools.get_by_role("button", name="Paragraph")).to_be_focused()
    assert tools.locator("[tabindex='0']").count() == 1
    page.keyboard.press("Escape")
    expect(box).to_be_focused()
