"""Where something about a therapist stands: by their id, and by addresses that are nobody else's here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from services.drafts import CALL, INCOMING, NEW_EMAIL, REPLY
from services.emails.stop_list import spelling
from services.errors import NotFound
from services.models import (
    Activity,
    Draft,
    Email,
    Incoming,
    OutboxEvent,
    PhoneCall,
    StopEntry,
    Therapist,
)
from services.work import OBJECTS, Transaction


class NothingHeld(NotFound):
    """Nothing is held about this therapist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What is held about a therapist; addresses as the stop list spells them, without shared ones."""

    therapist_id: int
    known: bool
    addresses: Sequence[str]
    emails: Sequence[int]
    incoming: Sequence[int]
    calls: Sequence[int]

    @property
    def drafts(self) -> ColumnElement[bool]:
        """What is being typed about them."""
        return or_(
            _typed(CALL, self.calls),
            _typed(REPLY, self.emails),
            _typed(INCOMING, self.incoming),
            _typed(NEW_EMAIL, [self.therapist_id]),
        )

    @property
    def activity(self) -> ColumnElement[bool]:
        """What was done to any of it."""
        return or_(
            _done_to(OBJECTS[Therapist], [self.therapist_id]),
            _done_to(OBJECTS[Email], self.emails),
            _done_to(OBJECTS[PhoneCall], self.calls),
            _done_to(OBJECTS[Incoming], self.incoming),
        )

    @property
    def events(self) -> ColumnElement[bool]:
        """What other services were, or are to be, told of it."""
        keys = [f"email:{each}" for each in self.emails] + [f"call:{each}" for each in self.calls]
        return OutboxEvent.key.in_(keys)

    @property
    def stop_entries(self) -> ColumnElement[bool]:
        """Their addresses on the stop list, also those released."""
        return StopEntry.adresse.in_(self.addresses)


async def holdings_of(tx: Transaction, therapist_id: int) -> Holdings:
    """Return where something about a therapist stands.

    Messages count that belong to them, to one of their e-mails, or to nobody and come from their address.

    Raises:
        NothingHeld: nowhere.
    """
    emails = await _ids(tx, select(Email.id).where(Email.therapist_id == therapist_id))
    calls = await _ids(tx, select(PhoneCall.id).where(PhoneCall.therapist_id == therapist_id))
    known = await tx.session.get(Therapist, therapist_id, populate_existing=True)
    addresses = await _own_addresses(tx, therapist_id)
    from_them = and_(
        Incoming.therapist_id.is_(None),
        Incoming.email_id.is_(None),
        func.lower(Incoming.absender).in_(addresses),
    )
    belong = or_(Incoming.therapist_id == therapist_id, Incoming.email_id.in_(emails), from_them)
    incoming = await _ids(tx, select(Incoming.id).where(belong))
    if known is None and not (emails or calls or incoming):
        raise NothingHeld
    return Holdings(
        therapist_id=therapist_id,
        known=known is not None,
        addresses=addresses,
        emails=emails,
        incoming=incoming,
        calls=calls,
    )


async def _own_addresses(tx: Transaction, therapist_id: int) -> Sequence[str]:
    """Return the addresses they were written to at or have in the directory, but for those of others too."""
    written_to = select(Email.empfaenger_email).where(Email.therapist_id == therapist_id).distinct()
    in_directory = select(Therapist.email).where(Therapist.id == therapist_id)
    found = [*await tx.session.scalars(written_to), *await tx.session.scalars(in_directory)]
    addresses = {spelling(each) for each in found if each}
    others = await tx.session.scalars(
        select(func.lower(Therapist.email)).where(
            func.lower(Therapist.email).in_(addresses), Therapist.id != therapist_id
        )
    )
    return sorted(addresses - set(others))


async def _ids(tx: Transaction, query: Select[int]) -> Sequence[int]:
    return sorted(await tx.session.scalars(query))


def _typed(subject: str, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(Draft.gegenstand == subject, Draft.gegenstand_id.in_(ids))


def _done_to(kind: str, ids: Sequence[int]) -> ColumnElement[bool]:
    return and_(Activity.object_type == kind, Activity.object_id.in_(ids))
