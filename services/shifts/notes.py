"""Notes for the next shift: shown to all staff to the end of the next working day, or until taken down.

Then they are deleted; the activity log keeps who left and took down one, never its text.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Date, bindparam, delete, select

from services.checks import is_blank, is_text
from services.errors import FieldError, InvalidInput
from services.hints import NOTES
from services.models import ShiftNote, Staff
from services.scheduling.phone_hours import is_holiday
from services.work import Action, Moment, Transaction, Work
from shared.plain_rows import PlainQuery

LONGEST_NOTE = 2_000
SHOWN_AT_MOST = 20
SATURDAY = 5


IN_DATE = (
    select(ShiftNote.id, ShiftNote.text, Staff.name, ShiftNote.created_at, ShiftNote.gilt_bis)
    .join(Staff, Staff.id == ShiftNote.staff_id)
    .where(ShiftNote.gilt_bis >= bindparam("today", type_=Date))
    .order_by(ShiftNote.id.desc())
    .limit(SHOWN_AT_MOST)
)
"""What `Note` is made of, of the notes that are in date on the day `today`."""

ALL_IN_DATE = PlainQuery(IN_DATE)


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it is shown; the columns of `IN_DATE`."""

    id: int
    text: str
    who: str
    at: datetime
    until: date


async def leave_note(work: Work, text: str) -> ShiftNote:
    """Leave a note to whoever works next.

    Raises:
        InvalidInput: it says nothing, or too much.
    """
    text = text.strip()
    if is_blank(text) or not is_text(text):
        raise InvalidInput(FieldError("uebergabe", "Write down what the next shift should know."))
    if len(text) > LONGEST_NOTE:
        raise InvalidInput(
            FieldError("uebergabe", "At most %(limit)s characters.", (("limit", LONGEST_NOTE),))
        )
    async with work.transaction() as tx:
        note = ShiftNote(staff_id=tx.staff_id, text=text, gilt_bis=next_working_day(tx), created_at=tx.now)
        tx.session.add(note)
        await tx.session.flush()
        tx.record(Action.SHIFT_NOTE_LEFT, note)
        tx.wake(NOTES)
    return note


async def take_down(work: Work, note_id: int) -> None:
    """Delete a note for everybody; nothing happens where somebody has done so before."""
    async with work.transaction() as tx:
        gone = await tx.session.scalar(
            delete(ShiftNote).where(ShiftNote.id == note_id).returning(ShiftNote.id)
        )
        if gone is not None:
            tx.record_id(Action.SHIFT_NOTE_TAKEN_DOWN, ShiftNote, note_id)
            tx.wake(NOTES)


async def list_notes(work: Work) -> list[Note]:
    """Return the notes that are in date, the latest first."""
    async with work.transaction() as tx:
        return [Note(*row) for row in await tx.rows(ALL_IN_DATE, today=tx.today)]


async def remove_old_notes(tx: Transaction) -> None:
    """Delete what is out of date."""
    await tx.session.execute(delete(ShiftNote).where(ShiftNote.gilt_bis < tx.today))


def next_working_day(moment: Moment) -> date:
    """Return the first day after today that is neither at a weekend nor a holiday where the desk is."""
    day = moment.today + timedelta(days=1)
    while day.weekday() >= SATURDAY or is_holiday(day, moment.rules.holiday_state):
        day += timedelta(days=1)
    return day
