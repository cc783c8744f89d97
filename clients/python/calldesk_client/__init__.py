"""Client of the communication service: typed, with deadlines, and never twice by itself.

`Client` asks. `NewEmail`, `EmailChanges`, `NewCall` and `CallChanges` are what it sends; a refusal is an
exception of `calldesk_client.errors`.
"""

from calldesk_client.client import Client
from calldesk_client.errors import (
    CalldeskError,
    Conflict,
    FieldProblem,
    Forbidden,
    Invalid,
    NotAuthorized,
    NotFound,
    Refused,
    TooLarge,
    TooManyRequests,
    Unavailable,
    Unreachable,
)
from calldesk_client.models import (
    Absence,
    Call,
    CallChanges,
    Email,
    EmailChanges,
    EmailSummary,
    FreeSlots,
    IncomingMessage,
    NewCall,
    NewEmail,
    StoppedAddress,
)

__all__ = [
    "Absence",
    "Call",
    "CallChanges",
    "CalldeskError",
    "Client",
    "Conflict",
    "Email",
    "EmailChanges",
    "EmailSummary",
    "FieldProblem",
    "Forbidden",
    "FreeSlots",
    "IncomingMessage",
    "Invalid",
    "NewCall",
    "NewEmail",
    "NotAuthorized",
    "NotFound",
    "Refused",
    "StoppedAddress",
    "TooLarge",
    "TooManyRequests",
    "Unavailable",
    "Unreachable",
]
