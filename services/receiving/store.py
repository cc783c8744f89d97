"""Takes messages of the mailbox in: each is one row and has one effect, whatever is killed when.

Row, cursor and effect are one transaction. A message is known by its place in the mailbox and by its octets;
where the mailbox has been numbered anew, also by its Message-ID with sender, subject and text.
"""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

import structlog
from sqlalchemy import and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert

from services.emails.states import locked_email
from services.emails.stop_list import spelling
from services.hints import INCOMING
from services.models import Email, Incoming, IncomingKind, IncomingState, MailboxCursor
from services.models.incoming import hashed_id
from services.receiving.bounces import Bounce
from services.receiving.bounds import Unreadable
from services.receiving.candidates import suggestion, sure_match
from services.receiving.effects import NOBODYS, settle_by_itself
from services.receiving.headers import Headers, Mailbox
from services.receiving.message import content_hash, read_head
from services.receiving.understanding import OurSide, Understood, understand
from services.work import Action, Transaction, Work

KNOWN_BY = ("message_id", "absender", "betreff", "text")
NO_HEADERS = Headers({}, Mailbox("", ""))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message lies: UIDs hold under one UIDVALIDITY only (RFC 9051, 2.3.1.1)."""

    postfach: str
    uidvalidity: int
    uid: int


@dataclass(frozen=True, slots=True)
class _Read:
    """A message as far as it could be read; without `understood` it is unreadable, and `why` says why."""

    headers: Headers
    content_hash: bytes
    understood: Understood | None
    why: str = ""

    @classmethod
    def of(cls, raw: bytes, us: OurSide, received: datetime, unreadable: str) -> Self:
        """Read a message; may take seconds."""
        known_by = bytes.fromhex(content_hash(raw))
        if unreadable:
            return cls(_head(raw), known_by, None, unreadable)
        try:
            understood = understand(raw, us=us, received=received)
        except Unreadable as trouble:
            log.warning("message_unreadable", reason=trouble.reason, exc_info=trouble.__cause__ is not None)
            return cls(_head(raw), known_by, None, trouble.reason)
        return cls(understood.message.headers, known_by, understood)


async def take_in(
    work: Work, place: Place, raw: bytes, received: datetime, *, us: OurSide, unreadable: str = ""
) -> Incoming | None:
    """Store a message and the cursor, and do what is certain; None where it is known already.

    Args:
        work: who takes it in.
        place: where it lies.
        raw: its octets.
        received: when it came into the mailbox.
        us: what is ours.
        unreadable: where `raw` is no more than its header or what stands for it, why.
    """
    read = await asyncio.to_thread(_Read.of, raw, us, received, unreadable)
    async with work.transaction() as tx:
        await _advance(tx, place, received)
        incoming = await _insert(tx, place, read, received)
        if incoming is None:
            return None
        if read.understood is not None:
            await _match(tx, incoming, read.understood)
        tx.wake(INCOMING)
    return incoming


async def cursor_of(work: Work, postfach: str) -> MailboxCursor | None:
    """Return how far a mailbox is read; None where it never was."""
    async with work.transaction() as tx:
        return await tx.session.get(MailboxCursor, postfach, populate_existing=True)


async def begin_mailbox(work: Work, postfach: str, uidvalidity: int, since: date) -> None:
    """Read a mailbox from its first message of a day on, under a UIDVALIDITY; what is known stays so."""
    values = {"uidvalidity": uidvalidity, "uid": 0, "seit": since}
    statement = insert(MailboxCursor).values(postfach=postfach, **values)
    async with work.transaction() as tx:
        await tx.session.execute(
            statement.on_conflict_do_update(
                index_elements=[MailboxCursor.postfach],
                set_=values,
                where=MailboxCursor.uidvalidity != uidvalidity,
            )
        )


async def _advance(tx: Transaction, place: Place, received: datetime) -> None:
    """Let the cursor stand behind a message, and readers of the mailbox take turns."""
    statement = insert(MailboxCursor).values(
        postfach=place.postfach,
        uidvalidity=place.uidvalidity,
        uid=place.uid,
        seit=tx.rules.today(received),
        zuletzt_at=tx.now,
    )
    await tx.session.execute(
        statement.on_conflict_do_update(
            index_elements=[MailboxCursor.postfach],
            set_={"uid": func.greatest(MailboxCursor.uid, place.uid), "zuletzt_at": tx.now},
            where=MailboxCursor.uidvalidity == place.uidvalidity,
        )
    )


async def _insert(tx: Transaction, place: Place, read: _Read, received: datetime) -> Incoming | None:
    """Insert a message as nobody has dealt with it yet; None where it is known."""
    values = _columns(read) | {
        "postfach": place.postfach,
        "uidvalidity": place.uidvalidity,
        "uid": place.uid,
        "inhalt_hash": read.content_hash,
        "empfangen_at": received,
        "created_at": tx.now,
    }
    if await _came_under_other_number(tx, place, values):
        return None
    return await tx.session.scalar(
        insert(Incoming).values(values).on_conflict_do_nothing().returning(Incoming)
    )


async def _came_under_other_number(tx: Transaction, place: Place, values: dict[str, Any]) -> bool:
    """Whether a message was there before the mailbox was numbered anew, if in other octets."""
    if values["message_id"] is None:
        return False
    other = or_(Incoming.postfach != place.postfach, Incoming.uidvalidity != place.uidvalidity)
    same = and_(*(getattr(Incoming, name) == values[name] for name in KNOWN_BY))
    blanked = Incoming.message_id == hashed_id(values["message_id"])
    known = select(Incoming.id).where(or_(same, blanked), other).limit(1)
    return await tx.session.scalar(known) is not None


def _columns(read: _Read) -> dict[str, Any]:
    """Return what a message says, as its row keeps it."""
    headers, understood = read.headers, read.understood
    columns: dict[str, Any] = {
        "message_id": headers.message_id,
        "absender": headers.sender.address,
        "absender_name": headers.sender.name,
        "betreff": headers.subject,
        "zustand": IncomingState.OPEN,
        "text": "",
    }
    if understood is None:
        return columns | {"art": IncomingKind.UNREADABLE, "serverworte": read.why}
    message, bounce = understood.message, understood.bounce
    return columns | {
        "art": understood.kind,
        "text": message.text,
        "worte": understood.words,
        "anhaenge": [{"name": each.name, "size": each.size} for each in message.attachments],
        "wieder_da_am": understood.back_on,
        "serverworte": _server_words(bounce) if bounce else None,
        "adresse_tot": next(iter(bounce.dead), None) if bounce else None,
    }


def _server_words(bounce: Bounce) -> str | None:
    """Return what the refusing server said of the recipient the report is about."""
    told = next((each for each in bounce.recipients if each.action is bounce.action), None)
    if told is None:
        return None
    named = told.status if told.status not in told.diagnostic else ""
    return f"{named} {told.diagnostic}".strip() or None


async def _match(tx: Transaction, incoming: Incoming, understood: Understood) -> None:
    """Say what a message belongs to, and do what follows where that is sure."""
    keys, bounce = understood.keys, understood.bounce
    email_id = await sure_match(tx, keys, is_report=bounce is not None)
    if email_id is not None:
        email = await locked_email(tx, email_id)
        if bounce is not None:
            incoming.adresse_tot = _dead_among(bounce, email) or incoming.adresse_tot
        await settle_by_itself(tx, incoming, email)
        tx.record(Action.INCOMING_MATCHED, incoming, art=incoming.art, email_id=email_id)
    elif incoming.art in NOBODYS:
        incoming.zustand = IncomingState.ASIDE
    else:
        incoming.vorschlag = await suggestion(tx, keys, f"{incoming.betreff}\n{incoming.text}")
        if incoming.vorschlag is not None:
            incoming.zustand = IncomingState.SUGGESTED


def _dead_among(bounce: Bounce, email: Email) -> str | None:
    """Return the e-mail's recipient, if the report says that nobody is behind that address."""
    recipient = spelling(email.empfaenger_email)
    return next((address for address in bounce.dead if spelling(address) == recipient), None)


def _head(raw: bytes) -> Headers:
    try:
        return read_head(raw)
    except Unreadable:
        return NO_HEADERS
