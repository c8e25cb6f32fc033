"""Edit page and save: our server time beside Django's admin and a bare `requests.put`."""

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import requests
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from benchmarks.measuring import Cost, Row, Stopwatch, side_by_side
from benchmarks.peer.models import PeerTicket
from tests.pages import ticket_form
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from ticketadmin.models import User
from ticketadmin.services.crm.connection import listen
from ticketadmin.ticketapi.attempts import Call

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


class RemoteClock:
    """Adds up the time that our client spends waiting for the CRM."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.calls = 0

    def __call__(self, call: Call) -> None:
        self.seconds += call.seconds
        self.calls += 1

    def reset(self) -> None:
        self.seconds, self.calls = 0.0, 0


def edit_page(sandbox: SandboxProcess, rounds: int) -> list[Row]:
    """Our ticket page in both modes beside the admin's change form: server time without the CRM's."""
    driver = Sandbox(sandbox.url)
    driver.reset()
    clock = RemoteClock()
    listen(clock)
    client, administrator = Client(), Client()
    client.force_login(person("bench", "staff"))
    administrator.force_login(User.objects.create_superuser("bench-admin"))
    peer = PeerTicket.objects.create(
        ticket_code=CODE, ticket_title="Tiêu đề", ticket_content=driver.ticket(CODE)["ticket_content"]
    )

    def ours() -> Cost:
        return without_remote(lambda: client.get(URL), clock)

    def update_only() -> Cost:
        return without_remote(lambda: client.get(f"{URL}?read=off"), clock)

    def admin() -> Cost:
        return without_remote(lambda: administrator.get(f"/admin/peer/peerticket/{peer.pk}/change/"), clock)

    things: dict[str, Callable[[], Cost | None]] = {
        "admin change form": admin,
        "ours, read mode": ours,
        "ours, update-only": update_only,
    }
    peer_process = HelpdeskPeer() if HelpdeskPeer.is_installed() else None
    if peer_process:
        things["django-helpdesk, ticket page"] = lambda: peer_process.ask("ticket")
        things["django-helpdesk, edit page"] = lambda: peer_process.ask("edit")
    rows = side_by_side("edit page", things, rounds)
    for name in ("ours, read mode", "ours, update-only"):
        rows[name].peer, rows[name].limit = "admin change form", "≤ 0.7 ×"
    if peer_process:
        peer_process.stop()
        helpdesk = rows["django-helpdesk, ticket page"].median
        ratio = rows["ours, read mode"].median / helpdesk
        rows["ours, read mode"].note = f"{ratio:.2f} × django-helpdesk's ticket page (≤ 0.4 ×)"
    else:
        rows["ours, read mode"].note = "django-helpdesk is not installed: make bench does"
    return list(rows.values())


def tickets_page(sandbox: SandboxProcess, rounds: int) -> list[Row]:
    """The first page of the list, as the index knows it, and while the CRM is slow."""
    clock = RemoteClock()
    client = Client()
    client.force_login(person("bench-list", "staff"))
    call_command("index", "--sweep")
    listen(clock)
    driver = Sandbox(sandbox.url)
    assert client.get("/tickets/").content.count(b"<tr data-code=") == 50

    def slow() -> Cost:
        driver.switch(latency_ms=3000)
        watch = Stopwatch()
        client.get("/tickets/")
        cost = watch.cost()
        driver.switch(latency_ms=0)
        return cost

    rows = side_by_side(
        "tickets page, 50 rows",
        {
            "known already": lambda: without_remote(lambda: client.get("/tickets/"), clock),
            "first byte while the CRM needs 3 s": slow,
        },
        rounds,
    )
    rows["known already"].limit = "≤ 25 ms"
    rows["first byte while the CRM needs 3 s"].limit = "≤ 200 ms"
    return list(rows.values())


class HelpdeskPeer:
    """django-helpdesk in an environment of its own, which returns one page at a time."""

    FOLDER = Path(__file__).resolve().parent
    PYTHON = FOLDER / ".venv" / "bin" / "python"

    def __init__(self) -> None:
        command = [str(self.PYTHON), "-W", "ignore", str(self.FOLDER / "helpdesk" / "pages.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready"

    @classmethod
    def is_installed(cls) -> bool:
        """Return whether `make bench` has installed it."""
        return cls.PYTHON.exists()

    def ask(self, page: str) -> Cost:
        """Return the wall time of one of its pages."""
        assert self._process.stdin
        self._process.stdin.write(page + "\n")
        self._process.stdin.flush()
        return Cost(float(self._line()))

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()

    def stop(self) -> None:
        """End it."""
        self._process.communicate(timeout=20)


def save(sandbox: SandboxProcess, rounds: int) -> list[Row]:
    """A verified save: our own time, queries and calls, beside a bare PUT."""
    clock = RemoteClock()
    client = Client()
    client.force_login(User.objects.get(username="bench"))
    client.get(URL)
    listen(clock)
    number = 0
    queries = calls = 0

    def ours() -> Cost:
        nonlocal number, queries, calls
        number += 1
        typed = ticket_form(client.get(URL)).filled(ticket_title=f"Lần {number}")
        clock.reset()
        with CaptureQueriesContext(connection) as captured:
            cost = without_remote(lambda: _posted(client, typed), clock)
        queries = sum(
            not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")) for query in captured
        )
        calls = clock.calls
        assert calls == 3, calls  # else the CRM's time would be counted as ours
        return cost

    def bare() -> None:
        put(f"{sandbox.url}/api/v6.1/ticket", {"ticket_code": CODE, "ticket_title": "Thẳng"})

    rows = side_by_side("save", {"bare requests.put": bare, "ours without the CRM's time": ours}, rounds)
    rows["ours without the CRM's time"].limit = "≤ 12 ms"
    rows["ours without the CRM's time"].note = f"{queries} queries, {calls} remote calls"
    return list(rows.values())


def save_over_tls(folder: Path, rounds: int) -> list[Row]:
    """A whole verified save over TLS at 30 ms round trip beside one naive PUT on a new connection."""
    certificate, key = self_signed(folder)
    crm = SandboxProcess(
        folder / "tls.sqlite3", tickets=20, arguments=("--tls-cert", str(certificate), "--tls-key", str(key))
    )
    delay = DelayedProxy(int(crm.url.rsplit(":", 1)[1]), one_way=0.015)
    url = f"https://127.0.0.1:{delay.port}"
    client = Client()
    client.force_login(User.objects.get(username="bench"))
    number = 0
    try:
        with override_settings(TICKET_API_URL=url, TICKET_API_CA_FILE=str(certificate)):

            def ours() -> Cost:
                nonlocal number
                number += 1
                typed = ticket_form(client.get(URL)).filled(ticket_title=f"Lần {number}")
                watch = Stopwatch()
                answer = _posted(client, typed)
                assert answer.status_code == 303, answer.status_code
                return watch.cost()

            def naive() -> None:
                body = {"ticket_code": CODE, "ticket_title": "Thẳng"}
                put(f"{url}/api/v6.1/ticket", body, verify=str(certificate))

            rows = side_by_side(
                "save over TLS, 30 ms", {"naive requests.put": naive, "ours, verified": ours}, rounds
            )
    finally:
        delay.stop()
        crm.stop()
    rows["ours, verified"].peer, rows["ours, verified"].limit = "naive requests.put", "≤ 1.1 ×"
    return list(rows.values())


def person(username: str, role: str) -> User:
    """Create a user with a role."""
    made = User.objects.create_user(username)
    made.groups.add(Group.objects.get(name=role))
    return made


def _posted(client: Client, typed: dict[str, list[str]]) -> HttpResponse:
    """Post the ticket's form as browsers do: urlencoded, not multipart as Django's client does by default."""
    body = urlencode(typed, doseq=True)
    return client.post(URL, body, content_type="application/x-www-form-urlencoded")


def without_remote(ask: Callable[[], object], clock: RemoteClock) -> Cost:
    """Return what a request cost, less the time spent waiting for the CRM.

    Processor time includes what this process computes for its calls to the CRM.
    """
    clock.reset()
    watch = Stopwatch()
    answer = ask()
    cost = watch.cost(without=clock.seconds)
    assert answer.status_code < 400, answer.status_code  # type: ignore[attr-defined]
    return cost


def put(url: str, body: dict[str, str], **options: str) -> None:
    """What a plain script does."""
    requests.put(url, json=body, headers={"X-API-KEY": KEY}, timeout=30, **options).raise_for_status()  # type: ignore[arg-type]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine's own address."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1".split()
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    assert ssl.create_default_context(cafile=str(certificate))
    return certificate, key


class DelayedProxy:
    """Passes TCP on and holds every chunk for half a round trip, handshakes included."""

    def __init__(self, target: int, one_way: float) -> None:
        self.target, self.one_way = target, one_way
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(5)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(lambda _loop, _context: None)  # aborted connections are expected
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * self.one_way)  # the handshake of TCP itself, which loopback makes free
        there_in, there_out = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(self._pass(reader, there_out), self._pass(there_in, writer))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65_536):
                loop.call_later(self.one_way, sink.write, chunk)
        loop.call_later(self.one_way, sink.close)

    def stop(self) -> None:
        """End it."""
        asyncio.run_coroutine_threadsafe(self._cancel(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _cancel(self) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
