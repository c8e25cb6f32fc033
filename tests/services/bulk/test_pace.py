"""When a run slows down and when it pauses by itself, with a fake clock."""

from datetime import timedelta

from django.utils import timezone

from ticketadmin.services.bulk.pace import Pace, Trouble
from ticketadmin.ticketapi.reasons import Cause


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_limit_of_requests_spaces_the_items() -> None:
    clock = Clock()
    pace = Pace(6.0, calls=3, clock=clock)
    started = []
    for _tenth in range(100):
        while pace.may_start():
            started.append(clock.now)
        clock.now += 0.1

    assert 20 <= len(started) <= 22  # ten seconds at two items, of three requests each, a second


def test_without_a_limit_every_item_may_start() -> None:
    pace = Pace(None, calls=3, clock=Clock())

    assert all(pace.may_start() for _number in range(1000))


def test_a_429_holds_the_whole_run_and_halves_its_speed() -> None:
    clock = Clock()
    pace = Pace(None, calls=3, clock=clock)

    pace.note("rate_limited", in_flight=8)
    pace.note("rate_limited", in_flight=7)  # the same burst

    assert not pace.may_start()
    assert pace.in_flight(8) == 4
    clock.now += 1.1
    assert pace.may_start()


def test_each_further_429_waits_longer_and_successes_speed_up_again() -> None:
    clock = Clock()
    pace = Pace(None, calls=3, clock=clock)
    waits = []
    for _burst in range(8):
        pace.note("rate_limited", in_flight=8)
        waits.append(pace.wait())
        clock.now += pace.wait()

    assert waits == sorted(waits)
    assert max(waits) <= 30.0
    assert pace.in_flight(8) == 1
    for _number in range(100):
        pace.note("", in_flight=1)
    assert pace.in_flight(8) == 8
    assert pace.slowed_until is None


def test_consecutive_failures_of_one_cause_pause_a_run() -> None:
    trouble = Trouble()

    assert [trouble.note("key_refused", 1) for _number in range(3)][-1] == Cause.KEY_REFUSED
    assert [Trouble().note("forbidden", 1) for _number in range(10)] == [""] * 10
    trouble = Trouble()
    assert [trouble.note("forbidden", 1) for _number in range(10)][-1] == Cause.FORBIDDEN
    trouble = Trouble()
    assert [
        trouble.note(reason, 1) for reason in ("reset", "refused", "read_timeout", "unavailable", "dns")
    ] == [
        *[""] * 4,
        Cause.CRM_DOWN,
    ]


def test_a_success_in_between_resets_the_count() -> None:
    trouble = Trouble()

    assert {trouble.note(reason, 1) for _number in range(9) for reason in ("refused", "refused", "")} == {""}


def test_one_ticket_that_breaks_the_crm_each_time_does_not_pause_the_others() -> None:
    trouble = Trouble()

    assert {trouble.note("server_error", "TK-1") for _number in range(9)} == {""}
    noted = [trouble.note("server_error", f"TK-{number}") for number in range(2, 6)]
    assert noted == ["", "", "", Cause.CRM_DOWN]


def test_a_retry_after_holds_the_run_however_long_it_is() -> None:
    clock = Clock()
    pace = Pace(None, calls=3, clock=clock)

    pace.refused(45)
    pace.refused(5)  # another thread's, which ends earlier
    pace.note("rate_limited", in_flight=8)

    assert pace.held_for == 45
    clock.now += 44.9
    assert not pace.may_start()
    clock.now += 0.2
    assert pace.may_start()
    assert pace.held_for == 0


def test_a_later_refusal_may_hold_the_run_for_longer() -> None:
    clock = Clock()
    pace = Pace(None, calls=3, clock=clock)

    pace.refused(5)
    pace.refused(45)

    assert pace.held_for == 45
    assert pace.in_flight(8) == 2  # slowed once


def test_another_worker_obeys_the_wait_that_the_first_one_was_given() -> None:
    pace = Pace(None, calls=3, held_until=timezone.now() + timedelta(seconds=45), clock=Clock())

    assert 44 < pace.held_for <= 45
    assert not pace.may_start()
