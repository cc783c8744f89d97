"""Keeps the local copy of the therapist directory fresh, a little at a time."""

from collections.abc import Awaitable
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import select

from services.models import Therapist
from services.therapists.client import DirectoryUnavailable, UnreadableAnswer
from services.therapists.directory import ErasedTherapist, TherapistDirectory, store
from services.work import Work, Workplace
from shared.heartbeat import TURN_SECONDS
from shared.supervision import take_turns

PAGE_LIMIT = 100
NARROWER = 10
SINGLE_READS = 5
PASSED_OVER_AT_MOST = 1_000
EVERY_SECONDS = 15.0

log = structlog.get_logger(__name__)


class ListPage(NamedTuple):
    """A page of the service's list: its number, from 1, and how many therapists one has."""

    number: int = 1
    limit: int = PAGE_LIMIT

    def next(self) -> "ListPage":
        """Return the page behind it, a larger one as soon as one begins there."""
        behind = self.number * self.limit
        larger = self.limit * NARROWER
        if larger <= PAGE_LIMIT and behind % larger == 0:
            return ListPage(behind // larger, larger).next()
        return ListPage(self.number + 1, self.limit)

    def narrower(self) -> "ListPage | None":
        """Return the first of the smaller pages it is made of; None for one of a single therapist."""
        if self.limit == 1:
            return None
        return ListPage((self.number - 1) * NARROWER + 1, self.limit // NARROWER)


class DirectoryRefresh:
    """Refreshes the copy in the background: a page of the list and the oldest copies at each turn.

    The list brings new therapists; copies it left out are read one by one. A turn makes at most
    `1 + SINGLE_READS` requests, whatever the size of the directory. A page that can't be read, or fails while
    single reads go well, is read in smaller ones, down to the therapist who is to blame and is passed over.
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
        self._page = ListPage()
        self._passed_over: dict[int, datetime] = {}
        """Therapists whose copy could not be refreshed, and when that was tried."""

        self._list_due: datetime | None = None

    async def run(self) -> None:
        """Refresh until cancelled."""
        requests = (1 + SINGLE_READS) * self._directory.client.deadline
        await take_turns(self.turn, rest_seconds=self._every, turn_seconds=requests + TURN_SECONDS)

    async def turn(self) -> None:
        """Refresh a little; an outage of the service ends the turn early and is no error."""
        async with self._workplace.work() as work:
            listed = await self._served(self._read_list(work))
            if await self._served(self._read_oldest(work)) and listed is None:
                self._narrow()

    async def _served(self, reading: Awaitable[int]) -> int | None:
        """Return what a reading returns; None where the service was of no use."""
        try:
            return await reading
        except DirectoryUnavailable:
            log.info("directory_not_refreshed")
            return None

    async def _read_list(self, work: Work) -> int:
        """Store the next page, return its size; behind the last one, rest for half the time to live."""
        if self._list_due is not None and work.now < self._list_due:
            return 0
        try:
            page = await self._directory.client.fetch_page(self._page.number, self._page.limit)
        except UnreadableAnswer:
            self._narrow()
            return 0
        async with work.transaction() as tx:
            await store(tx, page.therapists)
        if page.more:
            self._page = self._page.next()
        else:
            self._page, self._list_due = ListPage(), work.now + self._directory.ttl / 2
        return len(page.therapists)

    def _narrow(self) -> None:
        """Look for the therapist who spoils the page, or leave out the one who was found."""
        narrower = self._page.narrower()
        if narrower is None:
            log.warning("therapist_passed_over", position=self._page.number)
        self._page = narrower or self._page.next()

    async def _read_oldest(self, work: Work) -> int:
        """Refresh the oldest copies, return how many; one that can't be lets others go first for a while."""
        old = work.now - self._directory.ttl
        recent = [(at, number) for number, at in self._passed_over.items() if at > old]
        self._passed_over = {number: at for at, number in sorted(recent)[-PASSED_OVER_AT_MOST:]}
        async with work.transaction() as tx:
            oldest = await tx.session.scalars(
                select(Therapist.id)
                .where(
                    Therapist.abgerufen_at <= old,
                    Therapist.geloescht_at.is_(None),
                    Therapist.id.not_in(self._passed_over),
                )
                .order_by(Therapist.abgerufen_at, Therapist.id)
                .limit(SINGLE_READS)
            )
            ids = list(oldest)
        refreshed = 0
        for therapist_id in ids:
            self._passed_over[therapist_id] = work.now
            try:
                therapist = await self._directory.refresh(work, therapist_id)
            except (UnreadableAnswer, ErasedTherapist):
                continue
            if therapist.abgerufen_at > old:
                refreshed += 1
                del self._passed_over[therapist_id]
        return refreshed
