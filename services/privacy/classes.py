"""The classes of what is held, and of each: what is too old, and what of that is still needed.

Never blanked is what is still to be sent or unclear, what waits for a person, and what a call or message that
is still open is about: however old it is.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from services.models import (
    Activity,
    Base,
    CallEmail,
    CallStatus,
    Email,
    EmailStatus,
    Incoming,
    IncomingState,
    PhoneCall,
    Unsent,
)
from services.models import emails as emails_table
from services.models import phone_calls as calls_table
from services.models import staff as staff_table
from services.work import Moment
from shared.config import Settings


class DataClass(StrEnum):
    """A class of data with a time of its own."""

    EMAILS = "emails"
    """Those that were sent or have failed."""
    DRAFTS = "drafts"
    """E-mails that were written and never sent."""
    INCOMING = "incoming"
    CALLS = "calls"
    ACTIVITY = "activity"


Months = Mapping[DataClass, int]
"""For how many months each class is kept; 0 for ever."""


def retention_of(config: Settings) -> Months:
    """Read from the settings how long each class is kept."""
    return {
        DataClass.EMAILS: config.retention_emails_months,
        DataClass.DRAFTS: config.retention_drafts_months,
        DataClass.INCOMING: config.retention_incoming_months,
        DataClass.CALLS: config.retention_calls_months,
        DataClass.ACTIVITY: config.retention_activity_months,
    }


@dataclass(frozen=True, slots=True)
class Held:
    """Rows of a class, as statements see them.

    Attributes:
        since: the column by whose index they are found.
        something: that there is something to blank; the condition of that index.
        last: when something happened last, by which their age counts.
        of_class: which of the table's rows are of the class.
        needed: that a row is not to be blanked, however old.
    """

    model: type[Base]
    since: ColumnElement[Any]
    something: str
    last: SQLColumnExpression[datetime]
    of_class: list[ColumnElement[bool]] = field(default_factory=list[ColumnElement[bool]])
    needed: ColumnElement[bool] | None = None

    @property
    def id(self) -> ColumnElement[Any]:
        """The rows' ids."""
        return self.model.__table__.c.id

    def too_old(self, before: datetime) -> list[ColumnElement[bool]]:
        """Return what holds for rows in which nothing has happened since an instant."""
        something = literal_column(f"({self.something})", Boolean)
        return [something, self.since < before, self.last < before, *self.of_class]

    def due(self, before: datetime) -> list[ColumnElement[bool]]:
        """Return what holds for those of them that nobody needs."""
        needless = [] if self.needed is None else [self.needed.is_not(true())]
        return [*self.too_old(before), *needless]


def held(data_class: DataClass, moment: Moment) -> Held:
    """Return the rows of a class."""
    match data_class:
        case DataClass.EMAILS:
            over = Email.status.in_((EmailStatus.SENT, EmailStatus.FAILED))
            expired = case((Email.fehlermeldung == Unsent.EXPIRED, Email.expires_at))
            last = func.greatest(Email.created_at, Email.send_at, Email.sent_at, Email.antwortdatum, expired)
            return _emails(over, last)
        case DataClass.DRAFTS:
            last = func.greatest(Email.created_at, Email.updated_at, Email.send_at)
            return _emails(Email.status == EmailStatus.DRAFT, last)
        case DataClass.INCOMING:
            waits = Incoming.zustand.in_(WAITING)
            about_needed = exists().where(Email.id == Incoming.email_id, or_(_on_its_way(), needs_email()))
            return Held(
                Incoming,
                Incoming.__table__.c.empfangen_at,
                "geloescht_at IS NULL",
                func.greatest(Incoming.empfangen_at, Incoming.created_at),
                needed=or_(waits, about_needed),
            )
        case DataClass.CALLS:
            return Held(
                PhoneCall,
                PhoneCall.__table__.c.created_at,
                calls_table.KEPT_SQL,
                func.greatest(PhoneCall.created_at, PhoneCall.abgeschlossen_at),
                needed=_needs_call(moment),
            )
        case DataClass.ACTIVITY:
            return Held(Activity, Activity.__table__.c.at, staff_table.KEPT_SQL, Activity.at)


WAITING = (IncomingState.OPEN, IncomingState.SUGGESTED)


def needs_email() -> ColumnElement[bool]:
    """Return that an e-mail that is over is still to be followed up, or about what is open."""
    followed_up = _has_call(calls_table.STANDS_FOR_FOLLOW_UP)
    suggested = Incoming.vorschlag["email_id"].as_integer()
    return or_(
        and_(~Email.antwort_erhalten, Email.nachverfolgung_erforderlich),
        and_(Email.awaits_follow_up, ~followed_up),
        _has_call(_open(PhoneCall)),
        exists().where(Incoming.email_id == Email.id, Incoming.zustand.in_(WAITING)),
        Email.id.in_(select(suggested).where(Incoming.zustand.in_(WAITING), suggested.is_not(None))),
    )


def _has_call(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return that there is such a call about an e-mail."""
    return exists().where(CallEmail.email_id == Email.id, PhoneCall.id == CallEmail.call_id, which)


def months_before(instant: datetime, months: int) -> datetime:
    """Return the same day and time some months ago, or that month's last day where it is shorter."""
    year, month = divmod(instant.year * 12 + instant.month - 1 - months, 12)
    day = min(instant.day, monthrange(year, month + 1)[1])
    return instant.replace(year=year, month=month + 1, day=day)


def _emails(of_class: ColumnElement[bool], last: SQLColumnExpression[datetime]) -> Held:
    return Held(Email, Email.__table__.c.created_at, emails_table.KEPT_SQL, last, [of_class], needs_email())


def _on_its_way() -> ColumnElement[bool]:
    return Email.status.in_((EmailStatus.QUEUED, EmailStatus.SENDING))


def _open(call: Any) -> ColumnElement[bool]:
    return or_(call.status == CallStatus.SCHEDULED, call.klaerung_noetig)


def _needs_call(moment: Moment) -> ColumnElement[bool]:
    """Return that a call that is over is still needed.

    It waits for a person or a day to ask again, can be undone, or one about the same is open, or one that
    carries it on.
    """
    other, its, others, lead = aliased(PhoneCall), aliased(CallEmail), aliased(CallEmail), aliased(PhoneCall)
    shared = and_(its.call_id == PhoneCall.id, others.email_id == its.email_id)
    same_email = and_(shared, other.id == others.call_id)
    return or_(
        and_(PhoneCall.klaerung_noetig),
        PhoneCall.rueckgaengig_bis > moment.now,
        PhoneCall.wieder_fragen_am >= moment.today,
        exists().where(lead.id == PhoneCall.gemeinsam_mit_id, lead.wieder_fragen_am >= moment.today),
        exists().where(same_email, _open(other)),
        PhoneCall.id.in_(_carried_on()),
    )


def _carried_on() -> Select[int]:
    """Select the calls that are open, those before them, and all settled together with any of these."""
    chain = _links(_open(PhoneCall)).cte("carried_on", recursive=True)
    nearest = union_all(
        _links(PhoneCall.id == chain.c.vorheriger_anruf_id),
        _links(PhoneCall.id == chain.c.gemeinsam_mit_id),
        _links(PhoneCall.gemeinsam_mit_id == chain.c.id),
    ).lateral()
    chain = chain.union(select(nearest).select_from(chain).join(nearest, true()))
    return select(chain.c.id)


def _links(which: ColumnElement[bool]) -> Select[int, int | None, int | None]:
    return select(PhoneCall.id, PhoneCall.vorheriger_anruf_id, PhoneCall.gemeinsam_mit_id).where(which)
