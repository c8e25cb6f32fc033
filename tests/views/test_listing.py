"""The tickets page: at once with what is known, then the CRM's list, filtered and honest."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pages import form_to, ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.models import Change, Role, SavedView, StatusSetting, User
from ticketadmin.services.crm.statuses import Status, Statuses
from ticketadmin.services.index.listing import ListedTicket, ListFilters
from ticketadmin.text import plain_letters

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


def codes(answer: Any) -> list[str]:
    return re.findall(r'<tr data-code="([^"]+)"', answer.content.decode())


def test_the_page_asks_the_crm_nothing_and_says_that_the_list_follows(web: Client, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    answer = web.get("/tickets/")

    assert answer.status_code == 200
    assert "data-follow" in answer.content.decode()
    assert sandbox.log() == []


def test_a_hundred_rows_are_one_call_and_a_constant_number_of_queries(web: Client, sandbox: Sandbox) -> None:
    web.get("/list/", headers=SCRIPT)
    sandbox.forget_log()
    with CaptureQueriesContext(connection) as many:
        answer = web.get("/list/", headers=SCRIPT)
    assert len(codes(answer)) == 100
    assert [call.path for call in sandbox.log()] == ["/api/v6.1/tickets"]
    with CaptureQueriesContext(connection) as few:
        assert len(codes(web.get("/list/?customer=Bình Minh", headers=SCRIPT))) < 60
    assert len(many) <= len(few) + 1
    assert len(many) <= 16


def test_a_list_read_lately_is_shown_with_the_page(web: Client, sandbox: Sandbox) -> None:
    web.get("/list/", headers=SCRIPT)
    sandbox.forget_log()

    answer = web.get("/tickets/")

    assert len(codes(answer)) == 100
    assert "data-follow" not in answer.content.decode()
    assert sandbox.log() == []


def test_more_is_read_on_request_and_each_row_stands_once(web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(repeat_rows=True)

    found = codes(web.get("/list/?n=200", headers=SCRIPT))

    assert len(found) == len(set(found))
    assert set(found) == set(sandbox.codes())


def test_a_crm_with_short_pages_that_does_not_say_whether_there_is_more_is_read_to_the_end(
    web: Client, sandbox: Sandbox
) -> None:
    sandbox.switch(longest_page=50, say_has_more=False)

    found = codes(web.get("/list/?n=200", headers=SCRIPT))

    assert len(found) == len(set(found))
    assert set(found) == set(sandbox.codes())


@pytest.mark.parametrize("ignores", [False, True])
def test_filters_hold_whether_the_crm_obeys_them_or_not(ignores: bool, web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(ignore_filters=ignores)
    right = {code for code in sandbox.codes() if sandbox.ticket(code)["status_name"] == "Hủy"}

    found = codes(web.get("/list/?status=Hủy&n=300", headers=SCRIPT))

    assert set(found) == right
    assert len(found) == len(right)


def test_a_filter_that_the_crm_refuses_is_applied_here(web: Client, sandbox: Sandbox) -> None:
    sandbox.fault("status", method="GET", path="/tickets", times=2, status=400)
    found = codes(web.get("/list/?category=Bảo+hành&n=300", headers=SCRIPT))

    assert found
    assert {sandbox.ticket(code)["cate_name"] for code in found} == {"Bảo hành"}


def test_only_mine_means_changed_here_or_drafted(web: Client, staff: User, sandbox: Sandbox) -> None:
    mine = sandbox.codes()[7]
    Change.objects.create(
        ticket_code=mine, actor=staff, actor_name="Lan", created_at=timezone.now(), outcome="verified"
    )

    assert codes(web.get("/list/?mine=on&n=300", headers=SCRIPT)) == [mine]


def test_columns_follow_what_the_crm_shows(web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(readable="documented")

    page = web.get("/list/", headers=SCRIPT).content.decode()

    assert "<th>Title</th>" in page
    assert "<th>Expected</th>" not in page
    assert "Bảo hành" in page  # the category comes as an id, its name from the list


def test_a_key_that_may_not_list_is_said_calmly_and_asked_seldom(web: Client, sandbox: Sandbox) -> None:
    sandbox.switch(read_right="403")

    page = web.get("/list/", headers=SCRIPT).content.decode()
    assert "does not let this tool list tickets" in page
    sandbox.forget_log()
    web.get("/list/", headers=SCRIPT)
    assert [call for call in sandbox.log() if call.path.endswith("/tickets")] == []


def test_a_crm_that_is_down_leaves_the_last_list_with_its_age(web: Client, settings: Any) -> None:
    web.get("/list/", headers=SCRIPT)
    settings.TICKET_API_URL = "http://127.0.0.1:9"

    answer = web.get("/list/", headers=SCRIPT)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "cannot be reached" in page
    assert "as it was read last" in page
    assert len(codes(answer)) == 100


def test_without_a_script_the_list_is_a_link_away(web: Client, sandbox: Sandbox) -> None:
    assert "now" in web.get("/tickets/").content.decode().split("data-refresh")[0].rsplit("href=", 1)[1]

    assert len(codes(web.get("/tickets/?now"))) == 100


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("ABCXYZ1234", "/tickets/ABCXYZ1234/"),
        ("ABCXYZ1234 dang xu ly", "/tickets/ABCXYZ1234/status/?to=%C4%90ang+x%E1%BB%AD+l%C3%BD"),
        ("TK-0001 TK-0002", "/tickets/?codes=TK-0001%2CTK-0002"),
        ("máy in", "/tickets/?text=m%C3%A1y+in"),
    ],
)
def test_the_box_works_as_a_plain_form(typed: str, leads_to: str, web: Client) -> None:
    web.get("/list/", headers=SCRIPT)

    assert web.get(f"/tickets/?q={quote(typed)}")["Location"] == leads_to


def test_pasted_codes_are_shown_in_their_order_known_or_not(web: Client, sandbox: Sandbox) -> None:
    known = sandbox.codes()[5]
    web.get("/list/?n=200", headers=SCRIPT)

    assert codes(web.get(f"/tickets/?codes=XX-9,{known}")) == ["XX-9", known]


def test_suggestions_offer_ticket_status_and_words_without_a_call(web: Client, sandbox: Sandbox) -> None:
    web.get("/list/", headers=SCRIPT)
    sandbox.forget_log()

    page = web.get("/suggest/?q=ABCXYZ1234 hoan").content.decode()

    assert 'data-href="/tickets/ABCXYZ1234/"' in page
    assert "Đã hoàn tất" in page
    assert "Mới" not in page
    assert sandbox.log() == []


def test_suggestions_find_titles_without_diacritics(web: Client, sandbox: Sandbox) -> None:
    code = sandbox.codes()[-1]
    sandbox.edit(code, ticket_title="Đồng bộ kho chậm")
    web.get("/list/", headers=SCRIPT)

    assert code in web.get("/suggest/?q=dong bo kho").content.decode()


@pytest.mark.parametrize(
    ("days", "status", "state"),
    [(-1, "Mới", "overdue"), (0, "Mới", "today"), (3, "Mới", "week"), (9, "Mới", ""), (-5, "Xong", "")],
)
def test_due_states_and_done_is_never_overdue(days: int, status: str, state: str) -> None:
    today = timezone.localdate()
    values = {"expected_at": (today + timedelta(days=days)).isoformat(), "status_name": status}
    statuses = Statuses((Status("Mới"), Status("Xong", is_done=True)))

    assert ListedTicket("T-1", values).due_state(statuses, today) == state


def test_vietnamese_in_any_spelling_is_the_same() -> None:
    assert plain_letters("ĐÃ HOÀN TẤT") == plain_letters("đã hoàn tất") == "da hoan tat"


def test_a_view_is_kept_shown_and_forgotten(web: Client, lead: User, client_of: Any) -> None:
    web.post("/views/", {"name": "Bảo hành của tôi", "query": "category=Bảo hành", "is_shared": "on"})

    view = SavedView.objects.get()
    assert not view.is_shared  # staff keep views for themselves
    page = web.get("/tickets/")
    assert "Bảo hành của tôi" in page.content.decode()
    assert "Bảo hành của tôi" not in client_of(lead).get("/tickets/").content.decode()
    forget = form_to(page, f"/views/{view.pk}/delete/")
    assert client_of(lead).post(forget.action).status_code == 404
    web.post(forget.action)
    assert not SavedView.objects.exists()


def test_a_view_shared_by_a_lead_is_everybodys(web: Client, lead: User, client_of: Any) -> None:
    client_of(lead).post("/views/", {"name": "Quá hạn", "query": "due=overdue", "is_shared": "on"})

    assert "Quá hạn" in web.get("/tickets/").content.decode()


# --- quick status --------------------------------------------------------------------------------

CODE = "ABCXYZ1234"
QUICK = f"/tickets/{CODE}/status/"


def test_quick_status_sends_one_value_and_shows_what_was_read_back(web: Client, sandbox: Sandbox) -> None:
    seen = sandbox.ticket(CODE)["status_name"]

    answer = web.post(QUICK, {"status": "đang xử lý", "seen": seen}, headers=SCRIPT)

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Verified" in page
    assert "“Đang xử lý”" in page
    assert sandbox.puts() == [{"ticket_code": CODE, "status_name": "Đang xử lý"}]
    assert Change.objects.get().origin == "quick"
    undo = form_to(answer, "/undo/")
    undone = web.post(undo.action, undo.filled(), headers=SCRIPT)
    assert f"“{seen}”" in undone.content.decode()
    assert sandbox.ticket(CODE)["status_name"] == seen


def test_quick_status_asks_when_somebody_was_faster(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, status_name="Chờ khách hàng")

    answer = web.post(QUICK, {"status": "Hủy", "seen": "Mới"}, headers=SCRIPT)

    assert answer.status_code == 409
    assert "Chờ khách hàng" in answer.content.decode()
    assert sandbox.puts() == []
    again = form_to(answer, "/status/")
    web.post(again.action, {**again.filled(), "status": "Hủy"}, headers=SCRIPT)
    assert sandbox.ticket(CODE)["status_name"] == "Hủy"


@pytest.mark.parametrize(("fault", "status"), [(500, 502), (403, 403), (404, 404), (400, 422)])
def test_quick_status_says_what_failed_and_offers_to_try_again(
    fault: int, status: int, web: Client, sandbox: Sandbox
) -> None:
    sandbox.fault("status", method="PUT", times=None, status=fault)

    answer = web.post(QUICK, {"status": "Hủy", "seen": "Mới"}, headers=SCRIPT)

    assert answer.status_code == status
    assert "Try again" in answer.content.decode()
    assert "Nothing was changed in the CRM." in answer.content.decode()


def test_quick_status_of_what_it_already_is_sends_nothing(web: Client, sandbox: Sandbox) -> None:
    now = sandbox.ticket(CODE)["status_name"]

    assert "already is" in web.post(QUICK, {"status": now, "seen": now}, headers=SCRIPT).content.decode()
    assert sandbox.puts() == []


def test_quick_status_refuses_a_name_that_the_crm_does_not_have(web: Client, sandbox: Sandbox) -> None:
    web.get("/list/", headers=SCRIPT)

    answer = web.post(QUICK, {"status": "Đang sử lý"}, headers=SCRIPT)

    assert answer.status_code == 422
    assert "Đang xử lý" in answer.content.decode()
    assert sandbox.puts() == []


def test_quick_status_works_without_a_script_and_confirms_first(web: Client, sandbox: Sandbox) -> None:
    page = web.get(f"{QUICK}?to=Hủy")
    form = form_to(page, "/status/")
    assert "This is all that is sent:" in page.content.decode()
    assert sandbox.puts() == []

    answer = web.post(form.action, {**form.filled(), "status": "Hủy"}, follow=True)

    assert "Saved and verified." in answer.content.decode()
    assert sandbox.puts() == [{"ticket_code": CODE, "status_name": "Hủy"}]


def test_quick_status_keeps_the_draft_of_other_fields(web: Client, staff: User, sandbox: Sandbox) -> None:
    form = ticket_form(web.get(f"/tickets/{CODE}/"))
    web.post(f"/tickets/{CODE}/draft/", form.filled(ticket_title="Nháp"))

    web.post(QUICK, {"status": "Hủy"}, headers=SCRIPT)

    assert ticket_form(web.get(f"/tickets/{CODE}/")).values["ticket_title"] == ["Nháp"]


def test_quick_buttons_follow_the_administrators_settings(web: Client, sandbox: Sandbox) -> None:
    StatusSetting.objects.create(name="Hủy", order=1, quick_button=True)
    StatusSetting.objects.create(name="Mới", order=2, quick_button=False)
    page = web.get(f"/tickets/{CODE}/").content.decode()
    buttons = page.split("data-quick-ticket")[1].split("</form>")[0]

    assert re.findall('name="status" value="([^"]+)"', buttons) == ["Hủy"]


def test_update_only_mode_sets_a_status_and_says_that_it_cannot_be_checked(
    web: Client, settings: Any, sandbox: Sandbox
) -> None:
    settings.TICKET_API_READ = "off"

    page = web.post(QUICK, {"status": "Hủy"}, headers=SCRIPT).content.decode()

    assert "cannot be checked" in page
    assert sandbox.puts() == [{"ticket_code": CODE, "status_name": "Hủy"}]


def test_filters_that_people_type_reach_the_crm_in_its_own_words() -> None:
    filters = ListFilters(status="Hủy", category="Khác", customer="Minh", text="in", due="overdue")

    assert filters.upstream == {
        "status_name:eq": "Hủy",
        "cate_name:eq": "Khác",
        "account_name:contains": "Minh",
        "ticket_title:contains": "in",
    }


def test_roles_see_the_same_list(sandbox: Sandbox, make_person: Any, client_of: Any) -> None:
    for role in Role:
        assert len(codes(client_of(make_person(role)).get("/list/", headers=SCRIPT))) == 100


def test_a_single_word_is_searched_and_may_still_be_opened_as_a_code(web: Client, sandbox: Sandbox) -> None:
    answer = web.get("/tickets/?q=khongcogihet", follow=True)
    assert answer.redirect_chain[-1][0] == "/tickets/?text=khongcogihet"

    found = web.get("/list/?text=khongcogihet", headers=SCRIPT).content.decode()
    assert "No ticket matches" in found
    assert 'href="/tickets/khongcogihet/"' in found
