"""What comes back in the demo: every third practice answers, one is on holiday, one address is dead."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP, default
from email.utils import format_datetime, make_msgid
from zlib import crc32

ON_HOLIDAY = "kontakt@praxis-tesfaye.example"
DEAD = "kontakt@praxis-grossmann.example"
HOLIDAY = timedelta(days=9)
SECONDS = {"bounce": 10, "holiday": 15, "reply": 40}
"""How long after the mail; real practices take longer, but a visitor does not wait."""

SPREAD_SECONDS = 40

ANSWERS = (
    "Guten Tag, ab dem übernächsten Monat wird ein Platz am Vormittag frei. Bitte rufen Sie mich an.",
    "Vielen Dank. Zurzeit kann ich leider niemanden aufnehmen, auch die Warteliste ist voll.",
    "Ich kann zwei Erstgespräche anbieten, jeweils dienstags um 15 Uhr. Passt das?",
    "Bitte fragen Sie im neuen Quartal wieder an, dann weiß ich mehr.",
    "Ein Platz in der Gruppe am Mittwochabend ist frei. Einzelplätze habe ich im Moment keine.",
)

NOTE = """Vielen Dank für Ihre Nachricht. Die Praxis ist bis einschließlich {until:%d.%m.%Y} geschlossen.
Ihre E-Mail wird nicht weitergeleitet.
"""

REPORT = """\
From: Mail Delivery System <MAILER-DAEMON@mx.{domain}>
To: {sender}
Subject: Undelivered Mail Returned to Sender
Date: {date}
Message-ID: {message_id}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

<{recipient}>: host mx.{domain} said: 550 5.1.1 User unknown

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.{domain}

Final-Recipient: rfc822; {recipient}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: User unknown

--report
Content-Type: text/rfc822-headers

From: {sender}
To: {recipient}
Subject: {subject}
Message-ID: {original}

--report--
"""


@dataclass(frozen=True, slots=True)
class PracticeAnswer:
    """A message that comes back, and how long after the mail."""

    message: bytes
    after: timedelta


def answer_of(recipient: str, sender: str, mail: bytes, now: datetime) -> PracticeAnswer | None:
    """Return what comes back for a mail to a practice; None where nothing does.

    Args:
        recipient: the practice's address.
        sender: the mail's envelope sender.
        mail: the mail.
        now: when it arrived.
    """
    original = BytesParser(policy=default).parsebytes(mail)
    mark = crc32(recipient.encode())
    if recipient == DEAD:
        return _after("bounce", mark, _report(recipient, sender, original, now))
    if recipient == ON_HOLIDAY:
        headers = {"Subject": "Abwesenheitsnotiz", "Auto-Submitted": "auto-replied", "Precedence": "bulk"}
        note = NOTE.format(until=now + HOLIDAY)
        return _after("holiday", mark, _reply(recipient, original, now, note, headers))
    if mark % 3:
        return None
    words = f"{ANSWERS[mark % len(ANSWERS)]}\n\n{original['From']} schrieb:\n{_quoted(original)}"
    return _after("reply", mark, _reply(recipient, original, now, words, {}))


def _after(kind: str, mark: int, message: bytes) -> PracticeAnswer:
    return PracticeAnswer(message, timedelta(seconds=SECONDS[kind] + mark % SPREAD_SECONDS))


def _reply(
    recipient: str, original: EmailMessage, now: datetime, words: str, headers: Mapping[str, str]
) -> bytes:
    reply = EmailMessage(policy=SMTP)
    fields = {
        "From": recipient,
        "To": str(original["Reply-To"] or original["From"]),
        "Subject": f"AW: {original['Subject']}",
        "Date": format_datetime(now),
        "Message-ID": make_msgid(domain=_domain(recipient)),
        "In-Reply-To": str(original["Message-ID"]),
        "References": str(original["Message-ID"]),
    }
    for name, value in (fields | dict(headers)).items():
        reply[name] = value
    reply.set_content(words)
    return reply.as_bytes()


def _report(recipient: str, sender: str, original: EmailMessage, now: datetime) -> bytes:
    domain = _domain(recipient)
    report = REPORT.format(
        recipient=recipient,
        sender=sender,
        domain=domain,
        date=format_datetime(now),
        message_id=make_msgid(domain=domain),
        subject="Anfrage",
        original=original["Message-ID"],
    )
    return report.replace("\n", "\r\n").encode()


def _quoted(original: EmailMessage) -> str:
    part = original.get_body(("plain",))
    lines = str(part.get_content()).splitlines() if part is not None else []
    return "".join(f"> {line}\n" for line in lines)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
