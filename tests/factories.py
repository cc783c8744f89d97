"""Rows as tests need them: valid by default, changed by keyword."""

from datetime import UTC, date, datetime, time
from uuid import uuid4

from services.models import Email, EmailStatus, PhoneCall, Staff, Therapist

NOW = datetime(2026, 10, 14, 8, 42, tzinfo=UTC)
OUT_OF_THE_QUEUE = (EmailStatus.SENT, EmailStatus.FAILED)


def make_email(**values: object) -> Email:
    defaults: dict[str, object] = {
        "therapist_id": 1,
        "betreff": "Anfrage für drei Patientinnen",
        "body_html": "<p>Guten Tag</p>",
        "body_text": "Guten Tag",
        "empfaenger_email": "praxis@example.org",
        "empfaenger_name": "Dr. Jürgen Schmidt",
        "absender_email": "kontakt@therapieplatz.example",
        "absender_name": "Therapieplatz-Vermittlung",
        "status": EmailStatus.QUEUED,
        "message_id": f"<{uuid4()}@therapieplatz.example>",
        "created_at": NOW,
        "queued_at": NOW,
        "naechster_versuch_at": None if values.get("status") in OUT_OF_THE_QUEUE else NOW,
    }
    return Email(**(defaults | values))


def make_call(**values: object) -> PhoneCall:
    defaults: dict[str, object] = {
        "therapist_id": 1,
        "geplantes_datum": date(2026, 10, 14),
        "geplante_zeit": time(11, 0),
        "created_at": NOW,
    }
    return PhoneCall(**(defaults | values))


def make_therapist(*, id: int = 1, **values: object) -> Therapist:
    """Everybody has a number of their own."""
    number = f"30{1234566 + id}"
    defaults: dict[str, object] = {
        "id": id,
        "anrede": "Herr",
        "titel": "Dr.",
        "vorname": "Jürgen",
        "nachname": "Schmidt",
        "ort": "Berlin",
        "telefon": f"0{number[:2]} {number[2:]}",
        "telefon_e164": f"+49{number}",
        "email": "praxis@example.org",
        "telefonische_erreichbarkeit": {
            day: [{"start": "10:00", "end": "12:00"}]
            for day in ("monday", "tuesday", "wednesday", "thursday", "friday")
        },
        "abgerufen_at": NOW,
    }
    return Therapist(**(defaults | values))


def make_staff(**values: object) -> Staff:
    defaults: dict[str, object] = {"name": f"anna-{uuid4().hex[:6]}", "password_hash": "unusable"}
    return Staff(**(defaults | values))
