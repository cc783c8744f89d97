"""E-mails as the sample data needs them: in every state an e-mail can be in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from services.emails.bodies import html_from_text, new_message_id
from services.models import AttemptOutcome, AttemptStage, Email, EmailStatus, EmailVersuch, Ending, ReplyKind
from shared.config import Settings
from webapp.demo.sample.answers import ANSWERS

Therapist = Mapping[str, Any]

SUBJECTS = (
    "Anfrage für {count} Patientinnen und Patienten",
    "Therapieplatz gesucht: {count} Anfragen aus Ihrer Nähe",
    "Freie Plätze für eine ambulante Psychotherapie?",
)

LETTER = """{greeting}

wir suchen für {count} Menschen aus Ihrer Umgebung einen ambulanten Therapieplatz. Alle haben die \
psychotherapeutische Sprechstunde bereits wahrgenommen und sind zeitlich flexibel.

Haben Sie in den nächsten Wochen einen Platz frei, oder dürfen wir jemanden auf Ihre Warteliste setzen? Eine \
kurze Antwort genügt. Gern rufen wir Sie auch in Ihrer telefonischen Sprechzeit an.

Mit freundlichen Grüßen
{sender}
"""

OUT_OF_OFFICE = "Vielen Dank für Ihre Nachricht. Die Praxis ist zurzeit geschlossen. Ihre E-Mail wird nicht \
weitergeleitet."


@dataclass(slots=True)
class SampleMail:
    """An e-mail with the attempts to deliver it, whose ids are known only once it is stored."""

    email: Email
    attempts: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def stored_attempts(self) -> list[EmailVersuch]:
        """Return the attempts of the stored e-mail."""
        return [
            EmailVersuch(email_id=self.email.id, nummer=number, **attempt)
            for number, attempt in enumerate(self.attempts, start=1)
        ]


def sent_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail accepted by the server seconds after it was queued."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.SENT)
    mail.email.sent_at = mail.email.updated_at = at + timedelta(seconds=1)
    mail.attempts.append(_attempt(at, AttemptStage.ACCEPTED, AttemptOutcome.SENT, 250, "2.0.0 Ok: queued"))
    return mail


def refused_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail to a mailbox that its server does not know."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.FAILED)
    mail.email.empfaenger_email = therapist["email"].replace("kontakt@", "unbekannt@")
    words = f"5.1.1 <{mail.email.empfaenger_email}>: Recipient address rejected: User unknown"
    mail.email.fehlermeldung = f"550 {words}"
    mail.attempts.append(_attempt(at, AttemptStage.RCPT, AttemptOutcome.FAILED, 550, words))
    return mail


def given_up_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail that a full mailbox deferred until it was too old."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.FAILED)
    words = "4.2.2 Mailbox full"
    for hours in (0, 1, 4, 12, 24):
        attempt_at = at + timedelta(hours=hours)
        mail.attempts.append(_attempt(attempt_at, AttemptStage.RCPT, AttemptOutcome.RETRY, 452, words))
    mail.attempts[-1]["ergebnis"] = AttemptOutcome.FAILED.value
    mail.email.fehlermeldung = f"452 {words}"
    mail.email.wiederholungsanzahl = len(mail.attempts) - 1
    mail.email.updated_at = at + timedelta(hours=24)
    return mail


def unclear_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail whose server hung up before it answered the final dot."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.SENDING)
    mail.email.uebergabe_begonnen_at = at + timedelta(seconds=1)
    mail.attempts.append(_attempt(at, AttemptStage.BODY, AttemptOutcome.UNCLEAR, ending=Ending.LOST))
    return mail


def waiting_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail that goes out as soon as a worker runs."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.QUEUED)
    mail.email.naechster_versuch_at = at
    return mail


def draft_mail(therapist: Therapist, at: datetime, number: int, config: Settings) -> SampleMail:
    """Return an e-mail somebody has written but not sent."""
    mail = _new_mail(therapist, at, number, config, EmailStatus.DRAFT)
    mail.email.queued_at = None
    return mail


def answer(mail: SampleMail, at: datetime, number: int) -> None:
    """Record that the therapist answered."""
    mail.email.antwort_erhalten = True
    mail.email.antwort_art = ReplyKind.REPLY.value
    mail.email.antwortdatum = mail.email.updated_at = at
    mail.email.antwortinhalt = ANSWERS[number % len(ANSWERS)]


def out_of_office(mail: SampleMail, at: datetime, back_at: datetime) -> None:
    """Record an out-of-office note: no answer, but the follow-up waits."""
    mail.email.antwort_art = ReplyKind.OUT_OF_OFFICE.value
    mail.email.antwortinhalt = OUT_OF_OFFICE
    mail.email.nachverfolgung_ab = back_at
    mail.email.updated_at = at


def _new_mail(
    therapist: Therapist, at: datetime, number: int, config: Settings, status: EmailStatus
) -> SampleMail:
    count = 2 + number % 4
    text = LETTER.format(greeting=_greeting(therapist), count=count, sender=config.email_sender_name)
    email = Email(
        therapist_id=therapist["id"],
        betreff=SUBJECTS[number % len(SUBJECTS)].format(count=count),
        body_text=text,
        body_html=html_from_text(text),
        empfaenger_email=therapist["email"],
        empfaenger_name=_name(therapist),
        absender_email=config.email_sender,
        absender_name=config.email_sender_name,
        status=status,
        message_id=new_message_id(config.email_sender),
        created_at=at,
        queued_at=at,
        updated_at=at,
    )
    return SampleMail(email)


def _attempt(
    at: datetime,
    stage: AttemptStage,
    outcome: AttemptOutcome,
    code: int | None = None,
    text: str = "",
    ending: Ending = Ending.REPLY,
) -> dict[str, Any]:
    return {
        "begonnen_at": at,
        "beendet_at": at + timedelta(seconds=1),
        "stufe": stage.value,
        "smtp_code": code,
        "smtp_text": text,
        "ergebnis": outcome.value,
        "ende": ending.value,
    }


def _name(therapist: Therapist) -> str:
    parts = (therapist["titel"], therapist["vorname"], therapist["nachname"])
    return " ".join(part for part in parts if part)


def _greeting(therapist: Therapist) -> str:
    title = f"{therapist['titel']} " if therapist["titel"] else ""
    if therapist["anrede"] == "Frau":
        return f"Sehr geehrte Frau {title}{therapist['nachname']},"
    if therapist["anrede"] == "Herr":
        return f"Sehr geehrter Herr {title}{therapist['nachname']},"
    return f"Guten Tag {_name(therapist)},"
