"""The tables of schema `communication_service`."""

from services.models.base import LARGEST_ID, SCHEMA, Base, is_possible_id
from services.models.call_emails import CallEmail
from services.models.emails import (
    AttemptOutcome,
    AttemptStage,
    Email,
    EmailStatus,
    EmailVersuch,
    Ending,
    FollowUpObstacle,
    MailDomain,
    MailQueueState,
    ReplyKind,
)
from services.models.event_outbox import IdempotencyKey, OutboxEvent
from services.models.incoming import (
    Incoming,
    IncomingKind,
    IncomingState,
    MailboxCursor,
    StopEntry,
    StopReason,
)
from services.models.phone_calls import (
    CallReason,
    CallStatus,
    CancelReason,
    NoRetry,
    OutcomeKind,
    PhoneCall,
)
from services.models.staff import (
    Activity,
    ApiKey,
    Draft,
    LoginTries,
    PendingLogin,
    RecoveryCode,
    ShiftNote,
    Staff,
    StaffSession,
)
from services.models.therapists import AbsenceSource, Therapist

__all__ = [
    "LARGEST_ID",
    "SCHEMA",
    "AbsenceSource",
    "Activity",
    "ApiKey",
    "AttemptOutcome",
    "AttemptStage",
    "Base",
    "CallEmail",
    "CallReason",
    "CallStatus",
    "CancelReason",
    "Draft",
    "Email",
    "EmailStatus",
    "EmailVersuch",
    "Ending",
    "FollowUpObstacle",
    "IdempotencyKey",
    "Incoming",
    "IncomingKind",
    "IncomingState",
    "LoginTries",
    "MailDomain",
    "MailQueueState",
    "MailboxCursor",
    "NoRetry",
    "OutboxEvent",
    "OutcomeKind",
    "PendingLogin",
    "PhoneCall",
    "RecoveryCode",
    "ReplyKind",
    "ShiftNote",
    "Staff",
    "StaffSession",
    "StopEntry",
    "StopReason",
    "Therapist",
    "is_possible_id",
]
