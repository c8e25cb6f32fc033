"""Drafts: kept field by field, compared when restored, private, and dropped only after a save."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, Draft, User
from ticketadmin.ticketapi.tickets import MAX_CUSTOM_FIELDS

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
DRAFT = f"{URL}draft/"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def keep(client: Client, **typed: str) -> Any:
    form = ticket_form(client.get(URL))
    return client.post(DRAFT, form.filled(**typed))


def test_only_touched_fields_are_kept(web: Client) -> None:
    answer = keep(web, ticket_title="Nháp", expected_at="không phải ngày")

    assert answer.json()["state"] == "kept"
    assert Draft.objects.get().inputs == {"ticket_title": ["Nháp"], "expected_at": ["không phải ngày"]}


def test_a_draft_keeps_as_many_fields_as_a_ticket_may_have(web: Client, sandbox: Sandbox) -> None:
    """It kept the first 150 and silently dropped the others."""
    fields = {f"field{number}": "x" for number in range(MAX_CUSTOM_FIELDS - 20)}
    sandbox.edit(CODE, custom_fields=fields)  # beside those that it has

    answer = keep(web, **{f"custom_fields.{name}": "y" for name in fields})

    assert answer.json()["state"] == "kept"
    assert len(Draft.objects.get().inputs) == len(fields)


def test_reopening_a_ticket_restores_every_box(web: Client, sandbox: Sandbox) -> None:
    keep(web, ticket_title="Nháp", ticket_content="<p>dài</p>", emergency_phone="12")

    answer = web.get(URL)

    form = ticket_form(answer)
    assert form.values["ticket_title"] == ["Nháp"]
    assert form.values["ticket_content"] == ["<p>dài</p>"]
    assert form.values["emergency_phone"] == ["12"]
    assert "was restored." in answer.content.decode()
    assert "field__errors" not in answer.content.decode().split("data-session-sign-in")[0]
    assert sandbox.puts() == []


def test_text_typed_back_to_the_base_leaves_no_draft(web: Client, sandbox: Sandbox) -> None:
    before = sandbox.ticket(CODE)["ticket_title"]
    form, older = (ticket_form(web.get(URL)) for _tab in range(2))
    web.post(DRAFT, form.filled(ticket_title="Nháp"))

    assert (
        web.post(DRAFT, older.filled()).json()["state"] == "kept"
    )  # this tab never saw it, so it must not drop it
    assert web.post(DRAFT, form.filled(ticket_title=before)).json()["state"] == "clean"
    assert not Draft.objects.exists()
    keep(web, ticket_title="Nháp")
    restored = ticket_form(web.get(URL))
    assert web.post(DRAFT, restored.filled(ticket_title=before)).json()["state"] == "clean"
    assert not Draft.objects.exists()


def test_two_tabs_of_one_user_share_one_draft(web: Client) -> None:
    one, other = ticket_form(web.get(URL)), ticket_form(web.get(URL))

    web.post(DRAFT, one.filled(ticket_title="Từ thẻ một"))
    web.post(DRAFT, other.filled(emergency_phone="0911222333"))

    assert Draft.objects.get().inputs == {
        "ticket_title": ["Từ thẻ một"],
        "emergency_phone": ["0911222333"],
    }


def test_a_ticket_changed_meanwhile_is_compared_when_the_draft_is_restored(
    web: Client, sandbox: Sandbox
) -> None:
    keep(web, ticket_title="Nháp của tôi", account_email="toi@example.com")
    sandbox.edit(CODE, ticket_title="Của họ", emergency_phone="0999888777")

    answer = web.get(URL)

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Của họ" in page
    assert "Nháp của tôi" in page
    assert ticket_form(answer).values["account_email"] == ["toi@example.com"]
    assert ticket_form(answer).values["emergency_phone"] == ["0999888777"]
    web.post(URL, ticket_form(answer).filled(**{"resolve.ticket_title": "mine"}))
    assert sandbox.puts() == [
        {"ticket_code": CODE, "ticket_title": "Nháp của tôi", "account_email": "toi@example.com"}
    ]


def test_invalid_text_over_a_changed_field_is_compared_once_it_is_corrected(
    web: Client, sandbox: Sandbox
) -> None:
    keep(web, emergency_phone="12")
    sandbox.edit(CODE, emergency_phone="0999888777")

    form = ticket_form(web.get(URL))
    assert form.values["emergency_phone"] == ["12"]
    answer = web.post(URL, form.filled(emergency_phone="0123456789"))

    assert answer.status_code == 409
    assert "0999888777" in answer.content.decode()
    assert sandbox.puts() == []


def test_an_unresolved_conflict_is_still_one_when_the_draft_is_restored(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    sandbox.edit(CODE, ticket_title="Của họ")
    web.post(URL, form.filled(ticket_title="Của tôi"))

    answer = web.get(URL)

    assert answer.status_code == 409
    assert "Của tôi" in answer.content.decode()


def test_a_verified_save_drops_the_draft_and_a_failed_one_does_not(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    sandbox.fault("status", method="PUT", times=1, status=400)
    web.post(URL, form.filled(ticket_title="Giữ lại"))
    assert Draft.objects.get().inputs["ticket_title"] == ["Giữ lại"]

    web.post(URL, ticket_form(web.get(URL)).filled())

    assert sandbox.ticket(CODE)["ticket_title"] == "Giữ lại"
    assert not Draft.objects.exists()


def test_a_save_leaves_text_of_another_tab_and_the_next_page_shows_it(web: Client, sandbox: Sandbox) -> None:
    one, other = ticket_form(web.get(URL)), ticket_form(web.get(URL))
    web.post(DRAFT, other.filled(ticket_content="<p>dài, từ thẻ kia</p>"))

    page = web.post(URL, one.filled(ticket_title="Từ thẻ này"), follow=True)

    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Từ thẻ này"}]
    assert Draft.objects.get().inputs == {"ticket_content": ["<p>dài, từ thẻ kia</p>"]}
    assert "was restored." in page.content.decode()
    assert "Saved and verified." in page.content.decode()
    assert ticket_form(page).values["ticket_content"] == ["<p>dài, từ thẻ kia</p>"]


def test_filling_the_form_again_keeps_the_draft(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", method="PUT", times=1, status=400)
    web.post(URL, ticket_form(web.get(URL)).filled(ticket_title="Bị từ chối"))
    Draft.objects.all().delete()
    keep(web, emergency_phone="0911222333", ticket_title="Nháp")

    page = web.get(URL, {"again": Change.objects.get().uuid})

    assert "was restored." in page.content.decode()
    form = ticket_form(page)
    assert form.values["ticket_title"] == ["Bị từ chối"]
    assert form.values["emergency_phone"] == ["0911222333"]
    web.post(URL, form.filled())
    assert sandbox.ticket(CODE)["ticket_title"] == "Bị từ chối"
    assert sandbox.ticket(CODE)["emergency_phone"] == "0911222333"
    assert not Draft.objects.exists()


def test_a_save_of_an_undo_in_conflict_leaves_the_draft(web: Client, sandbox: Sandbox) -> None:
    saved = web.post(URL, ticket_form(web.get(URL)).filled(ticket_title="Sai rồi"), follow=True)
    keep(web, emergency_phone="0911222333")
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")
    undo = form_to(saved, "/undo/")
    asked = web.post(undo.action, undo.filled())

    page = web.post(URL, ticket_form(asked).filled(**{"resolve.ticket_title": "mine"}), follow=True)

    assert ticket_form(page).values["emergency_phone"] == ["0911222333"]
    assert Draft.objects.get().inputs == {"emergency_phone": ["0911222333"]}


def test_restored_text_that_was_reverted_is_gone_after_the_save(web: Client, sandbox: Sandbox) -> None:
    keep(web, ticket_title="Nháp")
    form = ticket_form(web.get(URL))

    typed = form.filled(ticket_title=sandbox.ticket(CODE)["ticket_title"], emergency_phone="0911222333")
    web.post(URL, typed)

    assert sandbox.puts() == [{"ticket_code": CODE, "emergency_phone": "0911222333"}]
    assert not Draft.objects.exists()


@pytest.mark.parametrize("status", [500, 502])
def test_an_unknown_outcome_keeps_the_draft(status: int, web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    sandbox.fault("status", method="PUT", times=None, status=status)

    web.post(URL, form.filled(ticket_title="Giữ lại"))

    assert Draft.objects.get().inputs["ticket_title"] == ["Giữ lại"]


def test_a_late_autosave_of_a_saved_form_is_not_kept(web: Client, sandbox: Sandbox) -> None:
    typed = ticket_form(web.get(URL)).filled(ticket_title="Đã lưu")
    web.post(URL, typed)

    assert web.post(DRAFT, typed).json()["state"] == "clean"
    assert not Draft.objects.exists()


def test_a_discarded_draft_can_be_restored(web: Client, sandbox: Sandbox) -> None:
    keep(web, ticket_title="Nháp")
    discard = form_to(web.get(URL), "/draft/discard/")

    page = web.post(discard.action, discard.filled(), follow=True)
    assert ticket_form(page).values["ticket_title"] == [sandbox.ticket(CODE)["ticket_title"]]
    back = form_to(page, "/draft/bring-back/")
    page = web.post(back.action, back.filled(), follow=True)

    assert ticket_form(page).values["ticket_title"] == ["Nháp"]


def test_drafts_are_private(
    web: Client, lead: User, administrator: User, client_of: Callable[[User], Client]
) -> None:
    keep(web, ticket_title="Bí mật của Lan")

    for colleague in (lead, administrator):
        client = client_of(colleague)
        for path in (URL, "/tickets/", "/history/", "/history/changes.csv"):
            answer = client.get(path)
            content = b"".join(answer.streaming_content) if answer.streaming else answer.content
            assert "Bí mật của Lan" not in content.decode()
        client.post(f"{URL}draft/discard/")
    assert Draft.objects.get().discarded_at is None


def test_update_only_mode_keeps_what_is_set_cleared_and_added(web: Client, settings: Any) -> None:
    settings.TICKET_API_READ = "off"
    form = ticket_form(web.get(URL))
    web.post(DRAFT, form.filled(status_name="Hủy", clear=["expected_at"], new_custom_key="khóa mới"))

    form = ticket_form(web.get(URL))

    assert form.values["status_name"] == ["Hủy"]
    assert form.values["clear"] == ["expected_at"]
    assert form.values["new_custom_key"] == ["khóa mới"]


def test_a_form_posted_after_the_session_ended_survives_the_sign_in(
    staff: User, web: Client, sandbox: Sandbox
) -> None:
    typed = ticket_form(web.get(URL)).filled(ticket_title="Sau khi hết phiên")
    web.logout()

    answer = web.post(URL, typed)

    assert answer.status_code == 302
    assert answer["Location"] == f"/sign-in/?next={URL}"
    assert "What you typed is kept as your draft." in web.get(answer["Location"]).content.decode()
    assert sandbox.puts() == []
    web.force_login(staff)
    assert ticket_form(web.get(URL)).values["ticket_title"] == ["Sau khi hết phiên"]


def test_another_user_who_signs_in_there_sees_none_of_it(web: Client, lead: User, sandbox: Sandbox) -> None:
    typed = ticket_form(web.get(URL)).filled(ticket_title="Chỉ của Lan")
    web.logout()
    web.post(URL, typed)
    web.force_login(lead)

    assert "Chỉ của Lan" not in web.get(URL).content.decode()
    answer = web.post(URL, typed)
    assert answer.status_code == 409
    assert "Chỉ của Lan" not in answer.content.decode()
    assert sandbox.puts() == []
    assert Draft.objects.get().actor.username == "staff"


def test_an_altered_form_stores_nothing_for_any_user(web: Client) -> None:
    typed = ticket_form(web.get(URL)).filled(ticket_title="x", base="altered")
    web.logout()

    web.post(URL, typed)

    assert not Draft.objects.exists()


def test_a_script_is_told_that_the_session_ended(web: Client) -> None:
    typed = ticket_form(web.get(URL)).filled(ticket_title="Nháp")
    web.logout()

    answer = web.post(DRAFT, typed, headers={"X-Requested-With": "XMLHttpRequest"})

    assert answer.status_code == 401
    assert answer.json() == {"state": "signed_out", "kept": True}


def test_an_expired_token_keeps_the_text(staff: User, sandbox: Sandbox) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff)
    typed = ticket_form(client.get(URL)).filled(ticket_title="Vẫn còn", csrfmiddlewaretoken="x" * 64)

    answer = client.post(URL, typed)

    assert answer.status_code == 403
    assert "What you typed is kept as your draft." in answer.content.decode()
    assert Draft.objects.get().inputs["ticket_title"] == ["Vẫn còn"]


def test_my_drafts_are_on_the_tickets_page(web: Client, sandbox: Sandbox) -> None:
    keep(web, emergency_phone="12")

    page = web.get("/tickets/").content.decode()

    drafts = page.split("My drafts")[1].split("</section>")[0]
    assert f"/tickets/{CODE}/" in drafts
    assert sandbox.ticket(CODE)["ticket_title"] in drafts
