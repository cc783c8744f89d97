"""The therapists as the Therapist Service knows them, from a local copy that outlives its outages."""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import httpx
import structlog
from sqlalchemy import and_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from services.errors import FieldError, InvalidInput
from services.models import Therapist
from services.therapists.client import (
    AnotherTherapist,
    DirectoryUnavailable,
    TherapistClient,
    UnreadableAnswer,
)
from services.therapists.record import Fields
from services.work import Transaction, Work
from shared.config import Settings

REST = timedelta(seconds=10)
STORED_AT_ONCE = 500
"""Rows of one statement: PostgreSQL's protocol takes 32,767 arguments, a row has fewer than 20."""

VALUE_REFUSED = frozenset({"22", "23"})
"""Classes of SQLSTATE: data exception, integrity constraint violation."""

GONE = "inaktiv"

log = structlog.get_logger(__name__)


class UnknownTherapist(InvalidInput):
    """There is no such therapist."""

    def __init__(self) -> None:
        super().__init__(FieldError("therapist_id", self.message_id))


class ErasedTherapist(UnknownTherapist):
    """All about this therapist was erased at their request: nothing is sent to them and nobody calls."""


class TherapistDirectory:
    """Answers who a therapist is: from the copy while it is fresh, else from the service, else from the copy.

    Several callers asking for the same therapist at once share one request. After a failure the service is
    left alone for a few seconds, so that an outage doesn't make every caller wait. An answer that can't be
    read is the fault of one record and no outage, unless it is about somebody else.
    """

    def __init__(self, config: Settings, client: httpx.AsyncClient) -> None:
        self.client = TherapistClient(config, client)
        self.ttl = timedelta(minutes=config.therapist_ttl_minutes)
        self._running: dict[int, asyncio.Task[Fields | None]] = {}
        self._rest_until: datetime | None = None

    async def get(self, work: Work, therapist_id: int) -> Therapist:
        """Return a therapist; opens transactions of its own, none while it waits for the service.

        Raises:
            UnknownTherapist: neither the service nor the copy knows them.
            ErasedTherapist: they were erased; the service is not asked about them.
            DirectoryUnavailable: the service can't be asked and there is no copy.
        """
        async with work.transaction() as tx:
            known = await tx.session.get(Therapist, therapist_id, populate_existing=True)
        _refuse_erased(known)
        if known is not None and work.now - known.abgerufen_at < self.ttl:
            return known
        try:
            return await self.refresh(work, therapist_id)
        except DirectoryUnavailable:
            if known is None:
                raise
            log.info("therapist_served_stale", therapist_id=therapist_id)
            return known

    async def fresh(self, tx: Transaction, therapist_ids: Collection[int]) -> set[int]:
        """Return which of some therapists `get` would take from the copy without asking the service."""
        known = await tx.session.scalars(
            select(Therapist.id).where(
                Therapist.id.in_(therapist_ids),
                Therapist.abgerufen_at > tx.now - self.ttl,
                Therapist.geloescht_at.is_(None),
            )
        )
        return set(known)

    async def refresh(self, work: Work, therapist_id: int) -> Therapist:
        """Ask the service, store and return its answer; who is gone there becomes `inaktiv` here.

        Opens a transaction of its own, after the answer.

        Raises:
            UnknownTherapist: neither the service nor the copy knows them.
            ErasedTherapist: they were erased; nothing is stored.
            DirectoryUnavailable: the service can't be asked.
        """
        fields = await self._fetch(therapist_id, work.now)
        async with work.transaction() as tx:
            if fields is not None:
                await store(tx, [fields])
            known = await tx.session.get(Therapist, therapist_id, populate_existing=True)
            if known is None:
                raise UnknownTherapist
            _refuse_erased(known)
            if fields is None:
                known.status, known.abgerufen_at = GONE, tx.now
            return known

    async def _fetch(self, therapist_id: int, now: datetime) -> Fields | None:
        if self._rest_until is not None and now < self._rest_until:
            raise DirectoryUnavailable
        task = self._running.get(therapist_id)
        if task is None:
            task = asyncio.create_task(self.client.fetch(therapist_id))
            self._running[therapist_id] = task
            task.add_done_callback(lambda _: self._running.pop(therapist_id, None))
        try:
            fields = await asyncio.shield(task)
        except DirectoryUnavailable as error:
            if not isinstance(error, UnreadableAnswer) or isinstance(error, AnotherTherapist):
                self._rest_until = now + REST
            raise
        self._rest_until = None
        return fields


def _refuse_erased(known: Therapist | None) -> None:
    if known is not None and known.geloescht_at is not None:
        raise ErasedTherapist


async def store(tx: Transaction, therapists: Sequence[Fields]) -> None:
    """Write what the service said into the copy.

    The desk's own columns stay as they are; a newer copy is not overwritten by an older answer, and who was
    erased by none. A row the database refuses is left out and named in the log.
    """
    by_id = {fields["id"]: fields | {"abgerufen_at": tx.now} for fields in therapists}
    rows = [by_id[therapist_id] for therapist_id in sorted(by_id)]
    for start in range(0, len(rows), STORED_AT_ONCE):
        chunk = rows[start : start + STORED_AT_ONCE]
        if await _written(tx, chunk) is None:
            continue
        for row in chunk:
            if reason := await _written(tx, [row]):
                log.warning("therapist_not_stored", therapist_id=row["id"], reason=reason)


async def _written(tx: Transaction, rows: Sequence[Fields]) -> str | None:
    """Write rows, all or none; return None, or why the database refuses the values of one."""
    statement = insert(Therapist).values(rows)
    changed = {name: statement.excluded[name] for name in rows[0] if name != "id"}
    try:
        async with tx.session.begin_nested():
            await tx.session.execute(
                statement.on_conflict_do_update(
                    index_elements=[Therapist.id],
                    set_=changed,
                    where=and_(
                        Therapist.abgerufen_at <= statement.excluded.abgerufen_at,
                        Therapist.geloescht_at.is_(None),
                    ),
                )
            )
    except DBAPIError as error:
        if (sqlstate := str(getattr(error.orig, "sqlstate", None)))[:2] not in VALUE_REFUSED:
            raise
        return sqlstate
    return None
