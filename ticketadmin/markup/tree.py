"""The tree that a parser would make of tags, by the HTML standard, 13.2.6: what is open, and nothing more.

Only for ELEMENTS: those that switch a parser to other rules (svg, select, template …) are to be left
out or renamed before.
"""

import html
from collections.abc import Iterator

from ticketadmin.markup.tokens import SPACE

MAX_OPEN_ELEMENTS = 100
MAX_REOPENED = 5_000
MAX_REPEATED = 200_000
MOST_ALIKE = 3  # no more of one kind are opened anew: 13.2.4.3, the "Noah's Ark clause"


class TooComplex(ValueError):
    """A tree would be deeper or larger than its bounds."""


ELEMENTS = frozenset(
    (
        "p br strong b em i u s del ins mark small sub sup a ul ol li dl dt dd blockquote h1 h2 h3 h4 h5 "
        "h6 pre code kbd hr img figure figcaption table caption colgroup col thead tbody tfoot tr th td "
        "span div"
    ).split()
)
FORMATTING = frozenset("a b code em i s small strong u".split())
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_BLOCKS = _HEADINGS | frozenset("blockquote div dl figcaption figure ol p pre table ul".split())
_ITEMS = {"li": frozenset({"li"}), "dd": frozenset({"dd", "dt"}), "dt": frozenset({"dd", "dt"})}
_SECTIONS = frozenset("tbody thead tfoot".split())
_CELLS = frozenset("td th".split())
_MARKED = _CELLS | {"caption"}
_PARTS = _SECTIONS | _MARKED | frozenset("col colgroup tr".split())
_BOUNDARY = _MARKED | {"table"}
_PARAGRAPH = frozenset({"p"})
_TABLE = frozenset({"table"})
_FREE = _PARTS | _PARAGRAPH
_LIST_BOUNDARY = _BOUNDARY | {"ol", "ul"}
_SPECIAL = _BLOCKS | _PARTS | frozenset(_ITEMS)
_ITEM_BOUNDARY = _SPECIAL - {"div", "p"}
_LISTS = frozenset("dl ol ul".split())


class _Element:
    __slots__ = ("attributes", "is_listed", "is_open", "level", "name")

    def __init__(self, name: str, attributes: str, level: int) -> None:
        self.name = name
        self.attributes = attributes
        self.level = level
        self.is_open = True
        self.is_listed = False


def _level(name: str, parent: _Element | None) -> int:
    """Return how deep an element is, apart from paragraphs, a list's items and a table's parts."""
    level = parent.level if parent else 0
    is_free = name in _FREE or (name in _ITEMS and parent and parent.name in _LISTS)
    return level if is_free else level + 1


class Tree:
    """The open elements and the unclosed formatting of a parser that meets tags of ELEMENTS, and text.

    Raises TooComplex when an element is on a level beyond MAX_OPEN_ELEMENTS, or more than MAX_REOPENED
    were made that no tag stands for (a table's parts apart, and a paragraph for a lone `</p>`), or these
    have attributes of more than MAX_REPEATED characters. Unless `is_rearranged`, a parser makes the same
    tree of what it wrote; otherwise that is another document.
    """

    def __init__(self) -> None:
        self.reopened = 0
        self.is_rearranged = False
        self._repeated = 0
        self._open: list[_Element] = []
        self._listed: list[_Element | None] = []  # None is a marker: a cell or caption begins
        self._parts: list[int] = []  # where in _open the table and its parts are

    # What a document holds

    def text(self, text: str) -> None:
        """Take text."""
        if self._parts and self._is_between_cells():
            if self._parts[-1] == len(self._open) - 1 and not html.unescape(text).strip(SPACE):
                return
            self._leave_columns()
            self.is_rearranged = True
        self._reopen()

    def start(self, name: str, attributes: str = "") -> None:
        """Take a start tag. Formatting with other attributes counts as other formatting."""
        if name in _PARTS:
            if self._parts:
                self._start_part(name)
            return
        if self._parts and self._is_between_cells():
            self._leave_columns()
            if name == "table":
                self._close_to_part(_TABLE, inclusive=True)
            else:
                self.is_rearranged = True
        if name in FORMATTING:
            self._start_formatting(name, attributes)
        elif name == "hr":
            self._close(_PARAGRAPH, _BOUNDARY)
        elif name in {"br", "img"}:
            self._reopen()
        else:
            self._start_other(name)

    def end(self, name: str) -> None:
        """Take an end tag."""
        if name in _PARTS or name == "table":
            self._end_part(name)
            return
        if self._parts and self._is_between_cells():
            self._leave_columns()
        if name in FORMATTING:
            self._adopt(name)
        elif name == "br":
            self._reopen()
        elif name == "li":
            self._close(_ITEMS["li"], _LIST_BOUNDARY)
        elif name in _HEADINGS:
            self._close(_HEADINGS, _BOUNDARY)
        elif name in _SPECIAL:
            if not self._close({name}, _BOUNDARY) and name == "p":
                self._push("p")
                self._pop_from(len(self._open) - 1)
        else:
            self._close({name}, _SPECIAL)

    # Starts

    def _start_other(self, name: str) -> None:
        if name in _ITEMS:
            self._close(_ITEMS[name], _ITEM_BOUNDARY)
        if name in _SPECIAL:
            self._close(_PARAGRAPH, _BOUNDARY)
            if name in _HEADINGS and self._open and self._open[-1].name in _HEADINGS:
                self._pop_from(len(self._open) - 1)
        else:
            self._reopen()
        self._push(name)
        if name == "table":
            self._parts.append(len(self._open) - 1)

    def _start_formatting(self, name: str, attributes: str) -> None:
        if name == "a" and (entry := self._last_listed("a")):
            self._adopt("a")
            self._forget(entry)
        self._reopen()
        self._push(name, attributes)
        if len(self._listed) >= MOST_ALIKE:
            same = [one for one in self._since_marker() if (one.name, one.attributes) == (name, attributes)]
            if len(same) >= MOST_ALIKE:
                self._unlist(same[0])
        self._list(self._open[-1], len(self._listed))

    # Tables

    def _is_between_cells(self) -> bool:
        return self._part not in _MARKED

    @property
    def _part(self) -> str:
        return self._open[self._parts[-1]].name

    def _leave_columns(self) -> None:
        if self._part == "colgroup":
            self._pop_from(self._parts[-1])

    def _start_part(self, name: str) -> None:
        if self._part in _MARKED:
            self._end_cell()
        if name == "tr":
            self._close_to_part(_SECTIONS | {"table"})
        elif name in _CELLS:
            self._close_to_part(_SECTIONS | {"table", "tr"})
        elif name == "col":
            self._close_to_part({"colgroup", "table"})
        else:
            self._close_to_part(_TABLE)
        if name in _CELLS | {"tr"} and self._part == "table":
            self._push_part("tbody")
        if name in _CELLS and self._part != "tr":
            self._push_part("tr")
        if name == "col":
            if self._part == "table":
                self._push_part("colgroup")
            return
        self._push_part(name)
        if name in _MARKED:
            self._listed.append(None)

    def _end_part(self, name: str) -> None:
        if not self._parts or not self._is_in_table(name):
            return
        here = self._part
        if here in _MARKED:
            if name not in ({"table", here} if here == "caption" else _SECTIONS | {"table", "tr", here}):
                return
            self._end_cell()
        if name not in _MARKED:
            self._close_to_part({name}, inclusive=True)

    def _is_in_table(self, name: str) -> bool:
        for at in reversed(self._parts):
            if self._open[at].name == name:
                return True
            if self._open[at].name == "table":
                break
        return False

    def _end_cell(self) -> None:
        self._pop_from(self._parts[-1])
        while entry := self._listed.pop():
            entry.is_listed = False

    def _push_part(self, name: str) -> None:
        self._push(name)
        self._parts.append(len(self._open) - 1)

    def _close_to_part(self, names: set[str] | frozenset[str], *, inclusive: bool = False) -> None:
        at = next(at for at in reversed(self._parts) if self._open[at].name in names)
        self._pop_from(at if inclusive else at + 1)

    # The open elements

    def _push(self, name: str, attributes: str = "") -> None:
        element = _Element(name, attributes, _level(name, self._open[-1] if self._open else None))
        if element.level > MAX_OPEN_ELEMENTS:
            raise TooComplex
        self._open.append(element)

    def _pop_from(self, at: int) -> None:
        while len(self._open) > at:
            self._open.pop().is_open = False
        while self._parts and self._parts[-1] >= at:
            self._parts.pop()

    def _find(self, names: set[str] | frozenset[str], boundary: set[str] | frozenset[str]) -> int | None:
        at = len(self._open)
        for element in reversed(self._open):
            at -= 1
            if element.name in names:
                return at
            if element.name in boundary:
                return None
        return None

    def _close(self, names: set[str] | frozenset[str], boundary: set[str] | frozenset[str]) -> bool:
        at = self._find(names, boundary)
        if at is not None:
            self._pop_from(at)
        return at is not None

    # The unclosed formatting: 13.2.4.3, and 13.2.6.4.7 for its adoption by other parents

    def _since_marker(self) -> Iterator[_Element]:
        start = len(self._listed)
        while start and self._listed[start - 1]:
            start -= 1
        return (entry for entry in self._listed[start:] if entry)

    def _last_listed(self, name: str) -> _Element | None:
        for entry in reversed(self._listed):
            if entry is None or entry.name == name:
                return entry
        return None

    def _list(self, element: _Element, at: int) -> None:
        self._listed.insert(at, element)
        element.is_listed = True

    def _unlist(self, element: _Element) -> None:
        if element.is_listed:
            self._listed.remove(element)
            element.is_listed = False

    def _forget(self, element: _Element) -> None:
        self._unlist(element)
        if element.is_open:
            at = self._open.index(element)
            del self._open[at]
            element.is_open = False
            self._parts = [part - (part > at) for part in self._parts]

    def _count(self, attributes: str) -> None:
        self.reopened += 1
        self.is_rearranged = True
        self._repeated += len(attributes)
        if self.reopened > MAX_REOPENED or self._repeated > MAX_REPEATED:
            raise TooComplex

    def _reopen(self) -> None:
        if not self._listed or self._listed[-1] is None or self._listed[-1].is_open:
            return
        closed: list[_Element] = []
        for entry in reversed(self._listed):
            if entry is None or entry.is_open:
                break
            closed.append(entry)
        start = len(self._listed) - len(closed)
        for at, entry in enumerate(reversed(closed), start):
            self._count(entry.attributes)
            self._push(entry.name, entry.attributes)
            self._unlist(entry)
            self._list(self._open[-1], at)

    def _adopt(self, name: str) -> None:
        if self._open and self._open[-1].name == name and not self._open[-1].is_listed:
            self._pop_from(len(self._open) - 1)
            return
        for _turn in range(8):
            entry = self._last_listed(name)
            if entry is None:
                self._close({name}, _SPECIAL)
                return
            if not entry.is_open:
                self._unlist(entry)
                return
            at = self._open.index(entry)
            if self._parts and self._parts[-1] > at:
                return
            block = next((i for i in range(at + 1, len(self._open)) if self._open[i].name in _SPECIAL), None)
            if block is None:
                self._pop_from(at)
                self._unlist(entry)
                return
            self._move(entry, at, block)

    def _move(self, entry: _Element, at: int, block: int) -> None:
        """Put the formatting `entry` into the open block, as the standard's steps 13 to 20 do."""
        copies: list[_Element] = []  # from the inside out
        for count, node in enumerate(reversed(self._open[at + 1 : block]), 1):
            node.is_open = False
            if count > 3:
                self._unlist(node)
            elif node.is_listed:
                copies.append(self._copy(node))
        where = self._listed.index(copies[0]) + 1 if copies else self._listed.index(entry)
        entry.is_open = False
        moved = self._copy(entry, where)
        self._open[at : block + 1] = [*reversed(copies), self._open[block], moved]
        parent = self._open[at - 1] if at else None
        for element in self._open[at:]:
            element.level = _level(element.name, parent)
            parent = element

    def _copy(self, node: _Element, where: int | None = None) -> _Element:
        """Put a new element in the place of a listed one, or elsewhere in the list."""
        self._count(node.attributes)
        copy = _Element(node.name, node.attributes, node.level)
        before = self._listed.index(node)
        self._unlist(node)
        self._list(copy, before if where is None else where - (before < where))
        return copy
