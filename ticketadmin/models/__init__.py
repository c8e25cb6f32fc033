"""Our own rows: people, changes, drafts, what administrators configure, and what the CRM last said."""

from .changes import Change, ChangedField, Origin, Outcome
from .configuration import CustomField, FieldKind, Hue, RemoteSnapshot, StatusSetting
from .drafts import Draft, Presence
from .people import ROLES, ResetRequest, Role, Source, User
from .views import SavedView

__all__ = [
    "ROLES",
    "Change",
    "ChangedField",
    "CustomField",
    "Draft",
    "FieldKind",
    "Hue",
    "Origin",
    "Outcome",
    "Presence",
    "RemoteSnapshot",
    "ResetRequest",
    "Role",
    "SavedView",
    "Source",
    "StatusSetting",
    "User",
]
