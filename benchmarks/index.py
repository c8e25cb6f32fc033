"""The tickets page over a big index: pages, orders, words, telephone numbers, suggestions, chips."""

import gc
import random

from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks.measuring import Row, side_by_side
from benchmarks.pages import person
from ticketadmin.apps import TicketAdminConfig
from ticketadmin.models import IndexedTicket, ReadFrom, TicketIndex
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.index.counters import recount
from ticketadmin.services.index.forget import rebuild_index
from ticketadmin.services.index.listing import Order, Query, read_page
from ticketadmin.services.index.rows import ReadRow, current_index, write_rows
from ticketadmin.services.index.searching import prepare_search

PATTERNS = (
    2_000  # tickets that are written as any other; the rest are copies with codes and numbers of their own
)
COLUMNS = [
    one.column
    for one in IndexedTicket._meta.concrete_fields
    if one.column not in {"id", "code", "code_key", "number", "words"}
]
CUSTOMERS = ["An Phát", "Sao Mai", "Hoàng Gia", "Bình Minh", "Việt Tiến", "Mekong Retail", "Đại Dương"]
TITLES = ["Máy in hỏng", "Xuất hóa đơn sai", "Không đăng nhập được", "Đồng bộ kho chậm", "Cannot open file"]
STATUSES = ["Mới", "Đang xử lý", "Chờ khách hàng", "Đã hoàn tất", "Hủy"]
SQLITE = {
    "series": "WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last})",
    "code": "printf('TK%07d', n)",
    "key": "CAST(printf('TK%07d', n) AS BLOB)",
    "phone": "printf('09%08d', n * 97 % 100000000)",
    "line": "char(10)",
}
POSTGRESQL = {
    "series": "WITH s AS (SELECT generate_series({first}, {last}) AS n)",
    "code": "'TK' || lpad(n::text, 7, '0')",
    "key": "convert_to('TK' || lpad(n::text, 7, '0'), 'UTF8')",
    "phone": "'09' || lpad((n * 97 % 100000000)::text, 8, '0')",
    "line": "chr(10)",
}
EMPTY, LOOP = "a list without a ticket", "a loop of 100,000 rounds, nothing else"
TRIGGERS = ("insert", "delete", "update")


def index(rows: int, rounds: int, label: str) -> list[Row]:
    """Fill the index and measure a page's whole server time, beside that of a list without a ticket."""
    client = Client()
    client.force_login(person(f"index-{label}", "lead"))
    get_choices(refresh=True)  # as the worker has
    fill(rows)
    gc.freeze()  # as a web process does, see gunicorn.conf.py
    rare = IndexedTicket.objects.filter(code=f"TK{rows:07}").get().words.split()[-1]
    with_words = "≤ 50 ms" if label == "sqlite" else "≤ 100 ms"
    addresses = {
        "first page": ("/list/", "≤ 25 ms"),
        "by title": ("/list/?sort=title", "≤ 25 ms"),
        "one status": ("/list/?status=Mới", "≤ 25 ms"),
        "words": ("/list/?text=may in hong", with_words),
        "words, by customer": ("/list/?text=an phat hoa don&sort=customer", with_words),
        "a rare telephone number": (f"/list/?text={rare}", "≤ 10 ms"),
        "suggestions": ("/suggest/?q=an phat may", "≤ 50 ms"),
        "one customer, not done": ("/list/?customer=an phat&not_done=on", with_words),
    }
    things = {EMPTY: _page(client, "/list/?codes=NONE"), LOOP: _loop}
    things |= {name: _page(client, path) for name, (path, _limit) in addresses.items()}
    things["the last page"] = _last_page(client)
    measured = side_by_side(f"index, {rows:,} rows, {label}", things, rounds)
    for name, row in measured.items():
        row.peer = "" if name in {EMPTY, LOOP} else EMPTY
        row.limit = addresses[name][1] if name in addresses else ""
        loops = row.median / measured[LOOP].median
        row.note = "" if name == LOOP else f"{loops:.2f} × the loop"
    return list(measured.values())


def _loop() -> None:
    """Do a fixed amount of work, by which the machine's speed is measured."""
    total = 0
    for number in range(100_000):
        total += number % 7
    assert total


def _page(client: Client, path: str):  # type: ignore[no-untyped-def]
    def ask() -> None:
        assert client.get(path, headers={"X-Requested-With": "XMLHttpRequest"}).status_code == 200, path

    return ask


def _last_page(client: Client):  # type: ignore[no-untyped-def]
    first = Query(current_index(), order=Order("number", is_descending=False))
    place = read_page(first, size=20).next
    return _page(client, f"/list/?sort=-number&place={place}")


def fill(rows: int) -> None:
    """Insert tickets: patterns as any read writes them, then copies of them by SQL."""
    chance, index = random.Random(7), current_index()
    seen = [_pattern(number, chance) for number in range(1, PATTERNS + 1)]
    write_rows(index, seen, began_at=timezone.now(), read_from=ReadFrom.LIST)
    _multiply(index, rows)
    recount(index)
    with connection.cursor() as cursor:
        # Otherwise PostgreSQL's autovacuum and checkpointer would work on a million new rows while the pages
        # are measured.
        for statement in ["ANALYZE"] if connection.vendor == "sqlite" else ["VACUUM ANALYZE", "CHECKPOINT"]:
            cursor.execute(statement)


def _pattern(number: int, chance: random.Random) -> ReadRow:
    customer = chance.choice(CUSTOMERS)
    values = {
        "ticket_title": f"{chance.choice(TITLES)} – {customer} {number}",
        "account_name": f"{customer} {number % 200}",
        "account_email": f"lienhe{number}@example.com",
        "status_name": chance.choice(STATUSES),
        "cate_name": f"Loại {number % 5}",
        "expected_at": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "created_at": f"2026-01-{number % 28 + 1:02} 10:00:00",
        "updated_at": f"2026-{number % 11 + 1:02}-{number % 28 + 1:02} {number % 24:02}:00:00",
    }
    return ReadRow(f"TK{number:07}", number, values)


def _multiply(index: TicketIndex, rows: int) -> None:
    """Copy the patterns up to so many rows; the word index is built once at the end."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        for one in TRIGGERS if is_sqlite else ():
            cursor.execute(f"DROP TRIGGER IF EXISTS ticketadmin_ticketwords_{one}")
        if not is_sqlite:
            cursor.execute("SET statement_timeout = 0")
        cursor.execute("DROP INDEX IF EXISTS indexed_words")
        cursor.execute(_copies(index.pk, rows, SQLITE if is_sqlite else POSTGRESQL))
    prepare_search(sender=TicketAdminConfig, using="default")
    rebuild_index(index)


def _copies(index: int, rows: int, words: dict[str, str]) -> str:
    copied = ", ".join(f'p."{name}"' for name in COLUMNS)
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    series = words["series"].format(first=PATTERNS + 1, last=rows)
    text = f"lower({words['code']}) || {words['line']} || p.words || {words['line']} || {words['phone']}"
    return (
        f"{series} INSERT INTO ticketadmin_indexedticket (code, code_key, number, words, {names}) "  # noqa: S608
        f"SELECT {words['code']}, {words['key']}, n, {text}, {copied} FROM s "
        f"JOIN ticketadmin_indexedticket p ON p.number = n % {PATTERNS} + 1 AND p.index_id = {index}"
    )
