"""The tickets page: what the index knows, filtered, ordered, counted, and how old it is."""

import base64
import html
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, unquote, urlencode
from zoneinfo import ZoneInfo

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.pages import form_to, forms_in, squeezed, ticket_form
from tests.pairs import pairs
from tests.sandbox_driver import Sandbox
from tests.swept import SweptIndex, sweep
from ticketadmin.forms.listing import ListRequest
from ticketadmin.models import (
    BulkItem,
    BulkUpdate,
    Change,
    CrmSnapshot,
    CustomField,
    Draft,
    Heartbeat,
    IndexedTicket,
    Role,
    SavedView,
    StatusSetting,
    TicketIndex,
    User,
)
from ticketadmin.services.index.listing import ListFilters, Order, Sort
from ticketadmin.services.values.ordering import sort_key

SCRIPT = {"X-Requested-With": "XMLHttpRequest"}


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], swept_index: SweptIndex) -> Client:
    swept_index.fill()
    return client_of(staff)


def codes(answer: Any) -> list[str]:
    return re.findall(r'<tr data-code="([^"]+)"', answer.content.decode())


def text_of(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def listed(web: Client, query: str = "") -> list[str]:
    """Return the codes of every page of a list, in order."""
    found: list[str] = []
    address = f"/tickets/?{query}"
    for _page in range(60):
        answer = web.get(address)
        found += codes(answer)
        following = re.search(r'href="([^"]+)" rel="next"', squeezed(answer.content.decode()))
        if not following:
            return found
        address = following[1].replace("&amp;", "&")
    pytest.fail("the list does not end")


def chips(answer: Any) -> dict[str, int]:
    chips = answer.content.decode().split("chips--list")[1].split("</nav>")[0]
    words = [" ".join(re.sub(r"<[^>]*>", " ", one).split()) for one in chips.split("</a>")[:-1]]
    return {one.rpartition(" ")[0].rpartition('"> ')[2]: int(one.rpartition(" ")[2]) for one in words}


def test_the_page_does_not_call_the_crm(web: Client, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    answer = web.get("/tickets/")

    assert len(codes(answer)) == 50
    assert sandbox.log() == []


def test_rows_cost_no_queries_of_their_own(web: Client) -> None:
    with CaptureQueriesContext(connection) as many:
        assert len(codes(web.get("/list/", headers=SCRIPT))) == 50
    with CaptureQueriesContext(connection) as few:
        assert len(codes(web.get("/list/?text=every+answer+takes", headers=SCRIPT))) == 1
    assert len(many) <= len(few) <= 6, "session, user, overview, rows; where words are found, and how"


def test_the_whole_page_takes_three_queries_more_than_its_list(
    lead: User, client_of: Any, web: Client
) -> None:
    client = client_of(lead)
    counted = []
    for address, headers in (("/list/", SCRIPT), ("/list/", SCRIPT), ("/tickets/", {})):
        with CaptureQueriesContext(connection) as captured:
            assert len(codes(client.get(address, headers=headers))) == 50
        counted.append(len(captured))

    assert counted[1:] == [4, 7], "views, recent changes and, for leads, runs that ended"


def test_a_list_without_a_ticket_counts_no_rows(web: Client) -> None:
    with CaptureQueriesContext(connection) as captured:
        page = web.get("/list/?text=nothing+is+like+this", headers=SCRIPT)

    assert codes(page) == []
    assert "0 tickets" in squeezed(page.content.decode())
    assert not any("COUNT(" in query["sql"] for query in captured)
    assert len(captured) <= 7, [query["sql"] for query in captured]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"sort": "-title"}, "text=a%26b+%C4%91&sort=-title&status=M%E1%BB%9Bi&status=%3F"),
        ({"status": None, "place": "x"}, "text=a%26b+%C4%91&sort=title&place=x"),
        ({"status": ["Hủy"], "columns": ""}, "text=a%26b+%C4%91&sort=title&status=H%E1%BB%A7y&columns="),
        ({"status": []}, "text=a%26b+%C4%91&sort=title"),
    ],
)
def test_an_address_is_the_query_with_changes(change: dict[str, Any], expected: str) -> None:
    written = "text=a%26b+%C4%91&sort=title&status=M%E1%BB%9Bi&status=%3F"
    asked = ListRequest(ListFilters(), Order(), (), "abc", QueryDict(f"{written}&place=abc"))

    assert asked.address(**change) == expected
    assert asked.address() == written


def test_tickets_left_out_for_their_codes_are_counted(
    web: Client,
    sandbox: Sandbox,
    administrator: User,
    client_of: Callable[[User], Client],
) -> None:
    assert "cannot open" not in text_of(web.get("/tickets/"))
    for number in range(2):
        odd = sandbox.ticket("ABCXYZ1234") | {"ticket_code": f"PHIEU.{number}", "id": 9_000 + number}
        sandbox.store(f"PHIEU.{number}", odd)
    sweep()

    said = text_of(web.get("/tickets/"))
    assert "2 tickets of the CRM are left out, because this tool cannot open their codes" in said
    assert "PHIEU.0, PHIEU.1" in text_of(client_of(administrator).get("/connection/"))


@pytest.mark.parametrize(
    "query", ["", "sort=title", "sort=-customer", "sort=expected", "sort=-number", "sort=phone"]
)
def test_paging_shows_every_ticket_once_and_leads_back(query: str, web: Client, sandbox: Sandbox) -> None:
    found = listed(web, query)

    assert sorted(found) == sorted(sandbox.codes())
    second = re.search(r'href="([^"]+)" rel="next"', squeezed(web.get(f"/tickets/?{query}").content.decode()))
    assert second
    back = re.search(
        r'href="([^"]+)" rel="prev"', squeezed(web.get(second[1].replace("&amp;", "&")).content.decode())
    )
    assert back
    assert codes(web.get(back[1].replace("&amp;", "&"))) == found[:50]


def test_rows_added_while_paging_hide_no_other(web: Client, sandbox: Sandbox) -> None:
    first = web.get("/tickets/?sort=-number")
    ticket = {**sandbox.ticket("TK-BUSY"), "id": 9_000, "ticket_code": "NEW-1"}
    sandbox.store("NEW-1", ticket)
    sweep()
    following = re.search(r'href="([^"]+)" rel="next"', squeezed(first.content.decode()))
    assert following

    second = codes(web.get(following[1].replace("&amp;", "&")))

    assert set(second).isdisjoint(codes(first))
    assert len(second) == 50


def test_titles_sort_by_the_vietnamese_alphabet_with_unknown_last(web: Client, sandbox: Sandbox) -> None:
    titles = {"A-1": "ăn", "A-2": "an", "A-3": "đen", "A-4": "dài", "A-5": "ấm", "A-6": ""}
    for number, (code, title) in enumerate(titles.items()):
        plain = {**sandbox.ticket("TK-BUSY"), "id": 9_100 + number, "account_name": "Riêng"}
        sandbox.store(code, {**plain, "ticket_code": code, "ticket_title": title})
    sweep()
    IndexedTicket.objects.filter(code="A-6").update(title_key=None)

    assert listed(web, "customer=rieng&sort=title") == ["A-2", "A-1", "A-5", "A-4", "A-3", "A-6"]
    assert listed(web, "customer=rieng&sort=-title") == ["A-3", "A-4", "A-5", "A-1", "A-2", "A-6"]


def today() -> str:
    """Return the day when the test runs, which may be another than when it was collected."""
    return str(timezone.localdate())


FILTERS: list[tuple[str, Callable[[dict[str, Any]], bool]]] = [
    ("status=Hủy", lambda one: one["status_name"] == "Hủy"),
    ("status=hủy&status=Mới", lambda one: one["status_name"] in {"Hủy", "Mới"}),
    ("category=Khác&category=Bảo hành", lambda one: one["cate_name"] in {"Khác", "Bảo hành"}),
    ("customer=an phat", lambda one: one["account_name"] == "An Phát"),
    ("customer=lienhe@saomai", lambda one: "lienhe@saomai" in one["account_email"]),
    ("text=an phat", lambda one: one["account_name"] == "An Phát" or "An Phát" in one["ticket_title"]),
    ("expected_from=TODAY", lambda one: one["expected_at"] >= today()),
    ("expected_to=TODAY", lambda one: "" < one["expected_at"] <= today()),
    (
        "due=overdue",
        lambda one: "" < one["expected_at"] < today() and one["status_name"] not in {"Hủy", "Đã hoàn tất"},
    ),
    (
        "due=today",
        lambda one: one["expected_at"] == today() and one["status_name"] not in {"Hủy", "Đã hoàn tất"},
    ),
    ("not_done=on", lambda one: one["status_name"] not in {"Hủy", "Đã hoàn tất"}),
    ("changed_since=2031-01-01", lambda one: one["updated_at"] >= "2031"),
    ("field=loai_bao_hanh&value=2", lambda one: one["custom_fields"].get("loai_bao_hanh") == "2"),
    (
        "status=Mới&customer=mekong&not_done=on",
        lambda one: (one["status_name"], one["account_name"]) == ("Mới", "Mekong Retail"),
    ),
]  # fmt: skip


def test_filters_show_matching_tickets_only(web: Client, sandbox: Sandbox, subtests: pytest.Subtests) -> None:
    CustomField.objects.create(key="loai_bao_hanh", label="Loại", is_listed=True)
    for name in ("Hủy", "Đã hoàn tất"):
        StatusSetting.objects.create(name=name, is_done=True)
    # The test CRM was filled when it started, which may have been yesterday.
    sandbox.edit("TK-BUSY", updated_at="2031-02-01 10:00:00", status_name="Mới", expected_at=today())
    sweep()
    tickets = {code: sandbox.ticket(code) for code in sandbox.codes()}

    for template, fits in FILTERS:
        with subtests.test(template):
            query = template.replace("TODAY", today())
            right = {code for code, ticket in tickets.items() if fits(ticket)}
            found = listed(web, query)

            assert right
            assert set(found) == right
            assert len(found) == len(right)
            assert f"{len(right)} ticket" in text_of(web.get(f"/tickets/?{query}"))


def test_unknown_values_are_shown_as_such_and_match_only_their_filter(web: Client, sandbox: Sandbox) -> None:
    IndexedTicket.objects.all().delete()
    sandbox.switch(readable="silent")
    sweep()

    page = web.get("/tickets/?status=Mới")
    assert codes(page) == []
    assert len(listed(web, "status=?")) == len(sandbox.codes())
    assert listed(web, "not_done=on") == []
    assert 'title="not known"' in web.get("/tickets/").content.decode()


def test_chips_count_every_status_and_filter_by_it(web: Client, sandbox: Sandbox) -> None:
    answer = web.get("/tickets/")
    statuses = [sandbox.ticket(code)["status_name"] for code in sandbox.codes()]

    assert chips(answer) == {name: statuses.count(name) for name in dict.fromkeys(statuses)}


@pytest.mark.parametrize(
    ("query", "left_out"),
    [("not_done=on", {"Đã hoàn tất"}), ("status=Mới", set()), ("sort=code", set())],
)
def test_chips_count_the_tickets_that_they_lead_to(query: str, left_out: set[str], web: Client) -> None:
    StatusSetting.objects.create(name="Đã hoàn tất", is_done=True)
    everything, shown = chips(web.get("/tickets/")), chips(web.get(f"/tickets/?{query}"))

    assert shown == {name: 0 if name in left_out else number for name, number in everything.items()}


@pytest.mark.parametrize(("field", "parameter"), [("status_name", "status"), ("cate_name", "category")])
def test_tickets_are_found_by_a_name_removed_from_the_crms_list(
    field: str, parameter: str, web: Client, sandbox: Sandbox
) -> None:
    sandbox.edit(CODE, **{field: "Đã bỏ"})
    web.get(f"/tickets/{CODE}/")  # reads it

    page = web.get("/tickets/", {parameter: "đã bỏ"}).content.decode()

    assert listed(web, f"{parameter}=đã bỏ") == [CODE]
    assert "is ignored" not in page
    assert "is ignored" in web.get("/tickets/", {parameter: "Đã bỏ hẳn"}).content.decode()


def test_an_address_with_many_unknown_names_costs_few_queries(
    web: Client, django_assert_max_num_queries: Any
) -> None:
    names = [f"Không có {number}" for number in range(50)]
    web.get("/tickets/")

    with django_assert_max_num_queries(25):
        assert "is ignored" in web.get("/tickets/", {"status": names}).content.decode()


@pytest.mark.parametrize("query", ["text=zzzz", "category=Khác", "due=overdue", "codes=TK240001"])
def test_chips_show_no_number_that_another_filter_makes_wrong(query: str, web: Client) -> None:
    page = web.get(f"/tickets/?{query}").content.decode()
    shown = page.split('aria-label="Statuses">')[1].split("</nav>")[0]

    texts = " ".join(re.sub(r"<[^>]*>", " ", shown).split())
    assert texts == "Mới Đang xử lý Chờ khách hàng Đã hoàn tất Hủy"


def test_ones_own_save_is_in_the_list_immediately(web: Client, sandbox: Sandbox) -> None:
    before = chips(web.get("/tickets/"))
    old = sandbox.ticket(CODE)["status_name"]
    web.post(QUICK, {"status": "Hủy", "seen": old}, headers=SCRIPT)

    after = chips(web.get("/tickets/"))

    assert CODE in listed(web, "status=Hủy")
    assert after["Hủy"] == before["Hủy"] + 1
    assert after[old] == before[old] - 1


@pytest.mark.parametrize("name", ["text", "customer", "status", "codes", "value", "due", "sort", "columns"])
def test_odd_text_in_an_address_is_not_an_error(name: str, web: Client) -> None:
    for odd in ("%00", "a%00b", "%25_%22*", "%ED%A0%80", "(((", "AND OR NOT", "x" * 9_000):
        assert web.get(f"/tickets/?{name}={odd}").status_code == 200, odd
        assert web.get(f"/list/news/?{name}={odd}&since=2026-11-28T00:00:00Z").status_code == 200, odd


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("status=Xưa rồi", "no status “Xưa rồi”"),
        ("category=Gone", "no category “Gone”"),
        ("sort=colour", "cannot be sorted by “colour”"),
        ("due=never", "“never” is not a period"),
        ("expected_from=2026-13-45", "“2026-13-45” is not a date"),
        ("field=gone&value=1", "“gone” is no longer in the list"),
        ("place=rubbish", "is not there"),
        (f"place={'A' * 3000}", "is not there"),
        ("place=WyJub25lIiwgbnVsbCwgInkiLCAxXQ==", "is not there"),
        ("place=WyJub25lIiwgbnVsbCwgSW5maW5pdHksIDFd", "is not there"),
    ],
)
def test_invalid_parts_of_an_address_are_dropped_and_reported(query: str, said: str, web: Client) -> None:
    answer = web.get(f"/tickets/?{query}&not_done=on")

    assert answer.status_code == 200
    assert said in text_of(answer)
    assert len(codes(answer)) == 50


ODD_KEYS = [
    ("bytes", "00ff"),
    ("day", "2026-01-01"),
    ("int", "5"),
    ("int", "9" * 40),
    ("time", "2026-01-01T00:00:00+00:00"),
    ("time", "2026-01-01T00:00:00"),
    ("time", "0001-01-01T00:00:00+14:00"),
]


@pytest.mark.parametrize(
    ("sort", "number"), pairs([one.value for one in Sort], [1, 10**30, -1], others=pytest.mark.slow)
)
def test_a_place_of_another_order_or_of_no_row_is_no_error(
    sort: str, number: int, web: Client, subtests: pytest.Subtests
) -> None:
    for kind, key in ODD_KEYS:
        place = base64.urlsafe_b64encode(json.dumps([kind, key, number, False]).encode()).decode()
        with subtests.test(kind=kind, key=key):
            assert web.get("/list/", {"sort": sort, "place": place}, headers=SCRIPT).status_code == 200


def test_only_mine_means_changed_here_or_drafted(web: Client, staff: User, sandbox: Sandbox) -> None:
    mine, drafted = sandbox.codes()[7], sandbox.codes()[8]
    made = {"actor": staff, "created_at": timezone.now()}
    Change.objects.create(ticket_code=mine, actor_name="Lan", outcome="verified", **made)
    Draft.objects.create(ticket_code=drafted, actor=staff, updated_at=timezone.now())

    assert set(listed(web, "mine=on")) == {mine, drafted}
    assert listed(web, "drafts=on") == [drafted]


def test_columns_are_kept_for_the_user_and_with_a_view(
    web: Client, staff: User, lead: User, client_of: Any
) -> None:
    CustomField.objects.create(key="so_serial", label="Số sê-ri", is_listed=True)
    page = web.get("/tickets/")
    form = form_to(page, "/columns/")
    web.post(form.action, {**form.filled(), "columns": ["title", "phone", "custom_fields.so_serial"]})

    heads = re.findall(r"<th[ >].*?</th>", web.get("/tickets/").content.decode(), re.DOTALL)
    assert [text_of_html(one) for one in heads[1:]] == ["Code", "Title", "Phone", "Số sê-ri"]
    assert len(re.findall("<th[ >]", client_of(lead).get("/tickets/").content.decode())) == 8
    view = form_to(web.get("/tickets/?status=Mới"), "/views/")
    assert "columns=title%2Cphone%2Ccustom_fields.so_serial" in view.values["query"][0]


@pytest.mark.parametrize(
    ("asked", "named", "kept"),
    [
        ("title,nonsense", "nonsense", "title"),
        ("title, custom_fields.gone ,<b>x", "gone, &lt;b&gt;x", "title"),
        ("nonsense", "nonsense", ""),
        ("code,title,custom_fields.so_serial", "", "title,custom_fields.so_serial"),
        ("title,title,", "", "title"),
    ],
)
@pytest.mark.parametrize(("language", "says"), [("en", "no such columns"), ("vi", "không có các cột này")])
def test_an_address_with_columns_that_the_list_does_not_have_says_so(
    asked: str, named: str, kept: str, language: str, says: str, web: Client, staff: User
) -> None:
    CustomField.objects.create(key="so_serial", label="Số sê-ri", is_listed=True)
    User.objects.filter(pk=staff.pk).update(language=language)

    answer = web.get("/tickets/", {"text": "in", "columns": asked})

    page = answer.content.decode()
    text = text_of_html(page)
    assert (says in text) is bool(named)
    assert not named or f": {named}" in squeezed(page)
    kept_by_view = QueryDict(form_to(answer, "/views/").values["query"][0])
    assert kept_by_view["columns"] == (kept or "title,customer,category,status,expected,updated")
    assert not re.search(r'href="/tickets/\?[^"]*(?:nonsense|gone|code%2C)', page)


@pytest.mark.parametrize("unit", [1, 1_000], ids=["seconds", "milliseconds"])
@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "Asia/Tokyo", "America/New_York"])
def test_an_epoch_date_is_the_same_day_in_the_list_and_in_the_form(
    zone: str, unit: int, web: Client, sandbox: Sandbox, settings: Any
) -> None:
    settings.CUSTOM_DATE_TIME_ZONE = zone
    CustomField.objects.create(key="ngay_mua", label="Bought", kind="epoch_date", is_listed=True)
    seconds = int(datetime(2026, 3, 1, tzinfo=ZoneInfo(zone)).timestamp())
    sandbox.edit("ABCXYZ1234", custom_fields={"ngay_mua": seconds * unit})
    sweep()

    form = ticket_form(web.get("/tickets/ABCXYZ1234/"))

    assert "2026-03-01" in [value for values in form.values.values() for value in values]
    assert "1 Mar 2026" in text_of(web.get("/tickets/?codes=ABCXYZ1234&columns=custom_fields.ngay_mua"))


def text_of_html(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_pasted_codes_list_the_known_tickets(web: Client, sandbox: Sandbox) -> None:
    known = sandbox.codes()[5]

    answer = web.get(f"/tickets/?codes=XX-9,{known}")

    assert codes(answer) == [known]
    assert 'href="/tickets/XX-9/"' in answer.content.decode()


def test_a_lead_can_take_all_matching_tickets_to_a_bulk_update(
    web: Client, lead: User, client_of: Any, sandbox: Sandbox
) -> None:
    leading = client_of(lead)
    page = leading.get("/tickets/?status=Hủy")
    matching = re.search(r'name="matching"\s+value="([^"]*)"', page.content.decode())
    assert matching

    answer = leading.post("/bulk/new/", {"matching": matching[1].replace("&amp;", "&")})

    assert answer.status_code == 303
    right = {code for code in sandbox.codes() if sandbox.ticket(code)["status_name"] == "Hủy"}
    assert set(BulkUpdate.objects.get().items.values_list("ticket_code", flat=True)) == right


def test_a_view_leads_to_a_bulk_update_unless_one_of_its_filters_is_gone(
    web: Client, lead: User, client_of: Any, sandbox: Sandbox
) -> None:
    leading = client_of(lead)
    view = SavedView.objects.create(owner=lead, name="Hủy", query="status=Hủy&customer=an+phat")
    right = {
        code
        for code in sandbox.codes()
        if (sandbox.ticket(code)["status_name"], sandbox.ticket(code)["account_name"]) == ("Hủy", "An Phát")
    }

    assert leading.post("/bulk/new/", {"view": view.pk}).status_code == 303
    assert set(BulkUpdate.objects.get().items.values_list("ticket_code", flat=True)) == right

    gone = SavedView.objects.create(owner=lead, name="Xưa", query="status=Xưa+rồi")
    refused = leading.post("/bulk/new/", {"view": gone.pk})
    assert refused.status_code == 422
    assert "no status “Xưa rồi”" in text_of(refused)
    assert BulkUpdate.objects.count() == 1


def test_the_page_says_how_complete_and_how_old_the_list_is(web: Client, sandbox: Sandbox) -> None:
    said = text_of(web.get("/tickets/"))
    assert f"{len(sandbox.codes())} tickets of {len(sandbox.codes())} known" in said
    assert "no worker keeps the list fresh" in said or "no worker since" in said

    now = timezone.now()
    Heartbeat.objects.create(name="w", started_at=now, beat_at=now)
    assert "no worker" not in text_of(web.get("/tickets/"))


def test_an_empty_list_says_whether_a_worker_is_filling_it(
    staff: User, client_of: Any, sandbox: Sandbox
) -> None:
    web = client_of(staff)
    reads, missing = "The worker reads the CRM's list.", "No worker is running that reads the CRM's list."
    said = text_of(web.get("/tickets/"))
    assert missing in said
    assert reads not in said

    now = timezone.now()
    Heartbeat.objects.create(name="w", started_at=now, beat_at=now)
    said = text_of(web.get("/tickets/"))
    assert reads in said
    assert missing not in said


def test_a_key_without_list_access_is_reported_and_opened_tickets_are_listed(
    staff: User, client_of: Any, sandbox: Sandbox, settings: Any
) -> None:
    settings.TICKET_INDEX_PER_SECOND = 1_000_000.0
    sandbox.fault("status", path="/tickets", times=None, status=403)
    with pytest.raises(CommandError, match="could not be read"):
        call_command("index", "--sweep")
    web = client_of(staff)
    web.get(f"/tickets/{CODE}/")

    answer = web.get("/tickets/")

    assert codes(answer) == [CODE]
    assert "may not list tickets" in text_of(answer)


def test_with_the_crm_down_the_list_stays_as_it_was_read(web: Client, settings: Any) -> None:
    TicketIndex.objects.update(address="http://127.0.0.1:9")
    settings.TICKET_API_URL = "http://127.0.0.1:9"

    assert len(codes(web.get("/tickets/"))) == 50


def test_news_is_counted_for_the_list_that_is_shown(web: Client, sandbox: Sandbox) -> None:
    since = timezone.now().isoformat()
    moved = next(code for code in sandbox.codes() if sandbox.ticket(code)["status_name"] == "Mới")
    sandbox.edit(moved, status_name="Hủy", updated_at="2031-01-01 10:00:00")
    sweep()

    for query, changed in (("status=Hủy", 1), ("status=Chờ khách hàng", 0), ("", 1)):
        answer = web.get(f"/list/news/?{query}&{urlencode({'since': since})}", headers=SCRIPT)
        assert answer.json() == {"changed": changed}
    for odd in ("rubbish", "2026-13-40T00:00:00Z", "2026-11-28T00:00:00", "0001-01-01T00:00:00%2B14:00"):
        assert web.get(f"/list/news/?since={odd}").json() == {"changed": 0}, odd


# --- the one box ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "leads_to"),
    [
        ("ABCXYZ1234", "/tickets/ABCXYZ1234/"),
        ("abcxyz1234", "/tickets/ABCXYZ1234/"),
        ("TK999999", "/tickets/TK999999/"),
        ("ABCXYZ1234 dang xu ly", "/tickets/ABCXYZ1234/status/?to=%C4%90ang+x%E1%BB%AD+l%C3%BD"),
        ("TK-SLOW TK-BUSY", "/tickets/?codes=TK-SLOW%2CTK-BUSY"),
        ("máy in", "/tickets/?text=m%C3%A1y+in"),
        ("VPN", "/tickets/?text=VPN"),
        ("WIFI", "/tickets/?text=WIFI"),
        ("2026", "/tickets/?text=2026"),
        ("0912 345 678", "/tickets/?text=0912+345+678"),
        ("0912345678", "/tickets/?text=0912345678"),
        ("Ticket ABCXYZ1234: Lỗi in phiếu", "/tickets/ABCXYZ1234/"),
        ("Phiếu TK-DENIED – không sửa được", "/tickets/TK-DENIED/"),
        ("[ABCXYZ1234] Lỗi in", "/tickets/ABCXYZ1234/"),
        ("https://crm.example.com/#/ticket/ABCXYZ1234?tab=1", "/tickets/ABCXYZ1234/"),
        ("https://crm.example.com/?code=TK-BUSY", "/tickets/TK-BUSY/"),
        ("lan@EXAMPLE-2.com", "/tickets/?text=lan%40EXAMPLE-2.com"),
        ("../../etc", "/tickets/?text=..%2F..%2Fetc"),
    ],
)
def test_the_search_box_works_as_a_plain_form(typed: str, leads_to: str, web: Client) -> None:
    assert web.get(f"/go/?q={quote(typed)}")["Location"] == leads_to
    assert web.get(f"/tickets/?q={quote(typed)}", follow=True).status_code in {200, 404}


@pytest.mark.parametrize("typed", ["0912000111", "+84 912 000 111", "chi.lan@example.com"])
def test_a_number_or_address_of_one_ticket_opens_it_and_of_several_lists_them(
    typed: str, web: Client, sandbox: Sandbox
) -> None:
    contact = {"emergency_phone": "0912000111", "account_email": "chi.lan@example.com"}
    first, second = sandbox.codes()[30:32]
    sandbox.edit(first, **contact)
    sweep()
    assert web.get(f"/go/?q={quote(typed)}")["Location"] == f"/tickets/{first}/"

    sandbox.edit(second, **contact)
    sweep()
    assert web.get(f"/go/?q={quote(typed)}")["Location"].startswith("/tickets/?text=")


def test_an_unknown_code_offers_a_search(web: Client) -> None:
    web.get(f"/tickets/{CODE}/")  # so reading is known to work
    answer = web.get("/tickets/TK999999/")

    assert answer.status_code == 404
    assert "/tickets/?text=TK999999" in answer.content.decode()


def test_a_single_word_is_searched_and_may_still_be_opened_as_a_code(web: Client, sandbox: Sandbox) -> None:
    answer = web.get("/tickets/?q=khongcogihet", follow=True)
    assert answer.redirect_chain[-1][0] == "/tickets/?text=khongcogihet"

    assert "No ticket matches" in answer.content.decode()
    assert 'href="/tickets/khongcogihet/"' in answer.content.decode()


def test_suggestions_offer_ticket_status_and_words_without_a_call(web: Client, sandbox: Sandbox) -> None:
    sandbox.forget_log()

    page = web.get("/suggest/?q=ABCXYZ1234 hoan").content.decode()

    assert 'data-box-href="/tickets/ABCXYZ1234/"' in page
    assert "Đã hoàn tất" in page
    assert "Mới" not in page
    assert sandbox.log() == []


@pytest.mark.parametrize(
    "typed",
    [
        "https://crm.example.com/tickets/ABCXYZ1234",
        "https://crm.example.com/ticket/view/?id=5&code=ABCXYZ1234",
        "Ticket ABCXYZ1234: máy in",
        "ABCXYZ1234.",
        "#ABCXYZ1234",
        "Re: [ABCXYZ1234] máy in",
    ],
)
def test_enter_opens_the_first_suggestion(typed: str, web: Client) -> None:
    first = re.search(r'data-box-href="([^"]+)"', web.get(f"/suggest/?q={quote(typed)}").content.decode())

    assert first
    assert first[1] == web.get(f"/go/?q={quote(typed)}")["Location"] == "/tickets/ABCXYZ1234/"


@pytest.mark.parametrize("typed", ["ABCXYZ1234 xong", "abcxyz1234 Đang sử lý", "ABCXYZ1234 <b> & “x”"])
def test_words_after_a_code_that_match_no_status_are_named(typed: str, web: Client, sandbox: Sandbox) -> None:
    words = typed.partition(" ")[2]

    answer = web.get("/go/", {"q": typed}, follow=True)

    shown = html.unescape(text_of(answer))
    assert answer.redirect_chain[-1][0].startswith("/tickets/ABCXYZ1234/status/")
    assert f"The CRM has no “{words}”." in shown
    assert "Nothing was changed in the CRM." in shown
    assert "Set the status to" not in shown
    form = form_to(answer, "/status/")
    assert form.values.get("wanted") is None
    buttons = re.findall('name="status"\\s+value="([^"]+)"', answer.content.decode())
    assert buttons == ["Mới", "Đang xử lý", "Chờ khách hàng", "Đã hoàn tất", "Hủy"]
    links = [html.unescape(unquote(one)) for one in re.findall('href="([^"]+)"', answer.content.decode())]
    assert "/tickets/ABCXYZ1234/" in links
    assert f"/tickets/?text=ABCXYZ1234 {words}" in links
    suggested = text_of(web.get("/suggest/", {"q": typed}))
    assert f"ABCXYZ1234 → “{words}” is no status: choose one" in html.unescape(suggested)
    assert sandbox.puts() == []


def test_a_code_with_words_of_its_ticket_is_a_search(web: Client) -> None:
    title = IndexedTicket.objects.get(code="ABCXYZ1234").values["ticket_title"]

    page = web.get("/go/", {"q": f"ABCXYZ1234 {title}"}, follow=True)

    assert codes(page) == ["ABCXYZ1234"]
    assert "is no status" not in text_of(web.get("/suggest/", {"q": f"ABCXYZ1234 {title}"}))


@pytest.mark.parametrize("typed", ["cái máy in của ABCXYZ1234 lại hỏng"])
def test_a_code_among_words_that_match_nothing_can_be_opened(typed: str, web: Client) -> None:
    page = web.get(f"/go/?q={quote(typed)}", follow=True).content.decode()

    assert "No ticket matches" in page
    assert 'href="/tickets/ABCXYZ1234/"' in page
    assert 'data-box-href="/tickets/ABCXYZ1234/"' in web.get(f"/suggest/?q={quote(typed)}").content.decode()


def test_a_ticket_is_listed_as_changed_when_it_was_saved(web: Client, staff: User) -> None:
    form = ticket_form(web.get("/tickets/ABCXYZ1234/"))
    web.post("/tickets/ABCXYZ1234/", form.filled(ticket_title="Vừa lưu"))

    row, change = IndexedTicket.objects.get(code="ABCXYZ1234"), Change.objects.get()
    assert row.updated_at is not None
    assert change.created_at.replace(microsecond=0) <= row.updated_at <= row.read_at


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59Z", "9999-12-31 23:59:59", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("name", ["created_at", "updated_at"])
def test_a_date_that_stands_for_never_is_shown_as_the_crm_writes_it(
    name: str, text: str, web: Client, sandbox: Sandbox
) -> None:
    sandbox.edit("ABCXYZ1234", **{name: text})
    sweep()

    answer = web.get("/tickets/?codes=ABCXYZ1234&columns=title,created,updated,expected")

    assert codes(answer) == ["ABCXYZ1234"]
    assert text in text_of(answer)


@pytest.mark.parametrize("typed", ["dong bo kho", "kho dong bo", "+84 912 000 111", "0912.000.111", "000111"])
def test_suggestions_find_titles_customers_and_numbers(typed: str, web: Client, sandbox: Sandbox) -> None:
    code = sandbox.codes()[-1]
    title = {"ticket_title": "Đồng bộ kho chậm", "emergency_phone": "0912000111"}
    sandbox.edit(code, updated_at="2031-01-01 08:00:00", **title)
    sweep()

    page = web.get(f"/suggest/?q={quote(typed)}").content.decode()

    assert code in page
    assert page.count('id="suggest-listed-') <= 8


def test_a_view_is_stored_shown_and_deleted(web: Client, lead: User, client_of: Any) -> None:
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


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("", "text=x", "give it a name of at most 60 characters"),
        ("n" * 61, "text=x", "give it a name of at most 60 characters"),
        (
            "Ca sáng",
            "codes=" + ",".join(f"TK{number}" for number in range(240_000, 240_200)),
            "filters are too long",
        ),
    ],
)
def test_a_view_that_cannot_be_stored_says_why(name: str, query: str, said: str, web: Client) -> None:
    page = web.post("/views/", {"name": name, "query": query}, follow=True)

    errors = re.findall(r"The view was not saved: ([^<]*)", page.content.decode())
    assert len(errors) == 1
    assert said in errors[0]
    assert not SavedView.objects.exists()


def test_as_many_codes_as_a_list_shows_can_be_updated(lead: User, client_of: Any, web: Client) -> None:
    known = list(IndexedTicket.objects.values_list("code", flat=True))
    named = [*known, *(f"KHONG-CO-{number:050}" for number in range(500 - len(known)))]
    matching = urlencode({"codes": ",".join(named)})

    answer = client_of(lead).post("/bulk/new/", {"matching": matching}, follow=True)

    assert answer.status_code == 200
    assert BulkUpdate.objects.get().items.count() == len(known)


def test_every_filtered_name_is_respected(web: Client, sandbox: Sandbox) -> None:
    CrmSnapshot.objects.filter(name="statuses").delete()  # so any name may be one
    names = [f"Tên {number}" for number in range(80)]
    IndexedTicket.objects.filter(code="ABCXYZ1234").update(status_key=sort_key(names[-1]))

    assert codes(web.get("/tickets/", {"status": names})) == ["ABCXYZ1234"]


def test_a_view_shared_by_a_lead_is_visible_to_all(web: Client, lead: User, client_of: Any) -> None:
    client_of(lead).post("/views/", {"name": "Quá hạn", "query": "due=overdue", "is_shared": "on"})

    assert "Quá hạn" in web.get("/tickets/").content.decode()


def test_roles_see_the_same_list(web: Client, make_person: Any, client_of: Any) -> None:
    for role in (Role.LEAD, Role.ADMINISTRATOR):
        assert len(codes(client_of(make_person(role)).get("/list/", headers=SCRIPT))) == 50


@pytest.mark.parametrize(
    ("name", "typed", "left"),
    [
        ("text", "dong bo kho " * 4, ""),
        ("text", "Đồng bộ " * 24 + "<i>máy in</i> tầng ba", "in</i> tầng ba"),
        ("text", " ".join(f"từ{number}" for number in range(14)), "từ12 từ13"),
        ("text", "x" * 230, "x" * 30),
        ("customer", "Công ty " + "k" * 190 + " <b>phần dư", "<b>phần dư"),
        ("value", "k" * 200 + "<b>phần dư", "<b>phần dư"),
    ],
)
@pytest.mark.parametrize("way", ["box", "filter"])
def test_a_search_says_what_it_leaves_out(way: str, name: str, typed: str, left: str, web: Client) -> None:
    is_by_box = way == "box" and name == "text"
    CustomField.objects.create(key="so_serial", label="Số serial", kind="text", is_listed=True)
    field = {"field": "so_serial"} if name == "value" else {}

    page = (
        web.get("/go/", {"q": typed}, follow=True)
        if is_by_box
        else web.get("/tickets/", {name: typed, **field})
    )

    assert page.status_code == 200
    said = html.unescape(text_of(page))
    assert re.findall(r"Left out: (.*?) Filter ", said) == ([left] if left else [])
    filters = next(form for form in forms_in(page) if "text" in form.values)
    assert (filters.values[name][0] + " " * bool(left)).startswith(typed.strip().removesuffix(left).strip())


MAIL = "Chào anh chị, máy in ở chi nhánh Đà Nẵng lại hỏng, nhờ xem giúp trong hôm nay. " * 30


@pytest.mark.parametrize(
    ("typed", "leads_to", "tickets"),
    [
        (MAIL, "/tickets/?text=Ch", 0),
        (f"{MAIL} Phiếu ABCXYZ1234. {MAIL}", "/tickets/?text=Ch", 0),
        (f"{MAIL} ABCXYZ1234, TK240001. {MAIL}", "/bulk/new/?codes=ABCXYZ1234%2CTK240001", 0),
        ("\n".join(f"TK24{number:04}" for number in range(700)), "/bulk/", 700),
        (
            "\n".join(f"TK24{number:04}\tmáy in hỏng rồi" for number in range(400)),
            "/bulk/new/?codes=",
            0,
        ),
    ],
    ids=["prose", "one code", "two codes", "codes", "two columns"],
)
def test_a_long_text_is_taken_for_codes_only_if_it_is_a_list_of_them(
    typed: str, leads_to: str, tickets: int, lead: User, client_of: Any, web: Client
) -> None:
    answer = client_of(lead).post("/bulk/new/", {"typed": typed})

    assert answer.headers["Location"].startswith(leads_to)
    assert len(answer.headers["Location"]) < 8_000
    assert BulkItem.objects.count() == tickets
    assert client_of(lead).get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"text": "!!!"}, "“!!!” has no word to search for, so it is ignored."),
        ({"customer": "“ ”"}, "““ ”” has no word to search for, so it is ignored."),
        ({"codes": "!!,<b>,ABCXYZ1234"}, "These are not ticket codes and are left out: !!, <b>"),
        ({"codes": "Mã phiếu"}, "These are not ticket codes and are left out: Mã phiếu"),
        (
            {"codes": ",".join(f"TK{number}" for number in range(502))},
            "A list shows at most 500 tickets by their codes. Left out: TK500, TK501",
        ),
    ],
)
def test_a_dropped_filter_is_reported_and_never_widens_a_bulk_update(
    query: dict[str, str], said: str, lead: User, client_of: Any, web: Client
) -> None:
    assert said in html.unescape(text_of(web.get("/tickets/", query)))

    answer = client_of(lead).post("/bulk/new/", {"matching": urlencode(query)})

    assert answer.status_code == 422
    assert said in html.unescape(text_of(answer))
    assert not BulkUpdate.objects.exists()


@pytest.mark.parametrize("name", ["status", "category"])
def test_a_removed_name_is_shown_as_chosen_and_can_be_unselected(name: str, web: Client) -> None:
    gone = "Đã <bỏ> & “xóa”"
    column, key = {"status": ("status_name", "status_key"), "category": ("cate_name", "category_key")}[name]
    ticket = IndexedTicket.objects.get(code="ABCXYZ1234")
    ticket.values[column] = gone
    setattr(ticket, key, sort_key(gone))
    ticket.save()

    page = web.get("/tickets/", {name: gone})

    assert codes(page) == ["ABCXYZ1234"]
    filters = next(form for form in forms_in(page) if "text" in form.values)
    assert filters.values[name] == [gone]
    options = html.unescape(
        re.findall(f'<select id="filter-{name}".*?</select>', page.content.decode(), re.S)[0]
    )
    assert f"selected>{gone} (no longer in the CRM's list)</option>" in options
    assert options.count(" selected") == 1
    assert gone not in text_of(web.get("/tickets/")).split("Category")[0]


@pytest.mark.parametrize("name", ["status", "category"])
def test_a_chosen_name_is_not_called_removed_while_the_crms_lists_are_unknown(name: str, web: Client) -> None:
    CrmSnapshot.objects.filter(name__in=["statuses", "categories"]).delete()

    page = html.unescape(web.get("/tickets/", {name: "Tên bất kỳ"}).content.decode())

    assert re.search(r'<option value="Tên bất kỳ" selected>Tên bất kỳ</option>', page)


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


def test_quick_status_asks_if_a_colleague_was_faster(web: Client, sandbox: Sandbox) -> None:
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


def test_quick_status_with_the_current_status_sends_nothing(web: Client, sandbox: Sandbox) -> None:
    now = sandbox.ticket(CODE)["status_name"]

    assert "already is" in web.post(QUICK, {"status": now, "seen": now}, headers=SCRIPT).content.decode()
    assert sandbox.puts() == []


def test_quick_status_refuses_a_name_that_the_crm_does_not_have(web: Client, sandbox: Sandbox) -> None:
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
    buttons = squeezed(page).split("data-quick-ticket")[1].split("</form>")[0]

    assert re.findall('name="status" value="([^"]+)"', buttons) == ["Hủy"]


def test_update_only_mode_sets_a_status_and_says_that_it_is_unchecked(
    web: Client, settings: Any, sandbox: Sandbox
) -> None:
    settings.TICKET_API_READ = "off"

    page = web.post(QUICK, {"status": "Hủy"}, headers=SCRIPT).content.decode()

    assert "cannot be checked" in page
    assert sandbox.puts() == [{"ticket_code": CODE, "status_name": "Hủy"}]


@pytest.mark.parametrize(
    ("day", "is_used"), [("0001-01-01", False), ("0202-06-01", False), ("9999-12-31", True)]
)
@pytest.mark.parametrize("name", ["changed_since", "expected_from", "expected_to"])
def test_a_day_of_a_year_that_is_not_typed_out_is_no_filter(
    name: str, day: str, is_used: bool, web: Client
) -> None:
    answer = web.get(f"/tickets/?{name}={day}")

    assert answer.status_code == 200
    assert ("is not a date, so this filter is ignored" in text_of(answer)) is not is_used
