"""The snippets of a user: finding, making and changing them, and what one inserts on a ticket."""

import re
from dataclasses import dataclass
from datetime import date
from html import unescape

from django.db.models import Case, Q, QuerySet, When
from django.db.models.functions import Left

from ticketadmin.models import Snippet, User
from ticketadmin.services.index.listing import customer_of
from ticketadmin.services.index.rows import index_to_write
from ticketadmin.services.recipes.fill import Moment
from ticketadmin.services.recipes.sharing import keep_own
from ticketadmin.services.snippets.snippet import TRIGGER, Insertion, insertion_of
from ticketadmin.services.values.ordering import in_order
from ticketadmin.text import contains

MAX_SNIPPETS = 200  # of one user
MAX_SNIPPETS_SHOWN = 500  # in one list or menu, a user's own first
MAX_FOUND = 50  # by one search
MAX_SEARCHED = 5_000  # rows that one search looks at
MAX_SNIPPET_QUERY = 100  # characters of a search
START = 400
_TAG = re.compile(r"<[^>]*>?")


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

    @property
    def words(self) -> str:
        """What a search looks at: the name, the beginning of the text, and the owner of a colleague's."""
        owner = "" if self.is_own else self.snippet.owner.display_name
        text = unescape(_TAG.sub(" ", self.start)) if "<" in self.start else self.start
        return f"{TRIGGER}{self.snippet.name} {text} {owner}"


@dataclass(frozen=True)
class ListedSnippets:
    """Some of a user's snippets; `has_more`: there are more than these."""

    rows: list[ListedSnippet]
    has_more: bool


def snippets_for(user: User, *, after: int = 0) -> ListedSnippets:
    """Return the user's own snippets, then the shared ones of colleagues, each by name.

    They are MAX_SNIPPETS_SHOWN at most; `after` is how many to leave out at the beginning. One query, which
    reads no whole content.
    """
    rows = [_listed(one, user) for one in _in_order(user)[after : after + MAX_SNIPPETS_SHOWN + 1]]
    by_name = in_order(rows[:MAX_SNIPPETS_SHOWN], lambda one: one.snippet.name)
    return ListedSnippets(sorted(by_name, key=lambda one: not one.is_own), len(rows) > MAX_SNIPPETS_SHOWN)


def search_snippets(user: User, words: str, *, in_names: bool = False) -> ListedSnippets:
    """Return snippets that contain every word, or whose names contain the text; MAX_FOUND at most.

    Case and diacritics make no difference. Databases do not agree on these, so the first MAX_SEARCHED of the
    user's snippets are compared here, one by one. Only the first MAX_SNIPPET_QUERY characters of `words` are
    looked at.
    """
    wanted = words[:MAX_SNIPPET_QUERY]
    found: list[ListedSnippet] = []
    for one in _in_order(user)[:MAX_SEARCHED].iterator(chunk_size=500):
        listed = _listed(one, user)
        if contains(one.name if in_names else listed.words, wanted):
            found.append(listed)
        if len(found) > MAX_FOUND:
            break
    return ListedSnippets(found[:MAX_FOUND], len(found) > MAX_FOUND)


def _in_order(user: User) -> QuerySet[Snippet]:
    found = _usable(user).select_related("owner").defer("content").annotate(start=Left("content", START))
    own_first = Case(When(owner=user, then=0), default=1)
    return found.order_by(own_first, "name", "pk")


def _listed(snippet: Snippet, user: User) -> ListedSnippet:
    return ListedSnippet(snippet, str(vars(snippet)["start"]), snippet.owner_id == user.pk)


def find_snippet(user: User, number: int) -> Snippet | None:
    """Return the snippet with this number, if the user may use it."""
    return _usable(user).filter(pk=number).first()


def _usable(user: User) -> QuerySet[Snippet]:
    return Snippet.objects.filter(Q(owner=user) | Q(is_shared=True))


def keep_snippet(user: User, text: SnippetText, *, snippet: Snippet | None) -> Snippet:
    """Create a snippet, or change one of the user's own, and return it. Raises what `keep_own` raises."""
    kept = snippet or Snippet(owner=user)
    return keep_own(user, kept, vars(text), most=MAX_SNIPPETS)


def insertion_for(snippet: Snippet, *, user: User, code: str, today: date) -> Insertion:
    """Return what the snippet inserts; `code` is "" if there is no single ticket. No remote call.

    The customer's name is the one that the ticket index has: opening a ticket has just written it.
    """
    moment = Moment.of(user, today)
    customer = customer_of(index_to_write(), code) if code and "{customer}" in snippet.content else ""
    values = {"customer": customer, "code": code, "today": moment.written_today, "me": moment.me}
    return insertion_of(snippet.content, values)
