"""Reads the mailbox: one reader at a time across all processes, each message stored before the next."""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from typing import NoReturn

import asyncpg
import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from services import measures
from services.models import MailboxCursor
from services.receiving.bounds import TOO_LARGE
from services.receiving.contact import note_contact, note_trouble
from services.receiving.mailbox import Listed, Mailbox, MailboxOptions, MailboxTrouble
from services.receiving.store import Place, begin_mailbox, cursor_of, take_in
from services.receiving.understanding import OurSide
from services.work import Workplace
from shared.backoff import Backoff
from shared.config import Settings
from shared.direct_connection import DirectConnection
from shared.heartbeat import TURN_SECONDS, turned

READER_LOCK = 0x63616C6C6D61696C
STANDBY_SECONDS = 1
CONTACT_EVERY = timedelta(seconds=30)
LOCK_OUTLIVES_SECONDS = 300
"""The longest between two looks at the lock, besides the wait for news: fetching and storing one message."""

HOLD = """
    SELECT pg_try_advisory_lock($1) AS held,
        set_config('idle_session_timeout', $2, false),
        set_config('tcp_keepalives_idle', '5', false), set_config('tcp_keepalives_interval', '2', false),
        set_config('tcp_keepalives_count', '3', false), set_config('tcp_user_timeout', '10s', false)
"""
"""A session may take the lock it holds again; the lock of a dead holder becomes free."""

DATABASE_TROUBLE = (
    DBAPIError,
    PoolTimeout,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
OF_THE_MESSAGE = (DataError, IntegrityError, ProgrammingError)
"""Database errors that another try would meet again."""

MOST_TRIES = 5
"""What can't be fetched or stored so often is set aside, so that it is not in the way of the next."""

NOT_TO_BE_HAD = "it could not be fetched or stored"

log = structlog.get_logger(__name__)


class TurnLost(Exception):
    """Another process reads the mailbox."""


class MailReader:
    """Takes in what arrives in the mailbox; `IMAP_HOST` empty means that none is read."""

    def __init__(self, workplace: Workplace, config: Settings, options: MailboxOptions | None = None) -> None:
        self._workplace = workplace
        self._options = options or MailboxOptions.from_settings(config)
        self._us = OurSide.from_settings(config)
        self._poll = config.imap_poll_seconds
        self._mailbox = Mailbox(self._options)
        self._link = DirectConnection(config.get_direct_url(), application_name="calldesk-mailbox")
        self._backoff = Backoff.of_seconds(0.5, 60)
        self._failures = 0
        self._tries: Counter[tuple[int, int]] = Counter()
        self._contact_at: datetime | None = None

    async def run(self) -> NoReturn:
        """Read until cancelled; lost connections of either side only delay it."""
        if not self._options.host:
            log.info("mailbox_off", reason="IMAP_HOST is empty")
            turned(within=None)
            await asyncio.Event().wait()
        self._mailbox = Mailbox(self._options)
        try:
            while True:
                await self._take_turn()
        finally:
            self._mailbox.close()
            self._link.drop()

    async def _take_turn(self) -> None:
        """Be the reader if there is none, until trouble."""
        try:
            await self._hold()
            await self._read()
        except TurnLost:
            self._failures = 0
            await asyncio.sleep(STANDBY_SECONDS)
        except MailboxTrouble as trouble:
            await self._bear_with(trouble.reason)
        except DATABASE_TROUBLE as error:
            log.warning("mailbox_lost_database", error=type(error).__name__)
            await self._rest()
        finally:
            self._mailbox.drop()

    async def _hold(self) -> None:
        """Make sure that this is the one reader.

        Raises:
            TurnLost: it is not.
        """
        outlives = LOCK_OUTLIVES_SECONDS + self._poll
        turned(within=outlives)
        if not (await self._link.fetch(HOLD, READER_LOCK, str(int(outlives * 1000))))[0]["held"]:
            raise TurnLost

    async def _read(self) -> NoReturn:
        cursor = await self._begin(await self._mailbox.open())
        log.info("mailbox_open", after_uid=cursor.uid)
        self._contact_at = None
        looked_at = cursor.uid
        while True:
            await self._note_contact()
            for listed in await self._mailbox.list_after(looked_at, cursor.seit - timedelta(days=1)):
                if self._workplace.rules.local(listed.received).date() >= cursor.seit:
                    await self._hold()
                    await self._take_in(cursor.uidvalidity, listed)
                looked_at = listed.uid
            self._failures = 0
            await self._hold()
            await self._mailbox.wait(self._poll)

    async def _begin(self, uid_validity: int) -> MailboxCursor:
        """Return how far the mailbox is read; under another UIDVALIDITY it begins anew."""
        async with self._workplace.work() as work:
            cursor = await cursor_of(work, self._options.name)
            if cursor is None or cursor.uidvalidity != uid_validity:
                since = cursor.seit if cursor else work.today
                await begin_mailbox(work, self._options.name, uid_validity, since)
                cursor = await cursor_of(work, self._options.name)
        assert cursor is not None
        return cursor

    async def _take_in(self, uid_validity: int, listed: Listed) -> None:
        place = Place(self._options.name, uid_validity, listed.uid)
        number = (uid_validity, listed.uid)
        try:
            if self._tries[number] >= MOST_TRIES:
                await self._store(place, listed, _stand_in(place), NOT_TO_BE_HAD)
            elif (raw := await self._mailbox.fetch(listed)) is None:
                log.info("message_gone", uid=listed.uid)
            else:
                await self._store(place, listed, raw, TOO_LARGE if listed.is_too_large else "")
        except Exception as error:
            if isinstance(error, OF_THE_MESSAGE) or not isinstance(error, DATABASE_TROUBLE):
                self._tries[number] += 1
            raise
        self._tries.clear()

    async def _store(self, place: Place, listed: Listed, raw: bytes, unreadable: str) -> None:
        async with self._workplace.work() as work:
            incoming = await take_in(work, place, raw, listed.received, us=self._us, unreadable=unreadable)
        if incoming is not None:
            measures.incoming_emails.labels(incoming.art).inc()
            log.info(
                "message_taken_in",
                id=incoming.id,
                kind=incoming.art,
                state=incoming.zustand,
                email_id=incoming.email_id,
            )

    async def _note_contact(self) -> None:
        now = self._workplace.clock()
        if self._contact_at is None or now >= self._contact_at + CONTACT_EVERY:
            self._contact_at = now
            async with self._workplace.work() as work:
                await note_contact(work, self._options.name)

    async def _bear_with(self, reason: str) -> None:
        log.warning("mailbox_trouble", reason=reason, failures=self._failures + 1)
        try:
            async with self._workplace.work() as work:
                await note_trouble(work, self._options.name, reason)
        except DATABASE_TROUBLE as error:
            log.warning("mailbox_lost_database", error=type(error).__name__)
        await self._rest()

    async def _rest(self) -> None:
        self._failures += 1
        seconds = self._backoff.seconds(self._failures)
        turned(within=seconds + TURN_SECONDS)
        await asyncio.sleep(seconds)


def _stand_in(place: Place) -> bytes:
    """Return octets that stand for a message nothing is known of, and for no other."""
    return f"{place.postfach} {place.uidvalidity} {place.uid}".encode()
