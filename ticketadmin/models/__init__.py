"""The database tables: users, changes, bulk updates, drafts, the ticket index, configuration, what the
CRM last said and what processes share."""

from .audit import AUDIT_LOG, HISTORY, TICKET, AuditAction, AuditEntry, Channel, FailedSignIns
from .bulk import ACTIVE, ENDED, BulkFile, BulkItem, BulkKind, BulkState, BulkUpdate, Damage, ItemState
from .bulk_notes import BulkNotes, FileReading, Surprise, surprises_in
from .changes import MAX_CHANGE_REASON, MAX_SYSTEM_ACCOUNT, Change, ChangedField, Origin
from .configuration import KEY_LETTER, MAX_FIELD_KEY, CustomField, FieldKind, Hue, StatusSetting, TicketRule
from .crm import Chore, CrmSnapshot, Heartbeat, Reading, Shared, SharedState, Snapshot
from .drafts import Draft, Presence
from .index import ErasedTicket, IndexedTicket, IndexedValue, ReadFrom, StatusCount, TicketIndex
from .json_rows import JsonRows, json_rows, rows_in
from .outcomes import ItemOutcome, ItemReason, Outcome, PauseReason, Plan, Tone
from .people import ROLES, BindingLink, IdentityClaim, IdentitySource, RecoveryCode, ResetRequest, Role, User
from .prepared import Insert, Prepared, PreparedUpdate, RowsUpdate, Slot
from .shared_rows import Recipe, SavedView, Snippet
