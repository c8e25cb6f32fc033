"""Dates are written in the reader's language, and a day is never mistaken for another."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from ticketadmin.presenters.dates import ago, readable_date

MOMENT = datetime(2026, 11, 25, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(("language", "expected"), [("en", "25 Nov 2026, 15:12"), ("vi", "25/11/2026 15:12")])
@pytest.mark.parametrize("name", ["DATETIME_FORMAT", "SHORT_DATETIME_FORMAT"])
def test_dates_are_unambiguous_in_both_languages(language: str, expected: str, name: str) -> None:
    with translation.override(language):
        assert date_format(MOMENT, name) == expected


@pytest.mark.parametrize(
    ("text", "english", "vietnamese"),
    [
        ("2026-12-11", "11 Dec 2026", "11/12/2026"),
        ("2026-10-17 09:00:00", "17 Oct 2026, 09:00", "17/10/2026 09:00"),
        ("2026-10-17T02:00:00+00:00", "17 Oct 2026, 09:00", "17/10/2026 09:00"),
        ("tomorrow", "tomorrow", "tomorrow"),
        ("2026-02-31", "2026-02-31", "2026-02-31"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("", "", ""),
    ],
)
def test_a_date_of_the_crm_is_shown_in_the_readers_format(text: str, english: str, vietnamese: str) -> None:
    with translation.override("en"):
        assert readable_date(text) == english
    with translation.override("vi"):
        assert readable_date(text) == vietnamese


@pytest.mark.parametrize(
    ("since", "english", "vietnamese"),
    [
        (timedelta(seconds=20), "less than a minute ago", "chưa đến một phút trước"),
        (timedelta(minutes=1), "1 minute ago", "1 phút trước"),
        (timedelta(hours=3), "3 hours ago", "3 giờ trước"),
        (timedelta(days=2), "2 days ago", "2 ngày trước"),
    ],
)
def test_elapsed_time_is_one_phrase_in_both_languages(
    since: timedelta, english: str, vietnamese: str
) -> None:
    moment = timezone.now() - since
    with translation.override("en"):
        assert ago(moment) == english
    with translation.override("vi"):
        assert ago(moment) == vietnamese
