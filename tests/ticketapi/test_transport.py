"""What happens on the wire: deadlines, resets, redirects, TLS, size, retries; over real sockets."""

import socket
import ssl
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from ticketadmin.ticketapi.attempts import Call
from ticketadmin.ticketapi.calls import ApiConfig
from ticketadmin.ticketapi.client import TicketApi
from ticketadmin.ticketapi.errors import (
    Effect,
    OutcomeUnknown,
    TicketApiError,
    Unavailable,
    UnexpectedReply,
)
from ticketadmin.ticketapi.keys import ApiKey
from ticketadmin.ticketapi.retrying import RetryPolicy

CODE = "ABCXYZ1234"
PUT = {"ticket_title": "Mới"}
SOCKETS = ("socket", "SSLSocket", "_SSLSocket")


@pytest.fixture
def crm(sandbox_process: SandboxProcess) -> Sandbox:
    driver = Sandbox(sandbox_process.url)
    driver.reset()
    return driver


@pytest.fixture
def api(crm: Sandbox) -> Iterator[Callable[..., TicketApi]]:
    made: list[TicketApi] = []

    def make(url: str = crm.url, **settings: Any) -> TicketApi:
        patience = {"read_timeout": 20.0, "connect_timeout": 20.0, "deadline": 60.0, **settings}
        config = ApiConfig(url=url, key=ApiKey(value=KEY), **patience)
        made.append(TicketApi(config, observer=calls.append))
        return made[-1]

    calls: list[Call] = []
    make.calls = calls  # type: ignore[attr-defined]
    yield make
    for client in made:
        client.close()


def test_reuses_one_connection(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    client = api()
    for _number in range(5):
        client.get_ticket(CODE)

    assert len({entry.connection for entry in crm.log()}) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_on_an_open_connection_is_sent_immediately(
    scheme: str,
    api: Callable[..., TicketApi],
    tls_crm: SandboxProcess,
    tls_files: tuple[Path, Path],
    crm: Sandbox,
) -> None:
    url = tls_crm.url if scheme == "https" else crm.url
    client = api(url=url, ca_file=str(tls_files[0]), connect_timeout=5.0)
    client.get_ticket(CODE)
    made: Counter[str] = Counter()

    def note(_frame: object, event: str, function: Any) -> None:
        if event == "c_call" and type(getattr(function, "__self__", None)).__name__ in SOCKETS:
            made[function.__name__] += 1

    sys.setprofile(note)
    try:
        client.update_ticket(CODE, PUT)
    finally:
        sys.setprofile(None)

    assert made["sendall"] + made["write"] == 1, made


def test_a_timeout_after_sending_has_an_unknown_effect(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    crm.fault("hang", method="PUT", seconds=3)

    with pytest.raises(OutcomeUnknown) as caught:
        api(read_timeout=1.5).update_ticket(CODE, PUT)

    assert (caught.value.reason, caught.value.effect) == ("read_timeout", Effect.UNKNOWN)
    assert len(crm.puts()) == 1


def test_a_reset_read_is_repeated_and_a_reset_write_is_not(
    api: Callable[..., TicketApi], crm: Sandbox
) -> None:
    crm.fault("reset", method="GET", times=1)
    assert api().get_ticket(CODE).code == CODE
    assert len(crm.log("GET")) == 2

    crm.fault("reset", method="PUT", times=1)
    with pytest.raises(OutcomeUnknown):
        api().update_ticket(CODE, PUT)
    assert len(crm.puts()) == 1


@pytest.mark.parametrize("status", [502, 503, 504, 520, 524])
def test_a_write_is_not_repeated_after_a_gateway_error(
    status: int, api: Callable[..., TicketApi], crm: Sandbox
) -> None:
    crm.fault("status", method="PUT", status=status)

    with pytest.raises(Unavailable) as caught:
        api().update_ticket(CODE, PUT)

    assert caught.value.effect is Effect.UNKNOWN
    assert len(crm.puts()) == 1


def test_redirects_are_not_followed(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    crm.fault("redirect", method="PUT", location=f"{crm.url}/api/v6.1/elsewhere")

    with pytest.raises(UnexpectedReply, match="redirect"):
        api().update_ticket(CODE, PUT)

    assert len(crm.log()) == 1


def test_an_answer_over_the_cap_is_not_read_to_the_end(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    crm.fault("oversized", method="GET", times=None)  # the read without content, too

    with pytest.raises(UnexpectedReply, match="oversized"):
        api().get_ticket(CODE)


def put_again(client: TicketApi, waits: list[float]) -> None:
    """Send a write as its caller has to: after each wait, with the previous error."""
    after: TicketApiError | None = None
    while True:
        try:
            client.update_ticket(CODE, PUT, after=after)
            return
        except TicketApiError as error:
            if error.again_in is None:
                raise
            waits.append(error.again_in)
            after = error


def test_retries_stop_within_their_budget(crm: Sandbox) -> None:
    crm.fault("status", method="PUT", times=None, status=429)
    waits: list[float] = []
    config = ApiConfig(
        url=crm.url, key=ApiKey(value=KEY), retrying=RetryPolicy(attempts=4, spread=lambda _low, high: high)
    )
    client = TicketApi(config, sleep=waits.append)

    with pytest.raises(Unavailable):
        put_again(client, waits)
    client.close()

    assert waits == [0.3, 0.6, 1.2]
    assert len(crm.puts()) == 4


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_and_capped_by_the_budget(status: int, crm: Sandbox) -> None:
    waits: list[float] = []
    client = TicketApi(ApiConfig(url=crm.url, key=ApiKey(value=KEY)), sleep=waits.append)
    crm.fault("status", method="PUT", times=1, status=status, headers={"Retry-After": "2"})
    put_again(client, waits)
    assert waits == [2.0]

    crm.fault("status", method="PUT", times=1, status=status, headers={"Retry-After": "60"})
    with pytest.raises(Unavailable) as caught:
        put_again(client, waits)
    client.close()
    assert caught.value.retry_after == 60.0
    assert waits == [2.0]


def test_a_write_that_must_wait_is_returned_to_its_caller_and_a_read_is_not(crm: Sandbox) -> None:
    """Its caller compares the ticket afresh first; a read waits by itself."""
    waits: list[float] = []
    client = TicketApi(ApiConfig(url=crm.url, key=ApiKey(value=KEY)), sleep=waits.append)
    asked_to_wait = {"status": 429, "headers": {"Retry-After": "2"}}
    crm.fault("status", method="PUT", **asked_to_wait)
    with pytest.raises(Unavailable) as held:
        client.update_ticket(CODE, PUT)
    assert (held.value.again_in, waits, len(crm.puts())) == (2.0, [], 1)

    crm.fault("status", method="GET", **asked_to_wait)
    client.get_ticket(CODE)
    client.close()
    assert waits == [2.0]


def test_a_refused_connection_has_no_effect(api: Callable[..., TicketApi]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"

    with pytest.raises(Unavailable) as caught:
        api(url=url).update_ticket(CODE, PUT)

    assert (caught.value.reason, caught.value.effect) == ("refused", Effect.NONE)


@pytest.fixture(scope="module")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for this machine's own address."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture(scope="module")
def tls_crm(
    tls_files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SandboxProcess]:
    certificate, key = tls_files
    process = SandboxProcess(
        tmp_path_factory.mktemp("tls-crm") / "crm.sqlite3",
        tickets=10,
        arguments=("--tls-cert", str(certificate), "--tls-key", str(key)),
    )
    yield process
    process.stop()


def test_an_untrusted_certificate_stops_the_call_before_the_key_is_sent(
    api: Callable[..., TicketApi], tls_crm: SandboxProcess
) -> None:
    with pytest.raises(Unavailable) as caught:
        api(url=tls_crm.url).update_ticket(CODE, PUT)

    assert (caught.value.reason, caught.value.effect) == ("tls", Effect.NONE)


def test_a_company_certificate_can_be_trusted(
    api: Callable[..., TicketApi], tls_crm: SandboxProcess, tls_files: tuple[Path, Path]
) -> None:
    client = api(url=tls_crm.url, ca_file=str(tls_files[0]))

    assert client.get_ticket(CODE).code == CODE


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"H"])
def test_an_endless_slow_answer_ends_at_the_deadline(
    begin: bytes, scheme: str, api: Callable[..., TicketApi], tls_files: tuple[Path, Path]
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*tls_files)
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        plain, _address = listener.accept()
        with context.wrap_socket(plain, server_side=True) if scheme == "https" else plain as connection:
            connection.recv(65_536)
            connection.sendall(begin)
            while not over.wait(0.1):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    client = api(url=url, ca_file=str(tls_files[0]), deadline=2.0)
    try:
        with pytest.raises(OutcomeUnknown) as caught:
            client.update_ticket(CODE, PUT)
    finally:
        over.set()
        thread.join(5)
        listener.close()
    assert caught.value.reason == "deadline"


def test_a_connection_that_was_idle_too_long_is_reopened(
    api: Callable[..., TicketApi], crm: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = api()
    client.get_ticket(CODE)
    monkeypatch.setattr("ticketadmin.ticketapi.transport.MAX_IDLE", -1.0)

    client.get_ticket(CODE)

    assert len({entry.connection for entry in crm.log()}) == 2


def test_every_attempt_is_observed_with_its_outcome(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    crm.fault("status", method="GET", times=1, status=503, headers={"Retry-After": "0"})

    api().get_ticket(CODE, request_id="abc")

    calls: list[Call] = api.calls  # type: ignore[attr-defined]
    assert [(call.attempt, call.http_status, call.request_id) for call in calls] == [
        (1, 503, "abc"),
        (2, 200, "abc"),
    ]


def test_concurrent_calls_share_the_client(api: Callable[..., TicketApi], crm: Sandbox) -> None:
    client = api()
    codes = crm.codes()[:16]
    found: dict[str, str] = {}

    def read(code: str) -> None:
        found[code] = client.get_ticket(code).code

    threads = [threading.Thread(target=read, args=(code,)) for code in codes if not code.startswith("TK-S")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(code == name for code, name in found.items())
    assert len(found) == len(threads)


@pytest.mark.parametrize("kind", ["reset", "hang", "oversized", "redirect", "bytes"])
def test_no_failure_shows_the_key(kind: str, api: Callable[..., TicketApi], crm: Sandbox) -> None:
    crm.fault(kind, method="PUT")
    seen: list[str] = []

    with pytest.raises(TicketApiError) as caught:
        api(read_timeout=1.5).update_ticket(CODE, PUT)
    trace = caught.value.__traceback__
    while trace:
        seen += [repr(value) for value in trace.tb_frame.f_locals.values() if value is not api]
        trace = trace.tb_next
    seen += [repr(caught.value), str(caught.value), repr(caught.value.__context__)]

    ours = [text for text in seen if KEY in text and "test_transport" not in text]
    assert ours == []
