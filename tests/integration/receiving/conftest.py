"""An e-mail that went out a week before Christmas, the call about it, and messages that come in."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time
from itertools import count
from typing import TypeVar

import pytest
from sqlalchemy import select

from services.models import CallReason, Email, EmailStatus, Incoming, OutboxEvent, PhoneCall
from services.receiving.store import Place, take_in
from services.work import SYSTEM, Actor
from shared.database import SessionFactory
from tests.factories import make_call, make_email, make_therapist
from tests.incoming_mail import OUR_ID, US
from tests.work import work_of

SENT = datetime(2026, 12, 16, 9, 0, tzinfo=UTC)
CAME = datetime(2026, 12, 21, 8, 16, tzinfo=UTC)
NOW = datetime(2026, 12, 21, 8, 20, tzinfo=UTC)
MAILBOX = "mail.platz-test.example/INBOX"
VALIDITY = 77

Result = TypeVar("Result")


class Desk:
    """What tests do and look at, each in a session of its own."""

    def __init__(self, sessions: SessionFactory) -> None:
        self.sessions = sessions
        self._uids = count(1)

    async def comes(
        self, raw: bytes, *, uid: int | None = None, validity: int = VALIDITY, now: datetime = NOW
    ) -> Incoming | None:
        """A message comes in."""
        place = Place(MAILBOX, validity, next(self._uids) if uid is None else uid)
        async with self.sessions() as session:
            return await take_in(work_of(session, now=now), place, raw, CAME, us=US)

    async def known(self, raw: bytes) -> Incoming:
        """A message comes in that nobody has seen before."""
        incoming = await self.comes(raw)
        assert incoming is not None
        return incoming

    async def does(
        self,
        use_case: Callable[..., Awaitable[Result]],
        *args: object,
        now: datetime = NOW,
        actor: Actor = SYSTEM,
    ) -> Result:
        """Somebody carries out a use case."""
        async with self.sessions() as session:
            return await use_case(work_of(session, now=now, actor=actor), *args)

    async def add(self, *rows: object) -> None:
        async with self.sessions.begin() as session:
            session.add_all(rows)

    async def email(self, email_id: int = 1) -> Email:
        async with self.sessions() as session:
            return await session.get_one(Email, email_id)

    async def call(self, call_id: int = 1) -> PhoneCall:
        async with self.sessions() as session:
            return await session.get_one(PhoneCall, call_id)

    async def incoming(self) -> list[Incoming]:
        async with self.sessions() as session:
            return list(await session.scalars(select(Incoming).order_by(Incoming.id)))

    async def events(self) -> list[str]:
        """What other services are told, in order."""
        async with self.sessions() as session:
            events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
            return [event.event_type.removeprefix("communication.") for event in events]


@pytest.fixture
async def desk(sessions: SessionFactory) -> Desk:
    """E-mail 1 was sent to therapist 1, and call 1 is planned because nobody has answered."""
    desk = Desk(sessions)
    await desk.add(
        make_therapist(email="praxis@kern-test.example", abgerufen_at=SENT),
        make_email(
            status=EmailStatus.SENT,
            sent_at=SENT,
            created_at=SENT,
            message_id=OUR_ID,
            betreff="Anfrage",
            empfaenger_email="praxis@kern-test.example",
            nachgefasst=True,
        ),
    )
    await desk.add(
        make_call(
            geplantes_datum=date(2026, 12, 23),
            geplante_zeit=time(10),
            email_id=1,
            grund=CallReason.NO_REPLY,
            created_at=SENT,
        )
    )
    return desk
