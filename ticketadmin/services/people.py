"""What can be done with people besides editing their rows."""

from django.db.models import F

from ticketadmin.models import User
from ticketadmin.services.access import Forbidden, require


def sign_out_everywhere(person: User, *, actor: User) -> None:
    """End every session of the person, on every device. Others' sessions need `administer`."""
    if person.pk != actor.pk:
        require(actor, "administer")
        if person.is_superuser and not actor.is_superuser:
            raise Forbidden("administer")
    User.objects.filter(pk=person.pk).update(session_generation=F("session_generation") + 1)
    person.refresh_from_db(fields=["session_generation"])
