"""The live preview beside HTML: cleaned as a save cleans, nothing loaded, nothing sent."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.sandbox_driver import Sandbox
from ticketadmin.models import User


@pytest.fixture
def lan(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def preview(client: Client, typed: str) -> str:
    answer = client.post(reverse("content_preview"), {"ticket_content": typed})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_preview_shows_cleaned_content_and_names_what_is_removed(lan: Client, sandbox: Sandbox) -> None:
    page = preview(lan, '<p style="color:red" onclick="x()">Chào</p><script>1</script>')
    assert "<p>Chào</p>" in page
    assert "2 scripts" in page
    assert "1 colour or font setting" in page
    assert "onclick" not in page
    assert sandbox.log() == []


def test_plain_text_is_shown_whole(lan: Client) -> None:
    page = preview(lan, "Liên hệ Lan <lan@example.com> gấp\nhai")

    assert "Liên hệ Lan &lt;lan@example.com&gt; gấp<br>hai" in page


def test_images_are_named_but_not_loaded(lan: Client) -> None:
    page = preview(lan, '<img src="https://example.com/a.png" alt="màn hình">')
    assert "<img" not in page
    assert "màn hình" in page
    assert "1 image is stored but not loaded here." in page


def test_content_too_large_to_parse_is_shown_as_text_with_the_reason(lan: Client) -> None:
    page = preview(lan, "<div>" * 200)
    assert "nested too deeply" in page
    assert "&lt;div&gt;" in page


def test_far_too_long_content_is_refused(lan: Client) -> None:
    typed = "a" * (2 * settings.CONTENT_MAX_CHARACTERS + 1)
    answer = lan.post(reverse("content_preview"), {"ticket_content": typed})
    assert answer.status_code == 413
