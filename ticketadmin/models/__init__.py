"""Our own rows: people, changes, drafts, what administrators configure, and what the CRM last said."""

from .changes import Change, Origin, Outcome
from .configuration import CustomField, FieldKind, Hue, RemoteSnapshot, StatusSetting
from .drafts import Draft
from .people import ROLES, Role, User

__all__ = [
    "ROLES",
    "Change",
    "CustomField",
    "Draft",
    "FieldKind",
    "Hue",
    "Origin",
    "Outcome",
    "RemoteSnapshot",
    "Role",
    "StatusSetting",
    "User",
]
