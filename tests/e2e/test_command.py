"""`manage.py change` as a process: several tickets as a bulk run, and what a kill or a signal leaves."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests import forking
from tests.forking import Command, begin, product_with
from tests.live import LiveServer
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import wait_until
from ticketadmin.services.command.exits import Exit

CODE = "ABCXYZ1234"
DONE, NEW = "Đã hoàn tất", "Mới"


@pytest.fixture(scope="module")
def server(fresh_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A product on a database of its own, without a web server."""
    server = LiveServer(
        tmp_path_factory.mktemp("command"), fresh_sandbox.url, is_swept=False, is_serving=False
    )
    yield server
    server.stop()


@pytest.fixture
def crm(server: LiveServer) -> Sandbox:
    return server.crm_as_seeded()


def started(server: LiveServer, *arguments: str, given: str = "") -> Command:
    return begin(server.forks, "manage", "change", *arguments, "--as", "minh", given=given)


def run(server: LiveServer, *arguments: str, given: str = "") -> tuple[int, dict[str, Any], str]:
    done = started(server, *arguments, "--json", given=given).finish()
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def query(server: LiveServer, expression: str) -> Any:
    """Return what an expression over the models gives in the server's database."""
    script = f"import json; from ticketadmin.models import *; print(json.dumps({expression}))"
    return json.loads(server.execute(script))


def codes_of(crm: Sandbox, count: int) -> list[str]:
    return [code for code in crm.codes() if code.startswith("TK2")][:count]


def test_several_codes_become_a_run_that_names_the_tickets_a_rule_excludes(
    server: LiveServer, crm: Sandbox
) -> None:
    codes = codes_of(crm, 6)
    for at, code in enumerate(codes):
        crm.edit(code, status_name=NEW, emergency_phone="" if at == 2 else "0909111222")
    rule = f"dict(field='status_name', value={DONE!r}, required_fields=['emergency_phone'])"
    query(server, f"TicketRule.objects.create(**{rule}).pk")

    dry = run(server, *codes, f"status_name={DONE}", "--dry-run")
    assert crm.puts() == []
    code, answer, err = run(server, "-", f"status_name={DONE}", "--reason", "Dọn dẹp", given="\n".join(codes))
    query(server, "TicketRule.objects.all().delete()[0]")

    assert dry[0] == code == Exit.PARTLY, err
    assert [one["outcome"] for one in dry[1]["tickets"]].count("send") == 5
    exits = {one["ticket"]: one["exit"] for one in answer["tickets"]}
    assert exits == {one: Exit.RULE if one == codes[2] else Exit.DONE for one in codes}
    assert f"{codes[2]}: " in err
    assert {put["ticket_code"] for put in crm.puts()} == set(codes) - {codes[2]}
    columns = ("origin", "change_reason", "actor__username")
    made = query(
        server, f"list(map(list, Change.objects.filter(bulk__isnull=False).values_list(*{columns!r})[:5]))"
    )
    assert made == [["command", "Dọn dẹp", "minh"]] * 5


def test_a_dry_run_lists_for_each_ticket_what_it_would_send(server: LiveServer, crm: Sandbox) -> None:
    codes = codes_of(crm, 3)
    for code, title in zip(codes, ("Một", "Hai", "Ba"), strict=True):
        crm.edit(code, ticket_title=title)

    signing = {**server.environment, "TICKET_API_SIGN_FIELD": "changed_by"}
    with product_with(signing, server.data / "signing.log") as forks:
        command = ("change", *codes, "ticket_title=Ba", "--as", "minh", "--dry-run")
        ran = forking.run(forks, "manage", *command)

    assert ran.returncode == Exit.DONE, ran.stderr
    *lines, signed = ran.stdout.splitlines()
    assert lines == [
        f"{codes[0]}: Will be sent",
        "  Title: Một → Ba",
        f"{codes[1]}: Will be sent",
        "  Title: Hai → Ba",
        f"{codes[2]}: No change needed",
    ]
    assert signed.startswith("“changed_by” is set to ")
    assert crm.puts() == []


def test_several_tickets_lose_only_the_fields_that_were_accepted(server: LiveServer, crm: Sandbox) -> None:
    codes = codes_of(crm, 3)
    crm.switch(semantics="replace", readable="silent")
    kept = {"are_emptied": True, "ticket": CODE, "fields": [], "set_by": "Minh"}
    query(server, f"bool(CrmSnapshot.objects.keep(Snapshot.OMITTED, {kept!r}))")
    lost = ["account_email", "status_name", "expected_at"]
    accepted = [option for name in lost for option in ("--accept-losing", name)]

    for options in ([], ["--dry-run"], accepted[:4]):
        code, answer, err = run(server, *codes, "ticket_title=Khác", *options)
        assert (code, answer["bulk"]) == (Exit.WOULD_LOSE, None), err
        assert [one["would_be_lost"] for one in answer["tickets"]] == [lost] * 3
        assert "--accept-losing expected_at" in err
    assert crm.puts() == []

    code, answer, err = run(server, *codes, "ticket_title=Khác", *accepted)
    assert code == Exit.DONE, err
    assert {put["ticket_code"] for put in crm.puts()} == set(codes)


def test_a_table_gives_each_ticket_its_own_values(server: LiveServer, crm: Sandbox) -> None:
    first, second = codes_of(crm, 2)
    table = f"ticket_code,ticket_title\n{first},Một\n{second},Hai\n"

    code, answer, err = run(server, "emergency_phone=0909111333", given=table)

    assert code == Exit.DONE, err
    assert answer["state"] == "finished"
    assert {put["ticket_code"]: put["ticket_title"] for put in crm.puts()} == {first: "Một", second: "Hai"}
    assert {put["emergency_phone"] for put in crm.puts()} == {"0909111333"}


GREETING = [
    {"field": "ticket_title", "do": "set", "texts": ["{code}: {customer}"]},
    {"field": "ticket_content", "do": "after", "texts": ["<p>Xong</p>"]},
    {"field": "emergency_phone", "do": "clear", "texts": []},
]


def test_a_recipe_gives_each_ticket_its_own_values_and_names_those_it_cannot_fill(
    server: LiveServer, crm: Sandbox
) -> None:
    """The arguments and the columns of a table come before it, as what a form and a file say in the pages."""
    codes = codes_of(crm, 3)
    crm.edit(codes[1], account_name="")
    crm.edit(codes[2], ticket_content="<p>Cũ</p>", emergency_phone="0909111222")
    customer = crm.ticket(codes[2])["account_name"]
    user = "User.objects.get(username='minh')"
    query(server, f"Recipe.objects.create(owner={user}, name='chào', changes={GREETING!r}).pk")

    dry = run(server, *codes, "--recipe", "chào", "--dry-run")
    assert crm.puts() == []
    code, answer, err = run(server, *codes, "emergency_phone=0909111333", "--recipe", "chào")
    sent = {put["ticket_code"]: put for put in crm.puts()}
    table = "ticket_code,ticket_title\n" + "".join(f"{one},Riêng\n" for one in codes)
    by_table = run(server, "--recipe", "chào", given=table)

    assert dry[0] == code == Exit.PARTLY, err
    outcomes = {one["ticket"]: (one["exit"], one["outcome"]) for one in answer["tickets"]}
    assert outcomes[codes[1]] == (Exit.USAGE, "not_done")
    assert {outcomes[one] for one in codes if one != codes[1]} == {(Exit.DONE, "verified")}
    stopped = next(one for one in answer["tickets"] if one["ticket"] == codes[1])
    assert [(one["field"], one["code"]) for one in stopped["recipe"]] == [
        ("ticket_title", "customer_unknown")
    ]
    assert "The customer's name is not known here." in err
    assert sent.keys() == {codes[0], codes[2]}
    assert sent[codes[2]] == {
        "ticket_code": codes[2],
        "ticket_title": f"{codes[2]}: {customer}",
        "ticket_content": "<p>Cũ</p><p>Xong</p>",
        "emergency_phone": "0909111333",
    }
    assert by_table[0] == Exit.DONE, by_table[2]
    assert {put["ticket_title"] for put in crm.puts()[2:]} == {"Riêng"}


@pytest.mark.parametrize(("is_applied", "outcome"), [(True, "verified"), (False, "not_applied")])
def test_a_command_killed_in_the_middle_leaves_a_record_that_is_settled_later(
    is_applied: bool, outcome: str, server: LiveServer, crm: Sandbox
) -> None:
    crm.fault("hang", method="PUT", code=CODE, after=is_applied, seconds=30)
    command = started(server, CODE, f"ticket_title=Bị giết {is_applied}")
    wait_until(lambda: crm.log("PUT", CODE), "the save did not reach the CRM", every=0.02)
    command.process.kill()
    command.finish()
    last = f"Change.objects.filter(ticket_code={CODE!r}).order_by('-id').values_list('outcome', 'origin')[0]"

    assert query(server, f"list({last})") == ["pending", "command"]
    server.let_changes_age(60)
    server.manage("settle_changes")

    assert query(server, f"list({last})") == [outcome, "command"]
    assert len(crm.puts(CODE)) == 1


def test_a_signal_pauses_a_run_between_two_tickets(server: LiveServer, crm: Sandbox) -> None:
    codes = codes_of(crm, 30)
    crm.switch(latency_ms=150)
    command = started(server, *codes, "ticket_title=Dừng lại", "--json")
    wait_until(crm.puts, "nothing was sent")
    command.process.send_signal(signal.SIGTERM)
    ended = command.finish()

    assert ended.returncode == Exit.INTERRUPTED, ended.stderr
    answer = json.loads(ended.stdout)
    assert query(server, f"BulkUpdate.objects.get(uuid={answer['bulk']!r}).state") == "paused"
    assert 0 < len(crm.puts()) < len(codes)
    done = [one["ticket"] for one in answer["tickets"] if one["outcome"] == "verified"]
    assert sorted(done) == sorted(put["ticket_code"] for put in crm.puts())
