"""The product on PostgreSQL, with two web processes: the same promises as on SQLite."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

from tests.browsing import Visitor, saved_while
from tests.conftest import postgres_address
from tests.live import LiveServer
from tests.prepared import postgres_database
from tests.sandbox_driver import Sandbox, SandboxProcess

pytestmark = pytest.mark.postgres
CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"
MARK = "mark.counts_queries"


@pytest.fixture(scope="module")
def server(fresh_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A web server on a fresh database of the PostgreSQL server that TEST_DATABASE_URL names."""
    folder = tmp_path_factory.mktemp("postgres")
    with postgres_database(postgres_address()) as database:
        started = LiveServer(folder, fresh_sandbox.url, workers=2, database=database)
        yield started
        started.stop()


@pytest.fixture
def crm(server: LiveServer) -> Sandbox:
    driver = Sandbox(server.environment["TICKET_API_URL"])
    driver.reset()
    return driver


def test_a_save_is_verified_and_undone(server: LiveServer, crm: Sandbox) -> None:
    visitor = Visitor(server)
    before = crm.ticket(CODE)["ticket_title"]
    page = visitor.post(URL, visitor.form(CODE).filled(ticket_title="Trên PostgreSQL"), follow=True)
    assert "Saved and verified." in page.text

    undo = re.findall(r'action="(/history/[^"]+/undo/)"', page.text)[0]
    token = visitor.form(CODE).values["csrfmiddlewaretoken"]
    visitor.post(undo, {"csrfmiddlewaretoken": token}, follow=True)
    visitor.close()

    assert crm.ticket(CODE)["ticket_title"] == before


@pytest.mark.parametrize(
    ("address", "more"),
    [
        (f"{URL}draft/", {}),
        (f"{URL}preview/", {}),
        (f"{URL}snippet/", {"into": "ticket_title"}),
        (f"{URL}recipe/", {"recipe": "1"}),
        (f"{URL}presence/", {"tab": "a\0b"}),
        ("/columns/", {"columns": "tit\0le", "a\0b": ""}),
    ],
)
def test_a_posted_nul_is_left_out(
    address: str, more: dict[str, str], server: LiveServer, crm: Sandbox
) -> None:
    """PostgreSQL stores none; a page that is open holds what was pasted, and must not lose it."""
    visitor = Visitor(server)
    typed = visitor.form(CODE).filled(ticket_title="Dán\0 vào", ticket_content="<p>x\0y</p>", **more)

    assert visitor.post(address, typed).status_code < 500
    form = visitor.form(CODE).values
    kept = form["ticket_title"]
    visitor.post(f"{URL}draft/discard/", {"csrfmiddlewaretoken": form["csrfmiddlewaretoken"]})
    visitor.close()

    assert kept in (["Dán vào"], [crm.ticket(CODE)["ticket_title"]])


def test_a_cookie_with_a_nul_is_no_session(server: LiveServer) -> None:
    cookie = 'sessionid="abcdefghijkl\\000mnop"'

    answer = requests.get(f"{server.url}/sign-in/", headers={"Cookie": cookie}, timeout=20)

    assert answer.status_code == 200


TESTS = Path(__file__).resolve().parents[1]
FOLDERS = ("models", "views", "services")
CLOCKS_APART = TESTS / "services" / "index" / "clocks_apart.py"


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Counter[str]:
    """How many tests of the test process's own database passed on PostgreSQL, by module; none may fail.

    They run in one process, because each makes a database with all its tables first.
    """
    marked = [
        path
        for folder in FOLDERS
        for path in sorted((TESTS / folder).rglob("test_*.py"))
        if MARK in path.read_text("utf-8")
    ]
    report = tmp_path_factory.mktemp("on-postgres") / "report.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-n0", f"--junit-xml={report}"]
    chosen = ["-m", "counts_queries or clocks_apart", *map(str, marked), str(CLOCKS_APART)]
    environment = {**os.environ, "DATABASE_URL": postgres_address()}

    ended = subprocess.run(
        [*command, *chosen], check=False, env=environment, capture_output=True, text=True, timeout=240
    )

    assert ended.returncode == 0, ended.stdout[-4000:]
    cases = ElementTree.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it
    return Counter(case.attrib["classname"] for case in cases if case.find("skipped") is None)


def test_a_save_and_a_ticket_of_a_run_keep_their_query_limits_on_postgres(passed: Counter[str]) -> None:
    """The tests that count queries use the test process's own database; this runs them on PostgreSQL."""
    assert passed.total() - passed["tests.services.index.clocks_apart"] >= 8


def test_machines_with_different_clocks_share_one_database(passed: Counter[str]) -> None:
    assert passed["tests.services.index.clocks_apart"] >= 19


def test_twenty_identical_posts_at_two_processes_are_one_put(server: LiveServer, crm: Sandbox) -> None:
    visitors = [Visitor(server) for _number in range(20)]
    typed = visitors[0].form(CODE).filled(ticket_title="Hai mươi lần bấm")
    for visitor in visitors:
        visitor.session.cookies.update(visitors[0].session.cookies)
    crm.switch(latency_ms=100)
    crm.forget_log()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda visitor: visitor.post(URL, typed), visitors))
    crm.switch(latency_ms=0)
    for visitor in visitors:
        visitor.close()

    assert len(crm.puts(CODE)) == 1
    assert {answer.status_code for answer in answers} == {303}


def test_tabs_that_set_up_the_second_step_at_once_show_one_secret(server: LiveServer) -> None:
    visitors = [Visitor(server) for _tab in range(8)]

    with ThreadPoolExecutor(len(visitors)) as pool:
        pages = list(pool.map(lambda visitor: visitor.get("/account/second-step/"), visitors))
    for visitor in visitors:
        visitor.close()

    assert {page.status_code for page in pages} == {200}
    assert (
        len({secret for page in pages for secret in re.findall(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", page.text)})
        == 1
    )


@pytest.mark.parametrize("slow", ["GET", "PUT"])
def test_when_two_users_save_one_field_in_two_processes_the_second_must_choose(
    slow: str, server: LiveServer, crm: Sandbox
) -> None:
    one, other = Visitor(server), Visitor(server, "lan")
    first = one.form(CODE).filled(ticket_title="Của Staff")
    second = other.form(CODE).filled(ticket_title="Của Lan")
    crm.fault("delay", code=CODE, method=slow, after=True, seconds=1.0)

    answers = saved_while(crm, slow, CODE, lambda: one.post(URL, first), lambda: other.post(URL, second))
    one.close()
    other.close()

    assert sorted(answer.status_code for answer in answers) == [303, 409]
    assert [put["ticket_title"] for put in crm.puts(CODE)] == [crm.ticket(CODE)["ticket_title"]]


def test_simultaneous_first_autosaves_of_many_tabs_are_all_kept(server: LiveServer, crm: Sandbox) -> None:
    visitors = [Visitor(server) for _number in range(8)]
    for code in [one for one in crm.codes() if not one.startswith("TK-")][:6]:
        forms = [visitor.form(code) for visitor in visitors]
        typed = [form.filled(**{f"custom_fields.tab_{n}": f"thẻ {n}"}) for n, form in enumerate(forms)]
        with ThreadPoolExecutor(len(visitors)) as pool:
            url = f"/tickets/{code}/draft/"
            posts = [
                pool.submit(visitor.post, url, text) for visitor, text in zip(visitors, typed, strict=True)
            ]
            answers = [post.result() for post in posts]

        assert {answer.status_code for answer in answers} == {200}
        kept = visitors[0].form(code).values
        assert [kept.get(f"custom_fields.tab_{n}") for n in range(8)] == [[f"thẻ {n}"] for n in range(8)]
    for visitor in visitors:
        visitor.close()


def test_drafts_presence_history_and_csv_work(server: LiveServer, crm: Sandbox) -> None:
    visitor, colleague = Visitor(server), Visitor(server, "lan")
    form = visitor.form(CODE)
    assert visitor.post(f"{URL}draft/", form.filled(ticket_title="Nháp")).json()["state"] == "kept"
    assert visitor.form(CODE).values["ticket_title"] == ["Nháp"]
    token = {"csrfmiddlewaretoken": colleague.form(CODE).values["csrfmiddlewaretoken"]}
    colleague.post(f"{URL}presence/", {**token, "tab": "b", "editing": "1"})
    here = visitor.post(f"{URL}presence/", {**form.values, "tab": "a"})
    assert "<strong>Lan</strong> is changing this ticket, too" in here.text

    visitor.post(URL, visitor.form(CODE).filled(ticket_title="Trong lịch sử"))
    page = visitor.get(f"/history/?ticket={CODE}&field=ticket_title").text
    table = visitor.get("/history/changes.csv").content.decode()
    visitor.close()
    colleague.close()

    assert "Trong lịch sử" in page
    assert "Trong lịch sử" in table
