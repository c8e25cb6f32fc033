"""What the documents say is what the code does."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.conf import global_settings
from django.core.management import get_commands

import ticketadmin
from ticketadmin.services.operations.readiness import metrics_text

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
CODE = [
    path.relative_to(ROOT)
    for pattern in (
        "*.py",
        "*/*.py",
        *(f"{name}/**/*.*" for name in ("ticketadmin", "templates", "static", "tests")),
    )
    for path in ROOT.glob(pattern)
]


def test_the_settings_table_names_every_variable_and_no_other() -> None:
    sources = [ROOT / "ticketadmin" / "settings.py", ROOT / "gunicorn.conf.py"]
    reads = re.compile(r"(?:env\.\w+\(|os\.environ\.get\(|os\.environ\[)\s*\"([A-Z_]+)\"")
    read = {name for path in sources for name in reads.findall(path.read_text(encoding="utf-8"))}
    table = README.split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    documented = re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)

    assert sorted(documented) == sorted(set(documented))
    assert set(documented) == read
    assert {"BIND", "WEB_WORKERS", "WEB_THREADS", "BODY_SECONDS", "TICKET_API_URL"} <= read


def test_every_setting_is_used() -> None:
    """By Django, by a package whose settings begin with its name, or by a module of the product."""
    of_packages = re.compile(
        r"AXES_|CRISPY_|OIDC_|OTP_|WHITENOISE_|CONTENT_SECURITY_POLICY$|TASKS$|ROOT_URLCONF$|EMAIL_FILE_PATH$"
    )
    settings = ast.walk(ast.parse((ROOT / "ticketadmin" / "settings.py").read_text(encoding="utf-8")))
    assigned = {one.id for one in settings if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    ours = {name for name in assigned if re.match(r"[A-Z]", name) and not hasattr(global_settings, name)}
    modules = [path for path in (ROOT / "ticketadmin").rglob("*.py") if path.name != "settings.py"]
    used = set(re.findall(r"\b[A-Z_]+\b", "".join(path.read_text(encoding="utf-8") for path in modules)))

    assert len(ours) > 30
    assert {name for name in ours if not of_packages.match(name)} - used == set()


def test_no_other_module_reads_the_environment() -> None:
    """But for `make demo`, the embedded CRM, what finds the settings file, and the folder of metrics."""
    exempt = {"demo.py", "__main__.py", "settings_file.py", "init.py"}
    reading = re.compile(r"\benviron(?:\.get\(|\[)\s*\"(?!PROMETHEUS_MULTIPROC_DIR)|\bgetenv\(")
    modules = [path for path in (ROOT / "ticketadmin").rglob("*.py") if path.name not in exempt]

    assert [path.name for path in modules if reading.search(path.read_text(encoding="utf-8"))] == []


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for path in DOCUMENTS for name in re.findall(r"`make ([a-z-]+)`", path.read_text("utf-8"))}

    assert named <= targets
    assert {"demo", "test", "check", "install"} <= targets


def test_every_command_of_ours_is_documented_and_exists() -> None:
    ours = {name for name, app in get_commands().items() if app == "ticketadmin"}
    named = set(re.findall(r"\| `(?:manage\.py|ticketadmin) ([a-z_]+)", README))

    inner = {"db_worker", "first_steps", "prepare_demo", "makemessages"}
    assert ours - inner <= named
    assert named <= {"init", *get_commands()}


@pytest.mark.django_db
def test_every_metric_is_in_the_manual_and_no_other() -> None:
    helped = re.findall(r"^# HELP ticketadmin_(\w+) (.*)$", metrics_text().decode(), re.MULTILINE)
    exposed = [name for name, _text in helped]
    manual = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = manual.split("Every metric, ")[1].split("\n\n")[0]

    assert {name for name in exposed if not name.endswith("_created")} == set(
        re.findall(r"`(\w+[a-z])`", listed.replace("`ticketadmin_`", ""))
    )
    assert [name for name, text in helped if not text.endswith(".")] == []


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == ticketadmin.__version__
    assert f"## {ticketadmin.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_code_that_the_documents_name_exists(path: Path) -> None:
    """A path may leave out the folders that the text before it names; what follows it is defined there."""
    text = " ".join(path.read_text(encoding="utf-8").split())
    named = re.findall(r"`([\w/]+\.(?:py|js|css|html))(?:: +(\w+))?", text)

    assert [f"{file}: {name}" for file, name in named if not is_defined(file, name)] == []


def is_defined(file: str, name: str) -> bool:
    """Return whether a file has this path, or one that ends with it, and defines the name, if any."""
    defined = re.compile(rf"^\s*(?:def|class) {name}\b|^\s*{name}(?:: [^=]+)? =", re.MULTILINE)
    found = (one for one in CODE if f"/{one.as_posix()}".endswith(f"/{file}"))
    return any(not name or defined.search((ROOT / one).read_text(encoding="utf-8")) for one in found)


def test_the_documents_name_code_that_can_be_missing() -> None:
    assert is_defined("services/saving/save.py", "save_ticket")
    assert not is_defined("services/saving/save.py", "save_tickets")
    assert not is_defined("services/saving/saving.py", "")


def test_the_map_has_a_line_for_every_module_and_package() -> None:
    shown = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("```")[1]
    package = ROOT / "ticketadmin"
    folders = [package, package / "services"]
    parts = [path for folder in folders for path in folder.iterdir() if not path.name.startswith("__")]
    modules = {path.name for path in parts if path.is_file()}
    packages = {f"{path.name}/" for path in parts if any(path.glob("*.py"))}  # not what only has a cache left
    names = modules | packages - {"migrations/"}

    assert len(names) > 30
    assert {name for name in names if not re.search(rf"(?<![\w/]){re.escape(name)}", shown)} == set()


def test_nothing_in_the_repository_names_a_machine_or_a_registry() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = re.compile("py" + r"pi\.org|files\.python" + "hosted|registry" + r"\.npm", re.IGNORECASE)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".html", ".js", ".css", ""} and path.is_file():
            assert not words.search(path.read_text(encoding="utf-8", errors="replace")), name


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "decisions").glob("*.md"))

    assert numbers == list(range(1, len(numbers) + 1))
