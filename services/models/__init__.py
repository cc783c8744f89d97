"""The tables of schema `communication_service`."""

from services.models.api_keys import MOST_PER_MINUTE, ApiKey, ApiKeyMinute, KeyScope
from services.models.base import LARGEST_ID, SCHEMA, Base, is_possible_id
from services.models.call_emails import CallEmail
from services.models.call_guides import CallGuide
from services.models.call_kinds import (
    MOST_PLACES,
    OFFER,
    SPOKEN,
    Audience,
    CallBackBy,
    CallReason,
    CallStatus,
    CancelReason,
    NoRetry,
    OutcomeKind,
)
from services.models.call_pattern import CallPattern
from services.models.email_kinds import (
    AttemptOutcome,
    AttemptStage,
    EmailStatus,
    Ending,
    FollowUpObstacle,
    ReplyKind,
    Unsent,
)
from services.models.emails import Email
from services.models.event_outbox import IdempotencyKey, OutboxEvent
from services.models.freed_times import FreedTime
from services.models.incoming import (
    Incoming,
    IncomingKind,
    IncomingState,
    MailboxCursor,
    StopEntry,
    StopReason,
)
from services.models.mail_queue import EmailVersuch, MailDomain, MailQueueState
from services.models.phone_calls import PhoneCall
from services.models.staff import (
    Activity,
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
    "MOST_PER_MINUTE",
    "MOST_PLACES",
    "OFFER",
    "SCHEMA",
    "SPOKEN",
    "AbsenceSource",
    "Activity",
    "ApiKey",
    "ApiKeyMinute",
    "AttemptOutcome",
    "AttemptStage",
    "Audience",
    "Base",
    "CallBackBy",
    "CallEmail",
    "CallGuide",
    "CallPattern",
    "CallReason",
    "CallStatus",
    "CancelReason",
    "Draft",
    "Email",
    "EmailStatus",
    "EmailVersuch",
    "Ending",
    "FollowUpObstacle",
    "FreedTime",
    "IdempotencyKey",
    "Incoming",
    "IncomingKind",
    "IncomingState",
    "KeyScope",
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
    "Unsent",
    "is_possible_id",
]
