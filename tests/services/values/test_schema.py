"""The schema of a ticket answers for every name, described or not."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ticketadmin.models import (
    CrmSnapshot,
    CustomField,
    FieldKind,
    Snapshot,
    StatusSetting,
    json_rows,
    rows_in,
)
from ticketadmin.services.crm.choices import get_choices
from ticketadmin.services.crm.statuses import get_statuses
from ticketadmin.services.values.choices import Choices
from ticketadmin.services.values.fields import STANDARD, Kind
from ticketadmin.services.values.schema import TicketSchema, load_schema


def test_the_schema_answers_for_undescribed_names() -> None:
    field = TicketSchema().field("custom_fields.la")

    assert (field.label, field.kind, field.key) == ("la", Kind.RAW, "la")


def test_the_schema_knows_which_names_can_be_fields() -> None:
    schema = TicketSchema()

    assert "ticket_title" in schema
    assert "custom_fields.la" in schema
    assert "clear" not in schema


def test_further_names_come_after_the_described_ones_and_each_once() -> None:
    schema = TicketSchema().including(["ticket_title", "custom_fields.b", "custom_fields.b", "clear"])

    assert list(schema.fields) == [*(field.name for field in STANDARD), "custom_fields.b"]
    assert schema.including(["ticket_title"]) is schema


@pytest.mark.parametrize(
    ("value", "is_empty"), [(None, True), ("", True), ([], True), ({}, True), (0, False)]
)
def test_the_schema_recognises_empty_values(value: object, is_empty: bool) -> None:
    assert TicketSchema().is_empty("custom_fields.la", value) is is_empty


@pytest.mark.django_db
def test_loading_the_schema_is_one_query() -> None:
    CustomField.objects.create(key="so", label="Số", kind=FieldKind.NUMBER)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        schema = load_schema(names=["custom_fields.la", "custom_fields.so"])

    assert len(queries) == 1
    assert schema.field("custom_fields.so").kind is Kind.NUMBER
    assert schema.same("custom_fields.so", "1.50", 1.5)
    assert list(schema.fields)[-2:] == ["custom_fields.so", "custom_fields.la"]


ODD_DEFINITIONS: tuple[dict[str, Any], ...] = (
    {"key": "b", "label": "Đã trả", "kind": "yes_no", "order": 2},
    {
        "key": "a",
        "label": 'Ô "lạ" \\ {}',
        "kind": "text",
        "order": 2,
        "help_text": "dòng\n'hai'",
        "required": True,
    },
    {
        "key": "c",
        "label": "Tầng",
        "kind": "multi_select",
        "order": 1,
        "choices_text": '1 = Một\n2 = Hai\n"3"',
    },
)


@pytest.mark.django_db
@pytest.mark.parametrize("definitions", [(), ODD_DEFINITIONS])
def test_described_fields_in_a_joint_query_equal_those_of_their_own(
    definitions: tuple[dict[str, Any], ...],
) -> None:
    for one in definitions:
        CustomField.objects.create(**one)
    StatusSetting.objects.create(name="Mới")

    with CaptureQueriesContext(connection) as queries:
        row = StatusSetting.objects.annotate(fields=json_rows(CustomField)).get()
        schema = load_schema(Choices(custom_fields=rows_in(CustomField, row.fields)))

    assert len(queries) == 1
    assert list(schema.fields.items()) == list(load_schema().fields.items())
    assert len(schema.fields) == len(TicketSchema().fields) + len(definitions)


@pytest.mark.django_db
def test_list_data_in_a_joint_query_equals_that_of_its_own() -> None:
    for place, one in enumerate(ODD_DEFINITIONS):
        CustomField.objects.create(**one, is_listed=place != 1)
    for order, name in enumerate(["Đóng", 'Ô "lạ"', "Mới"]):
        StatusSetting.objects.create(name=name, order=2 - order, hue="teal", is_done=bool(order))
    CrmSnapshot.objects.keep(Snapshot.STATUSES, {})

    with CaptureQueriesContext(connection) as queries:
        choices = get_choices(ask=False)
        statuses = get_statuses(choices)
    assert len(queries) == 1
    assert statuses == get_statuses(replace(choices, settings=None))
    assert [one.is_done for one in statuses.all] == [True, True, False]
    alone = CustomField.objects.filter(is_listed=True).order_by("order")
    assert [(one.pk, one.label, one.choices) for one in choices.listed or ()] == [
        (one.pk, one.label, one.choices) for one in alone
    ]
