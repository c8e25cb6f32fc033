"""Properties of every codec: an untouched value is not a change, and a set value reads back as set."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given, strategies

from tests.services.values.values import FIELDS, VALUES, fields, json_values, texts
from ticketadmin.services.saving.edit import Set, read_edit
from ticketadmin.services.values.browser import posted_texts
from ticketadmin.services.values.codecs import CODECS, canonical, is_identical, same_value
from ticketadmin.services.values.fields import Field, Kind
from ticketadmin.services.values.inputs import is_untouched, parse, retyped, to_inputs, widget_of
from ticketadmin.services.values.schema import TicketSchema

SCHEMA = TicketSchema({field.name: field for field in FIELDS})


def browser_posts(field: Field, value: Any) -> list[str]:
    shown = to_inputs(field, value)
    return posted_texts(widget_of(field, shown), shown)


def edit_of(field: Field, posted: list[str], value: Any) -> Any:
    schema = TicketSchema({field.name: field})
    return read_edit({field.name: posted}, cleared=(), base={field.name: value}, schema=schema).wishes


def test_every_kind_has_a_codec() -> None:
    assert set(CODECS) == set(Kind)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.kind)
def test_no_known_value_is_changed_by_a_browser(field: Field) -> None:
    touched = [value for value in VALUES if not is_untouched(field, browser_posts(field, value), value)]

    assert touched == []


@given(fields, json_values)
def test_no_value_at_all_is_changed_by_a_browser(field: Field, value: Any) -> None:
    assert is_untouched(field, browser_posts(field, value), value)
    assert edit_of(field, browser_posts(field, value), value) == {}


@given(fields, json_values)
def test_a_form_shown_again_as_it_was_posted_is_still_untouched(field: Field, value: Any) -> None:
    once = [text for text in browser_posts(field, value) if text]
    again = posted_texts(widget_of(field, once), once)

    assert is_untouched(field, again, value)


@given(fields, texts, json_values)
@example(Field("custom_fields.x", "x", Kind.NUMBER), "1.5", 3)
def test_typed_text_is_refused_or_reads_back_as_itself(field: Field, typed: str, like: Any) -> None:
    try:
        value = parse(field, [typed], like)
    except ValidationError:
        return
    assert same_value(field, value, value)
    assert is_untouched(field, browser_posts(field, value), value)
    if like is None:
        assert retyped(field, value, like) == value


@given(fields, texts, json_values)
def test_a_value_from_a_file_is_sent_as_the_form_would_send_it(field: Field, typed: str, like: Any) -> None:
    """A bulk file is read before its tickets are: its value takes their type when it is sent."""
    try:
        by_file = parse(field, [typed])
        by_form = parse(field, [typed], like)
    except ValidationError:
        return
    if field.kind in {Kind.SELECT, Kind.MULTI_SELECT} and by_file == "":
        return
    sent = retyped(field, by_file, like)
    assert same_value(field, sent, by_form)
    assert type(sent) is type(by_form)


@given(fields, json_values, json_values)
def test_comparing_is_symmetric_and_never_raises(field: Field, one: Any, other: Any) -> None:
    assert same_value(field, one, other) == same_value(field, other, one)
    assert same_value(field, one, one)
    if is_identical(field, one, other):
        assert same_value(field, one, other)
    assert isinstance(canonical(field, one), str)


@given(strategies.data())
def test_a_changed_field_is_a_wish_that_takes_effect_or_an_error(data: strategies.DataObject) -> None:
    field, base = data.draw(fields), data.draw(json_values)
    typed = parse_or_none(field, data.draw(texts), base)
    if typed is None:
        return
    posted, value = typed
    wishes = edit_of(field, [posted], base)
    if wishes:
        assert isinstance(wishes[field.name], Set)
        assert not is_identical(field, base, value)


def parse_or_none(field: Field, typed: str, like: Any) -> tuple[str, Any] | None:
    try:
        value = parse(field, [typed], like)
    except ValidationError:
        return None
    return None if value == "" or field.kind is Kind.HTML else (typed, value)
