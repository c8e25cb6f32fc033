"""The wheel is the whole product: built twice identically, installed alone, and used."""

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import requests

from tests.browsing import Visitor
from tests.e2e.leading import Lead
from tests.e2e.test_demo import Demo
from tests.packaging import ROOT, bare_environment, build, built_wheel, copy_sources, install
from tests.sandbox_driver import Sandbox

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel() -> Path:
    return built_wheel()


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed `ticketadmin`."""
    return install(wheel, tmp_path_factory.mktemp("environment") / "v")


def test_the_same_sources_give_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    """Elsewhere, under another umask, and by way of a source distribution."""
    (tmp_path / "sources").mkdir()
    elsewhere = copy_sources(tmp_path / "sources")
    for path in elsewhere.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)

    again = build(elsewhere, tmp_path / "dist", umask=0o077)

    assert again.read_bytes() == wheel.read_bytes()


def test_the_wheel_contains_every_file_of_the_product(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"ticketadmin/bundled/{path.relative_to(ROOT).as_posix()}"
        for folder in ("templates", "static", "deploy")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
    }
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ticketadmin").rglob("*.py")
        if "__pycache__" not in path.parts
    }

    assert (wanted | modules) - names == set()
    assert {name for name in names if re.search(r"(^|/)tests?/|\.sqlite3|\.pyc$|(^|/)data/", name)} == set()


def test_its_static_files_are_those_that_the_product_collects(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"],
        cwd=ROOT,
        env=bare_environment(tmp_path, STATIC_ROOT=str(tmp_path / "static"), SECRET_KEY="x" * 50),
        check=True,
    )
    ours = json.loads((tmp_path / "static" / "staticfiles.json").read_text("utf-8"))

    built = json.loads(zipfile.ZipFile(wheel).read("ticketadmin/bundled/staticfiles/staticfiles.json"))

    assert built == ours


def test_build_requirements_match_the_run_time_ranges() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [one for one in project["build-system"]["requires"] if not one.startswith("setuptools")]

    assert set(needed) <= set(project["project"]["dependencies"])


def test_the_installed_demo_saves_proves_and_runs_in_bulk(command: Path, tmp_path: Path) -> None:
    demo = Demo(tmp_path / "data", 8700, [str(command)], cwd=tmp_path)
    staff = Visitor(demo)
    page = staff.get("/tickets/ABCXYZ1234/")
    for address in set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)):
        assert staff.get(address).status_code == 200, address

    typed = staff.form("ABCXYZ1234").filled(ticket_title="Từ bánh xe")
    saved = staff.post("/tickets/ABCXYZ1234/", typed, follow=True)
    lead = Lead(demo, "lead")
    codes = [code for code in Sandbox(demo.crm).codes() if code.startswith("TK2")][:3]
    run = lead.run(codes, emergency_phone="0909 111 222")

    assert "Từ bánh xe" in saved.text
    assert "Verified" in saved.text
    assert lead.outcomes(run) == dict.fromkeys(codes, "verified")
    for visitor in (staff, lead):
        visitor.close()
    assert demo.stop() == 0
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{demo.url}/sign-in/", timeout=10)
    assert not list(command.parents[1].rglob("*.sqlite3*"))  # it writes where DATA_DIR says only


def test_without_settings_one_message_says_what_is_missing(command: Path, tmp_path: Path) -> None:
    for name in ("web", "worker"):
        done = subprocess.run(
            [str(command), name],
            env=bare_environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        lines = done.stderr.splitlines()
        assert len(lines) <= 24
        assert max(map(len, lines)) <= 100
        for word in ("TICKET_API_URL", "TICKET_API_KEY_FILE", "SECRET_KEY", "ticketadmin demo"):
            assert word in done.stderr
        assert "Traceback" not in done.stderr
