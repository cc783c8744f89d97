"""What is told of something that came back for an e-mail, and what recording it did."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.checks import check_body, check_note
from services.emails.consequences import Consequences
from services.errors import FieldError, InvalidInput
from services.models import Email, PhoneCall, ReplyKind, StopEntry
from services.therapists.absence import check_return
from services.work import Moment

CLOCKS_APART = timedelta(minutes=5)


IN_THE_FUTURE = "This lies in the future."


BEFORE_THE_EMAIL = "This lies before the e-mail was created."


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came back; a naive `eingang` is local time, none means now.

    `rueckkehr` is the day somebody is back and belongs to an out-of-office note; `adresse_tot` says that
    nobody is behind the recipient's address, and belongs to what is undeliverable.
    """

    art: ReplyKind = ReplyKind.REPLY
    eingang: datetime | None = None
    inhalt: str | None = None
    rueckkehr: date | None = None
    adresse_tot: bool = False
    nachverfolgung_erforderlich: bool | None = None
    nachverfolgung_notizen: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyEffect:
    """What recording a reply did, or would do."""

    email: Email
    art: ReplyKind
    canceled: PhoneCall | None = None
    """The call that is not made any more."""
    left: PhoneCall | None = None
    """The call that is made for other e-mails, and no more for this one."""
    moved: PhoneCall | None = None
    """The call that moves; in a preview still at its old time."""
    moves_from: date | None = None
    """From which day on it gets the first free time."""
    absent_until: date | None = None
    """The first day back, where the note makes the therapist absent."""
    others_moved: int = 0
    """How many other calls to the therapist an absence moves."""
    follow_up_from: date | None = None
    """No follow-up call before this day."""
    offer_call: bool = False
    """Whether staff should be offered to call right away."""
    stopped: StopEntry | None = None
    """The stop list's entry because of which nobody writes to the recipient any more."""
    consequences: Consequences | None = None
    """All that changed, so that it can be taken back; none in a preview."""


def check_reply(moment: Moment, email: Email, reply: Reply, eingang: datetime | None) -> None:
    """Refuse a reply to an e-mail whose fields can't be; `eingang` is aware.

    Raises:
        InvalidInput: names `antwortdatum`, `antwortinhalt`, `rueckkehr` or `nachverfolgung_notizen`.
    """
    errors = [
        *check_reply_date("antwortdatum", eingang, created_at=email.created_at, now=moment.now),
        *check_body("antwortinhalt", reply.inhalt or ""),
        *check_return("rueckkehr", reply.rueckkehr, today=moment.today),
        *check_note("nachverfolgung_notizen", reply.nachverfolgung_notizen),
    ]
    if errors:
        raise InvalidInput(*errors)


def check_reply_date(
    field: str, value: datetime | None, *, created_at: datetime, now: datetime
) -> list[FieldError]:
    """Return what is wrong with the instant a reply came in; another clock may be a little ahead."""
    if value is None:
        return []
    if value > now + CLOCKS_APART:
        return [FieldError(field, IN_THE_FUTURE)]
    return [FieldError(field, BEFORE_THE_EMAIL)] if value < created_at else []
