"""Compares the names that a page's template uses with the types of the page: mypy for templates.

A template is walked as Django parsed it, with the types of its variables: those of the page's fields, and
what `for`, `with` and `include` make of them. Attributes of dataclasses, enums, models and strings are
compared; forms, whose fields are made at run time, and what filters return may have any.
"""

import inspect
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, Union

from django.db.models import Model
from django.template import Template, engines
from django.template.base import FilterExpression, Node, NodeList, Variable
from django.template.defaulttags import ForNode, WithNode
from django.template.loader_tags import ExtendsNode, IncludeNode

from ticketadmin.presenters.page import Page
from ticketadmin.templatetags.fragments import SameFor

ANY: Any = Any
Types = Mapping[str, Any]
# What context processors and Django add to every page.
EVERYWHERE = frozenset(
    "True False None csrf_token current forloop messages perms reader request user".split()
)
# Optional arguments of partials.
OPTIONAL = frozenset(
    """conflicts extra icon is_acted_on_above is_for_scripts is_small keeps_text look losing opens overall
    show_code show_details shown_above snippet_address takes_reason text toggles widget""".split()
)
BESIDE_PAGE = frozenset({"next"})  # what views of Django's add: where the sign-in leads to


def wrong_names(page: type[Page]) -> set[str]:
    """Return what the template of a page names and its type lacks, each with the template."""
    return set(_Walk().template(page.template, {"page": page}))


def wrong_names_in(source: str, page: type[Page]) -> set[str]:
    """Return the same for the source of a template."""
    found = engines["django"].from_string(source).template  # type: ignore[attr-defined]
    return set(_Walk().nodes(found.nodelist, {"page": page}))


class _Walk:
    def template(self, name: str, known: Types) -> Iterator[str]:
        found = engines["django"].get_template(name).template  # type: ignore[attr-defined]
        assert isinstance(found, Template)
        for problem in self.nodes(found.nodelist, dict(known)):
            yield problem if ": " in problem else f"{name}: {problem}"

    def nodes(self, nodes: Iterable[Node], known: dict[str, Any]) -> Iterator[str]:
        for node in nodes:
            yield from self.node(node, known)

    def node(self, node: Node, known: dict[str, Any]) -> Iterator[str]:
        match node:
            case ForNode():
                yield from self.expression(node.sequence, known)
                inner = {**known, **loop_types(type_of(node.sequence, known), node.loopvars)}
                yield from self.nodes(node.nodelist_loop, inner)
                yield from self.nodes(node.nodelist_empty, dict(known))
            case IncludeNode():
                given = node.extra_context
                yield from self.expressions(given.values(), known)
                inner = {name: type_of(value, known) for name, value in given.items()}
                outer = {} if node.isolated_context else known
                yield from self.template(str(node.template.var), {**outer, **inner})
            case WithNode():
                yield from self.expressions(node.extra_context.values(), known)
                inner = {name: type_of(value, known) for name, value in node.extra_context.items()}
                yield from self.nodes(node.nodelist, {**known, **inner})
            case SameFor():
                kept = {**node.keys, **node.later}
                yield from self.expressions(kept.values(), known)
                inner = {name: type_of(value, known) for name, value in kept.items()}
                yield from self.nodes(node.nodelist, inner)
            case _:
                yield from self.other(node, known)

    def other(self, node: Node, known: dict[str, Any]) -> Iterator[str]:
        """Look at whatever a node holds; a name that it gives to its result is known from there on."""
        bound: set[str] = set()
        for name, value in vars(node).items():
            if name in {"asvar", "target_var", "variable"} and isinstance(value, str):
                bound.add(value)
            elif name not in {"origin", "token", "blocks", "parent_name"} or isinstance(node, ExtendsNode):
                yield from self.value(value, known)
        known |= dict.fromkeys(bound, ANY)

    def value(self, value: Any, known: dict[str, Any]) -> Iterator[str]:
        if isinstance(value, FilterExpression | Variable):
            yield from self.expression(value, known)
        elif isinstance(value, NodeList):
            yield from self.nodes(value, known)
        elif isinstance(value, dict):
            yield from self.expressions(value.values(), known)
        elif isinstance(value, list | tuple):
            for one in value:
                yield from self.value(one, known)
        elif type(value).__module__ in {"django.template.smartif", "django.template.defaulttags"}:
            for one in vars(value).values():
                yield from self.value(one, known)

    def expressions(self, values: Iterable[Any], known: dict[str, Any]) -> Iterator[str]:
        for value in values:
            yield from self.value(value, known)

    def expression(self, value: Any, known: dict[str, Any]) -> Iterator[str]:
        variable = value.var if isinstance(value, FilterExpression) else value
        if isinstance(value, FilterExpression):
            for _filter, arguments in value.filters:
                yield from self.expressions((one for is_name, one in arguments if is_name), known)
        if not isinstance(variable, Variable) or variable.lookups is None:
            return
        root, *names = variable.lookups
        if root not in {*known, *EVERYWHERE, *OPTIONAL, *BESIDE_PAGE}:
            yield str(variable)
            return
        found = known.get(root, ANY)
        for name in names:
            found = attribute(found, name)
            if found is None:
                yield str(variable)
                return


def type_of(value: Any, known: Types) -> Any:
    """Return the type of an expression; ANY where a filter made it."""
    variable = value.var if isinstance(value, FilterExpression) else value
    if not isinstance(variable, Variable) or variable.lookups is None or getattr(value, "filters", None):
        return ANY
    root, *names = variable.lookups
    found = known.get(root, ANY)
    for name in names:
        found = attribute(found, name)
    return ANY if found is None else found


def loop_types(sequence: Any, names: list[str]) -> Types:
    """Return the types of the variables of a loop over a sequence of this type."""
    element = element_of(sequence)
    if len(names) == 1:
        return {names[0]: element}
    parts = typing.get_args(element) if typing.get_origin(element) is tuple else ()
    return dict(zip(names, parts, strict=True)) if parts else dict.fromkeys(names, ANY)


def element_of(sequence: Any) -> Any:
    """Return the type of what iterating yields."""
    for one in members(sequence):
        if arguments := typing.get_args(one):
            return arguments[0]
    return ANY


def members(found: Any) -> list[Any]:
    """Return the types that a union has, without None."""
    if typing.get_origin(found) in {Union, types.UnionType}:
        return [one for one in typing.get_args(found) if one is not type(None)]
    return [found]


def attribute(found: Any, name: str) -> Any:
    """Return the type of an attribute, ANY where it is not known, None where there is no such attribute."""
    kinds = [_attribute(one, name) for one in members(found)]
    return None if None in kinds else kinds[0] if len(kinds) == 1 else ANY


def _attribute(found: Any, name: str) -> Any:
    kind = typing.get_origin(found) or found
    if not inspect.isclass(kind) or not (is_dataclass(kind) or issubclass(kind, Enum | Model | str)):
        return ANY  # what an object of another class has is known at run time only
    hint = typing.get_type_hints(kind).get(name) if is_dataclass(kind) else None
    if hint is not None:
        return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.ClassVar else hint
    member = inspect.getattr_static(kind, name, None)
    if isinstance(member, property) and member.fget:
        return typing.get_type_hints(member.fget).get("return", ANY)
    if issubclass(kind, Model) and name in {one.name for one in kind._meta.get_fields()}:
        return ANY
    has_it = hasattr(next(iter(kind)), name) if issubclass(kind, Enum) else member is not None
    return ANY if has_it else None
