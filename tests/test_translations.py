"""Both languages are complete: nothing untranslated, placeholders intact, the compiled file up to date."""

import gettext
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import django
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.test import Client

from tests.conftest import skip_or_fail
from tests.pages import squeezed
from tests.sandbox_driver import Sandbox
from ticketadmin.models import User

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "vi" / "LC_MESSAGES"
OF_DJANGO = ROOT / "locale" / "django" / "vi" / "LC_MESSAGES"  # what Django's own catalogue lacks
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}|<[^>]+>|“|”")

NOT_SHOWN = {  # pages and parts of Django's that we have ones of our own for
    *(f"Toggle theme (current theme: {theme})" for theme in ("auto", "light", "dark")),
    "Forgotten your login credentials?",
    "In case you’ve forgotten, you are:",
}


def messages(path: Path = FOLDER / "django.po") -> list[Message]:
    with path.open("rb") as file:
        return [message for message in read_po(file, locale="vi") if message.id]


def one(text: str | tuple[str, ...] | list[str]) -> str:
    return text if isinstance(text, str) else text[0]


@pytest.mark.parametrize("folder", [FOLDER, OF_DJANGO])
def test_every_string_is_translated_and_none_is_fuzzy(folder: Path) -> None:
    found = messages(folder / "django.po")

    assert found
    assert [one(each.id) for each in found if each.fuzzy or not one(each.string).strip()] == []


@pytest.mark.parametrize("folder", [FOLDER, OF_DJANGO])
def test_translations_keep_the_placeholders(folder: Path) -> None:
    changed = []
    for message in messages(folder / "django.po"):
        singular = message.id if isinstance(message.id, str) else message.id[-1]
        if sorted(PLACEHOLDER.findall(singular)) != sorted(PLACEHOLDER.findall(one(message.string))):
            changed.append(singular)

    assert changed == []


@pytest.mark.parametrize("folder", [FOLDER, OF_DJANGO])
def test_the_compiled_catalogue_matches_the_source(folder: Path) -> None:
    with (folder / "django.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    for message in messages(folder / "django.po"):
        if message.context:
            assert compiled.pgettext(message.context, str(message.id)) == message.string
        elif isinstance(message.id, str):
            assert compiled.gettext(message.id) == message.string
        else:
            assert compiled.ngettext(*message.id, 2) == one(message.string)


def test_the_catalogue_contains_every_string_of_the_source(tmp_path: Path) -> None:
    if not shutil.which("xgettext"):
        skip_or_fail("gettext", "REQUIRE_BROWSER")  # CI has all three tools or none
    for name in ("ticketadmin", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "locale" / "vi" / "LC_MESSAGES").mkdir(parents=True)
    shutil.copy(ROOT / "manage.py", tmp_path)
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "manage.py", "makemessages", "-l", "vi", "--settings", "tests.settings"]
    subprocess.run([*command, "--ignore", "tests"], cwd=tmp_path, check=True, capture_output=True)

    collected = {one(message.id) for message in messages(tmp_path / "locale/vi/LC_MESSAGES/django.po")}

    assert collected - {one(message.id) for message in messages()} == set()


@pytest.mark.parametrize(
    "path", ["/tickets/", "/tickets/ABCXYZ1234/", "/history/", "/password/", "/nowhere/"]
)
def test_pages_are_in_vietnamese(
    path: str, staff: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    staff.language = "vi"
    staff.save()
    answer = client_of(staff).get(path)
    page = squeezed(answer.content.decode())

    assert answer["Content-Language"] == "vi"
    assert '<html lang="vi"' in page
    assert "Phím tắt" in page
    for english in ("Save", "Tickets", "History", "Sign out", "Filter", "Title", "Outcome"):
        assert f">{english}<" not in page, english


def test_buttons_of_the_settings_pages_say_what_they_do(
    administrator: User, client_of: Callable[[User], Client], sandbox: Sandbox
) -> None:
    """Django's own catalogue has "add into", "activity" for an action and "go to" for doing it."""
    administrator.language = "vi"
    administrator.save()
    page = squeezed(client_of(administrator).get("/admin/ticketadmin/user/").content.decode())

    for words in (">Thêm người dùng<", "Hành động:", ">Thực hiện<"):
        assert words in page, words


def test_the_browsers_language_is_used_unless_the_user_chose_one() -> None:
    assert (
        "Đăng nhập" in Client().get("/sign-in/", headers={"Accept-Language": "vi,en;q=0.5"}).content.decode()
    )
    assert "Sign in" in Client().get("/sign-in/", headers={"Accept-Language": "de"}).content.decode()


def looked_up(message: Message) -> tuple[str, bool]:
    """Return the key of a text: with a plural it differs from that of the same text alone."""
    return one(message.id), message.pluralizable


@pytest.mark.parametrize("app", ["admin", "auth"])
def test_strings_missing_in_djangos_catalogue_are_in_ours(app: str) -> None:
    folder = Path(django.__file__).parent / "contrib" / app / "locale"
    all_words = {looked_up(message) for message in messages(folder / "en/LC_MESSAGES/django.po")}
    known = {
        looked_up(message)
        for message in messages(folder / "vi/LC_MESSAGES/django.po")
        if one(message.string) and not message.fuzzy
    }

    ours = {looked_up(message) for message in (*messages(), *messages(OF_DJANGO / "django.po"))}
    assert all_words - known - ours - {(text, False) for text in NOT_SHOWN} == set()
