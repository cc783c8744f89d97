"""Messages of the mailbox as tests need them: an answer of this morning unless said otherwise."""

from datetime import timedelta
from uuid import uuid4

from services.models import Incoming, IncomingKind, IncomingState
from tests.factories import NOW


def make_incoming(**values: object) -> Incoming:
    defaults: dict[str, object] = {
        "empfangen_at": NOW - timedelta(minutes=20),
        "absender": "praxis@example.org",
        "absender_name": "Praxis Schmidt",
        "betreff": "AW: Anfrage für drei Patientinnen",
        "worte": "Ab November ist ein Platz frei.",
        "text": "Ab November ist ein Platz frei.\n\n> Guten Tag",
        "anhaenge": [],
        "art": IncomingKind.REPLY,
        "zustand": IncomingState.OPEN,
        "message_id": f"<{uuid4()}@example.org>",
    }
    return Incoming(**(defaults | values))


def suggested(email_id: int, **values: object) -> Incoming:
    """Return a message that may belong to an e-mail."""
    known = {
        "zustand": IncomingState.SUGGESTED,
        "vorschlag": {"email_id": email_id, "therapist_id": 1, "grund": "absender"},
    }
    return make_incoming(**(known | values))
