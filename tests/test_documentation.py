"""The documents agree with the code."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from django.conf import global_settings
from django.core.management import get_commands

import ticketadmin
from ticketadmin.installation import command_line
from ticketadmin.services.command.exits import Exit
from ticketadmin.services.operations.readiness import metrics_text

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MANUAL = sorted((ROOT / "docs").glob("*.md"))
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


def test_the_settings_table_has_the_defaults_of_the_code() -> None:
    """Of those that the code writes as one value; others, such as a folder, are described."""
    table = README.split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    documented = dict(re.findall(r"^\| `([A-Z_]+)` \| *([^|]*?) *\|", table, re.MULTILINE))
    defaults = {
        name: default
        for path in (ROOT / "ticketadmin" / "settings.py", ROOT / "gunicorn.conf.py")
        for name, default in defaults_in(ast.parse(path.read_text(encoding="utf-8")))
        if not name.startswith("SECRET_KEY")
    }

    assert len(defaults) > 60
    assert {name: documented[name] for name in defaults} == {
        name: spelled(default) for name, default in defaults.items()
    }


def defaults_in(module: ast.Module) -> Iterator[tuple[str, object]]:
    """Yield the variables that a module reads, with the defaults that are constants."""
    reads = re.compile(r"env\.\w+|os\.environ\.get")
    for call in ast.walk(module):
        if not isinstance(call, ast.Call) or not call.args or not reads.fullmatch(ast.unparse(call.func)):
            continue
        name, *others = [*call.args, *(one.value for one in call.keywords if one.arg == "default")]
        with suppress(ValueError):  # an expression
            yield str(ast.literal_eval(name)), ast.literal_eval(others[0]) if others else ""


def spelled(default: object) -> str:
    """Return a default as the table writes it."""
    match default:
        case bool():
            return "on" if default else "off"
        case [*names]:
            default = ",".join(names)
        case float():
            default = f"{default:g}"
    return f"`{default}`" if default not in {"", None} else ""


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


def test_every_command_of_the_product_is_documented_and_exists() -> None:
    ours = {name for name, app in get_commands().items() if app == "ticketadmin"}
    named = set(re.findall(r"\| `(?:manage\.py|ticketadmin) ([a-z_]+)", README))

    inner = {"db_worker", "first_steps", "prepare_demo", "makemessages"}
    assert ours - inner <= named
    assert named <= {"init", *get_commands()}
    assert named == {one.split()[0] for one in command_line.COMMANDS} - OF_DJANGO


# Commands of Django that `ticketadmin` lists among its own; the manual names them where they are needed.
OF_DJANGO = {"check", "createsuperuser"}


def test_the_manual_of_the_command_has_every_exit_code() -> None:
    manual = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")

    assert [int(code) for code in re.findall(r"^\| (\d+) \|", manual, re.MULTILINE)] == sorted(Exit)


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


def test_every_dependency_is_in_the_decision_on_dependencies() -> None:
    decision = (ROOT / "docs" / "decisions" / "0008-dependencies.md").read_text(encoding="utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    required = [one for part in (project["project"]["dependencies"], *extras, *groups) for one in part]
    names = {re.split(r"[\[<>=~! ;]", one)[0].lower() for one in required if isinstance(one, str)}

    assert len(names) > 40
    assert {name for name in names if not re.search(rf"(?<![\w-]){name}(?![\w-])", decision)} == set()


def test_the_version_is_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert project["version"] == ticketadmin.__version__
    assert f"## {ticketadmin.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_have_targets(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_code_that_the_documents_name_exists(path: Path) -> None:
    """A path may leave out the folders that the text before it names; what follows it is defined there."""
    text = " ".join(path.read_text(encoding="utf-8").split())
    named = re.findall(r"`([\w/]+\.(?:py|js|css|html))(?:: +(\w+))?", text)

    assert [f"{file}: {name}" for file, name in named if not is_defined(file, name)] == []


# Paths in comments and docstrings; one may leave out the folders above a package of the product.
NAMED_PATH = re.compile(
    r"(?<![\w./-])((?:ticketadmin|tests|templates|static|docs|deploy|services|views|presenters|forms|models)/"
    r"[\w/.-]+\.(?:py|js|css|html|md|conf))\b"
)
COMMENTED = (
    *("*.py", ".ci/*", "Makefile", "benchmarks/*.py", "deploy/**/*.*", "ticketadmin/**/*.py"),
    *("templates/**/*.html", "static/css/*.css", "static/js/*.js", "tests/**/*.py"),
)


def test_files_that_comments_name_exist() -> None:
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for pattern in COMMENTED
        for path in ROOT.glob(pattern)
        if path.is_file() and path != Path(__file__)  # which names some that are missing
    }
    named = {(file, name) for file, text in texts.items() for name in NAMED_PATH.findall(text)}

    assert len(named) > 100
    assert sorted(one for one in named if not (is_defined(one[1], "") or (ROOT / one[1]).exists())) == []


@pytest.mark.parametrize("path", MANUAL, ids=lambda path: path.name)
def test_page_texts_quoted_in_the_manual_exist(path: Path) -> None:
    """Names of pages and buttons are *slanted*, what a page says is quoted; `…` is a part that varies."""
    text = " ".join(re.sub(r"```.*?```|`[^`]*`", "", path.read_text("utf-8"), flags=re.DOTALL).split())
    slanted = re.findall(r"(?<!\*)\*([A-Z][^*]*)\*(?!\*)", text)
    named = {part for one in [*slanted, *re.findall(r"“([^”]+)”", text)] for part in one.split(" › ")}

    assert {one for one in named - OF_OTHERS if not is_text_of_a_page(one)} == set()


# Texts of an identity provider, the name of a permission in the database, and a ticket's value as an example.
OF_OTHERS = {"Group Membership", "Can run bulk updates", "Đã hoàn tất"}


@cache
def texts_of_pages() -> str:
    """Return all that pages say, those of the proxy among them, without quotes and in small letters."""
    with (ROOT / "locale" / "vi" / "LC_MESSAGES" / "django.po").open("rb") as file:
        ids = [one.id if isinstance(one.id, tuple) else (one.id,) for one in read_po(file)]
    texts = [re.sub(r"%\(\w+\)[sd]|\{\w*\}", "…", text) for forms in ids for text in forms]
    problems = [path.read_text("utf-8") for path in (ROOT / "deploy" / "problems").glob("*.html")]
    return re.sub("[“”]", "", "\n".join([*texts, *problems])).lower()


def is_text_of_a_page(text: str) -> bool:
    """Return whether a page says so."""
    return text.rstrip(".").lower() in texts_of_pages()


def is_defined(file: str, name: str) -> bool:
    """Return whether a file has this path, or one that ends with it, and defines the name, if any."""
    defined = re.compile(rf"^\s*(?:def|class) {name}\b|^\s*{name}(?:: [^=]+)? =", re.MULTILINE)
    found = (one for one in CODE if f"/{one.as_posix()}".endswith(f"/{file}"))
    return any(not name or defined.search((ROOT / one).read_text(encoding="utf-8")) for one in found)


def test_the_check_of_named_code_can_fail() -> None:
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
