"""Every kind of field: shown, left untouched, read into the value that is sent, or refused with a reason."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given, strategies

from ticketadmin.services.saving.edit import CLEAR, InvalidEdit, Set, read_edit
from ticketadmin.services.values.choices import ChoiceList, Choices
from ticketadmin.services.values.codecs import same_value
from ticketadmin.services.values.fields import STANDARD, Field, Kind
from ticketadmin.services.values.inputs import empty_value, is_untouched, parse, to_inputs
from ticketadmin.services.values.schema import TicketSchema
from ticketadmin.ticketapi.tickets import Choice

OPTIONS = (("1", "Một"), ("2", "Hai"))
FIELDS = {field.name: field for field in STANDARD}


def custom(kind: Kind) -> Field:
    return Field("custom_fields.x", "X", kind, choices=OPTIONS if "select" in kind else ())


@pytest.mark.parametrize(
    ("kind", "stored", "shown"),
    [
        (Kind.TEXT, "SN-1", ["SN-1"]),
        (Kind.TEXT, None, []),
        (Kind.NUMBER, 12.5, ["12.5"]),
        (Kind.DATE, "2026-11-30", ["2026-11-30"]),
        (Kind.EPOCH_DATE, "1748192400", ["2025-05-26"]),
        (Kind.EPOCH_DATE, 1748192400, ["2025-05-26"]),
        (Kind.SELECT, 2, ["2"]),
        (Kind.MULTI_SELECT, ["1", "2"], ["1", "2"]),
        (Kind.MULTI_SELECT, [], []),
        (Kind.YES_NO, True, ["1"]),
        (Kind.YES_NO, "0", ["0"]),
        (Kind.RAW, {"a": [1]}, ['{"a": [1]}']),
        (Kind.LONG_TEXT, "a\r\nb", ["a\r\nb"]),
    ],
)
def test_a_shown_value_that_is_posted_back_is_untouched(kind: Kind, stored: Any, shown: list[str]) -> None:
    field = custom(kind)

    assert to_inputs(field, stored) == shown
    posted = [text.replace("\r\n", "\n").replace("\n", "\r\n") for text in shown]
    assert is_untouched(field, posted, stored)


@pytest.mark.parametrize("held", [None, "", "2026-11-30"])
@pytest.mark.parametrize("typed", ["31/02/2026", "2026-02-30", "99999-01-01", "mai"])
def test_an_invalid_date_counts_as_typed(typed: str, held: Any) -> None:
    assert not is_untouched(FIELDS["expected_at"], [typed], held)


@pytest.mark.parametrize(
    ("kind", "typed", "like", "sent"),
    [
        (Kind.TEXT, ["SN-2"], "SN-1", "SN-2"),
        (Kind.NUMBER, ["3,5"], None, "3.5"),
        (Kind.NUMBER, ["4"], 3, 4),
        (Kind.NUMBER, ["4.5"], 3, 4.5),
        (Kind.DATE, ["2026-12-31"], None, "2026-12-31"),
        (Kind.EPOCH_DATE, ["2025-05-26"], None, "1748192400"),
        (Kind.EPOCH_DATE, ["2025-05-26"], 0, 1748192400),
        (Kind.SELECT, ["2"], "1", "2"),
        (Kind.SELECT, ["2"], 1, 2),
        (Kind.MULTI_SELECT, ["", "1", "2"], [], ["1", "2"]),
        (Kind.YES_NO, ["1"], None, "1"),
        (Kind.YES_NO, ["0"], True, False),
        (Kind.RAW, ['{"a": 2}'], {"a": 1}, {"a": 2}),
        (Kind.RAW, ["chữ"], "cũ", "chữ"),
    ],
)
def test_typed_text_takes_the_json_type_of_the_previous_value(
    kind: Kind, typed: list[str], like: Any, sent: Any
) -> None:
    value = parse(custom(kind), typed, like)

    assert value == sent
    assert type(value) is type(sent)


@pytest.mark.parametrize(
    ("field", "typed", "code"),
    [
        (FIELDS["ticket_title"], "x" * 256, "too_long"),
        (FIELDS["account_email"], "không phải", "invalid_email"),
        (FIELDS["expected_at"], "2026-02-30", "invalid_date"),
        (FIELDS["expected_at"], "31/12/2026", "invalid_date"),
        (FIELDS["expected_at"], "20261231", "invalid_date"),
        (FIELDS["emergency_phone"], "12345", "invalid_phone"),
        (FIELDS["emergency_phone"], "+ - ( ) .", "invalid_phone"),
        (FIELDS["emergency_phone"], "0" * 21, "invalid_phone"),
        (FIELDS["emergency_phone"], "٠١٢٣٤٥٦٧", "invalid_phone"),
        (FIELDS["ticket_content"], "<div>" * 101, "too_deep"),
        (custom(Kind.NUMBER), "NaN", "invalid_number"),
        (custom(Kind.NUMBER), "1e", "invalid_number"),
        (custom(Kind.NUMBER), "1e1000000", "invalid_number"),
        (custom(Kind.NUMBER), "9e999999999", "invalid_number"),
        (custom(Kind.NUMBER), "1" * 101, "invalid_number"),
        (custom(Kind.SELECT), "3", "unknown_option"),
        (custom(Kind.YES_NO), "perhaps", "invalid_answer"),
    ],
)
def test_each_bad_value_has_a_reason(field: Field, typed: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(field, [typed])

    assert caught.value.code == code


@pytest.mark.parametrize("phone", ["0123456789", "+84 901 234 567", "(028) 3823-4567", "113.114"])
def test_real_phone_numbers_pass_and_keep_their_spelling(phone: str) -> None:
    assert parse(FIELDS["emergency_phone"], [phone]) == phone


@given(strategies.text(max_size=80))
def test_any_stored_text_that_a_browser_posts_back_is_untouched(text: str) -> None:
    for field in (custom(Kind.TEXT), custom(Kind.LONG_TEXT), FIELDS["ticket_title"]):
        posted = [shown.replace("\r\n", "\n").replace("\n", "\r\n") for shown in to_inputs(field, text)]
        assert is_untouched(field, posted, text)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (Kind.TEXT, "e\u0301", "é"),
        (Kind.LONG_TEXT, "a\r\nb ", "a\nb"),
        (Kind.NUMBER, "1.50", 1.5),
        (Kind.EPOCH_DATE, "1748192400", 1748192400),
        (Kind.MULTI_SELECT, ["2", "1"], [1, 2]),
        (Kind.YES_NO, True, "1"),
        (Kind.HTML, "<p>a</p>\r\n", "<p>a</p>"),
        (Kind.TEXT, None, ""),
    ],
)
def test_two_spellings_of_one_value_are_the_same(kind: Kind, one: Any, other: Any) -> None:
    assert same_value(custom(kind), one, other)


@pytest.mark.parametrize(
    ("field", "like", "sent"),
    [(FIELDS["expected_at"], "2026-01-01", ""), (custom(Kind.TEXT), "x", None), (custom(Kind.RAW), [1], [])],
)
def test_which_inputs_clear_a_field(field: Field, like: Any, sent: Any) -> None:
    assert empty_value(field, like) == sent


CHOICES = Choices(
    ChoiceList(),
    ChoiceList((Choice(1, "Mới"), Choice(2, "Đang xử lý")), timezone.now()),
)
SCHEMA = TicketSchema(FIELDS, CHOICES)


def edit_of(name: str, typed: list[str], base: dict[str, Any], cleared: tuple[str, ...] = ()) -> Any:
    posted = {name: typed}
    return read_edit(posted, cleared=cleared, base=base, schema=SCHEMA).wishes.get(name)


def test_keep_set_and_clear_are_distinct() -> None:
    assert edit_of("expected_at", [""], {}) is None  # unknown and empty: kept
    assert edit_of("expected_at", [""], {"expected_at": "2026-01-01"}) == CLEAR
    assert edit_of("expected_at", [""], {}, cleared=("expected_at",)) == CLEAR
    assert edit_of("expected_at", ["2026-01-02"], {"expected_at": "2026-01-01"}) == Set("2026-01-02")


def test_names_resolve_to_the_crms_own_spelling_and_near_ones_are_suggested() -> None:
    assert edit_of("status_name", ["  đang XỬ LÝ "], {}) == Set("Đang xử lý")
    with pytest.raises(InvalidEdit) as caught:
        edit_of("status_name", ["Đang sử lý"], {})
    assert "Đang xử lý" in str(caught.value.errors["status_name"][0].messages)


def test_free_text_is_accepted_only_if_the_list_is_unavailable() -> None:
    assert edit_of("cate_name", ["Gì đó mới"], {}) == Set("Gì đó mới")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1.50", 1.5, True),
        ("1e3", "1000", True),
        ("-0", "0", True),
        ("12345678901234567890123456789012", "12345678901234567890123456789013", False),
        ("9e999999999", "9e999999999", True),
        ("9e999999999", "9e999999998", False),
    ],
)
def test_numbers_with_the_same_meaning_are_the_same(one: Any, other: Any, same: bool) -> None:
    assert same_value(custom(Kind.NUMBER), one, other) is same
