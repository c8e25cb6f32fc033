"""Our own rows: people, changes, bulk updates, drafts, the ticket index, configuration, what the CRM last
said and what processes share."""

from .audit import AUDIT_LOG, HISTORY, TICKET, AuditAction, AuditEntry, Channel, FailedSignIns
from .bulk import ACTIVE, ENDED, BulkItem, BulkKind, BulkState, BulkUpdate, Damage, ItemState
from .changes import MAX_CHANGE_REASON, MAX_SYSTEM_ACCOUNT, Change, ChangedField, Origin
from .configuration import CustomField, FieldKind, Hue, StatusSetting
from .crm import CrmSnapshot, Reading, Shared, SharedState, Snapshot
from .drafts import Draft
from .files import BulkFile
from .index import ErasedTicket, IndexedTicket, IndexedValue, ReadFrom, StatusCount, TicketIndex
from .json_rows import json_rows, rows_in
from .operations import Chore, Heartbeat
from .outcomes import ItemOutcome, ItemReason, Outcome, PauseReason, Plan, Tone
from .people import ROLES, BindingLink, IdentityClaim, RecoveryCode, ResetRequest, Role, Source, User
from .prepared import Insert, Prepared, PreparedUpdate, RowsUpdate, Slot
from .presence import Presence
from .recipes import Recipe
from .rules import TicketRule
from .saved_views import SavedView
from .snippets import Snippet
