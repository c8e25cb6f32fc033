"""Vietnamese typed in any form (Telex, VNI, composed or not) compares, searches and sorts rightly."""

import unicodedata

import pytest
from django.utils import timezone

from ticketadmin.services.index.omnibox import KnownCodes, StatusChange, understand
from ticketadmin.services.values.choices import ChoiceList
from ticketadmin.services.values.codecs import same_value
from ticketadmin.services.values.fields import STANDARD
from ticketadmin.services.values.ordering import in_order
from ticketadmin.text import contains, folded
from ticketadmin.ticketapi.tickets import Choice

NAME = "Đã hoàn tất"
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]
# What older Windows keyboards leave behind: the letter with its shape, the tone as a character of its own.
MIXED = "Đa\u0303 hoa\u0300n tâ\u0301t"


@pytest.mark.parametrize("typed", [*(unicodedata.normalize(form, NAME) for form in FORMS), MIXED])
def test_every_form_of_a_name_is_the_same_name(typed: str) -> None:
    statuses = ChoiceList((Choice(1, NAME), Choice(2, "Đang xử lý")), fetched_at=timezone.now())

    assert folded(typed) == folded(NAME)
    assert statuses.resolve(typed.upper()) == NAME
    assert same_value(STANDARD[0], typed, NAME)
    assert contains(typed, "hoan tat")
    assert contains("Phiếu đã hoàn tất", typed)
    assert understand(f"ABC123 {typed}", [NAME, "Đang xử lý"], KnownCodes()) == StatusChange("ABC123", NAME)


def test_names_are_in_vietnamese_alphabetical_order() -> None:
    wanted = ["An", "Ăn", "Ân", "Bình", "Dung", "Đào", "Em", "Êm", "Lan", "Lợi", "Ơn", "Uyên", "Ưng", "Yến"]
    mixed = [unicodedata.normalize(FORMS[place % 2], name) for place, name in enumerate(reversed(wanted))]

    assert [unicodedata.normalize("NFC", name) for name in in_order(mixed, str)] == wanted


def test_tones_decide_only_between_otherwise_equal_names() -> None:
    assert in_order(["má", "mạ", "mà", "ma", "mả", "mã"], str) == ["ma", "mà", "mả", "mã", "má", "mạ"]
    assert in_order(["Má Ba", "Ma Na", "Mạ Anh"], str) == ["Mạ Anh", "Má Ba", "Ma Na"]
    assert in_order(["Số 10", "Số 1", "số 1a"], str) == ["Số 1", "Số 10", "số 1a"]
