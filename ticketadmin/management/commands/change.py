"""`ticketadmin change CODE … FIELD=VALUE --clear FIELD --as USER`: change tickets by a script or by hand."""

import json
import signal
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from ticketadmin.presenters.command import one_as_json, one_as_text, run_as_json, run_as_text
from ticketadmin.presenters.problems import describe_problem
from ticketadmin.services.command.arguments import Wanted, WrongArguments, read_arguments, read_losses
from ticketadmin.services.command.change import CommandContext, change_many, change_one, user_named
from ticketadmin.services.command.exits import Exit, exit_of_error
from ticketadmin.services.command.recipes import with_recipe
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.people.access import Forbidden
from ticketadmin.services.saving.change_reason import read_change_reason
from ticketadmin.services.spreadsheets.table import MAX_FILE
from ticketadmin.services.values.schema import TicketSchema, load_schema
from ticketadmin.ticketapi.errors import TicketApiError

STANDARD_INPUT = "-"


class Command(BaseCommand):
    """One ticket is a save; several are a bulk run: checked first, sent slowly at first, paused at damage."""

    help = "Change fields of one ticket, or of several as a bulk update, in the name of a user."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "words",
            nargs="*",
            metavar="CODE|FIELD=VALUE",
            help="ticket codes and changes; without codes, or with “-”, codes or a CSV from standard input",
        )
        parser.add_argument(
            "--clear", action="append", default=[], metavar="FIELD", help="empty this field; repeatable"
        )
        parser.add_argument("--recipe", default="", metavar="NAME", help="a recipe that the user may use")
        parser.add_argument(
            "--as", dest="user", required=True, metavar="USER", help="the user whose rights and rules apply"
        )
        parser.add_argument("--reason", default="", help="kept with each change, shown in the history")
        parser.add_argument(
            "--accept-losing",
            action="append",
            default=[],
            metavar="FIELD",
            help="send although the CRM empties this field, which cannot be read; repeatable",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be sent, send nothing")
        parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")

    def handle(self, *, words: list[str], clear: list[str], user: str, **options: Any) -> None:
        """Carry out the change; the exit code names the outcome (docs/command.md)."""
        with _stopped_by_signals() as stopped:
            try:
                given = _standard_input(words)  # first, since it may take long and lookups would go stale
                schema = load_schema(get_choices())
                recipe = options["recipe"]
                wanted = read_arguments(words, clear, given, schema, may_be_empty=bool(recipe))
                reason = read_change_reason(options["reason"])
                losses = read_losses(options["accept_losing"])
                context = CommandContext(user_named(user), reason, options["dry_run"], stopped.is_set, losses)
                if recipe:
                    wanted = with_recipe(wanted, recipe, context.user, schema)
                code = self._change(wanted, schema, context, as_json=options["json"])
            except (WrongArguments, ValidationError) as problem:
                raise CommandError("\n".join(problem.messages), returncode=Exit.USAGE) from problem
            except TicketApiError as problem:
                notice = describe_problem(problem)
                text = f"{notice.title} {notice.text} {notice.next_step}"
                raise CommandError(text, returncode=exit_of_error(problem)) from problem
            except Forbidden as problem:
                message = _("%(user)s is not an active user who may do this. Nothing was sent.")
                raise CommandError(message % {"user": user}, returncode=Exit.NOT_ALLOWED) from problem
        if code:
            sys.exit(int(code))

    def _change(
        self, wanted: Wanted, schema: TicketSchema, context: CommandContext, *, as_json: bool
    ) -> Exit:
        if wanted.is_single:
            one = change_one(wanted, schema, context)
            content: dict[str, Any] = {"exit": int(one.exit), "tickets": [one_as_json(one, schema)]}
            self._print(one.exit, content if as_json else None, one_as_text(one, schema))
            return one.exit
        run = change_many(wanted, context)
        self._print(run.exit, run_as_json(run) if as_json else None, run_as_text(run, schema))
        return run.exit

    def _print(self, code: Exit, content: dict[str, Any] | None, lines: Iterator[str]) -> None:
        """Print JSON or the lines to standard output; after a failure, the lines to standard error."""
        if content is not None:
            self.stdout.write(json.dumps(content, ensure_ascii=False))
        if content is None or code:
            out = self.stderr if code else self.stdout
            for line in lines:
                out.write(line)


def _standard_input(words: list[str]) -> bytes | None:
    """Return the standard input, up to one byte over the limit; None if the arguments name tickets."""
    codes = [word for word in words if "=" not in word]
    if codes == [STANDARD_INPUT] or not codes:
        return sys.stdin.buffer.read(MAX_FILE + 1) if sys.stdin else b""  # none if it was closed
    if STANDARD_INPUT in codes:
        raise WrongArguments([_("Name the tickets as arguments or on standard input, not both.")])
    return None


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set: the command then ends before the next ticket."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_signal: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
