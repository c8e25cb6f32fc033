"""Hostile content on its way into a page: no image loads by itself, no link deceives, nothing imitates the page."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.signing import Signer
from django.test import Client

from tests.sandbox_driver import Sandbox
from tests.sanitizing.corpus import hostile
from ticketadmin.models import User
from ticketadmin.presenters.content import display_content, link_target, with_link_targets

CODE = "ABCXYZ1234"
IMAGE = '<p>ảnh <img src="https://track.example.com/1.gif?who=lan" alt="biểu đồ"></p>'


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://example.com/a?b#c", "example.com"),
        ("HTTPS://Example.COM.", "example.com"),
        ("https://bank.com@evil.example/", "evil.example"),
        ("https://bank.com\\@evil.example/", "bank.com"),
        ("https:\\\\evil.example\\bank.com", "evil.example"),
        ("https:///evil.example", "evil.example"),
        ("https://%65vil.example", "evil.example"),
        ("https://evil。example", "evil.example"),
        ("https://аррӏе.com/", "xn--80ak6aa92e.com"),
        ("https://ev\u200bil.example/", "evil.example"),
        ("https://straße.de:8443/", "xn--strae-oqa.de:8443"),
        ("https://faς.gr", "xn--fa-tbc.gr"),
        ("https://क्\u200dष.com", "xn--11b2ezcw70k.com"),
        ("https://☕.com", "xn--53h.com"),
        ("https://a_b.cöm", "a_b.xn--cm-fka"),
        ("https://ev%E2%80%AEil.example", "evil.example"),
        ("https://" + "ö" * 400, "ö" * 400),
        ("https://[2001:db8::1]:8443/", "[2001:db8::1]:8443"),
        ("mailto:Lan@Example.com?subject=x", "lan@example.com"),
        ("mailto:it@bank.vn?bcc=evil@x.com", "it@bank.vn, bcc: evil@x.com"),
        ("mailto:?CC=a@x.com&subject=x&%74o=b@x.com,c@x.com", "cc: a@x.com, b@x.com,c@x.com"),
        ("mailto:lan%E2%80%AE@example.com", "lan@example.com"),
        ("tel:+84123456789", "+84123456789"),
        ("/tickets/", "a page of this tool"),
        ("", "a page of this tool"),
    ],
)
def test_a_link_leads_where_a_browser_would_go(address: str, place: str) -> None:
    assert link_target(address) == place


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("https://bank.com", "https://evil.example/"),
        ("<b>www.bank</b>.com", "https://evil.example/"),
        ("Vào bank.com để xem", "https://evil.example/bank.com"),
        ("https://bank.com/", "https://bank.com@evil.example/"),
        ("https://bank.com", "https://bank.com.evil.example"),
        ("support@bank.com", "mailto:thief@evil.example"),
        ("b\u200bank.com", "https://evil.example"),
        ("https://bank.com", "/tickets/"),
        ("vietcombank．com．vn", "https://evil.example"),
        ("vietcombank。com", "https://evil.example"),
        ("it@bank.vn", "mailto:it@bank.vn?bcc=evil@x.com"),
        ("Mở bank.com-đăng nhập...", "https://evil.example"),
        (" \u200b" * 3_000 + "bank.com", "https://evil.example"),
    ],
)
def test_a_link_whose_text_names_another_target_is_marked(words: str, address: str) -> None:
    shown = display_content(f'<p><a href="{address}">{words}</a></p>').html

    assert "link-target--other" in shown
    assert f"really leads to {link_target(address)}" in shown


@pytest.mark.parametrize(
    ("words", "address"),
    [
        ("báo-cáo.pdf", "https://files.example.com/1"),
        ("Hướng dẫn", "https://example.com/"),
        ("https://example.com/a", "https://www.example.com/a"),
        ("lan@example.com", "mailto:lan@example.com"),
        ("lan@example.com", "mailto:lan@example.com?cc=it@example.com"),
        ("straße.com", "https://straße.com/a"),
        ("www。example。com", "https://example.com"),
        ("a..com, .com, x.commerce, tệp.com_cũ", "https://example.com"),
    ],
)
def test_an_honest_link_is_not_marked(words: str, address: str) -> None:
    assert "link-target--other" not in display_content(f'<p><a href="{address}">{words}</a></p>').html


@pytest.mark.parametrize("words", ["strasse.de", "straße.de"])
def test_a_link_to_a_look_alike_name_shows_the_real_name(words: str) -> None:
    shown = display_content(f'<a href="https://straße.de">{words}</a>').html

    assert "(xn--strae-oqa.de)" in shown


@pytest.mark.parametrize("piece", ["a.", "a-", "www.", "http:/", "a.com.", "a.com@", "&#8203;a."])
def test_the_time_for_a_link_is_linear_in_its_text(piece: str) -> None:
    def seconds(length: int) -> float:
        words = (piece * length)[:length]
        started = time.process_time()
        assert "(x.vn)" in with_link_targets(f'<a href="https://x.vn">{words}</a>').replace(
            "really leads to ", ""
        )
        return time.process_time() - started

    seconds(10)
    assert seconds(48_000) < 10 * seconds(12_000) + 0.1


def test_a_link_shows_its_target_after_its_text_and_on_hover() -> None:
    shown = display_content(
        '<a href="https://evil.example/a?b=1&amp;c=2" title="https://bank.com">ở đây</a>'
    ).html

    assert 'title="https://evil.example/a?b=1&amp;c=2"' in shown
    assert "bank.com" not in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert '<span class="link-target" dir="auto">(evil.example)</span>' in shown


def test_a_nested_link_is_marked_separately() -> None:
    inner = '<table><tr><td><a href="https://inner.example">trong</a></td></tr></table>'
    shown = display_content(f'<a href="https://outer.example">ngoài {inner}</a>').html

    assert "(inner.example)" in shown
    assert "(outer.example)" in shown


def test_content_never_has_a_class_an_id_a_name_or_a_style() -> None:
    for document in hostile():
        shown = display_content(document, show_images=True).html
        ours = re.sub(r' class="(blocked-image|link-target(?: link-target--other)?)"', "", shown)
        assert not re.search(r'<[a-z][^>"]*(?:"[^"]*"[^>"]*)*\s(class|id|name|style|data-[a-z]+)=', ours), (
            document
        )


def test_an_image_without_https_never_loads() -> None:
    shown = display_content('<img src="http://track.example.com/1.gif">', show_images=True)

    assert "<img" not in shown.html
    assert "track.example.com" in shown.html
    assert (shown.blocked_images, shown.loaded_images) == (0, 0)


@pytest.fixture
def staff_client(staff: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(staff)


@pytest.fixture
def with_image(sandbox: Sandbox) -> None:
    sandbox.edit(CODE, ticket_content=IMAGE)


@pytest.mark.usefixtures("with_image")
def test_images_load_only_on_request_and_only_once(staff_client: Client) -> None:
    before = staff_client.get(f"/tickets/{CODE}/")
    link = re.search(r'href="(/tickets/[^"]+\?images=[^"]+)"', before.content.decode())
    assert link
    assert '<img src="https:' not in before.content.decode()
    assert "track.example.com" in before.content.decode()
    assert images_from(before) == "'self' data:"

    asked = staff_client.get(link[1])
    assert '<img src="https://track.example.com' in asked.content.decode()
    assert images_from(asked) == "'self' data: https:"

    for again in (f"/tickets/{CODE}/", "/tickets/"):
        assert "https:" not in images_from(staff_client.get(again))


@pytest.mark.usefixtures("with_image")
@pytest.mark.parametrize("forged", ["show", "1", ""])
def test_a_link_in_a_mail_cannot_make_images_load(forged: str, staff_client: Client) -> None:
    page = staff_client.get(f"/tickets/{CODE}/", {"images": forged})

    assert '<img src="https:' not in page.content.decode()
    assert images_from(page) == "'self' data:"


@pytest.mark.usefixtures("with_image")
def test_a_colleagues_link_to_images_does_not_work_for_others(staff_client: Client, lead: User) -> None:
    theirs = Signer(salt="ticketadmin.images").signature(f"{lead.pk}:{CODE}")

    assert images_from(staff_client.get(f"/tickets/{CODE}/", {"images": theirs})) == "'self' data:"


def images_from(answer: Any) -> str:
    found = re.search(r"img-src ([^;]+)", answer["Content-Security-Policy"])
    assert found
    return found[1]
