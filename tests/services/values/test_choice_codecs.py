"""The kinds with options: which option a text names, and how the stored JSON type is kept."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from tests.services.values.values import custom, json_values
from ticketadmin.services.values.choice_codecs import (
    MultiSelectCodec,
    SelectCodec,
    YesNoCodec,
    option_text,
)
from ticketadmin.services.values.fields import Field, Kind

SELECT, MULTI, YES_NO = custom(Kind.SELECT), custom(Kind.MULTI_SELECT), custom(Kind.YES_NO)
FREE = Field("custom_fields.free", "Free", Kind.MULTI_SELECT)  # its options are not described
stored_lists = st.lists(
    st.one_of(st.sampled_from(["A", "B", "OLD", "", " ", "A\nB", 1, 2, 1.0, True, None]), json_values),
    max_size=6,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1"),
        ("1", "1"),
        (-0.0, "0"),
        (1.5, "1.5"),
        (1e22, "1e+22"),
        (True, "true"),
        (None, "null"),
        ({"id": 7}, '{"id": 7}'),
    ],
)
def test_an_option_has_one_text_whatever_its_json_type(value: Any, text: str) -> None:
    assert option_text(value) == text


@pytest.mark.parametrize(
    ("like", "chosen", "sent"),
    [
        (None, "2", "2"),
        ("1", "2", "2"),
        (1, "2", 2),
        (1.0, "2", 2),
        ([1], "2", [2]),
        (["1"], "2", ["2"]),
        (1, "A", "A"),
        ([1], "A", ["A"]),
        (True, "2", "2"),
        ("OLD", "OLD", "OLD"),
        ({"id": 7}, '{"id": 7}', {"id": 7}),
    ],
)
def test_the_chosen_option_takes_the_json_type_of_the_previous_value(
    like: Any, chosen: str, sent: Any
) -> None:
    found = SelectCodec().read(SELECT, [chosen], like)

    assert (found, type(found)) == (sent, type(sent))


@pytest.mark.parametrize("codec", [SelectCodec(), MultiSelectCodec()])
def test_an_option_neither_offered_nor_held_is_refused_by_name(codec: SelectCodec | MultiSelectCodec) -> None:
    with pytest.raises(ValidationError) as caught:
        codec.read(SELECT, ["C"], "OLD")

    assert caught.value.code == "unknown_option"
    assert caught.value.messages == ["C is not one of the options."]


@given(stored_lists)
def test_untouched_checkboxes_send_the_list_unchanged(stored: list[Any]) -> None:
    codec = MultiSelectCodec()

    assert codec.read(MULTI, codec.show(MULTI, stored), stored) == stored


@given(stored_lists, st.data())
def test_unticking_a_checkbox_removes_only_that_option(stored: list[Any], data: st.DataObject) -> None:
    codec = MultiSelectCodec()
    shown = codec.show(MULTI, stored)
    if not shown:
        return
    gone = data.draw(st.sampled_from(shown))

    left = codec.read(MULTI, [text for text in shown if text != gone], stored)

    assert option_text_of(left) == [
        text for text in option_text_of(stored) if text != gone or not text.strip()
    ]


def option_text_of(values: list[Any]) -> list[str]:
    return [option_text(value) for value in values]


@given(stored_lists, st.lists(st.sampled_from(["1", "2", "A", "B"]), unique=True))
def test_newly_ticked_options_come_last_and_once(stored: list[Any], ticked: list[str]) -> None:
    codec = MultiSelectCodec()
    shown = codec.show(MULTI, stored)

    sent = codec.read(MULTI, [*shown, *ticked], stored)

    assert sent[: len(stored)] == stored
    assert option_text_of(sent[len(stored) :]) == [text for text in ticked if text not in shown]


@pytest.mark.parametrize(
    ("like", "sent"), [([1], [1, 2]), (["1"], ["1", "2"]), ([], ["2"]), ([True], [True, "2"]), (1, [1, 2])]
)
def test_an_added_option_is_a_number_if_all_others_are(like: Any, sent: list[Any]) -> None:
    codec = MultiSelectCodec()

    assert codec.read(FREE, [*codec.show(FREE, like), "2"], like) == sent


WORDS = ("1", "true", "yes", "on", "y", "t", "có", "0", "false", "no", "off", "n", "f", "không")


@pytest.mark.parametrize("word", [*WORDS, *map(str.upper, WORDS), *map(str.capitalize, WORDS)])
@pytest.mark.parametrize("answer", ["1", "0"])
def test_an_answer_keeps_the_stored_pair_of_words_and_their_case(word: str, answer: str) -> None:
    codec = YesNoCodec()

    sent = codec.read(YES_NO, [answer], word)

    assert codec.canonical(YES_NO, sent) == answer
    assert (sent.isupper(), sent.islower()) == (word.isupper(), word.islower())
    if codec.canonical(YES_NO, word) == answer:
        assert sent == word
    else:
        assert codec.read(YES_NO, ["1" if answer == "0" else "0"], sent) == word


@given(json_values, st.sampled_from(["1", "0"]))
def test_any_stored_value_can_be_answered(like: Any, answer: str) -> None:
    codec = YesNoCodec()

    sent = codec.read(YES_NO, [answer], like)

    assert codec.canonical(YES_NO, sent) == answer
    assert codec.show(YES_NO, sent) == [answer]
    assert isinstance(sent, bool) == isinstance(like, bool)
