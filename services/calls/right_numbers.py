"""The right phone number of a therapist whose number in the directory is wrong: no fetch overwrites it."""

from datetime import datetime

import msgspec

from services.errors import FieldError, InvalidInput, NotFound
from services.events.types import EventType
from services.hints import CALLS
from services.models import Therapist
from services.therapists.phone_numbers import PhoneNumber, dialable
from services.work import Action, Transaction, Work

FIELD = "richtige_nummer"
ONE_NUMBER = "Give one whole phone number, with its area code."
THE_SAME = "This is the number that was wrong."


class PhoneState(msgspec.Struct, frozen=True):
    """The desk's own number of a therapist at a time, and when it was noted; all None without one."""

    telefon_korrigiert: str | None
    telefon_korrigiert_e164: str | None
    telefon_korrigiert_at: datetime | None

    @classmethod
    def of(cls, therapist: Therapist) -> "PhoneState":
        """Return what is noted now."""
        return cls(
            therapist.telefon_korrigiert, therapist.telefon_korrigiert_e164, therapist.telefon_korrigiert_at
        )


NO_CORRECTION = PhoneState(None, None, None)


def read_right_number(text: str) -> PhoneNumber:
    """Return the one number at which a person may answer that somebody typed.

    Raises:
        InvalidInput: there is none, it is not whole, or there are several.
    """
    numbers = dialable(text)
    if len(numbers) != 1:
        raise InvalidInput(FieldError(FIELD, ONE_NUMBER))
    return numbers[0]


class PhoneChange(msgspec.Struct, frozen=True):
    """What taking back a number noted at an instant needs."""

    therapist_id: int
    at: datetime
    before: PhoneState


async def note_right_number(tx: Transaction, therapist_id: int, number: PhoneNumber) -> PhoneChange:
    """Note the right number of a therapist; the calendar is locked, or no call follows. Reports no event.

    Raises:
        InvalidInput: nobody here knows the therapist, or it is the only number there was.
    """
    try:
        therapist = await tx.locked(Therapist, therapist_id)
    except NotFound as error:
        raise InvalidInput(FieldError(FIELD, "This therapist is not in the directory.")) from error
    _check_another(therapist, number)
    before = PhoneState.of(therapist)
    _write(tx, therapist, PhoneState(_spelled(number), number.e164, tx.now))
    await tx.session.flush()
    return PhoneChange(therapist_id, tx.now, before)


async def take_back_number(tx: Transaction, change: PhoneChange) -> None:
    """Put back the number from before, unless somebody has noted another meanwhile."""
    therapist = await tx.locked(Therapist, change.therapist_id)
    if therapist.telefon_korrigiert_at == change.at:
        _write(tx, therapist, change.before)


async def correct_phone(work: Work, therapist_id: int, text: str, *, version: int) -> Therapist:
    """Note the right number of a therapist by hand; an empty text lets the directory's hold again.

    Raises:
        NotFound, StaleVersion: as named.
        InvalidInput: it is not one whole number, or the only one there was.
    """
    number = read_right_number(text) if text.strip() else None
    async with work.transaction() as tx:
        therapist = await tx.locked(Therapist, therapist_id, version=version)
        if number is not None:
            _check_another(therapist, number)
            _write(tx, therapist, PhoneState(_spelled(number), number.e164, tx.now))
        elif therapist.telefon_korrigiert is not None:
            _write(tx, therapist, NO_CORRECTION)
        else:
            return therapist
        await tx.session.flush()
        tx.report(EventType.THERAPIST_PHONE_CORRECTED, therapist)
    return therapist


def _check_another(therapist: Therapist, number: PhoneNumber) -> None:
    if dialable(therapist.phone) == (number,):
        raise InvalidInput(FieldError(FIELD, THE_SAME))


def _write(tx: Transaction, therapist: Therapist, state: PhoneState) -> None:
    """Put a locked therapist's own number into a state, and note that it changed."""
    therapist.telefon_korrigiert = state.telefon_korrigiert
    therapist.telefon_korrigiert_e164 = state.telefon_korrigiert_e164
    therapist.telefon_korrigiert_at = state.telefon_korrigiert_at
    therapist.version += 1
    tx.record(
        Action.PHONE_CORRECTED if state.telefon_korrigiert else Action.PHONE_CORRECTION_LIFTED, therapist
    )
    tx.wake(CALLS)


def _spelled(number: PhoneNumber) -> str:
    return f"{number.spelled} App. {number.extension}" if number.extension else number.spelled
