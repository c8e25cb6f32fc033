"""The product as it is installed: gunicorn behind nginx with TLS, and a crowd at it."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest
import requests

from tests.conftest import skip_or_fail
from tests.crowd import make_crowd, work
from tests.live import LiveServer
from tests.nginx import PROGRAM, Nginx
from tests.sandbox_driver import Sandbox, SandboxProcess

pytestmark = pytest.mark.xdist_group("nginx")


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


def test_a_crowd_lists_and_saves_and_nothing_is_lost(
    server: LiveServer, nginx: Nginx, crowd: list[str], crm_process: SandboxProcess
) -> None:
    crm = Sandbox(crm_process.url)
    crm.switch(latency_ms=50)

    seen = work(server, crm, crowd, seconds=8, address=nginx.address, verify=str(nginx.certificate))

    assert seen.errors == []
    assert seen.lost == []
    assert seen.refused == []
    assert seen.proved >= 2 * len(crowd)


def test_cookies_are_for_https_and_the_browser_is_told_to_stay_there(nginx: Nginx) -> None:
    answer = requests.get(f"{nginx.address}/sign-in/", verify=str(nginx.certificate), timeout=10)

    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert "Secure" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_a_body_that_is_too_large_is_refused_before_it_arrives(nginx: Nginx) -> None:
    answer = requests.post(
        f"{nginx.address}/bulk/new/", data=b"x" * 12_000_000, verify=str(nginx.certificate), timeout=20
    )

    assert answer.status_code == 413


def test_a_body_that_drips_is_cut_off(nginx: Nginx) -> None:
    context = ssl.create_default_context(cafile=str(nginx.certificate))
    plain = socket.create_connection(("127.0.0.1", nginx.port), timeout=10)
    with context.wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(
            b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nuser"
        )
        started = time.monotonic()
        answer = connection.recv(4096)

    assert time.monotonic() - started < 8
    assert answer == b"" or b" 408 " in answer.split(b"\r\n", 1)[0]


def test_monitoring_is_not_for_everybody(nginx: Nginx) -> None:
    verify = str(nginx.certificate)

    assert requests.get(f"{nginx.address}/healthz", verify=verify, timeout=10).status_code == 200
    assert requests.get(f"{nginx.address}/metrics", verify=verify, timeout=10).status_code == 403


def test_hashed_files_are_kept_by_browsers_and_compressed(server: LiveServer, nginx: Nginx) -> None:
    page = requests.get(f"{nginx.address}/sign-in/", verify=str(nginx.certificate), timeout=10).text
    style = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = requests.get(f"{nginx.address}{style}", verify=str(nginx.certificate), timeout=10)

    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"


def test_a_crm_that_stops_and_comes_back_loses_and_doubles_nothing(
    server: LiveServer, nginx: Nginx, crowd: list[str], crm_process: SandboxProcess
) -> None:
    Sandbox(crm_process.url).switch(latency_ms=0)

    def interrupt() -> None:
        time.sleep(3)
        crm_process.kill()
        time.sleep(2)
        crm_process.start()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    crm, verify = _Patient(crm_process.url), str(nginx.certificate)
    seen = work(server, crm, crowd, seconds=16, address=nginx.address, verify=verify, pause=0.1)
    interrupting.join()

    assert seen.errors == []
    assert seen.lost == []
    assert seen.refused, "nobody met the CRM while it was away"
    assert seen.proved > 20


class _Patient(Sandbox):
    """Waits for the sandbox where it is away at the moment of a question."""

    def _call(self, method: str, path: str, content: object = None) -> object:
        give_up = time.monotonic() + 15
        while True:
            try:
                return super()._call(method, path, content)
            except (OSError, AssertionError):
                assert time.monotonic() < give_up
                time.sleep(0.1)
