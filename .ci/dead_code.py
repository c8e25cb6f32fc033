"""Find code that the product does not use: vulture, told what templates and settings name.

Tests do not count as use. What frameworks call by name is in `CALLED_BY_NAME`, with the framework.
"""

import re
import sys
from pathlib import Path

from vulture import Vulture
from vulture.core import Item

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("ticketadmin", "setup.py", "gunicorn.conf.py")
# Read by name, by Django and gunicorn.
APART = ("settings.py", "formats/*/formats.py", "gunicorn.conf.py")
DECORATORS = ["@admin.*", "@receiver*", "@register*"]
CALLED_BY_NAME = [
    *("add_arguments", "as_postgresql", "clean_*", "field_choices", "has_*_permission"),  # Django
    *("ready", "process_view", "to_python", "to_url", "valid_value", "_get_session_auth_hash"),  # Django
    *("OIDC_*", "login_failure", "login_success", "reset_user_attempts"),  # its packages for signing in
    *("get_failures", "get_or_build_user", "get_or_create_user"),  # the same
    *("build_response", "get_connection_with_tls_context", "request_url"),  # requests
    *("Worksheet",),  # named in annotations that are strings
    *("do_*", "handle_*", "log_message"),  # the standard library's servers and parsers
    *("_delete_*", "_from_*", "_get_*", "_patch_*", "_post_*", "_put_*"),  # our own tables of methods
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


def main() -> int:
    """Print what is not used; return 1 if there is some."""
    searcher = Vulture(ignore_names=CALLED_BY_NAME, ignore_decorators=DECORATORS)
    searcher.scavenge([str(ROOT / name) for name in SOURCES], exclude=["*/migrations/*"])
    searcher.used_names |= names_outside_python()
    unused = [item for item in searcher.get_unused_code() if is_reported(item)]
    for item in unused:
        print(f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: unused {item.typ} '{item.name}'")
    return int(bool(unused))


sys.exit(main())
