"""Calls booked together are those that would be booked one by one; who gets none is told why."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import msgspec
import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.booked_rows import BookedCall
from services.calls.booked_together import BookedTogether
from services.calls.planning import NewCall, create_call
from services.calls.requested import request_call
from services.models import Activity, OutboxEvent, PhoneCall, Therapist
from services.rules import DeskRules
from services.scheduling.booking import NotToBeCalled
from services.scheduling.calendar import NoFreeSlot
from services.therapists.directory import TherapistDirectory
from services.work import Actor
from shared.config import Settings
from shared.config.database_url import POOLED
from shared.database import SessionFactory
from shared.direct_connection import DirectConnection
from shared.notifications import Notifier
from tests.factories import NOW, make_call, make_therapist
from tests.therapist_service import TherapistServiceDouble
from tests.work import work_of, workplace_of

THERAPISTS = range(1, 9)
CALLER = Actor("api")
FRESH_FOR = timedelta(days=1)
WEDNESDAY_AFTERNOON = {"wednesday": [{"start": "14:00", "end": "15:00"}]}
NOT_COMPARED = {"id", "created_at", "updated_at"}


class Desk:
    """Books for many callers at once, together or one after the other."""

    def __init__(self, sessions: SessionFactory, config: Settings, together: BookedTogether) -> None:
        self._sessions = sessions
        self.service = TherapistServiceDouble()
        self._directory = TherapistDirectory(config, self.service.client())
        self._together = together

    async def book(
        self, new: NewCall, rules: DeskRules, *, alone: bool = False, now: datetime = NOW
    ) -> PhoneCall | BookedCall:
        if alone:
            async with self._sessions() as session:
                work = work_of(session, now=now, rules=rules, actor=CALLER)
                return (await create_call(work, new, directory=self._directory)).row
        workplace = workplace_of(self._sessions, lambda: now, rules)
        made = await request_call(
            workplace, new, actor=CALLER, together=self._together, directory=self._directory
        )
        return made.row

    async def book_at_once(
        self, wanted: list[NewCall], rules: DeskRules
    ) -> list[PhoneCall | BookedCall | BaseException]:
        return await asyncio.gather(*(self.book(new, rules) for new in wanted), return_exceptions=True)


@pytest.fixture(params=[False, True], ids=["direct", "pooled"])
async def desk(
    request: pytest.FixtureRequest, sessions: SessionFactory, config: Settings, session: AsyncSession
) -> AsyncGenerator[Desk]:
    async with session.begin():
        session.add_all(make_therapist(id=number) for number in THERAPISTS)
    url = config.get_database_url()
    if request.param:
        url = url.update_query_dict({POOLED: "true"})
    connection = DirectConnection(url, application_name="test")
    notifier = Notifier(config.get_database_url())
    together = BookedTogether(connection, fresh_for=FRESH_FOR, notifier=notifier)
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
    calls = [call for call in at_once if isinstance(call, BookedCall)]
    assert len(calls) == len(wanted)
    async with session.begin():
        await session.execute(delete(PhoneCall).where(PhoneCall.id.in_([call.id for call in calls])))
    one_by_one = [await desk.book(new, two_lines, alone=True) for new in wanted]
    assert [times(call) for call in calls] == [times(call) for call in one_by_one]


async def test_the_first_free_time_is_found_though_the_search_before_went_far(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    one_line = replace(rules, lines=1)
    first, *_ = [await desk.book(NewCall(therapist_id=number), one_line) for number in THERAPISTS]
    async with session.begin():
        await session.execute(delete(PhoneCall).where(PhoneCall.id == first.id))
    assert times(await desk.book(NewCall(therapist_id=1), one_line)) == times(first)


async def test_the_call_its_event_and_its_activity_are_as_ever(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    new = NewCall(therapist_id=1, notizen="bitte leise", extern_id="ref-1", dauer_minuten=10)
    together = await desk.book(new, rules)
    alone = await desk.book(replace(new, therapist_id=2), rules, alone=True)
    stored = await session.get_one(PhoneCall, together.id)
    assert {name: value for name, value in row(stored).items() if hasattr(together, name)} == row(together)
    assert row(stored) | {"therapist_id": 2, "leitung": alone.leitung} == row(alone) | {
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
    assert sum(isinstance(answer, BookedCall) for answer in answers) == 6
    assert {type(answer) for answer in answers} == {BookedCall, NoFreeSlot, NotToBeCalled}


async def test_a_therapist_is_as_they_are_now_not_as_remembered(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    """Other hours count at once, also for one of a group; so does the wish not to be called."""
    assert (await desk.book(NewCall(therapist_id=1), rules)).geplante_zeit == time(11, 15)
    async with session.begin():
        await session.execute(
            update(Therapist).where(Therapist.id == 1).values(telefonische_erreichbarkeit=WEDNESDAY_AFTERNOON)
        )
    first, second = await desk.book_at_once([NewCall(therapist_id=1), NewCall(therapist_id=2)], rules)
    assert isinstance(first, BookedCall)
    assert isinstance(second, BookedCall)
    assert (first.geplante_zeit, second.geplante_zeit) == (time(14), time(11, 15))
    async with session.begin():
        await session.execute(update(Therapist).where(Therapist.id == 1).values(nicht_anrufen=True))
    with pytest.raises(NotToBeCalled):
        await desk.book(NewCall(therapist_id=1), rules)


async def test_also_one_whose_hours_were_read_along_with_anothers(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    """Of one who is changed, added or not to be called since the first booking, nothing old is believed."""
    assert (await desk.book(NewCall(therapist_id=1), rules)).geplante_zeit == time(11, 15)
    async with session.begin():
        for number, values in (
            (2, {"telefonische_erreichbarkeit": WEDNESDAY_AFTERNOON}),
            (3, {"nicht_anrufen": True}),
            (5, {"telefonische_erreichbarkeit": WEDNESDAY_AFTERNOON}),
        ):
            await session.execute(update(Therapist).where(Therapist.id == number).values(values))
        session.add(make_therapist(id=20, telefonische_erreichbarkeit=WEDNESDAY_AFTERNOON))
    wanted = [NewCall(therapist_id=number) for number in (2, 3, 20, 4)]
    changed, refused, added, other = await desk.book_at_once(wanted, replace(rules, lines=2))
    assert isinstance(refused, NotToBeCalled)
    booked = [call for call in (changed, added, other) if isinstance(call, BookedCall)]
    assert [call.geplante_zeit for call in booked] == [time(14), time(14), time(11, 15)]
    assert (await desk.book(NewCall(therapist_id=5), rules)).geplante_zeit == time(14)


async def test_only_what_the_directory_said_lately_is_remembered(
    desk: Desk, session: AsyncSession, rules: DeskRules
):
    """A day later it is too old to be booked by, and the directory is asked."""
    desk.service.add(1, telefonische_erreichbarkeit=WEDNESDAY_AFTERNOON)
    assert (await desk.book(NewCall(therapist_id=1), rules)).geplante_zeit == time(11, 15)
    later = await desk.book(NewCall(therapist_id=1), rules, now=NOW + FRESH_FOR)
    assert (later.geplantes_datum, later.geplante_zeit) == (date(2026, 10, 21), time(14))


def times(call: PhoneCall | BookedCall) -> tuple[int, date, time, int, int]:
    return call.therapist_id, call.geplantes_datum, call.geplante_zeit, call.dauer_minuten, call.leitung


def row(call: PhoneCall | BookedCall) -> dict[str, object]:
    columns = {column.name for column in PhoneCall.__table__.columns} - NOT_COMPARED
    return {name: getattr(call, name) for name in columns if hasattr(call, name)}
