"""What a save did to fields that it did not send: emptied, changed, or only spelled differently."""

from typing import Any

import pytest

from ticketadmin.models import Damage
from ticketadmin.services.saving.damage import damage_by_field, worst_damage
from ticketadmin.services.values.schema import TicketSchema

TABLE: list[tuple[str, Any, Any, Damage]] = [
    ("emergency_phone", "0909 000 111", "", Damage.EMPTIED),
    ("emergency_phone", "0909 000 111", None, Damage.EMPTIED),
    ("custom_fields.tags", ["A"], [], Damage.EMPTIED),
    ("ticket_content", "<p>Máy in</p>", "<p></p>", Damage.EMPTIED),
    ("emergency_phone", "0909 000 111", "0909000111", Damage.RESPELLED),
    ("emergency_phone", "0909 000 111", "0909000112", Damage.CHANGED),
    ("account_email", "Lan@Example.com", "lan@example.com", Damage.RESPELLED),
    ("ticket_content", "<p>một<br>hai</p>", "<div>một<br/> hai</div>", Damage.RESPELLED),
    ("ticket_content", "<p>một</p>", "<p>hai</p>", Damage.CHANGED),
    ("expected_at", "2026-11-28", "2026-11-28 00:00:00", Damage.RESPELLED),
    ("expected_at", "2026-11-28", "2026-11-29", Damage.CHANGED),
    ("custom_fields.serial", 5, "5", Damage.RESPELLED),
    ("custom_fields.serial", ["B", "A"], ["A", "B"], Damage.RESPELLED),
    ("custom_fields.serial", "", "AB-1", Damage.CHANGED),
    ("status_name", "Mới", "Đã hoàn tất", Damage.CHANGED),
]


@pytest.mark.parametrize(("name", "before", "after", "damage"), TABLE)
def test_damage_is_distinguished_from_another_spelling(
    name: str, before: Any, after: Any, damage: Damage
) -> None:
    assert damage_by_field({name: [before, after]}, TicketSchema()) == {name: damage}


def test_the_worst_of_several_counts() -> None:
    assert worst_damage([Damage.RESPELLED, Damage.EMPTIED, Damage.CHANGED]) is Damage.EMPTIED
    assert worst_damage([Damage.RESPELLED]) is Damage.RESPELLED
    assert worst_damage([]) is None
