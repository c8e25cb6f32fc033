"""The product as it is installed: gunicorn behind nginx with TLS, used by a crowd."""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conftest import skip_or_fail
from tests.crowd import expect_recovery, make_crowd, wait_for_a_save, work
from tests.live import LiveServer
from tests.nginx import PROGRAM, Nginx
from tests.sandbox_driver import Sandbox, SandboxProcess
from tests.waiting import let_pass, wait_until

PROBLEMS = Path(__file__).resolve().parents[2] / "deploy" / "problems"


@pytest.fixture(scope="module")
def crm_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    process = SandboxProcess(tmp_path_factory.mktemp("crm") / "crm.sqlite3", tickets=120)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def server(crm_process: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    started = LiveServer(
        tmp_path_factory.mktemp("installed"),
        crm_process.url,
        workers=2,
        PROXIES="1",
        HTTPS_ONLY="1",
        ALLOWED_HOSTS="localhost,127.0.0.1",
    )
    yield started
    started.stop()


@pytest.fixture(scope="module")
def crowd(server: LiveServer) -> list[str]:
    return make_crowd(server, 10)


@pytest.fixture(scope="module")
def nginx(server: LiveServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    if not PROGRAM.exists():
        skip_or_fail("nginx", "REQUIRE_BROWSER")
    started = Nginx(tmp_path_factory.mktemp("nginx") / "run", server.port)
    yield started
    started.stop()


@pytest.mark.slow
def test_a_crowd_lists_and_saves_and_nothing_is_lost(
    server: LiveServer, nginx: Nginx, crowd: list[str], crm_process: SandboxProcess
) -> None:
    crm = Sandbox(crm_process.url)
    crm.switch(latency_ms=50)

    seen = work(server, crm, crowd, rounds=6, address=nginx.address, verify=str(nginx.certificate))

    assert seen.errors == []
    assert seen.lost == []
    assert seen.refused == []
    assert seen.proved == 6 * len(crowd)


def test_cookies_are_secure_and_hsts_is_set(nginx: Nginx) -> None:
    answer = requests.get(f"{nginx.address}/sign-in/", verify=str(nginx.certificate), timeout=10)

    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/password/new/MQ/a-secret-token/", "/password/new/..."),
        ("//password//new/MQ/a-secret-token/?x=1", "/password/new/..."),
        ("/tickets/?text=a-secret-token", "/tickets/"),
    ],
)
def test_the_access_log_contains_no_password_link_and_no_query(nginx: Nginx, path: str, logged: str) -> None:
    requests.get(nginx.address + path, verify=str(nginx.certificate), timeout=10, allow_redirects=False)

    log = nginx.folder / "access.log"
    wait_until(lambda: f'"GET {logged} HTTP' in log.read_text(encoding="utf-8"), log.read_text)
    assert "a-secret-token" not in log.read_text(encoding="utf-8")


def test_a_request_for_another_host_gets_no_answer(nginx: Nginx) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    context.check_hostname = False
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="evil.example")

    assert ask(nginx, "GET /sign-in/ HTTP/1.1", host="evil.example") == ""
    assert ask(nginx, "GET /sign-in/ HTTP/1.1").startswith("HTTP/1.1 200 ")


def test_a_body_that_is_too_large_is_refused_before_it_arrives(nginx: Nginx) -> None:
    answer = requests.post(
        f"{nginx.address}/bulk/new/", data=b"x" * 12_000_000, verify=str(nginx.certificate), timeout=20
    )

    assert answer.status_code == 413
    assert "larger than this tool takes" in answer.text


def ask(nginx: Nginx, head: str, host: str = "localhost") -> str:
    """Send a raw request and return the answer, up to its announced length."""
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(f"{head}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        received, whole = b"", False
        while not whole and (part := connection.recv(65_536)):
            received += part
            head, _blank, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"\r\nContent-Length: (\d+)", head)
            whole = bool(length) and len(body) >= int(length[1])
        return received.decode()


def is_ours(answer: str, status: int) -> bool:
    """Return whether it is our page for a status of the proxy: in both languages, with its headers."""
    head, page = answer.split("\r\n\r\n", 1)
    return (
        page == (PROBLEMS / f"{status}.html").read_text(encoding="utf-8")
        and '<section lang="en">' in page
        and '<section lang="vi">' in page
        and "\r\nContent-Security-Policy: default-src 'none'; style-src 'self';" in head
        and "\r\nX-Content-Type-Options: nosniff" in head
        and "\r\nServer: nginx\r\n" in head  # and no version
    )


@pytest.mark.parametrize(
    ("head", "status", "shown"),
    [
        (f"GET /tickets/?q={'A' * 9_000} HTTP/1.1", 414, 414),
        (f"GET /tickets/ HTTP/1.1\r\nCookie: {'a' * 9_000}", 431, 431),
        ("GET /tickets/ HTTP/1.1" + f"\r\nCookie: {'a' * 7_000}" * 6, 431, 431),
        ("POST /bulk/new/ HTTP/1.1\r\nContent-Length: 12000000", 413, 413),
        ("POST /bulk/new/ HTTP/1.1\r\nContent-Length: -1", 400, 400),
        ("POST /bulk/new/ HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", 400, 400),
        ("GE\x00T / HTTP/1.1", 400, 400),
        ("GET / HTTP/1.1\r\nX-A\x00: b", 400, 400),
        ("GET / HTTP/9.1", 505, 400),
    ],
    ids=[
        *("long address", "long header", "many cookies", "large body", "negative length", "two lengths"),
        *("NUL in method", "NUL in header", "unheard-of version"),
    ],
)
def test_a_request_that_nginx_rejects_gets_an_error_page_of_the_product(
    head: str, status: int, shown: int, nginx: Nginx
) -> None:
    answer = ask(nginx, head)

    assert answer.startswith(f"HTTP/1.1 {status} "), answer[:200]
    assert is_ours(answer, shown), answer


@pytest.mark.parametrize("length", [8_150, 8_170, 8_176, 8_180, 8_185, 8_192])
def test_gunicorn_itself_rejects_no_request_line_that_nginx_accepts(length: int, nginx: Nginx) -> None:
    """The two count differently, and gunicorn's own error pages are not those of the product."""
    address = f"GET /tickets/{'A' * (length - 23)}/ HTTP/1.1"
    assert len(address) == length
    for head in (address, f"GET /tickets/ HTTP/1.1\r\nX-Long: {'a' * (length - 8)}"):
        answer = ask(nginx, head)
        assert "Content-Security-Policy: " in answer, answer


def test_the_page_shown_while_the_product_is_down_needs_nothing_from_it(tmp_path: Path) -> None:
    if not PROGRAM.exists():
        skip_or_fail("nginx", "REQUIRE_BROWSER")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and never listens
        alone = Nginx(tmp_path / "run", nobody.getsockname()[1])
        answer, style = (
            ask(alone, "POST /tickets/TK1/ HTTP/1.1"),
            ask(alone, "GET /problems/problem.css HTTP/1.1"),
        )
        alone.stop()

    assert answer.startswith("HTTP/1.1 502 ")
    assert is_ours(answer, 502)
    assert set(re.findall(r'(?:href|src)="([^"]+)"', answer)) == {"/problems/problem.css", "/"}
    assert style.startswith("HTTP/1.1 200 ")
    assert "\r\nContent-Type: text/css" in style


def test_a_body_that_arrives_byte_by_byte_is_cut_off(nginx: Nginx) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(
            b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nuser"
        )
        connection.settimeout(30)  # without the limit nginx waits a minute
        answer = connection.recv(4096)

    assert answer == b"" or b" 408 " in answer.split(b"\r\n", 1)[0]


def test_metrics_are_not_public(nginx: Nginx) -> None:
    verify = str(nginx.certificate)

    assert requests.get(f"{nginx.address}/healthz", verify=verify, timeout=10).status_code == 200
    assert requests.get(f"{nginx.address}/metrics", verify=verify, timeout=10).status_code == 403


def test_hashed_files_are_cacheable_and_compressed(server: LiveServer, nginx: Nginx) -> None:
    page = requests.get(f"{nginx.address}/sign-in/", verify=str(nginx.certificate), timeout=10).text
    style = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = requests.get(f"{nginx.address}{style}", verify=str(nginx.certificate), timeout=10)

    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.slow
def test_a_crm_outage_under_load_loses_and_duplicates_nothing(
    server: LiveServer, nginx: Nginx, crowd: list[str], crm_process: SandboxProcess
) -> None:
    Sandbox(crm_process.url).switch(latency_ms=0)
    Sandbox(crm_process.url).forget_log()

    def interrupt() -> None:
        wait_for_a_save(Sandbox(crm_process.url))
        crm_process.kill()
        let_pass(2)
        crm_process.start()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    crm, verify = _Patient(crm_process.url), str(nginx.certificate)
    is_over = lambda: not interrupting.is_alive()  # noqa: E731
    seen = work(server, crm, crowd, is_over=is_over, address=nginx.address, verify=verify, pause=0.1)
    interrupting.join()

    assert seen.errors == []
    assert seen.lost == []
    assert seen.refused, "nobody met the CRM while it was away"
    expect_recovery(server, crm, crowd[:4], address=nginx.address, verify=verify)


class _Patient(Sandbox):
    """Repeats a question to the sandbox while that is down."""

    def _call(self, method: str, path: str, content: object = None) -> object:
        answers: list[object] = []

        def is_answered() -> bool:
            with contextlib.suppress(OSError, AssertionError):
                answers.append(super(_Patient, self)._call(method, path, content))
            return bool(answers)

        wait_until(is_answered, "the sandbox does not come back", every=0.1)
        return answers[0]
