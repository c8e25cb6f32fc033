"""Which snippets a user has, and making, changing and deleting them."""

from dataclasses import dataclass

from django.db.models import Case, Q, QuerySet, When
from django.db.models.functions import Left

from ticketadmin.models import Snippet, User
from ticketadmin.services.recipes.sharing import delete_own, keep_own
from ticketadmin.services.values.ordering import in_order

MAX_SNIPPETS = 200  # of one user
MAX_SHOWN = 500  # in one list or menu, a user's own first
START = 400


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
    """Make a snippet, or change one of the actor's own, and return it. Raises as `keep_own`."""
    kept = snippet or Snippet(owner=actor)
    return keep_own(actor, kept, vars(text), says="content", most=MAX_SNIPPETS)


def delete_snippet(actor: User, snippet: Snippet) -> None:
    """Delete a snippet of one's own. Raises Forbidden."""
    delete_own(actor, snippet, says="content")
