"""Removes what nobody needs any more: ended logins, forgotten drafts, domains that were slow long ago."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete

from services.accounts.staff import remove_expired_sessions
from services.models import Draft, MailDomain
from services.work import Workplace

EVERY_SECONDS = 600
DRAFTS_KEPT = timedelta(days=30)

SLOWNESS_KEPT = timedelta(days=1)
"""A recipient domain that asks for patience again after this long begins with a short wait."""

log = structlog.get_logger(__name__)


class Housekeeping:
    """Tidies up now and then; several at once do no harm."""

    def __init__(self, workplace: Workplace) -> None:
        self._workplace = workplace

    async def run(self) -> None:
        """Tidy up until cancelled."""
        while True:
            await self.tidy()
            await asyncio.sleep(EVERY_SECONDS)

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
        if logins or removed:
            log.info("tidied", sessions=logins, drafts=removed)
