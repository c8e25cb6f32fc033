"""What a power cut leaves behind, and twenty simultaneous posts: the real server in its own processes."""

import contextlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.browsing import Visitor, saved_while
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until

CODE = "ABCXYZ1234"
TIMEOUT = 10  # seconds: the product's own; settled is what is older than four of them and five seconds


@pytest.fixture(scope="module")
def crashing(fresh_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server of its own, because it is killed."""
    settings = {"TICKET_API_TIMEOUT": str(TIMEOUT)}
    server = LiveServer(tmp_path_factory.mktemp("crash"), fresh_sandbox.url, is_swept=False, **settings)
    yield server
    server.stop()


@pytest.fixture
def crm(crashing: LiveServer) -> Sandbox:
    driver = Sandbox(crashing.environment["TICKET_API_URL"])
    driver.reset()
    return driver


def outcomes(server: LiveServer) -> list[str]:
    printed = server.execute(
        "from ticketadmin.models import Change; print(*Change.objects.values_list('outcome', flat=True))",
    )
    return printed.split()


@pytest.mark.parametrize("is_applied", [True, False])
def test_a_killed_save_is_found_pending_and_settled_by_reading(
    is_applied: bool, crashing: LiveServer, crm: Sandbox
) -> None:
    visitor = Visitor(crashing)
    typed = visitor.form(CODE).filled(ticket_title="Trước khi mất điện")
    crm.fault("hang", method="PUT", after=is_applied, seconds=30)
    saving = threading.Thread(target=save_until_the_server_is_killed, args=(visitor, typed))
    saving.start()
    wait_until(lambda: crm.log("PUT", CODE), "the save did not reach the CRM", every=0.02)

    crashing.kill()
    saving.join()
    crashing.start()
    assert outcomes(crashing)[0] == "pending"

    def shown() -> str:
        return visitor.get(f"/tickets/{CODE}/").text

    if not is_applied:  # its process has ended, so opening the ticket frees it immediately
        crashing.let_changes_age(2 * TIMEOUT + 1)
        assert "It is not known whether this was saved" in shown()
        crashing.let_changes_age(3 * TIMEOUT)
    expected = "verified" if is_applied else "not_applied"
    wait_until(lambda: shown() and outcomes(crashing)[0] == expected, "opening it does not settle it")
    visitor.close()

    assert len(crm.puts(CODE)) == 1


def test_the_command_settles_changes_of_tickets_that_are_not_opened(
    crashing: LiveServer, crm: Sandbox
) -> None:
    visitor = Visitor(crashing)
    typed = visitor.form(CODE).filled(ticket_title="Ai cũng quên")
    crm.fault("reset", method="PUT", after=True)
    crm.fault("status", method="GET", times=None, after=False, status=500, code=CODE)
    visitor.post(f"/tickets/{CODE}/", typed)
    crm.reset()
    visitor.close()

    printed = crashing.manage("settle_changes")

    assert "open changes were examined" in printed


def save_until_the_server_is_killed(visitor: Visitor, typed: dict[str, list[str]]) -> None:
    with contextlib.suppress(OSError):
        visitor.post(f"/tickets/{CODE}/", typed)


def test_twenty_identical_posts_at_once_are_one_put(live: LiveServer, live_sandbox: Sandbox) -> None:
    visitors = [Visitor(live) for _number in range(20)]
    typed = visitors[0].form(CODE).filled(ticket_title="Hai mươi lần bấm")
    for visitor in visitors:
        visitor.session.cookies.update(visitors[0].session.cookies)
    live_sandbox.switch(latency_ms=100)
    live_sandbox.forget_log()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda visitor: visitor.post(f"/tickets/{CODE}/", typed), visitors))
    live_sandbox.switch(latency_ms=0)
    for visitor in visitors:
        visitor.close()

    assert len(live_sandbox.puts(CODE)) == 1
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["Location"] for answer in answers}) == 1


def test_two_users_saving_different_fields_at_once_both_keep_their_change(
    live: LiveServer, live_sandbox: Sandbox
) -> None:
    one, other = Visitor(live, "staff"), Visitor(live, "lan")
    first = one.form(CODE).filled(ticket_title="Của một người")
    second = other.form(CODE).filled(emergency_phone="0987654321")
    live_sandbox.switch(latency_ms=50)

    with ThreadPoolExecutor(2) as pool:
        posts = [
            pool.submit(one.post, f"/tickets/{CODE}/", first),
            pool.submit(other.post, f"/tickets/{CODE}/", second),
        ]
        answers = [post.result() for post in posts]
    live_sandbox.switch(latency_ms=0)
    one.close()
    other.close()

    assert [answer.status_code for answer in answers] == [303, 303]
    ticket = live_sandbox.ticket(CODE)
    assert (ticket["ticket_title"], ticket["emergency_phone"]) == ("Của một người", "0987654321")


# When the colleague's save comes: while the first one is being written, or between its read and its write.
MOMENTS = {
    "during the write": ("PUT", {"method": "PUT", "after": False}),
    "after the write": ("PUT", {"method": "PUT", "after": True}),
    "after the read": ("GET", {"method": "GET", "after": True}),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_when_two_users_save_one_field_at_once_the_second_must_choose(
    moment: str, live: LiveServer, live_sandbox: Sandbox
) -> None:
    one, other = Visitor(live, "staff"), Visitor(live, "lan")
    first = one.form(CODE).filled(ticket_title="Của Staff")
    second = other.form(CODE).filled(ticket_title="Của Lan")
    awaited, slow = MOMENTS[moment]
    live_sandbox.fault("delay", code=CODE, seconds=1.0, **slow)

    answers = saved_while(
        live_sandbox,
        awaited,
        CODE,
        lambda: one.post(f"/tickets/{CODE}/", first),
        lambda: other.post(f"/tickets/{CODE}/", second),
    )
    one.close()
    other.close()

    assert sorted(answer.status_code for answer in answers) == [303, 409]
    asked = next(answer for answer in answers if answer.status_code == 409)
    stored = live_sandbox.ticket(CODE)["ticket_title"]
    assert [put["ticket_title"] for put in live_sandbox.puts(CODE)] == [stored]
    assert {"Của Staff", "Của Lan"} <= set(re.findall("Của (?:Staff|Lan)", asked.text))


def test_two_users_saving_two_custom_fields_at_once_both_keep_their_change(
    live: LiveServer, live_sandbox: Sandbox
) -> None:
    live_sandbox.edit(CODE, custom_fields={"so_serial": "SN-0", "ghi_chu": "cũ"})
    one, other = Visitor(live, "staff"), Visitor(live, "lan")
    first = one.form(CODE).filled(**{"custom_fields.so_serial": "SN-1"})
    second = other.form(CODE).filled(**{"custom_fields.ghi_chu": "mới"})
    live_sandbox.fault("delay", code=CODE, method="PUT", seconds=1.0)

    answers = saved_while(
        live_sandbox,
        "PUT",
        CODE,
        lambda: one.post(f"/tickets/{CODE}/", first),
        lambda: other.post(f"/tickets/{CODE}/", second),
    )
    one.close()
    other.close()

    assert [answer.status_code for answer in answers] == [303, 303]
    custom = live_sandbox.ticket(CODE)["custom_fields"]
    assert (custom["so_serial"], custom["ghi_chu"]) == ("SN-1", "mới")
