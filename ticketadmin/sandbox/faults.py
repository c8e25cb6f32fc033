"""What goes wrong: rules that match requests and say how the sandbox misbehaves."""

from dataclasses import dataclass, field, replace
from typing import Any

from ticketadmin.sandbox.seeding import SEEDED_STATUSES

# Faults that are an answer of their own.
ANSWERING = frozenset(
    """status reset close half_body drip redirect oversized not_json html empty bytes error_in_success
    other_ticket no_code""".split()
)
KINDS = ANSWERING.union(
    """delay hang ignore_write ignore_field store_differently wipe_field concurrent_edit bad_row
    hide_row""".split()
)


@dataclass
class Fault:
    """One rule. `times` None lasts until it is removed; `after` lets the write be applied first.

    `options` by kind: status {status, body, headers, content_type}, delay/hang/drip {seconds},
    redirect {location}, ignore_field/wipe_field {field}, store_differently {field, value},
    concurrent_edit {field, value, when: after_read | before_write}, bad_row {ticket}: a list page that holds
    this ticket is answered with 500, hide_row {ticket}: lists leave it out.
    """

    kind: str
    code: str | None = None
    method: str | None = None
    path: str | None = None
    times: int | None = 1
    after: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def matches(self, method: str, path: str, code: str | None) -> bool:
        """Return whether the rule concerns a request."""
        return (
            (self.method is None or self.method == method)
            and (self.code is None or self.code == code)
            and (self.path is None or self.path == path)
        )


BUILT_IN = (
    Fault("delay", code="TK-SLOW", times=None, options={"seconds": 3.0}),
    Fault("reset", code="TK-RESET", method="PUT", times=None, after=True),
    Fault("status", code="TK-DENIED", method="PUT", times=None, options={"status": 403}),
    Fault("ignore_write", code="TK-IGNORED", method="PUT", times=None),
    Fault("wipe_field", code="TK-WIPES", method="PUT", times=None, options={"field": "*"}),
    Fault(
        "concurrent_edit",
        code="TK-CONFLICT",
        method="GET",
        times=None,
        options={
            "field": "status_name",
            "value": SEEDED_STATUSES[2],
            "when": "after_read",
            "toggle": SEEDED_STATUSES[1],
        },
    ),
    Fault("status", code="TK-BROKEN", method="PUT", times=None, options={"status": 500}),
)
BUSY = Fault(
    "status", code="TK-BUSY", method="PUT", times=1, options={"status": 429, "headers": {"Retry-After": "1"}}
)


class FaultBook:
    """The rules in force."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.reset()

    def reset(self) -> None:
        """Go back to the tickets that misbehave by themselves."""
        self.rules = [*BUILT_IN, replace(BUSY)]

    def add(self, rule: Fault) -> None:
        """Put a rule in force, before older ones. Raises ValueError for an unknown kind."""
        if rule.kind not in KINDS:
            raise ValueError(f"unknown fault: {rule.kind}")
        self.rules.insert(0, rule)

    def take(self, method: str, path: str, code: str | None) -> list[Fault]:
        """Return the rules for a request and count them as used."""
        found = [rule for rule in self.rules if rule.matches(method, path, code)]
        for rule in found:
            if rule.times is not None:
                rule.times -= 1
        self.rules = [rule for rule in self.rules if rule.times is None or rule.times > 0]
        return found
