"""Calls booked together are those that would be booked one by one; who gets none is told why."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date, time, timedelta

import msgspec
import pytest
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.booked_together import BookedTogether
from services.calls.planning import NewCall, create_call
from services.models import Activity, OutboxEvent, PhoneCall
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled
from services.scheduling.calendar import NoFreeSlot
from services.therapists.directory import TherapistDirectory
from services.work import Actor
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.factories import NOW, make_call, make_therapist
from tests.therapist_service import TherapistServiceDouble
from tests.work import work_of

THERAPISTS = range(1, 9)
CALLER = Actor("api")
NOT_COMPARED = {"id", "created_at", "updated_at"}


class Desk:
    """Books for many callers at once, together or one after the other."""

    def __init__(self, sessions: SessionFactory, config: Settings, together: BookedTogether) -> None:
        self._sessions = sessions
        self._directory = TherapistDirectory(config, TherapistServiceDouble().client())
        self._together = together

    async def book(self, new: NewCall, rules: DeskRules, *, alone: bool = False) -> PhoneCall:
        async with self._sessions() as session:
            work = work_of(session, now=NOW, rules=rules, actor=CALLER)
            together = None if alone else self._together
            return (await create_call(work, new, directory=self._directory, together=together)).row

    async def book_at_once(self, wanted: list[NewCall], rules: DeskRules) -> list[PhoneCall | BaseException]:
        return await asyncio.gather(*(self.book(new, rules) for new in wanted), return_exceptions=True)


@pytest.fixture
async def desk(sessions: SessionFactory, config: Settings, session: AsyncSession) -> AsyncGenerator[Desk]:
    async with session.begin():
        session.add_all(make_therapist(id=number) for number in THERAPISTS)
    connection = DirectConnection(config.get_database_url(), application_name="test")
    notifier = Notifier(config.get_database_url())
    together = BookedTogether(connection, fresh_for=timedelta(days=1), notifier=notifier)
    yield Desk(sessions, config, together)
    await together.close()


async def test_a_group_gets_the_times_its_calls_would_get_one_by_one(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    """On two lines, for eight therapists, some of them twice, of different length, around what is booked."""
    two_lines = replace(rules, lines=2)
    async with session.begin():
        session.add(make_call(therapist_id=3, geplantes_datum=date(2026, 10, 14), geplante_zeit=time(11, 20)))
    wanted = [NewCall(therapist_id=1 + number % 8, dauer_minuten=5 + number % 7) for number in range(24)]
    at_once = await desk.book_at_once(wanted, two_lines)
    calls = [call for call in at_once if isinstance(call, PhoneCall)]
    assert len(calls) == len(wanted)
    async with session.begin():
        await session.execute(delete(PhoneCall).where(PhoneCall.id.in_([call.id for call in calls])))
    one_by_one = [await desk.book(new, two_lines, alone=True) for new in wanted]
    assert [times(call) for call in calls] == [times(call) for call in one_by_one]


async def test_the_call_its_event_and_its_activity_are_as_ever(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    new = NewCall(therapist_id=1, notizen="bitte leise", extern_id="ref-1", dauer_minuten=10)
    together = await desk.book(new, rules)
    alone = await desk.book(replace(new, therapist_id=2), rules, alone=True)
    stored = await session.get_one(PhoneCall, together.id)
    assert row(stored) == row(together)
    assert row(together) | {"therapist_id": 2, "leitung": alone.leitung} == row(alone) | {
        "geplante_zeit": together.geplante_zeit
    }
    events = (await session.scalars(select(OutboxEvent).order_by(OutboxEvent.id))).all()
    assert [event.key for event in events] == [f"call:{together.id}", f"call:{alone.id}"]
    own = {"phone_call_id", "therapist_id", "geplante_zeit"}
    told, expected = (
        {name: value for name, value in event.payload.items() if name not in own} for event in events
    )
    assert told == expected
    assert events[0].payload["phone_call_id"] == together.id
    done = (await session.scalars(select(Activity).order_by(Activity.id))).all()
    assert [(entry.object_id, entry.action, entry.actor, entry.at) for entry in done] == [
        (call.id, "call_scheduled", "api", NOW) for call in (together, alone)
    ]
    assert done[0].details == {
        "geplantes_datum": together.geplantes_datum.isoformat(),
        "geplante_zeit": f"{together.geplante_zeit:%H:%M}",
    }
    assert msgspec.json.encode(events[0].payload)


async def test_one_without_a_time_leaves_the_others_theirs(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    """Wednesday has slots from 11:15 every ten minutes: five for the first, of whom seven are asked."""
    today = replace(rules, horizon_days=1)
    async with session.begin():
        session.add(make_therapist(id=20, nicht_anrufen=True))
    wanted = [NewCall(therapist_id=number) for number in [1] * 7 + [20, 2]]
    answers = await desk.book_at_once(wanted, today)
    assert sum(isinstance(answer, PhoneCall) for answer in answers) == 6
    assert {type(answer) for answer in answers} == {PhoneCall, NoFreeSlot, NotToBeCalled}


def times(call: PhoneCall) -> tuple[int, date, time, int, int]:
    return call.therapist_id, call.geplantes_datum, call.geplante_zeit, call.dauer_minuten, call.leitung


def row(call: PhoneCall) -> dict[str, object]:
    columns = (column.name for column in PhoneCall.__table__.columns)
    return {name: getattr(call, name) for name in columns if name not in NOT_COMPARED}
