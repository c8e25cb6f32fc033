"""The databases' statistics of the ticket index's rows: without them SQLite guesses which SQL index to use.

To count a customer's open tickets it then scanned all open tickets instead of that customer's.
"""

import logging

from django.db import DatabaseError, connection, transaction

logger = logging.getLogger(__name__)
MAX_ROWS_ANALYSED = 1_000  # rows of an index; 0.1 s for 100,000 tickets
_STATEMENTS = {
    "sqlite": (f"PRAGMA analysis_limit = {MAX_ROWS_ANALYSED}", "ANALYZE ticketadmin_indexedticket"),
    "postgresql": ("ANALYZE ticketadmin_indexedticket",),  # which samples rows by itself
}


def refresh_statistics(*, is_first: bool) -> None:
    """Update the statistics after a sweep; on PostgreSQL after the `is_first` alone, as autovacuum continues.

    A failure is logged: lists are slower then, not wrong.
    """
    if connection.vendor == "postgresql" and not is_first:
        return
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in _STATEMENTS[connection.vendor]:
                cursor.execute(statement)
    except DatabaseError as error:
        logger.warning("could not update the statistics of the index: %s", type(error).__name__)
