"""Fields and JSON values that tests of the codecs share: every kind, and what a CRM may hold in it."""

from typing import Any

from hypothesis import strategies

from ticketadmin.models import FieldKind
from ticketadmin.services.values.fields import STANDARD, Field, Kind

OPTIONS = (("1", "Một"), ("2", "Hai"), ("A", "Chữ A"), ("B", "Chữ B"))
CUSTOM_KINDS = (*(Kind(kind.value) for kind in FieldKind), Kind.RAW)


def custom(kind: Kind, key: str = "x") -> Field:
    """Return a custom field of a kind; those with options have 1, 2, A and B."""
    return Field(f"custom_fields.{key}", key, kind, choices=OPTIONS if "select" in kind else ())


CUSTOM = tuple(custom(kind) for kind in CUSTOM_KINDS)
FIELDS = (*STANDARD, *CUSTOM, Field("custom_fields.free", "Free", Kind.SELECT))

# Texts that a browser, a parser or a comparison may change.
TEXTS = (
    "", " ", "a", " a ", "a\nb", "a\r\nb", "a\rb", "\n", "\r\n", "\na", "a\n", "  a\n  b\n", "a\tb", "a\x0bb",
    "a\x00b",
    "\ufeffa", "a\u00a0b", "\u00a0", "\u200b", "\u202ea", "a\u2028b", "e\u0301", "é", "&amp;", "&lt;b&gt;",
    "<b>x</b>",
    "<lan@example.com>", '"', "'90s", "`", "</textarea>", "<!--", "=1+1", "x" * 300, "Tầng 3\nPhòng 302",
    "true", "false", "True", "FALSE", "yes", "No", "on", "0", "1", "2", "-1", "1.0", "1.50", "1,5", "1.500",
    "1,250",
    "1_000", "1e3", "9e999999999", "NaN", "Infinity", "-0", "007", "٣", "null", "{}", "[]", "[1]", '{"a": 1}',
    "2026-11-28", "2026-02-30", "0026-11-28", "0000-01-01", "9999-12-31", "28/11/2026", "2026-11-28 10:00",
    "1748192400", "1735689600000", "253402300799", "-1", " 1748192400", "lan@example.com",
    " lan@example.com ",
    "lan@例え.jp", "0901 234 567", "0901\u00a0234\u00a0567", "A", "B", "A,B", "OLD", "A\nB", "\ud800",
    "\udfffa",
    "a\n\nb", "\r\n\r\na", "a\n\r\nb", "\t\na", "a\u0085b", "a\u2029b", "\u00adb",
    "\u2066a\u2069", "A\u030a", "😀",
    "<p></p>", "<p>a</p>\n<p>b</p>", "&#13;&#10;", "'=1", "''=1", '=HYPERLINK("x")', "on\n", " 1", "1 ",
    "2026-11-28 ", "1\n2", "0901234567\n", "lan@example.com\n", "%0d%0a",
)  # fmt: skip
SCALARS = (
    None, True, False, 0, 1, -1, 2, 1.0, 1.5, -0.0, 1e22, 1e-7, 0.1, 123456789012345678901234567890,
    1748192400,
    1735689600000, 253402300799, 10**400, *TEXTS,
)  # fmt: skip
CONTAINERS: tuple[Any, ...] = (
    [], {}, [[]], [None], [""], [" "], ["A", ""], ["A", "A"], ["A", "OLD"], [1, 2], [1, "A"], ["A\nB"],
    ["A\nB", "A\r\nB"],
    [{"id": 7, "name": "Máy in"}], [True], [1.0], ["1"], [1], [["A"]], {"a": 1}, {"a": "\n"}, {"b": 1,
    "a": [None]},
    {"id": 7, "name": "Máy in"}, [0], [False], [{}],
    ["A", "A\r\nB"], [["A", "B"], "A"], {"": ""}, {"a": {"b": ["\r\n", None]}}, ["1", 1], [1.5, "1.5"],
    [" A", "A "],
)  # fmt: skip
VALUES: tuple[Any, ...] = (*SCALARS, *CONTAINERS)

# Kind of a custom field and what a ticket holds in it: each was once changed by a save of another field.
LEFT_ALONE: tuple[tuple[str, Any], ...] = (
    ("text", "Tầng 3\nPhòng 302"), ("raw", "Tầng 3\nPhòng 302"), ("text", " "),
    ("number", "1\n"), ("date", "2026-11-28\n"),
    ("epoch_date", "1748192400\n"), ("epoch_date", 253402300799), ("epoch_date", 1735689600000),
    ("multi_select", ["A", ""]), ("multi_select", [""]), ("multi_select", " "), ("multi_select", ["A", "A"]),
    ("multi_select", ["A", "OLD"]), ("multi_select", ["A\nB"]), ("multi_select", [1, 2]),
    ("multi_select", [{"id": 7, "name": "Máy in"}]),
    ("select", 1.0), ("select", True), ("select", ["1"]), ("select", "OLD\nER"), ("yes_no", "false"),
    ("yes_no", "có thể"), ("text", {"a": [1, None]}), ("number", {"a": 1}), ("date", "0026-11-28"),
)  # fmt: skip

texts = strategies.one_of(strategies.sampled_from(TEXTS), strategies.text(max_size=30))
numbers = strategies.one_of(
    strategies.integers(),
    strategies.floats(allow_nan=False, allow_infinity=False),
    strategies.integers(-10, 10),
)
json_values = strategies.recursive(
    strategies.one_of(strategies.none(), strategies.booleans(), numbers, texts),
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=4), strategies.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=6,
)
fields = strategies.sampled_from(FIELDS)
