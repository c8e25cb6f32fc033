"""`ticketadmin worker`: the name under which operators start `db_worker`."""

from ticketadmin.management.commands.db_worker import Command

__all__ = ["Command"]
