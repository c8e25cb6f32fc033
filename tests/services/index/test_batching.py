"""Reads gathered for a moment: only the last one of a ticket is written, and once."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.sandbox_driver import Sandbox
from ticketadmin.models import BulkItem, BulkState, BulkUpdate, IndexedTicket, ItemState, User
from ticketadmin.services.bulk.items import send_item
from ticketadmin.services.bulk.work import work_on
from ticketadmin.services.crm.clock import CountedClock
from ticketadmin.services.crm.reading import ReadTicket
from ticketadmin.services.index.batching import Batch, ReadBuffer
from ticketadmin.services.index.refresh import write_batch

NOW = timezone.now()
TITLE = "Tiêu đề của lượt chạy"
# The database's clock orders the reads of all processes: on PostgreSQL a query for each call that reads.
ASKS_FOR_THE_TIME = connection.vendor == "postgresql"


def read_of(code: str, title: str) -> ReadTicket:
    return ReadTicket(code, {"ticket_title": title}, NOW)


def test_only_the_last_read_of_a_ticket_is_written() -> None:
    written: list[Batch] = []
    reads = ReadBuffer(written.append)

    reads.add(read_of("TK-1", "sau"), NOW + timedelta(seconds=1))
    reads.add(read_of("TK-1", "trước"), NOW)  # arrives late
    reads.add(read_of("TK-2", "khác"), NOW)
    reads.write_when_due()
    assert written == []
    reads.write()
    reads.write()

    (batch,) = written
    assert {code: read.values["ticket_title"] for code, (read, _began) in batch.items()} == {
        "TK-1": "sau",
        "TK-2": "khác",
    }


def test_a_full_buffer_is_written_immediately() -> None:
    written: list[Batch] = []
    reads = ReadBuffer(written.append)

    for number in range(ReadBuffer.MAX):
        reads.add(read_of(f"TK-{number}", "A"), NOW)
    reads.write_when_due()

    assert [len(batch) for batch in written] == [ReadBuffer.MAX]


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the statements of a block, without savepoints and time-dependent reads of shared rows."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield found
    told = (str(query["sql"]) for query in queries)
    found += [sql for sql in told if not re.search("SAVEPOINT|ticketadmin_(remote|crm)snapshot", sql)]


@pytest.mark.counts_queries
def test_a_ticket_of_a_run_costs_few_statements_and_its_index_row_fewer_than_two(
    lead: User, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CountedClock, "ASKED_EVERY", math.inf)
    run = BulkUpdate.objects.create(
        owner=lead,
        owner_name="Lead",
        state=BulkState.RUNNING,
        created_at=NOW,
        started_at=NOW,
        worker="w",
        wishes={"ticket_title": {"set": TITLE}},
    )
    codes = [code for code in sandbox.codes() if code.startswith("TK2")][:20]
    assert lead.may("run_bulk_updates")  # as a worker looks up once for all tickets, before it begins
    work, reads = work_on(run, lead), ReadBuffer(write_batch)
    for number, code in enumerate(codes):
        item = BulkItem.objects.create(
            bulk=run, position=number, ticket_code=code, plan="send", state=ItemState.WORKING
        )
        with reads.buffering(), statements() as each:
            send_item(work, item)
        assert len(each) <= 7 + (ASKS_FOR_THE_TIME and number == 0), each  # counted from there on
    assert not IndexedTicket.objects.filter(code__in=codes).exists()

    with statements() as batch:
        reads.write()

    assert len(batch) < 2 * len(codes), batch  # a few, and one for each new row
    rows = IndexedTicket.objects.filter(code__in=codes)
    assert {row.values["ticket_title"] for row in rows} == {TITLE}
    assert rows.count() == len(codes)
