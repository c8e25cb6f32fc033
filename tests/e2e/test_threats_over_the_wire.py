"""Threats that no well-behaved client library can send: raw bytes to the product in a real gunicorn."""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live import LiveServer
from tests.sandbox_driver import SandboxProcess

FORM = "Content-Type: application/x-www-form-urlencoded"
PATIENCE = 30.0  # seconds; the server under test waits two for a body, the slowest one here takes minutes


@pytest.fixture(scope="module")
def server(fresh_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("wire")
    started = LiveServer(folder, fresh_sandbox.url, is_swept=False, BODY_SECONDS="2")
    yield started
    started.stop()


def ask(
    server: LiveServer,
    head: str,
    body: bytes = b"",
    *,
    drip: bytes = b"",
    language: str = "en",
    patience: float = PATIENCE,
) -> str:
    """Send a raw request and return everything received before the server closes the connection.

    `drip` is sent byte by byte afterwards, for as long as the connection is open.
    """
    with socket.create_connection(("127.0.0.1", server.port), timeout=patience) as connection:
        headers = f"Host: localhost:{server.port}\r\nAccept-Language: {language}\r\nConnection: close"
        connection.sendall(f"{head}\r\n{headers}\r\n\r\n".encode("latin-1") + body)
        with contextlib.suppress(OSError):
            connection.settimeout(0.2)
            for number in range(int(patience / 0.2)):
                with contextlib.suppress(TimeoutError):
                    if connection.recv(1, socket.MSG_PEEK) is not None:
                        break
                connection.sendall(drip[number : number + 1])
            else:
                raise AssertionError("the server still waits")
        connection.settimeout(patience)
        return _rest_of(connection)


def _rest_of(connection: socket.socket) -> str:
    parts = []
    with contextlib.suppress(ConnectionError):
        try:
            while part := connection.recv(65_536):
                parts.append(part)
        except TimeoutError:
            raise AssertionError(f"the connection is not ended after {b''.join(parts)[-300:]!r}") from None
    return b"".join(parts).decode("utf-8", "replace")


def status_of(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


@pytest.mark.parametrize(
    ("language", "words"), [("en", "larger than this tool takes"), ("vi", "lớn hơn mức")]
)
@pytest.mark.parametrize("kind", [FORM, "Content-Type: multipart/form-data; boundary=b"])
def test_oversized_body_is_refused_before_it_is_read(
    kind: str, language: str, words: str, server: LiveServer
) -> None:
    answer = ask(
        server, f"POST /sign-in/ HTTP/1.1\r\n{kind}\r\nContent-Length: 9000000000", b"a=b", language=language
    )

    assert status_of(answer) == 413
    assert words in answer


def test_static_files_cannot_be_embedded_elsewhere_or_sniffed(server: LiveServer) -> None:
    page = ask(server, "GET /sign-in/ HTTP/1.1")
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)

    assert {file.rsplit(".", 1)[-1] for file in files} >= {"css", "js", "svg"}
    for file in files:
        head = ask(server, f"GET {file} HTTP/1.1").split("\r\n\r\n", 1)[0].lower()
        assert head.startswith("http/1.1 200 "), file
        assert "\r\nx-content-type-options: nosniff" in head, file
        assert "\r\ncross-origin-resource-policy: same-origin" in head, file
        assert "\r\nreferrer-policy: same-origin" in head, file
        assert "access-control-allow-origin" not in head, file
        assert "no-store" not in head, file  # our own files contain no ticket and may be cached


@pytest.mark.parametrize("has_token", [True, False])
def test_slow_body_is_cut_off_with_a_page(has_token: bool, server: LiveServer) -> None:
    """With a token in a header, Django's check passes and the view would see an empty form."""
    token = "a" * 32
    answer = ask(
        server,
        f"POST /sign-in/ HTTP/1.1\r\n{FORM}\r\nCookie: csrftoken={token}"
        + f"\r\nX-CSRFToken: {token}" * has_token
        + "\r\nContent-Length: 900000",
        b"username=",
        drip=b"x" * 10_000,
    )

    assert status_of(answer) == 400
    assert "was cut off on the way. Nothing was changed in the CRM." in answer


def test_slow_bodies_on_every_thread_do_not_lock_others_out(server: LiveServer) -> None:
    head = f"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 900000\r\n\r\na".encode()
    with contextlib.ExitStack() as held:
        for _number in range(26):  # there are 24 threads
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
            held.enter_context(connection).sendall(head)

        answer = ask(server, "GET /sign-in/ HTTP/1.1", patience=15)

    assert status_of(answer) == 200


@pytest.mark.parametrize("head", ["GET /healthz HTTP/1.0", "GE\x00T / HTTP/1.1"], ids=["served", "malformed"])
def test_clients_that_keep_their_connection_open_do_not_lock_others_out(
    head: str, server: LiveServer
) -> None:
    """26 of them held up gunicorn's main thread for 52 seconds."""
    with contextlib.ExitStack() as held:
        for _number in range(26):
            connection = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)
            held.enter_context(connection).sendall(f"{head}\r\nHost: localhost\r\n\r\n".encode())

        answer = ask(server, "GET /sign-in/ HTTP/1.1", patience=15)

    assert status_of(answer) == 200


@pytest.mark.parametrize(
    "header",
    [
        "X-Forwarded-Proto: https",
        "X-Forwarded-Ssl: on",
        "X-Forwarded-Protocol: ssl",
        "Forwarded: proto=https",
    ],
)
def test_without_a_proxy_a_client_cannot_claim_https(header: str, server: LiveServer) -> None:
    """The client is on loopback, whose headers gunicorn believes unless it is told otherwise."""
    page = ask(server, f"GET /sign-in/ HTTP/1.1\r\n{header}")

    assert status_of(page) == 200
    assert "Strict-Transport-Security" not in page
    assert "; Secure" not in page


def test_without_a_proxy_a_client_cannot_choose_its_address(server: LiveServer) -> None:
    ask(
        server,
        "GET /sign-in/ HTTP/1.1\r\nX-Forwarded-For: 203.0.113.77\r\nX-Real-IP: 203.0.113.77"
        "\r\nX-Forwarded-Host: evil.example\r\nScript-Name: /evil",
    )
    page = ask(
        server, "GET /tickets/ HTTP/1.1\r\nX-Forwarded-Host: evil.example\r\nX-Forwarded-For: 203.0.113.77"
    )

    assert "evil.example" not in page
    assert "203.0.113.77" not in Path(server.log).read_text("utf-8")


def test_endless_chunked_body_is_not_read(server: LiveServer) -> None:
    chunks = b"ffff\r\n" + b"x" * 65_535 + b"\r\n"
    answer = ask(server, f"POST /sign-in/ HTTP/1.1\r\n{FORM}\r\nTransfer-Encoding: chunked", chunks)

    assert 400 <= status_of(answer) < 500


@pytest.mark.parametrize(
    "path",
    [
        *("/tickets/../../etc/passwd", "/tickets/%2e%2e%2fadmin/", "/tickets/%00/", "/tickets/\xff/"),
        *("/static/../../settings.py", "/static/%2e%2e/%2e%2e/ticketadmin/settings.py"),
    ],
)
def test_path_tricks(path: str, server: LiveServer) -> None:
    answer = ask(server, f"GET {path} HTTP/1.1")

    assert 300 <= status_of(answer) < 500
    assert "SECRET_KEY" not in answer
    assert "root:" not in answer


@pytest.mark.parametrize(
    "head",
    [
        f"GET /tickets/{'A' * 10_000}/ HTTP/1.1",
        "GET / HTTP/1.1\r\n" + "\r\n".join(f"X-{number}: x" for number in range(200)),
        f"GET / HTTP/1.1\r\nCookie: {'a' * 9_000}",
        f"POST /sign-in/ HTTP/1.1\r\n{FORM}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        f"POST /sign-in/ HTTP/1.1\r\n{FORM}\r\nContent-Length: -1",
        "GET / HTTP/1.1\r\nX-A\x00: b",
        "GE\x00T / HTTP/1.1",
    ],
    ids=[
        "long path",
        "many headers",
        "long header",
        "two lengths",
        "negative length",
        "NUL in header",
        "NUL in method",
    ],
)
def test_malformed_requests_get_a_4xx(head: str, server: LiveServer) -> None:
    answer = ask(server, head)

    assert 400 <= status_of(answer) < 500
    assert "Traceback" not in answer


def test_after_the_attacks_the_server_works_and_its_log_has_no_traceback(server: LiveServer) -> None:
    assert status_of(ask(server, "GET /sign-in/ HTTP/1.1")) == 200
    assert "Traceback" not in Path(server.log).read_text("utf-8")
