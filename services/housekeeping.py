"""Removes what nobody needs any more: ended logins, forgotten drafts, old notes, keys, freed times."""

from datetime import timedelta

import structlog
from sqlalchemy import delete, select

from services.accounts.login_tries import remove_old_tries
from services.accounts.rate_limits import remove_old_minutes
from services.accounts.sessions import remove_expired_sessions
from services.models import Draft, IdempotencyKey, MailDomain
from services.scheduling.freed_times import remove_freed_times
from services.shifts.notes import remove_old_notes
from services.work import Work, Workplace
from shared.supervision import take_turns

EVERY_SECONDS = 600
DRAFTS_KEPT = timedelta(days=30)

KEYS_KEPT = timedelta(days=90)
"""How long a repeated request is known as one."""

KEYS_AT_ONCE = 10_000

SLOWNESS_KEPT = timedelta(days=1)
"""A recipient domain that asks for patience again after this long begins with a short wait."""

log = structlog.get_logger(__name__)


class Housekeeping:
    """Tidies up now and then; several at once do no harm."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    async def run(self) -> None:
        """Tidy up until cancelled."""
        await take_turns(self.tidy, rest_seconds=EVERY_SECONDS)

    async def tidy(self) -> None:
        """Remove what has ended or been left untouched for as long as is said above."""
        async with self._workplace.work() as work:
            logins = await remove_expired_sessions(work)
            async with work.transaction() as tx:
                drafts = await tx.session.execute(
                    delete(Draft).where(Draft.updated_at < tx.now - DRAFTS_KEPT).returning(Draft.id)
                )
                removed = len(drafts.all())
                ended = MailDomain.slow_until < tx.now - SLOWNESS_KEPT
                await tx.session.execute(delete(MailDomain).where(ended))
                await remove_old_tries(tx)
                await remove_old_minutes(tx)
                await remove_old_notes(tx)
                await remove_freed_times(tx)
            keys = await _remove_old_keys(work)
        if logins or removed or keys:
            log.info("tidied", sessions=logins, drafts=removed, idempotency_keys=keys)


async def _remove_old_keys(work: Work) -> int:
    """Delete idempotency keys in short transactions and return how many."""
    old = select(IdempotencyKey.id).where(IdempotencyKey.created_at < work.now - KEYS_KEPT)
    some = delete(IdempotencyKey).where(IdempotencyKey.id.in_(old.limit(KEYS_AT_ONCE)))
    removed = rounds = 0
    while removed == rounds * KEYS_AT_ONCE:
        async with work.transaction() as tx:
            removed += len((await tx.session.execute(some.returning(IdempotencyKey.id))).all())
        rounds += 1
    return removed
