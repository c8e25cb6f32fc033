"""Rules for every template and script: no inline script or style, nothing from elsewhere."""

import re
from pathlib import Path

import pytest
from django.template import engines
from django.utils import translation

LONGEST_LINE = (
    110  # bytes, as tools measure that do not decode; lines are cheap, and a partial is for what has a name
)
ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
MAILS = sorted((ROOT / "templates").rglob("*.txt"))
SCRIPTS = sorted((ROOT / "static" / "js").rglob("*.js"))
STYLES = sorted((ROOT / "static" / "css").rglob("*.css"))


FORM_PACK = ROOT / "templates" / "ticketadmin"  # its templates get what crispy-forms rendered
ERROR_PAGES = {"500.html", "503.html"}  # they do without the routes

Found = list[tuple[str, str]]


def found(pattern: str, paths: list[Path]) -> Found:
    """Return each text in these files that a pattern matches, after its file's name.

    One test is one rule for all files: a test for each of 200 files took 5 s of processor time.
    """
    assert paths
    return [
        (str(path.relative_to(ROOT)), match[0])
        for path in paths
        for match in re.finditer(pattern, path.read_text(encoding="utf-8"))
    ]


def test_a_template_rule_names_the_file_and_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / "a.html").write_text("<p>ẩn</p>", "utf-8")
    (tmp_path / "b.html").write_text('<p style="x"><b style="y">', "utf-8")

    assert found(INLINE[0], [tmp_path / "a.html", tmp_path / "b.html"]) == [("b.html", " style=")] * 2


INLINE = (
    r"\sstyle=|\son[a-z]+=[\"']",
    r"<(script|style)(?![^>]*\b(src|nonce)=)[^>]*>",
    r"(src|href)=[\"']https?://",
)


@pytest.mark.parametrize("pattern", [*INLINE, "autoescape off"])
def test_templates_contain_no_inline_script_style_or_external_address(pattern: str) -> None:
    assert found(pattern, TEMPLATES) == []


def test_only_the_form_pack_marks_text_as_safe() -> None:
    assert found(r"\|safe", [path for path in TEMPLATES if FORM_PACK not in path.parents]) == []


@pytest.mark.parametrize("paths", [TEMPLATES, MAILS, SCRIPTS, STYLES], ids=lambda paths: paths[0].suffix)
def test_lines_have_at_most_110_bytes(paths: list[Path]) -> None:
    lines = [(path.name, line) for path in paths for line in path.read_bytes().splitlines()]

    assert lines
    assert [(name, line) for name, line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize(
    "pattern", ['class="banner"', "banner--", "{% lucide", r'\sid="{{ [\w.]+auto_id }}_error"']
)
def test_markup_of_components_is_not_written_by_hand(pattern: str) -> None:
    assert found(pattern, TEMPLATES) == []


def test_templates_compare_nothing_with_a_constant() -> None:
    """A property of what is shown says it: `row.is_cleared`, not `row.after == "x"`."""
    tags = found(r"{%.*?%}", TEMPLATES)

    assert len(tags) > 1_000
    assert [tag for tag in tags if re.search(r"[=!]= ?([\"'])[^\"']+\1", tag[1])] == []


def test_old_and_new_values_have_no_space_at_their_ends() -> None:
    """The line through a value would continue under the space."""
    assert found(r"<(del|ins)\b[^>]*>\s|\s</(del|ins)>", TEMPLATES) == []


def test_links_within_text_have_no_trailing_space() -> None:
    """The line under a link would continue to what follows it."""
    ends_with_space = r"(?s)<a\b(?![^>]*\bclass=)[^>]*>(?:(?!</a>).)*\s</a>"

    assert found(ends_with_space + r"\s*(?:{%[^%]*%}\s*)*<span", TEMPLATES) == []


def test_templates_contain_no_hard_coded_address() -> None:
    """Addresses are `url`."""
    assert found(r"(href|action)=\"/", [path for path in TEMPLATES if path.name not in ERROR_PAGES]) == []


@pytest.mark.parametrize(
    "pattern",
    [r"\beval\(", "new Function", r"\.innerHTML\s*=", "insertAdjacentHTML", r"document\.write", "https://"],
)
def test_scripts_neither_evaluate_text_nor_write_html(pattern: str) -> None:
    assert found(pattern, SCRIPTS) == []


def test_styles_load_nothing_from_elsewhere() -> None:
    assert found(r"@import (?!\"\w+\.css\";)|url\(\s*[\"']?https?:", STYLES) == []


def test_the_style_sheet_lists_its_sections_in_order() -> None:
    index = (ROOT / "docs" / "styles.md").read_text(encoding="utf-8")
    sheet = (ROOT / "static" / "css" / "components.css").read_text(encoding="utf-8")
    _first, *headings = re.findall(r"^/\* (.*)", sheet, re.MULTILINE)
    names = [re.split(r"[:,]| \*/", heading)[0] for heading in headings]

    assert re.findall(r"`([a-z -]+)`", index.partition("Sections of `components.css`:")[2]) == names
    assert {path.name for path in STYLES} == set(re.findall(r"^\| `(\w+\.css)`", index, re.MULTILINE))


def test_every_class_in_a_template_has_a_css_rule() -> None:
    sheets = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    ruled = set(re.findall(r"\.([a-zA-Z][\w-]*)", re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL)))
    named = {
        (path.name, name)
        for path in TEMPLATES
        for words in re.findall(r'\sclass="([^"]*)"', path.read_text(encoding="utf-8"))
        for name in re.sub(r"\S*\{[%{].*?[%}]\}", " ", words).split()  # a longer word is another name
    }

    assert len(named) > 300
    assert {(file, name) for file, name in named if name not in ruled} == set()


# What else decides of a rule: the values of an enum, Django's admin, the editor.
COMPOSED = re.compile(r"(banner--|tone-|hue-)\w+$")
OF_OTHERS = {"admin.css", "editor.css"}


def test_every_css_rule_is_used() -> None:
    modules = [path for path in (ROOT / "ticketadmin").rglob("*.py") if "sandbox" not in path.parts]
    names = {
        name
        for path in [*TEMPLATES, *SCRIPTS, *modules]
        for name in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))
    }
    dead = {
        (path.name, name)
        for path in STYLES
        if path.name not in OF_OTHERS
        for name in re.findall(r"\.([a-zA-Z][\w-]*)(?=[^{}]*\{)", without_comments(path))
        if name not in names and not COMPOSED.match(name)
    }

    assert dead == set()


def without_comments(path: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_every_export_of_a_script_is_imported() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in SCRIPTS}
    imported = {
        name.split(" as ")[0].split(":")[0].strip()
        for source in sources.values()
        for names in re.findall(r"import \{([^{}]*)\}|\{([^{}]*)\} = await import", source)
        for name in "".join(names).split(",")
    }
    for source in sources.values():  # of a module that is loaded whole
        imported |= set(re.findall(r"\(await import\([^)]*\)\)\.(\w+)", source))
        for module in re.findall(r"(\w+) = await import|import \* as (\w+)", source):
            imported |= set(re.findall(rf"\b{''.join(module)}\.(\w+)", source))
    exported = re.compile(r"^export (?:async )?(?:function\*?|const|let|class) (\w+)", re.MULTILINE)
    found = {(path.name, name) for path, source in sources.items() for name in exported.findall(source)}

    assert len(found) > 20
    assert {(file, name) for file, name in found if name not in imported} == set()


def test_templates_compare_nothing_with_a_text() -> None:
    """A property of the page says it: `row.is_cleared`, not `row.after == ""`."""
    others = [path for path in TEMPLATES if path.parent != FORM_PACK]

    assert found(r"{% *(?:el)?if [^%]*(?:==|!=) *[\"']", others) == []


def table_of_scripts() -> tuple[set[str], dict[str, set[str]]]:
    """Return the scripts that docs/scripts.md names, and its shared attributes with who reads each."""
    text = (ROOT / "docs" / "scripts.md").read_text(encoding="utf-8")
    scripts = set(re.findall(r"^\| `([a-z_]+\.js)` \|", text, re.MULTILINE))
    rows = re.findall(r"^\| (`[a-z`, -]+`) \|[^|]*\| ([^|]+) \|$", text, re.MULTILINE)
    return scripts, {
        name: {reader.strip("` ") for reader in readers.split(",")}
        for names, readers in rows
        for name in re.findall(r"`([a-z-]+)`", names)
    }


def owner_of(attribute: str) -> str:
    """Return the script whose name an attribute begins with, "" if there is none; the longest name wins."""
    names = (path.stem for path in SCRIPTS)
    fitting = [name for name in names if f"{attribute}-".startswith(name.replace("_", "-") + "-")]
    return max(fitting, key=len) + ".js" if fitting else ""


def reads(source: str, attribute: str) -> bool:
    in_scripts = re.sub(r"-([a-z])", lambda match: match[1].upper(), attribute)
    return bool(re.search(rf"data-{attribute}(?![\w-])|\b{in_scripts}\b", source))


SOURCES = {path.name: path.read_text(encoding="utf-8") for path in SCRIPTS}
READERS = SOURCES | {"style sheets": "".join(path.read_text(encoding="utf-8") for path in STYLES)}
IN_TEMPLATES = {
    name.replace("_", "-")  # as arguments of a component are spelled
    for path in TEMPLATES
    for name in re.findall(r"(?<![\w-])data[-_]([a-z][a-z_-]*)", path.read_text(encoding="utf-8"))
} | {
    name.replace("_", "-")  # what tags and forms add
    for folder in ("templatetags", "forms")
    for path in sorted((ROOT / "ticketadmin" / folder).glob("*.py"))
    for name in re.findall(r"\"data[-_]([a-z][a-z_-]*)\"", path.read_text(encoding="utf-8"))
}
IN_SCRIPTS = {
    re.sub(r"([A-Z])", lambda match: "-" + match[1].lower(), name)
    for source in SOURCES.values()
    for name in re.findall(r"(?:\[data-|toggleAttribute\(\"data-|\bdataset\.)([A-Za-z-]+)", source)
}


def test_a_data_attribute_begins_with_its_scripts_name_or_is_in_the_table() -> None:
    """Otherwise it is unclear which script reads it: docs/scripts.md."""
    scripts, shared = table_of_scripts()

    assert scripts == set(SOURCES)
    assert {name for name in IN_TEMPLATES | IN_SCRIPTS if not owner_of(name)} == set(shared) - {"pm-slice"}


def test_each_data_attribute_is_read_by_the_named_script() -> None:
    _scripts, shared = table_of_scripts()
    readers = {name: {owner_of(name)} for name in IN_TEMPLATES if owner_of(name)} | shared
    unread = {
        (reader, name)
        for name, named in readers.items()
        for reader in named - {"tests"}
        if not reads(READERS[reader], name)
    }

    assert unread == set()


def test_parts_rendered_once_for_all_use_nothing_of_the_page() -> None:
    blocks = [
        (path.name, block)
        for path in TEMPLATES
        for block in re.findall(
            r"{% same_for_all %}(.*?){% endsame_for_all %}", path.read_text("utf-8"), re.DOTALL
        )
    ]
    names = {(file, name) for file, block in blocks for name in re.findall(r"{{ *(\w+)", block)}
    tags = re.compile(r"{% *(if|for|with|csrf_token|block)\b")

    assert len(blocks) > 10
    assert {(file, name) for file, name in names if name != "words"} == set()
    assert [(file, block) for file, block in blocks if tags.search(block)] == []


def test_parts_shared_by_all_users_hold_no_user_data_and_follow_the_language() -> None:
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
