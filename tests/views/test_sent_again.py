"""One form sent more than once: the same content is one save, other content is another one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client

from tests.browsing import Visitor
from tests.live import LiveServer
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from tests.waiting import wait_until
from ticketadmin.models import Change, Draft, User

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
DRAFT = f"{URL}draft/"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def test_other_content_is_also_sent_and_does_not_conflict_with_the_first(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Lần một"))

    page = web.post(URL, form.filled(ticket_title="Lần hai", emergency_phone="0911222333"), follow=True)

    assert sandbox.puts() == [
        {"ticket_code": CODE, "ticket_title": "Lần một"},
        {"ticket_code": CODE, "ticket_title": "Lần hai", "emergency_phone": "0911222333"},
    ]
    assert "Saved and verified." in page.content.decode()
    assert ticket_form(page).values["ticket_title"] == ["Lần hai"]
    assert not Draft.objects.exists()


def test_one_more_field_is_sent_alone(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Lần một"))

    web.post(URL, form.filled(ticket_title="Lần một", emergency_phone="0911222333"))

    assert sandbox.puts()[1:] == [{"ticket_code": CODE, "emergency_phone": "0911222333"}]


def test_a_reverted_box_is_sent_as_it_was(web: Client, sandbox: Sandbox) -> None:
    before = sandbox.ticket(CODE)["ticket_title"]
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Lần một"))

    page = web.post(URL, form.filled(), follow=True)

    assert sandbox.ticket(CODE)["ticket_title"] == before
    assert "Saved and verified." in page.content.decode()


def test_other_content_posted_twice_is_one_more_put(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Lần một"))

    answers = [web.post(URL, form.filled(ticket_title="Lần hai")) for _time in range(2)]

    assert len(sandbox.puts()) == 2
    assert answers[0]["Location"] == answers[1]["Location"]


def test_going_back_to_the_first_content_after_other_content_is_asked_about(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    for title in ("Lần một", "Lần hai"):
        web.post(URL, form.filled(ticket_title=title))

    answer = web.post(URL, form.filled(ticket_title="Lần một"))

    assert answer.status_code == 409  # not “Saved and verified”: the CRM holds the second
    web.post(URL, ticket_form(answer).filled(**{"resolve.ticket_title": "mine"}))
    assert sandbox.ticket(CODE)["ticket_title"] == "Lần một"


def test_the_same_content_that_the_crm_spelt_differently_is_one_put(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("store_differently", method="PUT", field="ticket_title", value="LẦN MỘT")
    typed = ticket_form(web.get(URL)).filled(ticket_title="Lần một")

    answers = [web.post(URL, typed) for _time in range(2)]

    assert len(sandbox.puts()) == 1
    assert answers[0]["Location"] == answers[1]["Location"]


def test_other_content_over_a_colleagues_change_is_asked_about(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Lần một"))
    sandbox.edit(CODE, ticket_title="Của đồng nghiệp")

    answer = web.post(URL, form.filled(ticket_title="Lần hai"))

    assert answer.status_code == 409
    assert "Của đồng nghiệp" in answer.content.decode()
    assert len(sandbox.puts()) == 1
    assert Draft.objects.get().inputs == {"ticket_title": ["Lần hai"]}


def test_other_content_is_sent_even_without_reading(web: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_API_READ = "off"
    form = ticket_form(web.get(URL))
    for phone in ("0911222333", "0911222333", "0999888777"):
        web.post(URL, form.filled(emergency_phone=phone))

    assert [put["emergency_phone"] for put in sandbox.puts()] == ["0911222333", "0999888777"]


def test_the_same_content_with_values_already_stored_is_one_put(web: Client, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(URL))
    sandbox.edit(CODE, emergency_phone="0911222333")
    typed = form.filled(ticket_title="Lần một", emergency_phone="0911222333")

    answers = [web.post(URL, typed) for _time in range(2)]

    assert sandbox.puts() == [{"ticket_code": CODE, "ticket_title": "Lần một"}]
    assert answers[0]["Location"] == answers[1]["Location"]


def test_text_typed_into_a_saved_form_is_drafted_without_the_saved_values(
    web: Client, sandbox: Sandbox
) -> None:
    form = ticket_form(web.get(URL))
    web.post(URL, form.filled(ticket_title="Đã lưu"))

    web.post(DRAFT, form.filled(ticket_title="Đã lưu", emergency_phone="0911222333"))
    assert Draft.objects.get().inputs == {"emergency_phone": ["0911222333"]}
    web.post(DRAFT, form.filled(ticket_title="Gõ tiếp", emergency_phone="0911222333"))

    page = web.get(URL)
    assert page.status_code == 200  # the title before it is the user's own
    assert ticket_form(page).values["ticket_title"] == ["Gõ tiếp"]
    assert ticket_form(page).values["emergency_phone"] == ["0911222333"]


def test_a_saved_clear_is_not_drafted_again(web: Client, sandbox: Sandbox, settings: Any) -> None:
    settings.TICKET_API_READ = "off"
    typed = ticket_form(web.get(URL)).filled(
        clear=["expected_at"], new_custom_key="so_serial", new_custom_value="SN-1"
    )
    web.post(URL, typed)
    assert Change.objects.get().outcome == "not_readable"

    assert web.post(DRAFT, typed).json()["state"] == "clean"


def wait_for_the_put(crm: Sandbox) -> None:
    wait_until(lambda: crm.log("PUT", CODE), "the save did not reach the CRM", every=0.02)


def test_other_content_waits_for_the_save_under_way(live: LiveServer, live_sandbox: Sandbox) -> None:
    visitor = Visitor(live)
    form = visitor.form(CODE)
    live_sandbox.forget_log()
    live_sandbox.fault("delay", method="PUT", seconds=1)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(visitor.post, URL, form.filled(ticket_title="Lần một"))
        wait_for_the_put(live_sandbox)
        second = visitor.post(URL, form.filled(ticket_title="Lần hai"))
        answers = [first.result(), second]
    visitor.close()

    assert [answer.status_code for answer in answers] == [303, 303]
    assert [put["ticket_title"] for put in live_sandbox.puts(CODE)] == ["Lần một", "Lần hai"]


def test_text_typed_during_a_save_stays_in_the_draft(live: LiveServer, live_sandbox: Sandbox) -> None:
    visitor = Visitor(live)
    form = visitor.form(CODE)
    visitor.post(DRAFT, form.filled(ticket_title="Đã gửi"))
    live_sandbox.forget_log()
    live_sandbox.fault("delay", method="PUT", seconds=1)

    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(visitor.post, URL, form.filled(ticket_title="Đã gửi"))
        wait_for_the_put(live_sandbox)
        visitor.post(DRAFT, form.filled(ticket_title="Gõ tiếp"))
        saving.result()
    page = visitor.form(CODE)
    visitor.close()

    assert live_sandbox.ticket(CODE)["ticket_title"] == "Đã gửi"
    assert page.values["ticket_title"] == ["Gõ tiếp"]
