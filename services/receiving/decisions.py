"""What a person does about a message of the mailbox.

They accept what is suggested, say what it is and belongs to, put it aside, and take all of that back. What
follows each time is `services.receiving.effects`'.
"""

from dataclasses import dataclass

from services.emails.reply import ReplyEffect
from services.emails.taking_back import lock_to_take_back
from services.errors import Conflict, NotFound
from services.hints import INCOMING
from services.models import Incoming, IncomingKind, IncomingState
from services.receiving.effects import Correction, settle, take_effects_back
from services.work import Action, Transaction, Work


class NoSuchMessage(NotFound):
    """There is no such message."""


class MessageErased(Conflict):
    """The text of this message has been deleted, so there is nothing left to decide about."""


class NothingSuggested(Conflict):
    """Nothing is suggested for this message (any more)."""


@dataclass(frozen=True, slots=True)
class Handled:
    """A message as it is now, and what followed for the e-mail; None where nothing did."""

    incoming: Incoming
    effect: ReplyEffect | None


async def accept(work: Work, incoming_id: int, *, version: int | None = None) -> Handled:
    """Do what is suggested for a message.

    Raises:
        NoSuchMessage: there is none.
        NothingSuggested: it is not one with a suggestion.
        InvalidInput: names `art`: a person has to say first what it is.
        NotInThisState: the e-mail is a draft.
        StaleVersion: somebody dealt with it after `version` was read.
    """
    async with work.transaction() as tx:
        incoming = await _locked(tx, incoming_id, version)
        suggested = incoming.vorschlag or {}
        if incoming.zustand != IncomingState.SUGGESTED or not suggested:
            raise NothingSuggested
        said = Correction(
            art=IncomingKind(incoming.art),
            email_id=_number(suggested.get("email_id")),
            therapist_id=_number(suggested.get("therapist_id")),
            wieder_da_am=incoming.wieder_da_am,
        )
        effect = await settle(tx, incoming, said)
        _finish(tx, incoming, Action.INCOMING_MATCHED)
    return Handled(incoming, effect)


async def correct(work: Work, incoming_id: int, said: Correction, *, version: int | None = None) -> Handled:
    """Take back what followed from a message and do what follows from what a person says of it.

    Raises:
        NoSuchMessage: there is none.
        InvalidInput: names `art`, `email_id`, `therapist_id` or `wieder_da_am`; nothing is changed.
        NotInThisState: the e-mail is a draft.
        StaleVersion: somebody dealt with it after `version` was read.
    """
    async with work.transaction() as tx:
        incoming = await _locked(tx, incoming_id, version, email_id=said.email_id)
        await take_effects_back(tx, incoming)
        effect = await settle(tx, incoming, said)
        _finish(tx, incoming, Action.INCOMING_CORRECTED)
    return Handled(incoming, effect)


async def put_aside(work: Work, incoming_id: int, *, version: int | None = None) -> Handled:
    """Take back what followed from a message, and let nobody have to look at it any more.

    Raises:
        NoSuchMessage, StaleVersion: as `correct`.
    """
    async with work.transaction() as tx:
        incoming = await _locked(tx, incoming_id, version)
        await take_effects_back(tx, incoming)
        incoming.zustand = IncomingState.ASIDE
        _finish(tx, incoming, Action.INCOMING_ASIDE)
    return Handled(incoming, None)


async def undo(work: Work, incoming_id: int, *, version: int | None = None) -> Handled:
    """Take back what followed from a message; it is a person's turn again.

    Raises:
        NoSuchMessage, StaleVersion: as `correct`.
    """
    async with work.transaction() as tx:
        incoming = await _locked(tx, incoming_id, version)
        await take_effects_back(tx, incoming)
        incoming.zustand = IncomingState.SUGGESTED if incoming.vorschlag else IncomingState.OPEN
        _finish(tx, incoming, Action.INCOMING_UNDONE)
    return Handled(incoming, None)


async def _locked(
    tx: Transaction, incoming_id: int, version: int | None, *, email_id: int | None = None
) -> Incoming:
    """Lock the e-mails a message belongs to, may belong to and is to belong to, and then itself."""
    seen = await tx.existing(Incoming, incoming_id, missing=NoSuchMessage)
    belongs_to = seen.email_id
    suggested = _number((seen.vorschlag or {}).get("email_id"))
    await lock_to_take_back(tx, belongs_to, suggested, email_id, therapist_id=seen.therapist_id)
    incoming = await tx.locked(Incoming, incoming_id, version=version, missing=NoSuchMessage)
    if incoming.email_id != belongs_to:
        raise await tx.stale(Incoming, incoming_id)
    if incoming.geloescht_at is not None:
        raise MessageErased
    return incoming


def _finish(tx: Transaction, incoming: Incoming, action: Action) -> None:
    incoming.version += 1
    tx.record(action, incoming, art=incoming.art, email_id=incoming.email_id)
    tx.wake(INCOMING)


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None
