"""What recording a reply would do now, asked of the same rules; nothing is changed."""

from datetime import date

from services.calls.absences import foresee_absence
from services.emails.replies import follow_up_day
from services.emails.reply import ReplyEffect
from services.emails.states import existing_email
from services.follow_ups import pending as follow_ups
from services.models import Email, ReplyKind
from services.work import Transaction, Work


async def preview_reply(
    work: Work, email_id: int, art: ReplyKind, *, rueckkehr: date | None = None
) -> ReplyEffect:
    """Return what recording such a reply would do now.

    Raises:
        NoSuchEmail: there is none.
    """
    async with work.transaction() as tx:
        email = await existing_email(tx, email_id)
        match art:
            case ReplyKind.REPLY:
                return await _answer(tx, email)
            case ReplyKind.OUT_OF_OFFICE:
                return await _out_of_office(tx, email, rueckkehr)
            case ReplyKind.UNDELIVERABLE:
                return ReplyEffect(email=email, art=art, offer_call=True)


async def _answer(tx: Transaction, email: Email) -> ReplyEffect:
    pending = await follow_ups.pending_call(tx, email.id)
    stays = pending is not None and await follow_ups.stays_for_others(tx, pending, email.id)
    return ReplyEffect(
        email=email,
        art=ReplyKind.REPLY,
        canceled=None if stays else pending,
        left=pending if stays else None,
    )


async def _out_of_office(tx: Transaction, email: Email, rueckkehr: date | None) -> ReplyEffect:
    """Foresee an absence; of an answered e-mail only that, for the note is no news about it."""
    not_before = follow_up_day(tx, email, rueckkehr)
    absence = await foresee_absence(tx, email.therapist_id, rueckkehr)
    early = await follow_ups.planned_too_early(tx, email.id, not_before, moved=absence.calls)
    moved = next(iter((*early.alone, *early.shared)), None)
    postponed = {call.id for call in early.alone}
    others = absence.calls - postponed - ({moved.id} if moved else set())
    return ReplyEffect(
        email=email,
        art=ReplyKind.OUT_OF_OFFICE,
        moved=moved,
        moves_from=not_before if moved in early.alone else absence.back_on,
        left=next(iter(early.left), None),
        follow_up_from=not_before,
        absent_until=absence.back_on,
        others_moved=len(others),
    )
