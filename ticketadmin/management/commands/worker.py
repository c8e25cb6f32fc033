"""`ticketadmin worker`: the short name of `db_worker`."""

from ticketadmin.management.commands.db_worker import Command

__all__ = ["Command"]
