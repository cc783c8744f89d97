"""Keeps the local copy of the therapist directory fresh, a little at a time."""

import asyncio
from datetime import datetime

import structlog
from sqlalchemy import select

from services.models import Therapist
from services.therapists.client import DirectoryUnavailable
from services.therapists.directory import TherapistDirectory, store
from services.work import Work, Workplace

PAGE_LIMIT = 100
SINGLE_READS = 5
EVERY_SECONDS = 15.0

log = structlog.get_logger(__name__)


class DirectoryRefresh:
    """Refreshes the copy in the background: a page of the list and the oldest copies at each turn.

    The list brings new therapists; copies it left out are read one by one. A turn makes at most
    `1 + SINGLE_READS` requests, whatever the size of the directory.
    """

    def __init__(
        self,
        workplace: Workplace,
        directory: TherapistDirectory,
        *,
        every_seconds: float = EVERY_SECONDS,
    ) -> None:
        self._workplace = workplace
        self._directory = directory
        self._every = every_seconds
        self._page = 1
        self._list_due: datetime | None = None

    async def run(self) -> None:
        """Refresh until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(self._every)

    async def turn(self) -> None:
        """Refresh a little; an outage of the service ends the turn early and is no error."""
        try:
            async with self._workplace.work() as work:
                await self._read_list(work)
                await self._read_oldest(work)
        except DirectoryUnavailable:
            log.info("directory_not_refreshed")

    async def _read_list(self, work: Work) -> None:
        """Store the next page; after the last one, rest for half the copies' time to live."""
        if self._list_due is not None and work.now < self._list_due:
            return
        page = await self._directory.client.fetch_page(self._page, PAGE_LIMIT)
        async with work.transaction() as tx:
            await store(tx, page.therapists)
        if page.more:
            self._page += 1
        else:
            self._page, self._list_due = 1, work.now + self._directory.ttl / 2

    async def _read_oldest(self, work: Work) -> None:
        async with work.transaction() as tx:
            oldest = await tx.session.scalars(
                select(Therapist.id)
                .where(Therapist.abgerufen_at <= tx.now - self._directory.ttl)
                .order_by(Therapist.abgerufen_at, Therapist.id)
                .limit(SINGLE_READS)
            )
            ids = list(oldest)
        for therapist_id in ids:
            await self._directory.refresh(work, therapist_id)
