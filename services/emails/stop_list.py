"""Addresses nobody writes to: dead ones, and those of people who want no mail. A person releases them.

A dead address gets here by a bounce that says so, or by a person; a full mailbox, a delay or a refusal for
reasons of policy never leads here.
"""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from services.emails.addresses import is_address, normalized_address
from services.errors import Conflict, FieldError, InvalidInput, NotFound
from services.hints import INCOMING
from services.models import Email, Incoming, StopEntry, StopReason
from services.pagination import Page, PageRequest
from services.work import Action, Transaction, Work

STOPPED: dict[StopReason, str] = {
    StopReason.DEAD: "On the stop list since %(since)s: mail to this address can't be delivered.",
    StopReason.UNWANTED: "On the stop list since %(since)s: no mail is wanted at this address.",
}


IN_FORCE = select(StopEntry).where(StopEntry.aufgehoben_at.is_(None))
HOW_MANY = IN_FORCE.with_only_columns(func.count())
LATEST = IN_FORCE.order_by(StopEntry.seit.desc(), StopEntry.id.desc())

NOT_STOPPED = ~(
    select(StopEntry.id)
    .where(StopEntry.adresse == func.lower(Email.empfaenger_email), StopEntry.aufgehoben_at.is_(None))
    .exists()
)
"""Of an e-mail: that its recipient is not on the list."""


class Stopped(Conflict):
    """This address is on the stop list since %(since)s: nothing is sent to it until it is released."""


class NotStopped(NotFound):
    """This address is not on the stop list (any more)."""


async def is_stopped(tx: Transaction, address: str) -> StopEntry | None:
    """Return the entry because of which nobody writes to an address, in whatever case it is spelled."""
    return await tx.session.scalar(IN_FORCE.where(StopEntry.adresse == spelling(address)))


async def refuse_stopped(tx: Transaction, field: str, address: str) -> None:
    """Refuse an address nobody writes to.

    Raises:
        InvalidInput: says why and since when.
    """
    if entry := await is_stopped(tx, address):
        raise InvalidInput(stopped_error(field, entry.grund, entry.seit))


async def keep_from_stopped(tx: Transaction, email: Email) -> None:
    """Refuse to queue an e-mail to an address nobody writes to.

    Raises:
        Stopped: says since when.
    """
    if entry := await is_stopped(tx, email.empfaenger_email):
        raise Stopped(since=_instant(entry.seit))


def stopped_error(field: str, reason: str, since: datetime) -> FieldError:
    """Return what is wrong with an address on the stop list."""
    return FieldError(field, STOPPED[StopReason(reason)], (("since", _instant(since)),))


async def stop(
    tx: Transaction,
    address: str,
    reason: StopReason,
    *,
    email: Email | None = None,
    incoming: Incoming | None = None,
) -> StopEntry | None:
    """Write to an address no more; returns None where nobody does anyway."""
    entry = await tx.session.scalar(
        insert(StopEntry)
        .values(
            adresse=spelling(address),
            grund=reason,
            seit=tx.now,
            email_id=email.id if email else None,
            eingang_id=incoming.id if incoming else None,
            gesperrt_von=tx.actor.staff_id,
        )
        .on_conflict_do_nothing()
        .returning(StopEntry)
    )
    if entry is not None:
        tx.record(Action.ADDRESS_STOPPED, entry, grund=reason.value)
        tx.wake(INCOMING)
    return entry


async def stop_address(work: Work, address: str, reason: StopReason) -> StopEntry:
    """Put an address on the stop list because a person says so; one that is there stays as it is.

    Raises:
        InvalidInput: names `adresse`: it is no address.
    """
    if not is_address(address):
        raise InvalidInput(FieldError("adresse", "Give a complete e-mail address such as praxis@example.de."))
    async with work.transaction() as tx:
        return await stop(tx, address, reason) or await _existing(tx, address)


async def release(work: Work, entry_id: int) -> StopEntry:
    """Allow writing to an address again.

    Raises:
        NotStopped: no such entry is in force.
    """
    async with work.transaction() as tx:
        return await release_locked(tx, entry_id)


async def release_locked(tx: Transaction, entry_id: int) -> StopEntry:
    """Allow writing to an address again, in the running transaction.

    Raises:
        NotStopped: no such entry is in force.
    """
    entry = await tx.locked(StopEntry, entry_id, missing=NotStopped)
    if entry.aufgehoben_at is not None:
        raise NotStopped
    entry.aufgehoben_at, entry.aufgehoben_von = tx.now, tx.actor.staff_id
    tx.record(Action.ADDRESS_RELEASED, entry)
    tx.wake(INCOMING)
    return entry


async def list_stopped(work: Work, request: PageRequest, *, address: str | None = None) -> Page[StopEntry]:
    """Return addresses on the stop list, those stopped last first; `address` looks for one."""
    async with work.transaction() as tx:
        return await read_stopped(tx, request, address=address)


async def read_stopped(
    tx: Transaction, request: PageRequest, *, address: str | None = None
) -> Page[StopEntry]:
    """Return the same in a transaction that has begun."""
    number, rows = HOW_MANY, LATEST
    if address is not None:
        this = StopEntry.adresse == spelling(address)
        number, rows = number.where(this), rows.where(this)
    total = await tx.session.scalar(number) or 0
    shown = rows.limit(request.limit).offset(request.offset)
    return Page(list(await tx.session.scalars(shown)) if total else [], request, total)


def spelling(address: str) -> str:
    """Return an address as the list has it: in lower case, its domain in its own script."""
    return (normalized_address(address) if is_address(address) else address.strip()).lower()


def _instant(since: datetime) -> str:
    return f"{since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


async def _existing(tx: Transaction, address: str) -> StopEntry:
    entry = await is_stopped(tx, address)
    assert entry
    return entry
