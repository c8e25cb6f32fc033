"""Bulk updates: one set of changes for many tickets, one item per ticket. These rows are the source of truth.

The task queue only wakes workers. A worker drains a bulk update while it holds its lease; every
step is recorded on its item before and after, so that another worker can continue where it was cut off.
"""

from datetime import datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .changes import MAX_CHANGE_REASON, MAX_SYSTEM_ACCOUNT, Change
from .columns import NamedRow, later_flag, later_text, nullable_json
from .outcomes import ItemOutcome, PauseReason, Plan, Tone


class BulkKind(models.TextChoices):
    """What a bulk update is for."""

    UPDATE = "update", _("Update")
    RETRY = "retry", _("Retry")
    SETTLE = "settle", _("Check of unknown results")
    UNDO = "undo", _("Undo of a run")
    RESTORE = "restore", _("Field restore")

    @property
    def sends(self) -> bool:
        """Return whether its tickets are saved, and not only read."""
        return self is not BulkKind.SETTLE

    @property
    def brings_its_base(self) -> bool:
        """Return whether it stores earlier values, compared with what the run before it left in the CRM."""
        return self in {BulkKind.UNDO, BulkKind.RESTORE}


class BulkState(models.TextChoices):
    """The state of a bulk update."""

    DRAFT = "draft", _("Being prepared")
    CHECKING = "checking", _("Checking the tickets")
    READY = "ready", _("Ready to be sent")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    CANCELLING = "cancelling", _("Stopping")
    CANCELLED = "cancelled", _("Cancelled")
    FINISHED = "finished", _("Finished")

    @property
    def tone(self) -> Tone:
        """The colour of its badge."""
        return _TONES.get(self, Tone.INFO)


_TONES = {
    BulkState.DRAFT: Tone.NEUTRAL,
    BulkState.PAUSED: Tone.WARN,
    BulkState.CANCELLED: Tone.NEUTRAL,
    BulkState.FINISHED: Tone.SUCCESS,
}

# States in which a worker has something to do.
ACTIVE = (BulkState.CHECKING, BulkState.RUNNING, BulkState.CANCELLING)
ENDED = (BulkState.CANCELLED, BulkState.FINISHED)


class ItemState(models.TextChoices):
    """The state of one item. `DOUBT`: it may have been sent, and its effect has not been read yet."""

    WAITING = "waiting", _("Waiting")
    WORKING = "working", _("In progress")
    DOUBT = "doubt", _("Result being checked")
    DONE = "done", _("Done")


class Damage(models.TextChoices):
    """What a save did to a field that it did not send, the worst first."""

    EMPTIED = "emptied", _("Emptied, though not sent")
    CHANGED = "changed", _("Changed, though not sent")
    RESPELLED = "respelled", _("Spelled differently, though not sent")

    @property
    def pauses(self) -> bool:
        """Return whether a run stops for it: another spelling of the same value is only mentioned."""
        return self is not Damage.RESPELLED


class BulkUpdate(models.Model):
    """One bulk update from its preparation to its last result.

    `wishes` maps field names to `{"set": value}` or `{"clear": true}`; an item's own wishes come
    before them. `notes` are `BulkNotes`. `seal` names exactly what the dry run showed: a confirmation
    carries it.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    kind = models.CharField(max_length=8, choices=BulkKind.choices, default=BulkKind.UPDATE)
    state = models.CharField(max_length=12, choices=BulkState.choices, default=BulkState.DRAFT)
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="followers")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="bulk_updates",
        verbose_name=_("owner"),
    )
    owner_name = models.CharField(max_length=301)
    wishes = models.JSONField(default=dict)
    notes = models.JSONField(default=dict, help_text="What choosing the tickets left out, and why.")
    seal = models.CharField(max_length=64, blank=True)
    change_reason = later_text(
        max_length=MAX_CHANGE_REASON,
        help_text="Why, in the owner's own words: the reason of each of its changes.",
    )
    system_account = later_text(
        max_length=MAX_SYSTEM_ACCOUNT,
        help_text="The operating system's account that started it from the command line.",
    )

    in_flight = models.PositiveSmallIntegerField(default=4, help_text="Items sent at the same time, at most.")
    per_second = models.FloatField(null=True, blank=True, help_text="Requests to the CRM a second, at most.")

    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True, help_text="When it was confirmed.")
    finished_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When its owner saw that it ended.")
    pause_reason = models.CharField(max_length=40, blank=True, help_text="Why it paused by itself.")
    accepted = models.JSONField(
        default=list, blank=True, help_text="What the run goes on in spite of, as `rollout` spells it."
    )
    slowed_until = models.DateTimeField(null=True, blank=True, help_text="The CRM asked to wait until then.")

    waits_since = models.DateTimeField(null=True, blank=True, help_text="When a worker was called for it.")
    worker = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    slots = models.PositiveSmallIntegerField(default=0, help_text="Of the global limit, held by the worker.")

    class Meta:
        verbose_name = _("bulk update")
        verbose_name_plural = _("bulk updates")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["state"], name="bulk_active", condition=Q(state__in=[*ACTIVE])),
            models.Index(fields=["owner"], name="bulk_unseen", condition=Q(seen_at=None, state__in=[*ENDED])),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uuid} {self.state}"

    @property
    def tone(self) -> Tone:
        """The colour of the badge that names its state."""
        return BulkState(self.state).tone

    @property
    def sends(self) -> bool:
        """Return whether its tickets are saved, and not only read."""
        return BulkKind(self.kind).sends

    @property
    def is_ready(self) -> bool:
        """Return whether its dry run is done and a user has to confirm it."""
        return self.state == BulkState.READY

    @property
    def is_in_progress(self) -> bool:
        """Return whether tickets are being checked or saved."""
        return self.state in {BulkState.CHECKING, BulkState.RUNNING}

    @property
    def is_active(self) -> bool:
        """Return whether a worker has something to do here."""
        return self.state in ACTIVE

    @property
    def has_ended(self) -> bool:
        """Return whether nothing will happen any more."""
        return self.state in ENDED

    @property
    def is_paused_for_damage(self) -> bool:
        """Return whether a user has to decide because saves did damage."""
        reason = PauseReason.known(self.pause_reason)
        return self.state == BulkState.PAUSED and reason is not None and reason.is_damage

    @property
    def was_confirmed(self) -> bool:
        """Return whether it has reached sending."""
        return self.started_at is not None

    def is_leased(self, now: datetime) -> bool:
        """Return whether a worker holds it."""
        return self.lease_until is not None and self.lease_until > now


class BulkItem(models.Model):
    """One ticket of a bulk update.

    `submission` names its one save: a repeated call with it never sends twice. `base` holds the
    values of the wanted fields as the dry run read them, null if nothing could be read.
    `file_base` and `file_choices` are of an uploaded export: see `services/bulk/file_base.py`.
    """

    bulk = models.ForeignKey(BulkUpdate, models.CASCADE, related_name="items")
    position = models.PositiveIntegerField()
    ticket_code = models.CharField(max_length=64)
    wishes = nullable_json()
    undo_of = models.ForeignKey(Change, models.SET_NULL, null=True, blank=True, related_name="+")

    base = nullable_json()
    file_base = nullable_json("Values that the file was exported with; null: no export.")
    file_choices = nullable_json("What the user chose where the CRM changed it since; null: nothing.")
    read_at = models.DateTimeField(null=True, blank=True)
    unreadable = nullable_json("Fields that would be lost, as the dry run found; null: none.")
    sent_along = nullable_json("Fields to send along unchanged, as the dry run found; null: none.")
    is_unread = later_flag("The dry run could not read it whole: it proves nothing, so it is no run's first.")
    is_from_list = later_flag("The dry run took its values from the CRM's list, which may be moments old.")
    broken_rules = nullable_json("What rules require and is not met (services/rules); null: nothing.")
    recipe_stops = nullable_json(
        "Why the run's recipe cannot be used on it (services/recipes/stops.py); null: nothing."
    )
    plan = models.CharField(max_length=8, choices=Plan.choices, default=Plan.NONE, blank=True)

    state = models.CharField(max_length=8, choices=ItemState.choices, default=ItemState.WAITING)
    outcome = models.CharField(max_length=20, choices=ItemOutcome.choices, blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text="Why not, as a machine word.")
    message = models.CharField(max_length=500, blank=True, help_text="The CRM's own words.")
    damage = later_text(
        max_length=10, choices=Damage.choices, help_text="The worst done to a field not sent."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True, help_text="It is not touched until then.")
    submission = models.UUIDField(default=uuid4)
    change = models.ForeignKey(Change, models.SET_NULL, null=True, blank=True, related_name="+")
    finished_at = models.DateTimeField(null=True, blank=True)

    on_record: list[tuple[int, str]] | None = None  # the ticket's newest changes when a worker claimed it

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["bulk", "state", "attempts", "position"], name="bulkitem_next"),
            models.Index(fields=["bulk", "plan", "position"], name="bulkitem_plan"),
            models.Index(fields=["bulk", "outcome", "position"], name="bulkitem_outcome"),
            models.Index(fields=["bulk", "finished_at"], name="bulkitem_rate"),
            models.Index(fields=["ticket_code"], name="bulkitem_ticket"),
            models.Index(fields=["bulk", "damage"], name="bulkitem_damage", condition=~Q(damage="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "ticket_code"], name="bulkitem_once_per_ticket"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_code} {self.state} {self.outcome}"

    def wait_again(self, not_before: datetime | None = None) -> None:
        """Let it wait again under a new submission; nothing of it was sent."""
        self.state, self.submission, self.not_before = ItemState.WAITING, uuid4(), not_before

    def all_wishes(self, common: dict[str, Any]) -> dict[str, Any]:
        """Return the changes of this ticket: its own take precedence over the common ones."""
        wishes = {**common, **(self.wishes or {})}
        left = [name for name, choice in (self.file_choices or {}).items() if choice["take"] == "theirs"]
        return {name: wish for name, wish in wishes.items() if name not in left} if left else wishes


class BulkFile(NamedRow):
    """An uploaded file as it came, compressed by zlib. `bulk` is null if every row of it is wrong.

    It is read again when its user answers a question about a column, and can be returned with its errors. Any
    row may name any ticket, so erasing data of one ticket removes every file.
    """

    uuid = models.UUIDField(default=uuid4, unique=True, editable=False)
    bulk = models.OneToOneField(BulkUpdate, models.CASCADE, null=True, blank=True, related_name="file")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    content = models.BinaryField()
    created_at = models.DateTimeField(db_index=True)
