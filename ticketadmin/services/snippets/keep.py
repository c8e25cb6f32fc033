"""Which snippets a user has, and making, sharing and deleting them. Rights are those of recipes.

Leads share; owners change their own.
"""

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Case, Q, QuerySet, When
from django.db.models.functions import Left

from ticketadmin.models import AuditAction, Snippet, User
from ticketadmin.services.audit.record import Target, record
from ticketadmin.services.people.access import require
from ticketadmin.services.recipes.keep import RIGHT, SHARING
from ticketadmin.services.values.ordering import in_order

MAX_SNIPPETS = 200  # of one user
MAX_SHOWN = 500  # in one list or menu, a user's own first
START = 400


class TooManySnippets(Exception):
    """The user has MAX_SNIPPETS already. Nothing was changed."""


class NameTaken(Exception):
    """The user has another snippet of this name. Nothing was changed."""


@dataclass(frozen=True)
class SnippetText:
    """What a user keeps: name and content as `as_name` and `as_content` return them."""

    name: str
    content: str
    is_shared: bool = False


@dataclass(frozen=True)
class ListedSnippet:
    """A snippet in a list or a menu: `start` holds the first START characters of its content."""

    snippet: Snippet
    start: str
    is_own: bool


def snippets_for(user: User) -> list[ListedSnippet]:
    """Return the user's own snippets, then the shared ones of colleagues, each by name; MAX_SHOWN at most.

    One query, which reads no whole content.
    """
    found = _usable(user).select_related("owner").defer("content").annotate(start=Left("content", START))
    own_first = Case(When(owner=user, then=0), default=1)
    rows = found.order_by(own_first, "name", "pk")[:MAX_SHOWN]
    listed = [ListedSnippet(one, str(vars(one)["start"]), one.owner_id == user.pk) for one in rows]
    by_name = in_order(listed, lambda one: one.snippet.name)
    return sorted(by_name, key=lambda one: not one.is_own)


def find_snippet(user: User, number: int) -> Snippet | None:
    """Return the snippet with this number, if the user may use it."""
    return _usable(user).filter(pk=number).first() if number < 2**63 else None


def _usable(user: User) -> QuerySet[Snippet]:
    return Snippet.objects.filter(Q(owner=user) | Q(is_shared=True))


def keep_snippet(actor: User, text: SnippetText, *, snippet: Snippet | None = None) -> Snippet:
    """Make a snippet, or change one of the actor's own, and return it.

    Raises Forbidden, TooManySnippets or NameTaken.
    """
    require(actor, RIGHT)
    was_shared = bool(snippet and snippet.is_shared)
    if text.is_shared and not was_shared:
        require(actor, SHARING)
    if snippet is None and Snippet.objects.filter(owner=actor).count() >= MAX_SNIPPETS:
        raise TooManySnippets
    kept = snippet or Snippet(owner=actor)
    before = kept.content
    kept.name, kept.content, kept.is_shared = text.name, text.content, text.is_shared
    try:
        with transaction.atomic():
            kept.save()
            if text.is_shared or was_shared:
                _record(kept, before if was_shared else None)
    except IntegrityError as error:
        raise NameTaken from error
    return kept


def delete_snippet(actor: User, snippet: Snippet) -> None:
    """Delete a snippet of one's own. Raises Forbidden."""
    require(actor, RIGHT)
    with transaction.atomic():
        if snippet.is_shared:
            before = {"content": snippet.content}
            record(AuditAction.SETTING_DELETED, Target.of(snippet), before=before, actor=actor)
        snippet.delete()


def _record(snippet: Snippet, before: str | None) -> None:
    """Put into the audit log what a shared snippet says: colleagues use it."""
    after = {"is_shared": snippet.is_shared, "content": snippet.content}
    if before is None:
        record(AuditAction.SETTING_CREATED, Target.of(snippet), after=after, actor=snippet.owner)
    else:
        was = {"content": before}
        record(AuditAction.SETTING_CHANGED, Target.of(snippet), before=was, after=after, actor=snippet.owner)
