"""Removes what nobody needs any more: ended logins and forgotten drafts."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete

from services.models import Draft
from services.staff import remove_expired_sessions
from shared.clock import Clock
from shared.database import SessionFactory, transaction

EVERY_SECONDS = 600
DRAFTS_KEPT = timedelta(days=30)

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
        """Remove sessions that have ended and drafts nobody has touched for a month."""
        now = self._clock()
        async with self._sessions() as session:
            logins = await remove_expired_sessions(session, now=now)
        async with transaction(self._sessions) as session:
            drafts = await session.execute(
                delete(Draft).where(Draft.updated_at < now - DRAFTS_KEPT).returning(Draft.id)
            )
            removed = len(drafts.all())
        if logins or removed:
            log.info("tidied", sessions=logins, drafts=removed)
