"""Follow-ups as workers make them, and what they have led to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from services.calls.outcomes import Outcome, OutcomeResult, record_outcome
from services.emails.replies import record_reply
from services.emails.reply import Reply, ReplyEffect
from services.follow_ups.automatic import create_due
from services.models import Email, EmailStatus, OutboxEvent, OutcomeKind, PhoneCall
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from services.work import Actor, Work
from shared.config import Settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_email, make_staff, make_therapist
from tests.therapist_service import TherapistServiceDouble, unreachable
from tests.work import workplace_of

ANNA = Actor("staff", 1)
A_WEEK_AGO = NOW - timedelta(days=7)


@dataclass
class FollowedUp:
    """A therapist, Anna at the desk, and workers that look for what is due."""

    sessions: SessionFactory
    directory: TherapistDirectory
    rules: DeskRules
    clock: FakeClock

    async def add(self, *rows: object) -> None:
        async with self.sessions.begin() as session:
            session.add_all(rows)

    async def due_email(self, **values: object) -> int:
        """Store an e-mail nobody has answered in time, let workers look, and return its id."""
        email = make_email(**({"status": EmailStatus.SENT, "sent_at": NOW - timedelta(days=7)} | values))
        await self.add(email)
        await self.look()
        return email.id

    async def look(self, now: datetime | None = None) -> int:
        async with workplace_of(self.sessions, lambda: now or self.clock(), self.rules).work() as work:
            return await create_due(work, self.directory)

    async def does(self, use_case, *args: object, actor: Actor = ANNA, **values: object):
        """Carry out a use case in a session of its own."""
        async with self.sessions() as session:
            work = Work(now=self.clock(), rules=self.rules, session=session, clock=self.clock, actor=actor)
            return await use_case(work, *args, **values)

    async def answered(self, email_id: int, **values: object) -> ReplyEffect:
        return await self.does(record_reply, email_id, Reply(**values))  # pyright: ignore[reportArgumentType]

    async def rang(self, call_id: int, art: OutcomeKind = OutcomeKind.NOT_REACHED) -> OutcomeResult:
        return await self.does(record_outcome, call_id, Outcome(art=art), version=None)

    async def calls(self) -> list[PhoneCall]:
        async with self.sessions() as session:
            query = select(PhoneCall).options(undefer(PhoneCall.email_ids)).order_by(PhoneCall.id)
            return list(await session.scalars(query))

    async def about(self) -> dict[int, tuple[str, Sequence[int]]]:
        """What each call is about, and how it stands."""
        return {call.id: (call.status, call.email_ids) for call in await self.calls()}

    async def email(self, email_id: int) -> Email:
        async with self.sessions() as session:
            return await session.get_one(Email, email_id)

    async def told(self) -> list[tuple[str, object]]:
        """What other services are told of calls, in order, and of which e-mails."""
        async with self.sessions() as session:
            events = await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))
            return [
                (event.event_type.removeprefix("communication."), event.payload.get("email_ids"))
                for event in events
                if event.key.startswith("call:")
            ]


@pytest.fixture
async def desk(sessions: SessionFactory, config: Settings, rules: DeskRules, clock: FakeClock) -> FollowedUp:
    service = TherapistServiceDouble()
    service.failing = unreachable
    directory = TherapistDirectory(config, service.client())
    desk = FollowedUp(sessions, directory, rules, clock)
    await desk.add(make_therapist(), make_staff(id=1, name="Anna"), make_staff(id=2, name="Ben"))
    return desk


@pytest.fixture
def service() -> TherapistServiceDouble:
    return TherapistServiceDouble()


@pytest.fixture
def directory(config: Settings, service: TherapistServiceDouble) -> TherapistDirectory:
    return TherapistDirectory(config, service.client())


def sent_email(**values: object) -> Email:
    return make_email(**({"status": EmailStatus.SENT, "sent_at": A_WEEK_AGO} | values))


async def store(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


async def all_calls(session: AsyncSession) -> list[PhoneCall]:
    async with session.begin():
        return list(await session.scalars(select(PhoneCall).order_by(PhoneCall.id)))


async def events(session: AsyncSession) -> list[str]:
    async with session.begin():
        return list(await session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id)))


async def reload(session: AsyncSession, email: Email) -> Email:
    async with session.begin():
        await session.refresh(email)
    return email
