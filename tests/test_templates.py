"""Rules that hold for every template and script: no inline script or style, nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.utils import translation

LONGEST_LINE = 110  # as in Python; lines are cheap, and a partial is for what has a name
ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_no_inline_script_style_or_foreign_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\sstyle=|\son[a-z]+=[\"']", text)
    assert not re.search(r"<(script|style)(?![^>]*\b(src|nonce)=)[^>]*>", text)
    assert not re.search(r"(src|href)=[\"']https?://", text)
    # crispy-forms hands its layout templates what it rendered already; nothing else is trusted.
    assert "|safe" not in text or "ticketadmin" in path.parts[-3:]
    assert "autoescape off" not in text


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *STYLES], ids=lambda path: path.name)
def test_lines_have_at_most_110_characters(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_what_a_component_writes_is_not_written_by_hand(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert 'class="banner"' not in text
    assert "banner--" not in text
    assert "{% lucide" not in text
    assert not re.search(r'\sid="{{ [\w.]+auto_id }}_error"', text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_compare_nothing_with_a_constant_and_name_no_address(path: Path) -> None:
    """A property of what is shown says it; addresses are `url`. The error pages do without the routes."""
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"[=!]= ?([\"'])[^\"']+\1", "".join(re.findall(r"{%.*?%}", text)))
    assert path.name in {"500.html", "503.html"} or not re.search(r"(href|action)=\"/", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_neither_evaluate_text_nor_write_html(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"\beval\(|new Function|\.innerHTML\s*=|insertAdjacentHTML|document\.write", text)
    assert "https://" not in text


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_styles_load_nothing_from_elsewhere(path: Path) -> None:
    assert not re.search(r"@import|url\(\s*[\"']?https?:", path.read_text(encoding="utf-8"))


def test_the_table_of_scripts_says_who_reads_each_attribute() -> None:
    """docs/scripts.md: no attribute of a template is missing, and what a row names is in its script."""
    table = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `?([a-z_. ]+)`? \|[^|]*\|([^|]*)\|$", table, re.MULTILINE)
    readers = {reader: re.findall(r"`([a-z-]+)`", names) for reader, names in rows}
    sheets = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    sources = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS} | {"style sheets": sheets}
    used = {
        name.replace("_", "-")  # as arguments of a component are spelled
        for path in TEMPLATES
        for name in re.findall(r"(?<![\w-])data[-_]([a-z][a-z_-]*)", path.read_text(encoding="utf-8"))
    }

    assert set(sources) <= set(readers)
    assert used - {name for names in readers.values() for name in names} == set(), (
        "add a line to docs/scripts.md"
    )
    assert {name for reader in sources for name in readers[reader]} <= used
    wrong = [
        (reader, name)
        for reader, source in sources.items()
        for name in readers[reader]
        if f"data-{name}" not in source and not re.search(rf"\b{_in_scripts(name)}\b", source)
    ]
    assert wrong == []


def _in_scripts(name: str) -> str:
    """Return an attribute's name as a script reads it from `dataset`."""
    return re.sub(r"-([a-z])", lambda match: match[1].upper(), name)


SAME = [
    pytest.param(block, id=f"{path.name}-{number}")
    for path in TEMPLATES
    for number, block in enumerate(
        re.findall(r"{% same_for_all %}(.*?){% endsame_for_all %}", path.read_text("utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("block", SAME)
def test_what_is_rendered_once_for_all_asks_for_nothing_of_the_page(block: str) -> None:
    assert set(re.findall(r"{{ *(\w+)", block)) <= {"words"}
    assert not re.search(r"{% *(if|for|with|csrf_token|block)\b", block)


def test_a_part_that_is_the_same_for_all_holds_nothing_of_a_person_and_follows_the_language() -> None:
    source = (
        "{% load i18n fragments %}{% same_for_all %}{% translate 'Save' %} {{ user }}{% endsame_for_all %}"
    )
    template = engines["django"].from_string(source)

    with translation.override("en"):
        assert template.render({"user": "Lan"}) == "Save "
    with translation.override("vi"):
        assert template.render({"user": "Minh"}) == "Lưu "
    with translation.override("en"):
        assert template.render({"user": "Minh"}) == "Save "
