"""The product refuses to start with settings that would be dangerous."""

import os
import re
import runpy
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection

from ticketadmin.checks import BOUNDS, is_loopback

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
KEY = "test-key-0123456789-abcdefghij"


def found(settings: Any, **values: Any) -> set[str]:
    for name, value in values.items():
        setattr(settings, name, value)
    return {message.id for message in run_checks() if str(message.id).startswith("ticketadmin.")}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="about SQLite")
def test_a_sqlite_that_lacks_what_queries_need_is_refused(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 37, 2))

    assert found(settings) == {"ticketadmin.E011"}


def test_the_test_settings_pass_the_checks(settings: Any) -> None:
    assert found(settings) == set()


# -1 days would delete everything; a wait of 0 minutes limits no guesses; with 0 in flight nothing is sent.
OUT_OF_BOUNDS = [
    ("KEEP_HISTORY_DAYS", -1),
    ("KEEP_BULK_DAYS", -1),
    ("KEEP_DRAFTS_DAYS", -1),
    ("KEEP_AUDIT_DAYS", -1),
    ("KEEP_AUDIT_DAYS", 999_999),  # before the first year
    ("SIGN_IN_FAILURES", 0),
    ("SIGN_IN_FAILURES_OF_PERSON", 0),
    ("SIGN_IN_WAIT_MINUTES", 0),
    ("PASSWORD_RESET_MINUTES", 0),
    ("SESSION_IDLE_MINUTES", 0),
    ("TICKET_API_TIMEOUT", 0.0),
    ("TICKET_API_MAX_PER_SECOND", -1.0),
    ("CONTENT_MAX_CHARACTERS", 0),
    ("BULK_MAX_IN_FLIGHT", 0),
    ("BULK_LEASE_SECONDS", 0),
    ("WEB_WORKERS", 0),
    ("WEB_THREADS", 0),
]


def test_every_number_setting_has_bounds() -> None:
    """Each that settings.py reads: a new one cannot be forgotten."""
    reads = re.compile(r"env\.(?:int|float)\(\s*\"([A-Z_]+)\"")
    source = (MANAGE.parent / "ticketadmin" / "settings.py").read_text(encoding="utf-8")

    assert set(reads.findall(source)) == set(BOUNDS)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"TICKET_API_URL": ""}, "E001"),
        ({"TICKET_API_URL": "crm.example.com"}, "E001"),
        ({"TICKET_API_URL": "https://name:word@crm.example.com"}, "E001"),
        ({"TICKET_API_URL": "ftp://crm.example.com"}, "E001"),
        ({"TICKET_API_URL": "https://crm.example.com/api/v6.1/ticket"}, "E001"),
        ({"TICKET_API_URL": "https://crm.example.com/api"}, "E001"),
        ({"TICKET_API_KEY": "", "TICKET_API_KEY_FILE": ""}, "E002"),
        ({"TICKET_API_KEY": "", "TICKET_API_KEY_FILE": "/nowhere/key"}, "E002"),
        ({"TICKET_API_URL": "http://crm.example.com"}, "E003"),
        ({"TICKET_API_URL": "http://127.0.0.1.example.com"}, "E003"),
        ({"SECRET_KEY": "only-for-development-set-SECRET_KEY"}, "E004"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["tickets.example.com"]}, "E005"),
        ({"DEBUG": True, "ALLOWED_HOSTS": ["*"]}, "E005"),
        ({"ALLOWED_HOSTS": ["tickets.example.com", "*"]}, "E009"),
        ({"TICKET_API_READ": "sometimes"}, "E006"),
        ({"TICKET_API_CUSTOM_FIELDS": "merged"}, "E012"),
        ({"TICKET_API_CODE_KEYS": []}, "E007"),
        ({"TICKET_API_CODE_KEYS": ["ticket code"]}, "E007"),
        ({"PROXIES": -1}, "E008"),
        *(({name: number}, "E008") for name, number in OUT_OF_BOUNDS),
        ({"TICKET_API_CA_FILE": "/nowhere/authority.pem"}, "E013"),
        ({"METRICS_ADDRESSES": ["10.0.0.0/24", "monitoring"]}, "E014"),
    ],
)
def test_each_dangerous_setting_is_named(values: dict[str, Any], problem: str, settings: Any) -> None:
    assert found(settings, **values) == {f"ticketadmin.{problem}"}


LDAP = {"LDAP_URL": "ldaps://ldap.example.com", "LDAP_USER_BASE": "ou=people,dc=example,dc=com"}
OIDC = {
    "OIDC_ISSUER": "https://sign-in.example.com",
    "OIDC_RP_CLIENT_ID": "ticketadmin",
    "OIDC_RP_CLIENT_SECRET": "known-to-both",
}
ROLES = {"ROLE_GROUPS": {"staff": ["support"], "lead": [], "administrator": []}}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"LOCAL_ACCOUNTS": False}, "E020"),
        ({"SECOND_STEP": "lead"}, "E025"),
        ({"SECOND_STEP_SOURCES": ["local", "company"]}, "E025"),
        ({"LDAP_URL": "ldaps://ldap.example.com", **ROLES}, "E022"),
        ({**LDAP, **ROLES}, "E022"),  # roles by groups, and nowhere to look for groups
        ({"LDAP_USER_BASE": "ou=people,dc=example,dc=com"}, "E022"),
        ({"LDAP_BIND_PASSWORD": "left-over"}, "E022"),
        ({**LDAP, **ROLES, "LDAP_GROUP_BASE": "ou=groups", "LDAP_USER_FILTER": "(uid=lan)"}, "E022"),
        ({**OIDC, **ROLES, "OIDC_RP_CLIENT_ID": ""}, "E023"),
        ({**OIDC, **ROLES, "OIDC_RP_CLIENT_SECRET": ""}, "E023"),
        ({"OIDC_RP_CLIENT_SECRET": "left-over"}, "E023"),
        ({**LDAP, **ROLES, "LDAP_GROUP_BASE": "ou=groups", "LDAP_URL": "ldap://ldap.example.com"}, "E024"),
        ({**OIDC, **ROLES, "OIDC_ISSUER": "http://sign-in.example.com"}, "E024"),
        (LDAP, "W020"),
        (OIDC, "W020"),
    ],
    ids=str,
)
def test_an_incomplete_sign_in_configuration_is_named(
    values: dict[str, Any], problem: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketadmin.checks.find_spec", lambda _name: object())

    assert found(settings, **values) == {f"ticketadmin.{problem}"}


@pytest.mark.parametrize(
    "values",
    [
        {**LDAP, **ROLES, "LDAP_GROUP_BASE": "ou=groups"},
        {**LDAP, **ROLES, "LDAP_GROUP_BASE": "ou=groups", "LDAP_URL": "ldap://a", "LDAP_START_TLS": True},
        {**LDAP, **ROLES, "LDAP_GROUP_BASE": "ou=groups", "LDAP_URL": "ldap://127.0.0.1:389"},
        {**OIDC, **ROLES, "LOCAL_ACCOUNTS": False},
    ],
    ids=str,
)
def test_a_complete_sign_in_configuration_passes(
    values: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketadmin.checks.find_spec", lambda _name: object())

    assert found(settings, **values) == set()


def test_a_sign_in_source_without_its_extra_does_not_start(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticketadmin.checks.find_spec", lambda _name: None)

    assert found(settings, **OIDC, **ROLES) == {"ticketadmin.E021"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "[::1]", "::1"])
def test_addresses_of_this_machine_are_recognised(host: str) -> None:
    assert is_loopback(host)


def test_a_key_file_replaces_the_key_setting(settings: Any, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY, encoding="utf-8")

    assert found(settings, TICKET_API_KEY="", TICKET_API_KEY_FILE=str(file)) == set()


def test_a_process_without_settings_says_what_is_missing_and_shows_no_key() -> None:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"TICKET_API_KEY": KEY, "TICKET_API_URL": "http://crm.example.com"}

    done = subprocess.run(
        [sys.executable, str(MANAGE), "check"], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "ticketadmin.E003" in done.stderr
    assert "ticketadmin.E004" in done.stderr
    assert KEY not in done.stderr + done.stdout


def test_the_web_server_does_not_start_with_a_dangerous_setting(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "TMPDIR": str(tmp_path), "BIND": f"unix:{tmp_path}/socket"}
    api = {"TICKET_API_URL": "http://crm.example.com", "TICKET_API_KEY": KEY}
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "ticketadmin.wsgi"],
        env={"PATH": os.environ["PATH"], **environment, **api},
        cwd=MANAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    for problem in ("E003", "E004"):
        assert f"ticketadmin.{problem}" in done.stderr
    assert "Traceback" not in done.stderr
    assert KEY not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []  # nothing is left behind


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("BIND", ["127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:http", "[::1]:99999", "fd://first"]),
        ("WEB_WORKERS", ["0", "-2", "two", "1.5"]),
        ("WEB_THREADS", ["0", "many"]),
        ("BODY_SECONDS", ["0", "nan", "inf", "20s"]),
    ],
)
def test_the_web_server_refuses_wrong_values_of_its_own_settings(
    name: str, values: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The settings that gunicorn needs before any of our checks can run, even without `ticketadmin web`."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("WEB_WORKERS", "none")  # a second mistake, which is said at the same time
    for value in values:
        monkeypatch.setenv(name, value)

        with pytest.raises(SystemExit) as refusal:
            runpy.run_path(str(MANAGE.parent / "gunicorn.conf.py"))

        assert f"{name} must be" in str(refusal.value)
        assert f"not “{value}”" in str(refusal.value)
        assert "WEB_WORKERS must be" in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", ":80", "[::1]:65535", "unix:/run/web.sock", "fd://3", "a:1,b:2"])
def test_the_web_server_accepts_every_address_form_of_gunicorn(
    address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setenv("BIND", address)

    assert runpy.run_path(str(MANAGE.parent / "gunicorn.conf.py"))["bind"] == (address or "127.0.0.1:8000")
