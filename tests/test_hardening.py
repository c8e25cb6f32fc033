"""Vulnerabilities that were found one by one: each example, and the rule that closes its kind."""

import errno
import gc
import http.server
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings as configured
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests import prepared
from tests.forking import run_with
from tests.limits import cpu_limit
from tests.pages import ticket_form
from tests.sandbox_driver import Sandbox
from ticketadmin.forms import listing
from ticketadmin.logs import SafeErrorReport
from ticketadmin.models import Draft, Presence, SavedView, User
from ticketadmin.services.drafts import drafts, presence
from ticketadmin.services.operations import readiness
from ticketadmin.services.people.accounts import SourceUnavailable, sign_out_everywhere
from ticketadmin.signing_in import openid

CODE = "ABCXYZ1234"
URL = f"/tickets/{CODE}/"


@pytest.fixture
def web(staff: User, client_of: Callable[[User], Client], sandbox: Sandbox) -> Client:
    return client_of(staff)


# --- numbers without an end, constraints, many fields ---------------------------------------------


@pytest.mark.parametrize("value", ["1e999", "-1e999", "[1e999]", '"{\\"a\\": Infinity}"', "NaN"])
def test_a_number_beyond_a_double_is_shown_and_drafted_and_other_fields_are_saved(
    value: str, web: Client, sandbox: Sandbox
) -> None:
    body = f'{{"data": {{"id": 1, "ticket_code": "{CODE}", "custom_fields": {{"rate": {value}}}}}}}'
    sandbox.fault("status", path="/ticket", method="GET", times=None, status=200, body=body)

    form = ticket_form(web.get(URL))
    kept = web.post(f"{URL}draft/", form.filled(ticket_title="x"))
    saved = web.post(URL, form.filled(ticket_title="x"), follow=True)

    assert kept.json()["state"] == "kept"
    assert saved.status_code == 200
    assert [set(put) for put in sandbox.puts(CODE)] == [{"ticket_title", "ticket_code"}]


def test_thousands_of_custom_fields_are_refused_before_any_work(web: Client, sandbox: Sandbox) -> None:
    sandbox.edit(CODE, custom_fields={f"field{number}": "x" for number in range(30_000)})

    with cpu_limit(5):
        answer = web.get(URL)

    assert answer.status_code == 502
    assert "too large to read" in answer.content.decode()


# --- an old page without its session ---------------------------------------------------------------


def signed_out(_staff: User) -> None:
    """Leave the user as they are."""


def signed_out_everywhere(staff: User) -> None:
    sign_out_everywhere(staff, user=staff)


def new_password(staff: User) -> None:
    staff.set_password("another-long-password-2")
    staff.save()


def switched_off(staff: User) -> None:
    staff.is_active = False
    staff.save()


@pytest.mark.parametrize(
    ("ended", "hours", "is_kept"),
    [
        (signed_out, 0, True),
        (signed_out, 11, True),
        (signed_out, 13, False),
        (signed_out_everywhere, 0, False),
        (new_password, 0, False),
        (switched_off, 0, False),
    ],
)
def test_a_posted_page_is_drafted_only_within_the_lifetime_of_its_session(
    ended: Callable[[User], None], hours: int, is_kept: bool, web: Client, staff: User
) -> None:
    form = ticket_form(web.get(URL))
    ended(staff)

    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        Client().post(f"{URL}draft/", form.filled(ticket_title="typed in an old page"))

    assert Draft.objects.filter(actor=staff).exists() is is_kept


# --- bounds for each user --------------------------------------------------------------------------


def test_drafts_are_limited_and_discarded_ones_make_room(
    web: Client, staff: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "MAX_DRAFTS", 3)
    codes = [code for code in sandbox.codes() if code.startswith("TK2")][:5]
    first, second, third, fourth, fifth = codes
    forms = {code: ticket_form(web.get(f"/tickets/{code}/")).filled(ticket_title="x") for code in codes}
    for code in (first, second, third):
        assert web.post(f"/tickets/{code}/draft/", forms[code]).json()["state"] == "kept"

    refused = web.post(f"/tickets/{fourth}/draft/", forms[fourth])
    again = web.post(f"/tickets/{third}/draft/", forms[third])
    assert (refused.status_code, refused.json()) == (
        422,
        {"state": "full"},
    )  # the page keeps it in the browser
    assert again.json()["state"] == "kept"

    web.post(f"/tickets/{first}/draft/discard/")
    assert web.post(f"/tickets/{fifth}/draft/", forms[fifth]).json()["state"] == "kept"
    assert {one.ticket_code for one in Draft.objects.filter(actor=staff)} == {second, third, fifth}


def test_tabs_are_limited_in_number(web: Client, staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "MAX_TABS", 5)
    for number in range(9):
        web.post(f"{URL}presence/", {"tab": str(number)})

    assert {one.tab for one in Presence.objects.filter(actor=staff)} == {"4", "5", "6", "7", "8"}


def test_views_are_limited_and_one_may_still_be_replaced(
    web: Client, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_VIEWS", 2)
    monkeypatch.setattr("ticketadmin.views.tickets.list.MAX_VIEWS", 2)
    for name in ("a", "b", "b"):
        web.post("/views/", {"name": name, "query": "status=New"})

    page = web.post("/views/", {"name": "c", "query": "status=New"}, follow=True).content.decode()

    assert "You have 2 views, which is the most. Nothing was kept" in page
    assert {view.name for view in SavedView.objects.filter(owner=staff)} == {"a", "b"}


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59+00:00", "x" * 9_999],
)
def test_a_time_at_the_end_of_the_calendar_is_rejected(moment: str, web: Client) -> None:
    assert web.post(f"{URL}presence/", {"tab": "a", "loaded_at": moment}).status_code in {200, 204}


def test_the_only_superuser_cannot_deactivate_themselves(
    make_person: Callable[..., User], client_of: Callable[[User], Client]
) -> None:
    root = make_person(None, "root", is_superuser=True, is_staff=True)
    client, address = client_of(root), f"/admin/ticketadmin/user/{root.pk}/change/"
    values = {"username": "root", "source": "local", "language": "", "theme": "system"}

    page = client.post(address, values).content.decode()  # without "is_active"
    assert "This is the only superuser. Create another one first." in page
    assert User.objects.get(pk=root.pk).is_active

    make_person(None, "other", is_superuser=True)
    client.post(address, values)
    assert not User.objects.get(pk=root.pk).is_active


# --- the OpenID provider ---------------------------------------------------------------------------


class Slow(http.server.BaseHTTPRequestHandler):
    """Answers late, or byte by byte without an end, and counts requests."""

    asked = 0
    gate = threading.Event()

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.path.startswith("/drips"):
            self.send_response(200)
            self.end_headers()
            while not self.gate.wait(0.05):
                self.wfile.write(b" ")
            return
        self.gate.wait(0.5)
        self.send_error(503)

    do_POST = do_GET  # noqa: N815 - the base class's names

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.asked = 0
    Slow.gate.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        server.handle_error = lambda *_arguments: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Slow.gate.set()
        server.shutdown()


def ask() -> str:
    try:
        return openid.provider(is_beginning=True).issuer
    except SourceUnavailable:
        return "unavailable"


def test_concurrent_sign_ins_share_one_request_to_the_provider(slow: str, settings: Any) -> None:
    settings.OIDC_ISSUER, settings.OIDC_TIMEOUT = slow, 5
    together = threading.Barrier(20)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _number: (together.wait(), ask())[1], range(20)))

    assert answers == ["unavailable"] * 20
    assert Slow.asked <= 3  # requests that came while one was under way wait for it, or for the next


def test_an_answer_arriving_byte_by_byte_is_abandoned_in_time(slow: str, settings: Any) -> None:
    settings.OIDC_ISSUER, settings.OIDC_TIMEOUT = f"{slow}/drips", 0.5

    assert ask() == "unavailable"  # without a limit in all, this test would not end


def test_a_refusing_provider_leaves_no_connection_to_the_garbage_collector(slow: str, settings: Any) -> None:
    """The response is the exception, too; kept in a reference cycle, it was closed during a later test."""
    settings.OIDC_ISSUER, settings.OIDC_TIMEOUT = slow, 5
    left: list[str] = []
    gc.collect()
    before, sys.unraisablehook = sys.unraisablehook, lambda told: left.append(str(told.exc_value))
    try:
        assert ask() == "unavailable"
        gc.collect()
    finally:
        sys.unraisablehook = before

    assert left == []


def test_a_token_arriving_byte_by_byte_is_abandoned_in_time(
    slow: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OIDC_TIMEOUT = 0.5
    drips = f"{slow}/drips"
    known = openid.Provider(issuer=slow, authorization=drips, token=drips, userinfo=drips, keys=drips)
    monkeypatch.setattr(openid, "provider", lambda **_options: known)
    backend = openid.OpenIdBackend()

    with pytest.raises(SourceUnavailable):
        backend.get_token({"client_id": "x", "client_secret": "x", "code": "x"})
    with pytest.raises(SourceUnavailable):
        backend.get_userinfo("x", "x", {})


# --- what an installation gives away ---------------------------------------------------------------


def test_error_reports_hide_addresses_that_hold_a_password() -> None:
    report = SafeErrorReport()
    for name in ("EMAIL_URL", "DATABASE_URL", "TICKET_API_PROXY", "TICKET_API_COOKIE", "TICKET_API_KEY"):
        assert "s3cret" not in str(report.cleanse_setting(name, "smtp://me:s3cret@mail.example.com"))
    assert report.cleanse_setting("TIME_ZONE", "Asia/Ho_Chi_Minh") == "Asia/Ho_Chi_Minh"
    assert configured.DEFAULT_EXCEPTION_REPORTER_FILTER.endswith(SafeErrorReport.__name__)


def test_hsts_preloading_is_left_to_the_owner_of_the_domain() -> None:
    code = (
        "from django.conf import settings; print(settings.SECURE_HSTS_PRELOAD, settings.SECURE_HSTS_SECONDS)"
    )
    for given, preload in (({}, "False"), ({"HSTS_PRELOAD": "1"}, "True")):
        assert run_python(code, HTTPS_ONLY="1", **given) == f"{preload} 31536000"


def test_a_new_sqlite_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    code = (
        "import django, os; os.umask(0o022); django.setup(); from django.db import connection;"
        "connection.cursor().execute('CREATE TABLE x (y)'); from pathlib import Path;"
        "print(*{oct(one.stat().st_mode & 0o777) for one in Path(os.environ['DATA_DIR']).glob('*.sqlite3*')})"
    )

    assert run_python(code, DATA_DIR=str(tmp_path), DATABASE_URL="") == "0o600"


def test_existing_sqlite_files_become_readable_by_their_owner_only(tmp_path: Path) -> None:
    code = (
        "import django, os, sqlite3; os.umask(0o022); from pathlib import Path;"
        "name = Path(os.environ['DATA_DIR']) / 'ticketadmin.sqlite3'; old = sqlite3.connect(name);"
        "old.execute('PRAGMA journal_mode=WAL'); old.execute('CREATE TABLE x (y)');"
        "mode = lambda: {one.suffix: oct(one.stat().st_mode & 0o777) for one in name.parent.iterdir()};"
        "print(sorted(mode().items())); django.setup(); from django.db import connection;"
        "connection.cursor().execute('INSERT INTO x VALUES (1)'); print(sorted(mode().items()))"
    )

    before, after = run_python(code, DATA_DIR=str(tmp_path), DATABASE_URL="").splitlines()

    assert before.count("0o644") == 3  # the file, -wal and -shm
    assert after == before.replace("0o644", "0o600")


def test_a_process_that_opens_no_database_creates_none(tmp_path: Path) -> None:
    run_python("import django; django.setup()", DATA_DIR=str(tmp_path), DATABASE_URL="")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("megabytes", "word"), [(2, "no space"), (200, "ok")])
def test_a_full_disk_is_not_ready(megabytes: int, word: str, tmp_path: Path) -> None:
    """A limit on the size of files fails where a full disk does: when blocks are taken."""
    prepared.copy_to(tmp_path)
    code = (
        "import django, resource; django.setup();"
        "from ticketadmin.services.operations.readiness import readiness;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({megabytes}_000_000, resource.RLIM_INFINITY));"
        "print(readiness()[1]['database'])"
    )

    assert run_python(code, DATA_DIR=str(tmp_path), DATABASE_URL="").splitlines()[-1] == word
    assert len(list(tmp_path.iterdir())) <= 4  # database, -wal, -shm, users: the probe left nothing


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("EACCES", "read-only"),
        ("EPERM", "read-only"),
        ("EROFS", "read-only"),
        ("ENOSPC", "no space"),
        ("EDQUOT", "no space"),
    ],
)
def test_a_read_only_folder_is_not_reported_as_full(
    error: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root may write anywhere, so the system's answer is simulated."""

    def refused(**_options: Any) -> None:
        raise OSError(getattr(errno, error), error)

    monkeypatch.setattr(readiness.tempfile, "TemporaryFile", refused)
    monkeypatch.setattr(readiness, "file_of", lambda _name: tmp_path / error / "ticketadmin.sqlite3")
    monkeypatch.setattr(connection, "vendor", "sqlite")

    assert readiness.readiness()[1]["database"] == word


def run_python(code: str, **variables: str) -> str:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "ticketadmin.settings", **variables}
    environment = {name: value for name, value in environment.items() if value}
    done = run_with(environment, "script", code)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.django_db
def test_a_database_that_cannot_be_written_is_not_ready() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the switch is SQLite's")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        answer = Client().get("/readyz")
        cursor.execute("PRAGMA query_only = OFF")

    assert answer.status_code == 503
    assert answer.json()["database"] == "read-only"
    assert Client().get("/readyz").json()["database"] == "ok"
