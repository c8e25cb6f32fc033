"""Files of snippets: an exported file is read back unchanged; one that cannot be read says why."""

import csv
import io

import pytest
from django.core.exceptions import ValidationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ticketadmin.models import Snippet, User
from ticketadmin.services.snippets.snippet import as_content, as_name
from ticketadmin.services.snippets.table import (
    MAX_SNIPPET_FILE_BYTES,
    MAX_SNIPPET_ROWS,
    FileRow,
    file_lines,
    read_file,
)
from ticketadmin.services.spreadsheets.table import UnreadableFile

NAMES = st.text(alphabet="aàđ1_-=+@", min_size=1, max_size=8)
CONTENTS = st.text(alphabet="=+-@'|;!(,\t\r\n\" 1aệ<p>/b&\u200b＝", min_size=1, max_size=24)


def file_of(snippets: list[Snippet]) -> bytes:
    return "".join(file_lines(snippets)).encode()


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.lists(st.tuples(NAMES, CONTENTS, st.booleans()), min_size=1, max_size=5))
def test_an_exported_file_is_read_back_unchanged(typed: list[tuple[str, str, bool]]) -> None:
    owner = User(username="=lan")
    kept = []
    for name, content, is_shared in typed:
        try:
            one = Snippet(owner=owner, name=as_name(name), content=as_content(content), is_shared=is_shared)
        except ValidationError:
            continue
        kept.append(one)
    if not kept:
        return
    read = read_file(file_of(kept), "snippets.csv")

    assert [(row.name, row.shared, row.owner, row.content) for row in read] == [
        (one.name, "yes" if one.is_shared else "no", "=lan", one.content) for one in kept
    ]


@given(CONTENTS, st.sampled_from([",", ";", "\t", "|"]))
def test_no_cell_of_a_file_acts_as_a_formula(content: str, separator: str) -> None:
    one = Snippet(owner=User(username="lan"), name="a", content=content)
    lines = "".join(file_lines([one])).removeprefix("\ufeff")

    for row in csv.reader(io.StringIO(lines, newline=""), delimiter=separator):
        for cell in row:
            assert not cell.lstrip().startswith(("=", "@", "＝"))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"name,content\r\n", "no_rows"),
        (b"name\r\na\r\n", "no_column"),
        (b"name,content,colour\r\na,b,c\r\n", "unknown_column"),
        (b"chao,Xin\r\ncam-on,Cam on\r\n", "no_header"),
        (b"name,content,name\r\na,b,c\r\n", "column_twice"),
        (b'name,content\r\na,"b\r\n', "quotes"),
        (b"name,content\r\n" + b"a,b\r\n" * (MAX_SNIPPET_ROWS + 1), "too_many_rows"),
        (b"x" * (MAX_SNIPPET_FILE_BYTES + 1), "too_large"),
        (b"\x89PNG\r\n", "not_a_table"),
        (b"name,content\r\na," + b"x" * 200_000, "long_cell"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_file(content, "a.csv")

    assert refused.value.code == code
    assert refused.value.messages[0]


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + b"\0" * 60,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 60,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        b"<!doctype html><p>a</p>",
        b"%PDF-1.7",
        bytes(range(256)) * 4,
    ],
    ids=["workbook", "old-workbook", "password", "web-page", "pdf", "bytes"],
)
def test_for_another_kind_of_file_the_error_says_how_to_make_a_csv(content: bytes) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_file(content, "snippets.csv")

    assert "CSV UTF-8" in refused.value.messages[0]
    assert "xlsx" not in refused.value.messages[0]


@pytest.mark.parametrize(
    "content",
    [
        "name;content\r\nchao;Chào\r\n",
        "\ufeffsep=;\r\nName;CONTENT\r\nchao;Chào\r\n",
        "My snippets\r\n\r\ncontent\tname\r\nChào\tchao\r\n",
    ],
)
def test_files_are_read_as_spreadsheets_write_them(content: str) -> None:
    (row,) = read_file(content.encode(), "a.csv")

    assert (row.name, row.content) == ("chao", "Chào")


def test_cells_that_are_absent_are_empty() -> None:
    assert read_file(b"name,content,shared\r\na\r\n", "a.csv") == (FileRow(2, "a"),)
