"""The rows that tests of pages write instead of sweeping are those of a sweep."""

from datetime import datetime
from typing import Any

import pytest
from django.db import models

from tests.sandbox_driver import Sandbox
from tests.swept import BY_THE_CRM, SweptIndex, index_rows
from ticketadmin.models import TicketIndex
from ticketadmin.services.index.listing import ListFilters, Query, codes_of
from ticketadmin.services.index.rows import current_index

pytestmark = pytest.mark.django_db


def split(rows: tuple[models.Model, ...]) -> tuple[list[Any], list[datetime]]:
    """Return what rows say, and the times of the sweep in them."""
    fields = [(row, field.attname) for row in rows for field in row._meta.concrete_fields]
    values = [(name, getattr(row, name)) for row, name in fields]
    moments = [value for name, value in values if isinstance(value, datetime) and name not in BY_THE_CRM]
    return [one for one in values if one[1] not in moments], moments


def test_rows_written_by_the_fixture_equal_those_of_a_sweep(
    swept_index: SweptIndex, sandbox: Sandbox
) -> None:
    index = SweptIndex()
    index.fill()
    values, moments = split(index_rows())
    TicketIndex.objects.all().delete()
    assert index_rows() == ()
    sandbox.forget_log()

    index.fill()

    again, later = split(index_rows())
    assert again == values
    assert len({after - before for before, after in zip(moments, later, strict=True)}) == 1
    assert sandbox.log() == []
    assert codes_of(Query(current_index(), ListFilters(text="checkout page"))) != []
