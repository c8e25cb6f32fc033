"""Tickets that were erased here and must not come back from the CRM's list by themselves.

Of each only a keyed digest of its code is kept. Opening or saving the ticket lets it back in. The key is
derived from SECRET_KEY: once that is changed, the digests kept so far no longer match any code.
"""

from collections.abc import Collection, Iterable

from django.utils import timezone
from django.utils.crypto import salted_hmac

from ticketadmin.models import ErasedTicket


def digest_of(code: str) -> str:
    """Return the keyed digest under which an erased ticket is remembered."""
    return salted_hmac("ticketadmin.erased", code, algorithm="sha256").hexdigest()


def keep_out(codes: Iterable[str]) -> None:
    """Remember that these tickets were erased."""
    now = timezone.now()
    rows = [ErasedTicket(digest=digest_of(code), erased_at=now) for code in codes]
    ErasedTicket.objects.bulk_create(rows, ignore_conflicts=True)


def let_in(codes: Collection[str]) -> None:
    """Forget that these tickets were erased: a user opened or saved them."""
    ErasedTicket.objects.filter(digest__in=[digest_of(code) for code in codes]).delete()


def erased_among(codes: Collection[str]) -> set[str]:
    """Return those of the codes that were erased."""
    digests = {digest_of(code): code for code in codes}
    kept = ErasedTicket.objects.filter(digest__in=list(digests)).values_list("digest", flat=True)
    return {digests[digest] for digest in kept}
