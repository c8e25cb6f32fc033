"""How a save, one field of it, and one ticket of a bulk run can end, and what follows from each.

Each member's line holds all that the product has to know about it; what users read beyond the
label is in `presenters.outcomes`. How to add one: CONTRIBUTING, "An outcome".
"""

from enum import Flag, StrEnum, auto
from typing import Any, Self

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Tone(StrEnum):
    """How good or bad something is: the class that gives badges, bars and banners their colour."""

    SUCCESS = "success"
    INFO = "info"
    WARN = "warn"
    DANGER = "danger"
    NEUTRAL = "neutral"


class Trait(Flag):
    """What is true of the CRM after an outcome, and what can be done next."""

    NOTHING = 0
    SAVED = auto()  # the user's text is safe in the CRM: its draft may go
    APPLIED = auto()  # the CRM held what was sent, or its own form of it
    UNCHANGED = auto()  # the CRM certainly kept the old value
    OPEN = auto()  # reading the ticket again may settle it
    FAILED = auto()  # the ticket does not hold what was wanted, or may not
    RETRYABLE = auto()  # a bulk run can try it again without asking
    PROVED = auto()  # the ticket was read right afterwards, which shows how this CRM handles a save
    EXPLAINED = auto()  # its meaning is repeated at every ticket of a run, because a user has to look


class _Table(models.TextChoices):
    """A vocabulary. A member's line: its value, tone, severity, traits and label.

    `severity` is highest for the worst outcome of a field.
    """

    tone: Tone
    severity: int
    traits: Trait

    def __new__(cls, word: str, *line: Any) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.tone, member.severity, member.traits = line if len(line) > 1 else (*line, 0, Trait.NOTHING)
        return member


def _has(flag: Trait) -> Any:
    """Return a property for whether an outcome has a trait."""
    return property(lambda outcome: flag in outcome.traits)


class _Traits:
    """The traits of both vocabularies of outcomes, as properties."""

    is_saved: bool = _has(Trait.SAVED)
    is_applied: bool = _has(Trait.APPLIED)
    is_unchanged: bool = _has(Trait.UNCHANGED)
    is_open: bool = _has(Trait.OPEN)
    is_failed: bool = _has(Trait.FAILED)
    is_retryable: bool = _has(Trait.RETRYABLE)
    is_proved: bool = _has(Trait.PROVED)
    is_explained: bool = _has(Trait.EXPLAINED)


class Outcome(_Traits, _Table):
    """What is known of one change or of one of its fields; the vocabulary of the whole product."""

    PENDING = "pending", Tone.INFO, 0, Trait.OPEN, _("In progress")
    VERIFIED = "verified", Tone.SUCCESS, 1, Trait.SAVED | Trait.APPLIED | Trait.PROVED, _("Verified")
    STORED_DIFFERENTLY = (
        "stored_differently",
        Tone.WARN,
        3,
        Trait.SAVED | Trait.APPLIED | Trait.PROVED | Trait.EXPLAINED,
        _("Stored differently"),
    )
    NOT_APPLIED = (
        "not_applied",
        Tone.DANGER,
        6,
        Trait.UNCHANGED | Trait.FAILED | Trait.RETRYABLE | Trait.PROVED | Trait.EXPLAINED,
        _("Not applied"),
    )
    NOT_READABLE = "not_readable", Tone.INFO, 2, Trait.SAVED | Trait.PROVED, _("Sent, cannot be checked")
    ACCEPTED = (
        "accepted",
        Tone.WARN,
        4,
        Trait.SAVED | Trait.OPEN | Trait.EXPLAINED,
        _("Accepted, not checked yet"),
    )
    REJECTED = "rejected", Tone.DANGER, 7, Trait.UNCHANGED | Trait.FAILED | Trait.RETRYABLE, _("Rejected")
    UNKNOWN = "unknown", Tone.WARN, 5, Trait.OPEN | Trait.FAILED, _("Unknown")


def _of_change(outcome: Outcome) -> tuple[str, Tone, int, Trait, str | Promise]:
    """Return the line of an outcome that a bulk item shares with its change."""
    return outcome.value, outcome.tone, outcome.severity, outcome.traits, outcome.label


class ItemOutcome(_Traits, _Table):
    """How one ticket of a bulk run ended. The first seven are the outcomes of its change."""

    VERIFIED = _of_change(Outcome.VERIFIED)
    STORED_DIFFERENTLY = _of_change(Outcome.STORED_DIFFERENTLY)
    NOT_APPLIED = _of_change(Outcome.NOT_APPLIED)
    NOT_READABLE = _of_change(Outcome.NOT_READABLE)
    ACCEPTED = _of_change(Outcome.ACCEPTED)
    REJECTED = _of_change(Outcome.REJECTED)
    UNKNOWN = _of_change(Outcome.UNKNOWN)
    ALREADY = "already", Tone.NEUTRAL, 0, Trait.NOTHING, _("No change needed")
    CONFLICT = "conflict", Tone.WARN, 0, Trait.RETRYABLE | Trait.EXPLAINED, _("Changed meanwhile")
    NOT_DONE = "not_done", Tone.DANGER, 0, Trait.FAILED | Trait.RETRYABLE, _("Could not be sent")
    NOT_SENT = "not_sent", Tone.NEUTRAL, 0, Trait.RETRYABLE, _("Not sent: cancelled")


class Plan(_Table):
    """What the dry run found for one ticket."""

    NONE = "", Tone.NEUTRAL, _("Not checked yet")
    SEND = "send", Tone.INFO, _("Will be sent")
    BLIND = "blind", Tone.WARN, _("Will be sent, cannot be compared")
    ALREADY = "already", Tone.NEUTRAL, _("No change needed")
    CANNOT = "cannot", Tone.DANGER, _("Cannot be done")


class ItemReason(StrEnum):
    """Why a bulk run left a ticket out; other reasons are those of the CRM (`ticketapi.reasons`)."""

    CHANGED_SINCE = "changed_since"
    NOT_AS_LISTED = "not_as_listed"
    CHANGED_SINCE_EXPORT = "changed_since_export"
    UNCHANGED_IN_FILE = "unchanged_in_file"
    KEPT_THEIRS = "kept_theirs"
    READING_LOST = "reading_lost"
    IN_PROGRESS = "in_progress"
    INTERNAL_ERROR = "internal_error"
    NOT_UNDOABLE = "not_undoable"
    NOT_CERTAIN = "not_certain"
    OTHER_TYPE = "other_type"
    NOT_OFFERED = "not_offered"
    NOTHING_WANTED = "nothing_wanted"
    BROKEN_RULE = "broken_rule"
    RECIPE_STOPPED = "recipe_stopped"
    WOULD_LOSE = "would_lose"


class PauseReason(StrEnum):
    """Why a bulk run paused, where it was not a failure of the CRM (`ticketapi.reasons.Cause`)."""

    RESTORED = "restored"
    NOT_ALLOWED = "not_allowed"
    FIELDS_EMPTIED = "fields_emptied"
    FIELDS_CHANGED = "fields_changed"
    KEPT_OLD_VALUES = "kept_old_values"

    @property
    def is_damage(self) -> bool:
        """Return whether saves did damage, so that a user decides whether the run continues."""
        return self in {self.FIELDS_EMPTIED, self.FIELDS_CHANGED, self.KEPT_OLD_VALUES}

    @classmethod
    def known(cls, word: str) -> "PauseReason | None":
        """Return the member for a stored word, or None: "" and the words of other vocabularies."""
        return cls(word) if word in cls._value2member_map_ else None
