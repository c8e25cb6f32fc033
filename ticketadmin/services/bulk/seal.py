"""The seal on a dry run: a digest of exactly what it showed, which a confirmation has to carry."""

import hashlib
import json

from ticketadmin.models import BulkItem, BulkUpdate


def seal_of(bulk: BulkUpdate) -> str:
    """Return the digest of the tickets, the wishes, the reason, and what the dry run found for each."""
    digest = hashlib.sha256(f"{bulk.uuid} {_spelled([bulk.wishes, bulk.change_reason])}".encode())
    rows = BulkItem.objects.filter(bulk=bulk).order_by("position")
    for row in rows.values_list("ticket_code", "wishes", "plan", "base").iterator(chunk_size=500):
        digest.update(_spelled(row).encode())
    return digest.hexdigest()


def _spelled(value: object) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=True)
