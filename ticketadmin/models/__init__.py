"""Our own rows: people, changes, bulk updates, drafts, configuration, and what the CRM last said."""

from .bulk import (
    ACTIVE,
    ENDED,
    BulkItem,
    BulkKind,
    BulkState,
    BulkUpdate,
    Damage,
    ItemOutcome,
    ItemState,
    Plan,
)
from .changes import Change, ChangedField, Origin, Outcome
from .configuration import CustomField, FieldKind, Hue, Reading, RemoteSnapshot, StatusSetting
from .drafts import Draft, Presence
from .operations import Heartbeat
from .people import ROLES, ResetRequest, Role, Source, User
from .views import SavedView

__all__ = [
    "ACTIVE",
    "ENDED",
    "ROLES",
    "BulkItem",
    "BulkKind",
    "BulkState",
    "BulkUpdate",
    "Change",
    "ChangedField",
    "CustomField",
    "Damage",
    "Draft",
    "FieldKind",
    "Heartbeat",
    "Hue",
    "ItemOutcome",
    "ItemState",
    "Origin",
    "Outcome",
    "Plan",
    "Presence",
    "Reading",
    "RemoteSnapshot",
    "ResetRequest",
    "Role",
    "SavedView",
    "Source",
    "StatusSetting",
    "User",
]
