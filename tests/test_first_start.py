"""`ticketadmin init`: what it writes, what it tries, and that it can be run again."""

import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.browsing import Visitor
from tests.forking import run_ticketadmin
from tests.prepared import MANAGE, copy_tables_to
from tests.sandbox_driver import KEY, Sandbox, SandboxProcess
from ticketadmin.installation.settings_file import NotWritable, read_settings, write_settings

ROOT = Path(MANAGE).parent
PASSWORD = "a-long-first-password-1"


class Machine:
    """A home folder in which `init` runs, with nothing set."""

    def __init__(self, home: Path, crm_url: str) -> None:
        self.home, self.crm_url = home, crm_url
        self.file = home / ".config" / "ticketadmin" / "environment"
        self.key_file = self.file.with_name("ticket-api-key")
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8"}
        self.secret("key", KEY)
        self.secret("password", PASSWORD)

    def secret(self, name: str, text: str) -> Path:
        file = self.home / name
        file.write_text(f"{text}\n", encoding="utf-8")
        return file

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return run_ticketadmin({**self.environment, **more}, *arguments)

    def init(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run it without questions."""
        return self.run(*self.answered(*arguments), **more)

    def answered(self, *arguments: str) -> list[str]:
        """Return the arguments for a run without questions."""
        given = ["--crm-url", self.crm_url, "--crm-key-file", str(self.home / "key"), "--no-input"]
        return ["init", *given, "--password-file", str(self.home / "password"), *arguments]


@pytest.fixture
def new_machine(tmp_path: Path, sandbox_process: SandboxProcess) -> Machine:
    Sandbox(sandbox_process.url).reset()  # another test may have left it with faults
    return Machine(tmp_path, sandbox_process.url)


@dataclass(frozen=True)
class FirstStart:
    """A machine on which `init` was run once, and how that ended."""

    machine: Machine
    done: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def first_start(tmp_path_factory: pytest.TempPathFactory, sandbox_process: SandboxProcess) -> FirstStart:
    """The first start on a machine without anything, in a fresh interpreter, once for all tests."""
    Sandbox(sandbox_process.url).reset()
    machine = Machine(tmp_path_factory.mktemp("first-start"), sandbox_process.url)
    done = subprocess.run(
        [sys.executable, "-m", "ticketadmin", *machine.answered("--administrator", "chief")],
        cwd=ROOT,
        env=machine.environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return FirstStart(machine, done)


@pytest.fixture
def set_up(first_start: FirstStart, new_machine: Machine) -> Machine:
    """A machine of this test's own after its first start."""
    first, home = str(first_start.machine.home), str(new_machine.home)
    shutil.copytree(first, home, dirs_exist_ok=True)
    file = new_machine.file
    file.write_text(file.read_text("utf-8").replace(first, home), "utf-8")
    return new_machine


@pytest.fixture
def machine(new_machine: Machine) -> Machine:
    """A machine whose database has its tables already, which take the longest to make."""
    copy_tables_to(new_machine.home / ".local" / "share" / "ticketadmin")
    return new_machine


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_first_start_ends_in_a_server_that_the_administrator_can_use(first_start: FirstStart) -> None:
    machine, done = first_start.machine, first_start.done

    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY not in done.stdout + done.stderr + machine.file.read_text("utf-8")
    assert PASSWORD not in done.stdout + done.stderr
    written = read_settings(machine.file)
    assert len(written["SECRET_KEY"]) >= 50
    assert machine.key_file.read_text("utf-8").strip() == KEY
    for private in (machine.file, machine.key_file, Path(written["DATA_DIR"]) / "ticketadmin.sqlite3"):
        assert private.stat().st_mode & 0o077 == 0, private
    assert machine.file.parent.stat().st_mode & 0o077 == 0

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", "1"]
    web = subprocess.Popen(
        [sys.executable, "-m", "ticketadmin", "web", "--", *bind],
        cwd=ROOT,
        env=machine.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert web.stderr
    try:
        assert any("Listening at" in line for line in web.stderr)  # reads until then, or until it ends
        assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=60).ok  # its worker is there
        server = _Server(f"http://127.0.0.1:{port}", {"chief": PASSWORD})
        chief = Visitor(server, "chief")
        assert chief.get("/connection/").status_code == 200
        chief.close()
    finally:
        web.terminate()
        web.communicate(timeout=60)
    assert web.returncode == 0


class _Server:
    def __init__(self, url: str, passwords: dict[str, str]) -> None:
        self.url, self.passwords = url, passwords


@pytest.mark.slow
def test_a_second_run_changes_nothing_and_checks_everything(set_up: Machine) -> None:
    before = everything(set_up.file.parent)

    again = set_up.run("init", "--no-input")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "An administrator exists: chief" in again.stdout
    assert everything(set_up.file.parent) == before


def test_a_refused_key_is_reported_and_the_run_can_continue_later(machine: Machine) -> None:
    machine.secret("key", "another-key-0123456789-abcdefg")
    refused = machine.init()
    assert refused.returncode == 1
    assert "Traceback" not in refused.stdout + refused.stderr
    assert str(machine.file) in refused.stdout
    secret = read_settings(machine.file)["SECRET_KEY"]

    machine.secret("key", KEY)
    assert machine.init().returncode == 0

    assert read_settings(machine.file)["SECRET_KEY"] == secret
    assert machine.key_file.read_text("utf-8").strip() == KEY


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--crm-url", "http://crm.example.com"], "E003"),
        (["--crm-url", "https://crm'example.com"], "quote"),
        (["--crm-key-file", "/nowhere/key"], "/nowhere/key"),
        pytest.param(["--password-file", "/nowhere/password"], "/nowhere/password", marks=pytest.mark.slow),
        (["--settings-file", "/proc/settings"], "/proc"),
    ],
)
def test_each_mistake_is_reported_in_one_line(wrong: list[str], said: str, machine: Machine) -> None:
    done = machine.init(*wrong)

    assert done.returncode == 1
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_weak_password_makes_no_administrator(machine: Machine) -> None:
    machine.secret("password", "12345")

    done = machine.init()

    assert done.returncode == 1
    assert "No administrator was created: " in done.stderr
    assert "Stopped" not in done.stdout  # the CRM answered: its address and key need no other try


def test_without_a_terminal_it_names_the_missing_options(machine: Machine) -> None:
    done = machine.run("init", "--no-input")

    assert done.returncode == 1
    assert "--crm-url" in done.stdout


@pytest.mark.slow
def test_an_empty_key_file_gets_the_key(machine: Machine) -> None:
    named = machine.home / "elsewhere" / "key"

    done = machine.init(TICKET_API_KEY_FILE=str(named))

    assert done.returncode == 0, done.stdout + done.stderr
    assert named.read_text("utf-8").strip() == KEY


@pytest.mark.slow
def test_a_configured_host_serves_others_over_https(set_up: Machine) -> None:
    assert read_settings(set_up.file)["HTTPS_ONLY"] == "0"

    assert set_up.init("--host", "tickets.example.com").returncode == 0

    written = read_settings(set_up.file)
    assert written["ALLOWED_HOSTS"].split(",")[0] == "tickets.example.com"
    assert written["CSRF_TRUSTED_ORIGINS"] == "https://tickets.example.com"
    assert written["HTTPS_ONLY"] == "1"


@pytest.mark.slow
def test_at_a_terminal_it_asks_again_until_the_crm_answers(machine: Machine) -> None:
    terminal, side = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "ticketadmin", "init"],
        cwd=ROOT,
        env={**machine.environment, "TERM": "dumb"},
        stdin=side,
        stdout=side,
        stderr=side,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no other thread yet
    )
    os.close(side)
    shown = ""
    for question, answer in (
        ("Address of the CRM: ", machine.crm_url),
        ("not shown: ", "a-wrong-key-0123456789-abcdefg"),
        (f"Address of the CRM [{machine.crm_url}]: ", ""),
        ("not shown: ", KEY),
        ("Username", "chief"),
        ("Email", ""),
        ("Password: ", PASSWORD),
        ("Password (again): ", PASSWORD),
    ):
        shown += (part := _read_until(terminal, question))
        assert question in part, shown
        os.write(terminal, f"{answer}\n".encode())
    shown += _read_until(terminal, "ticketadmin worker")

    assert process.wait(60) == 0, shown
    assert KEY not in shown
    assert PASSWORD not in shown
    os.close(terminal)


def _read_until(terminal: int, text: str) -> str:
    """Read what a terminal shows until it shows this text, or nothing more comes."""
    shown = ""
    while text not in shown:
        try:
            shown += os.read(terminal, 4096).decode("utf-8")
        except OSError:  # the other side is closed
            break
    return shown


def test_the_settings_file_keeps_lines_that_init_does_not_set(tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text('# ours\nTIME_ZONE=Asia/Ho_Chi_Minh\nSECRET_KEY="old" # a note\nnot a setting\n', "utf-8")
    file.chmod(0o644)

    write_settings(file, {"SECRET_KEY": "new #1 $HOME", "DATA_DIR": "/a b"})

    assert read_settings(file) == {
        "TIME_ZONE": "Asia/Ho_Chi_Minh",
        "SECRET_KEY": "new #1 $HOME",
        "DATA_DIR": "/a b",
    }
    assert file.read_text("utf-8").startswith("# ours\n")
    assert "not a setting" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("value", ["it's", "two\nlines", "a\x00b"])
def test_a_value_that_the_settings_file_cannot_hold_is_not_written(value: str, tmp_path: Path) -> None:
    with pytest.raises(NotWritable):
        write_settings(tmp_path / "environment", {"SECRET_KEY": "x", "NAME": value})

    assert not (tmp_path / "environment").exists()


def test_the_settings_file_means_the_same_to_the_product_a_shell_and_systemd(tmp_path: Path) -> None:
    """systemd's rule for single quotes is the shell's; the product reads it with django-environ."""
    file = tmp_path / "environment"
    values = {"SECRET_KEY": 'a #b \\n "c" $d', "TICKET_API_URL": "https://crm.example.com"}
    write_settings(file, values)
    by_shell = subprocess.run(
        ["sh", "-ac", f'. {file}; printf "%s|%s" "$SECRET_KEY" "$TICKET_API_URL"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    code = "from ticketadmin.settings import *; print(SECRET_KEY, TICKET_API_URL, sep='|', end='')"
    by_us = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SETTINGS_FILE": str(file)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert by_us == by_shell == "|".join(values.values())
    assert re.fullmatch(r"(\w+='[^']*'\n)+", file.read_text("utf-8"))
