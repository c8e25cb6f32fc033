"""Numbers and days as users write them, and as JSON stores them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, strategies

from ticketadmin.services.values.numbers import (
    MAX_EXPONENT,
    counts_milliseconds,
    date_to_epoch,
    epoch_to_date,
    number_like,
    plain_number,
    read_number,
    to_number,
)

DECIMALS = strategies.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=8
)
DAYS = strategies.dates(min_value=date(1900, 1, 1), max_value=date(9998, 12, 31))


def code_of(text: str) -> str:
    with pytest.raises(ValidationError) as caught:
        read_number(text)
    return str(caught.value.code)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("3.5", "3.5"), ("3,5", "3.5"), ("1.2345", "1.2345"), ("1234", "1234"), ("+7", "7"),
        ("-0,50", "-0.50"),
        ("1.234.567", "1234567"), ("1,234,567", "1234567"), ("1 500", "1500"), ("1.500,25", "1500.25"),
        ("1,500.25", "1500.25"), ("1e3", "1000"), (".5", "0.5"), ("0.125", "0.125"), ("0,125", "0.125"),
    ],
)  # fmt: skip
def test_both_notations_are_read(text: str, number: str) -> None:
    assert read_number(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1.500", "1,250", "-12.000", "999,999"])
def test_a_number_with_two_readings_is_refused(text: str) -> None:
    assert code_of(text) == "ambiguous_number"


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "1_000", "NaN", "Infinity", "١٢", "1.2.3", "1,2,3", "12 34", "0x10", "1e999999999",
        "1" * 101,
        "1.234,567,890", "1 500.250.1", "một",
    ],
)  # fmt: skip
def test_text_that_is_not_a_number_is_refused(text: str) -> None:
    assert code_of(text) == "invalid_number"


@pytest.mark.parametrize("text", ["1.500", "1,250", "-12.000", "999,999"])
def test_both_readings_that_a_refusal_names_are_accepted(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read_number(text)
    params: Any = caught.value.params

    assert read_number(params["plain"]) == Decimal(text.replace(".", "").replace(",", ""))
    assert read_number(params["decimal"]) == Decimal(text.replace(",", "."))


@given(DECIMALS)
def test_equal_numbers_have_one_spelling_that_is_read_back(number: Decimal) -> None:
    shown = plain_number(number)

    assert "E" not in shown.upper()
    assert to_number(shown) == number
    assert plain_number(number + Decimal("0.000")) == shown


@given(strategies.integers(min_value=MAX_EXPONENT + 1, max_value=10**9), strategies.sampled_from("+-"))
def test_an_exponent_beyond_the_bound_is_never_written_out(exponent: int, sign: str) -> None:
    assert to_number(f"1e{sign}{exponent}") is None


@given(DECIMALS, strategies.sampled_from([None, "1", 1, 2.5]))
def test_a_number_keeps_the_json_type_and_every_digit_or_is_refused(number: Decimal, like: Any) -> None:
    if isinstance(like, int | float) and Decimal(repr(float(number))) != number != int(number):
        with pytest.raises(ValidationError, match="fewer digits"):
            number_like(number, like)
        return

    sent = number_like(number, like)

    assert isinstance(sent, str) is not isinstance(like, int | float)
    assert to_number(sent) == number


@given(DAYS, strategies.sampled_from([None, "0", 0, "1735689600000", 1735689600000]))
def test_a_date_keeps_the_stored_unit_and_type(day: date, like: Any) -> None:
    sent = date_to_epoch(day, like)

    assert isinstance(sent, str) is not isinstance(like, int)
    assert epoch_to_date(sent) == day or not counts_milliseconds(sent)
    if not counts_milliseconds(like):
        assert epoch_to_date(sent) == day


@given(strategies.integers(min_value=-(10**16), max_value=10**16))
def test_every_epoch_number_is_a_date_or_not_one(number: int) -> None:
    day = epoch_to_date(number)

    assert day is None or abs((day - datetime.fromtimestamp(0, UTC).date()).days) < 4_000_000
    assert epoch_to_date(str(number)) == day


@pytest.mark.parametrize("value", [253402300799, "253402300799"])
def test_the_last_second_of_the_calendar_is_not_a_date_further_east(value: Any) -> None:
    assert epoch_to_date(value) is None
