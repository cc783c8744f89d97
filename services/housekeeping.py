"""Removes what nobody needs any more: ended logins, forgotten drafts, domains that were slow long ago."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete

from services.accounts.staff import remove_expired_sessions
from services.models import Draft, MailDomain
from shared.clock import Clock
from shared.database import SessionFactory, transaction

EVERY_SECONDS = 600
DRAFTS_KEPT = timedelta(days=30)

SLOWNESS_KEPT = timedelta(days=1)
"""A recipient domain that asks for patience again after this long begins with a short wait."""

log = structlog.get_logger(__name__)


class Housekeeping:
    """Tidies up now and then; several at once do no harm."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def run(self) -> None:
        """Tidy up until cancelled."""
        while True:
            await self.tidy()
            await asyncio.sleep(EVERY_SECONDS)

    async def tidy(self) -> None:
        """Remove what has ended or been left untouched for as long as is said above."""
        now = self._clock()
        async with self._sessions() as session:
            logins = await remove_expired_sessions(session, now=now)
        async with transaction(self._sessions) as session:
            drafts = await session.execute(
                delete(Draft).where(Draft.updated_at < now - DRAFTS_KEPT).returning(Draft.id)
            )
            removed = len(drafts.all())
            await session.execute(delete(MailDomain).where(MailDomain.slow_until < now - SLOWNESS_KEPT))
        if logins or removed:
            log.info("tidied", sessions=logins, drafts=removed)
