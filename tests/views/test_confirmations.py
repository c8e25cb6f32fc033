"""Small things are confirmed in a toast on the next page; errors never are."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_run
from tests.pages import squeezed
from ticketadmin.models import BulkState, SavedView, User

NEW_PASSWORD = "another-long-password-2"


def toasts(page: bytes) -> list[str]:
    return re.findall(r'class="toast__text"[^>]*>([^<]+)<', squeezed(page.decode()))


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(staff)


def test_preferences_are_confirmed_in_the_language_that_was_just_chosen(web: Client) -> None:
    typed = {"language": "vi", "next": "/account/"}

    assert toasts(web.post("/preferences/", typed, follow=True).content) == ["Đã lưu tùy chọn của bạn."]
    assert toasts(web.get("/account/").content) == []


def test_storing_replacing_and_deleting_a_view_is_confirmed(web: Client) -> None:
    page = web.post("/views/", {"name": "Quá hạn", "query": "due=overdue"}, follow=True)
    assert toasts(page.content) == ["The view “Quá hạn” was saved."]

    page = web.post("/views/", {"name": "Quá hạn", "query": "due=today"}, follow=True)
    assert toasts(page.content) == ["Your view “Quá hạn” was replaced."]
    assert SavedView.objects.get().query == "due=today"

    page = web.post(f"/views/{SavedView.objects.get().pk}/delete/", follow=True)
    assert toasts(page.content) == ["The view “Quá hạn” was deleted."]


def test_a_changed_password_and_a_sign_out_everywhere_are_confirmed(web: Client) -> None:
    typed = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    page = web.post("/password/", typed, follow=True)
    assert toasts(page.content) == ["Your password was changed. Your other sessions have ended."]

    page = web.post("/sign-out/everywhere/", follow=True)
    assert toasts(page.content) == ["You are signed out on every device. Drafts are kept."]


def test_a_discarded_bulk_update_is_confirmed(lead: User, client_of: Callable[[User], Client]) -> None:
    bulk = make_run(lead, state=BulkState.DRAFT)
    page = client_of(lead).post(f"/bulk/{bulk.uuid}/discard/", follow=True)

    assert toasts(page.content) == ["The bulk update was discarded. Nothing of it was sent."]


@pytest.mark.parametrize(
    ("path", "typed", "said"),
    [
        ("/views/", {"name": " ", "query": ""}, "The view was not saved"),
        ("/preferences/", {"theme": "pink"}, "This preference does not exist."),
    ],
)
def test_errors_stay_in_the_page(path: str, typed: dict[str, str], said: str, web: Client) -> None:
    page = web.post(path, typed, follow=True)

    assert toasts(page.content) == []
    assert re.search(rf'banner--danger" role="status">[^§]+{said}', squeezed(page.content.decode()))
