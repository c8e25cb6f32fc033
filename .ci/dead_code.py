"""Find code that the product does not use: vulture, told what templates and settings name.

Tests do not count as use. What frameworks call by name is in `CALLED_BY_NAME`, with the framework.
Vulture takes a local variable for a use of a field of the same name, so fields are looked for here.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("ticketadmin", "setup.py", "gunicorn.conf.py")
# Read by name, by Django and gunicorn.
APART = ("settings.py", "formats/*/formats.py", "gunicorn.conf.py")
DECORATORS = ["@admin.*", "@receiver*", "@register*"]
CALLED_BY_NAME = [
    *("add_arguments", "as_postgresql", "clean_*", "field_choices", "valid_value"),  # Django
    *("process_request", "process_view", "_get_session_auth_hash", "_get_session_from_db"),  # Django
    *("OIDC_*", "login_failure", "login_success", "reset_user_attempts"),  # its packages for signing in
    *("get_failures", "get_or_build_user", "get_or_create_user"),  # the same
    *("build_response", "get_connection_with_tls_context", "request_url"),  # requests
    "get_value",  # django-environ
]


def names_outside_python() -> set[str]:
    """Return the words that templates use, and those of dotted paths in strings."""
    templates = (path.read_text("utf-8") for path in (ROOT / "templates").rglob("*") if path.is_file())
    tags = (tag for text in templates for tag in re.findall(r"\{[{%].*?[}%]\}", text, re.DOTALL))
    sources = (path.read_text("utf-8") for path in (ROOT / "ticketadmin").rglob("*.py"))
    paths = (path for text in sources for path in re.findall(r"[\"'](ticketadmin\.[\w.]+)[\"']", text))
    return {word for text in (*tags, *paths) for word in re.findall(r"\w+", text)}


def is_reported(item: Item) -> bool:
    """Leave out attributes, parameters and class variables, which mean something to a base class."""
    if any(item.filename.match(pattern) for pattern in APART):
        return False
    if item.typ == "variable":
        line = item.filename.read_text("utf-8").splitlines()[item.first_lineno - 1]
        return item.name.isupper() and line.startswith(item.name)
    return item.typ != "attribute"


def unread_fields(elsewhere: set[str]) -> Iterator[str]:
    """Yield the fields of dataclasses that no attribute, key or pattern names, nor a word in `elsewhere`."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in (ROOT / "ticketadmin").rglob("*.py")}
    nodes = {path: list(ast.walk(tree)) for path, tree in trees.items()}
    read = {name for found in nodes.values() for node in found for name in _names_read(node)} | elsewhere
    for path, found in nodes.items():
        for name, field in (one for node in found for one in _fields(node)):
            if field not in read:
                yield f"{path.relative_to(ROOT)}: unread field '{name}.{field}'"


def _fields(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the fields of a dataclass, or of a page, which is one, with its name."""
    if isinstance(node, ast.ClassDef):
        decorators = " ".join(ast.unparse(one) for one in node.decorator_list)
        if re.match(r"(?:dataclass|page)\b", decorators):
            targets = (one.target for one in node.body if isinstance(one, ast.AnnAssign))
            yield from ((node.name, one.id) for one in targets if isinstance(one, ast.Name))


def _names_read(node: ast.AST) -> list[str]:
    match node:
        case ast.Attribute(attr=name, ctx=ast.Load()) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return [name]
        case ast.Dict(keys=keys):
            return [str(key.value) for key in keys if isinstance(key, ast.Constant)]
        case ast.MatchClass(kwd_attrs=names):
            return names
    return []


def main() -> int:
    """Print what is not used; return 1 if there is some."""
    searcher = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=DECORATORS)
    searcher.scavenge([str(ROOT / name) for name in SOURCES], exclude=["*/migrations/*"])
    elsewhere = names_outside_python()
    searcher.used_names |= elsewhere
    unused = [item for item in searcher.get_unused_code() if is_reported(item)]
    for item in unused:
        print(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} '{item.name}'")
    unread = [*unread_fields(elsewhere)]
    print(*unread, sep="\n", end="\n" if unread else "")
    return int(bool(unused or unread))


sys.exit(main())
