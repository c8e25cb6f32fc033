"""Files as they are served: joined, without comments, under names with hashes, the same for the browser."""

import re
import shutil
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from ticketadmin.storage import HashedStaticFiles, joined_sheet, short_script

STATIC = Path(__file__).resolve().parent.parent / "static"
SHEETS = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_TEMPLATE = re.compile(r"`[^`]*`")
_HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")
_REFERENCE = re.compile(r"""(?:from\s*|import\()["']\./([^"']+)["']""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static") / "root"
    shutil.copytree(STATIC, folder)  # what collectstatic does first
    source = FileSystemStorage(STATIC)
    names = [path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*")]
    storage = HashedStaticFiles(location=folder, base_url="/static/")
    done = list(storage.post_process({name: (source, name) for name in names}))
    assert not [problem for _name, _hashed, problem in done if isinstance(problem, Exception)]
    return folder


def refuse_to_read(name: str) -> str:
    raise AssertionError(name)


def test_the_served_style_sheet_contains_its_imports_in_order() -> None:
    imported: list[str] = []

    def read(name: str) -> str:
        imported.append(name)
        return (STATIC / "css" / name).read_text(encoding="utf-8")

    joined = joined_sheet((STATIC / "css" / "site.css").read_text(encoding="utf-8"), read)

    assert imported == ["tokens.css", "base.css", "layout.css", "forms.css", "components.css"]
    assert "@import" not in joined
    assert joined == "".join(joined_sheet(read(name), refuse_to_read) for name in imported[:])


def test_served_files_carry_no_comments(collected: Path) -> None:
    sheets = [path.read_text(encoding="utf-8") for path in (collected / "css").glob("*.css")]
    scripts = [path.read_text(encoding="utf-8") for path in (collected / "js").glob("*.js")]

    assert len(sheets) == 2 * len(SHEETS)  # with and without the hash in the name
    assert [text for text in sheets if "/*" in text] == []
    assert len(scripts) == 2 * len(SCRIPTS)
    assert [text for text in scripts if re.search(r"^\s*//|/\*\*", text, re.MULTILINE)] == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_white_space_in_template_literals_is_kept(path: Path) -> None:
    text = _COMMENT.sub("", path.read_text(encoding="utf-8"))

    assert _TEMPLATE.findall(short_script(text, refuse_to_read)) == _TEMPLATE.findall(text)


def test_scripts_import_each_other_by_hashed_names(collected: Path) -> None:
    hashed = [path for path in (collected / "js").glob("*.js") if _HASHED.search(path.name)]
    named = [name for path in hashed for name in _REFERENCE.findall(path.read_text(encoding="utf-8"))]

    assert len(hashed) == len(SCRIPTS)
    assert len(named) > 10
    assert [
        name for name in named if not (collected / "js" / name).exists() or not _HASHED.search(name)
    ] == []
