from datetime import date, time

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.changes import CallChanges, change_call
from services.calls.lists import CallFilters, list_calls
from services.calls.locking import CallNotScheduled
from services.calls.planning import NewCall, create_call, get_call, move_call
from services.errors import InvalidInput, NotFound, StaleVersion
from services.models import Activity, CallReason, CallStatus, OutboxEvent, PhoneCall
from services.pagination import PageRequest
from services.rules import DeskRules
from services.scheduling.booking import CallCollision, NotToBeCalled
from services.therapists.client import DirectoryUnavailable
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.work import API
from shared.config import Settings
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.therapist_service import TherapistServiceDouble, unreachable
from tests.work import work_of

THURSDAY = date(2026, 10, 15)


@pytest.fixture
def service() -> TherapistServiceDouble:
    service = TherapistServiceDouble()
    service.add(1)
    return service


@pytest.fixture
def directory(config: Settings, service: TherapistServiceDouble) -> TherapistDirectory:
    return TherapistDirectory(config, service.client())


async def store(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


async def create(
    session: AsyncSession, directory: TherapistDirectory, rules: DeskRules, **values: object
) -> PhoneCall:
    new = NewCall(**({"therapist_id": 1} | values))  # pyright: ignore[reportArgumentType]
    call, repeated = await create_call(
        work_of(session, now=NOW, rules=rules, actor=API), new, directory=directory
    )
    assert not repeated
    return call


async def test_a_call_without_a_time_goes_into_the_next_window_and_is_reported(
    session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    await store(session, make_email())
    call = await create(session, directory, rules, notizen="bitte", email_id=1, grund=CallReason.UNDELIVERED)
    assert (call.geplantes_datum, call.geplante_zeit, call.dauer_minuten) == (NOW.date(), time(11, 15), 5)
    assert (call.notizen, call.email_id, call.grund) == ("bitte", 1, "nicht_zugestellt")
    async with session.begin():
        (event,) = await session.scalars(select(OutboxEvent))
        (entry,) = await session.scalars(select(Activity))
    assert (event.event_type, event.key) == ("communication.call_scheduled", f"call:{call.id}")
    assert "bitte" not in str(event.payload)
    assert (entry.action, entry.actor, entry.object_id) == ("call_scheduled", "api", call.id)


async def test_a_call_with_a_time_is_taken_as_given_or_collides(
    session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    given = {"geplantes_datum": THURSDAY, "geplante_zeit": time(16, 3), "dauer_minuten": 12}
    call = await create(session, directory, rules, **given)
    assert (call.geplante_zeit, call.dauer_minuten, call.ausserhalb_erreichbarkeit) == (time(16, 3), 12, True)
    with pytest.raises(CallCollision):
        await create(session, directory, rules, **given)
    assert (await list_calls(work_of(session), CallFilters(), PageRequest())).total == 1


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"geplantes_datum": THURSDAY}, ["geplante_zeit"]),
        ({"geplante_zeit": time(10)}, ["geplantes_datum"]),
        ({"dauer_minuten": 0}, ["dauer_minuten"]),
        ({"dauer_minuten": 241, "therapist_id": 0}, ["therapist_id", "dauer_minuten"]),
        ({"email_id": 99}, ["email_id"]),
        ({"email_id": 2**31}, ["email_id"]),
        ({"therapist_id": 2**31}, ["therapist_id"]),
    ],
)
async def test_wrong_input_is_named_by_field(
    session: AsyncSession,
    directory: TherapistDirectory,
    rules: DeskRules,
    values: dict[str, object],
    fields: list[str],
):
    with pytest.raises(InvalidInput) as refused:
        await create(session, directory, rules, **values)
    assert [error.field for error in refused.value.fields] == fields


async def test_an_unknown_therapist_a_blocked_one_and_a_silent_directory_are_told_apart(
    session: AsyncSession,
    directory: TherapistDirectory,
    rules: DeskRules,
    service: TherapistServiceDouble,
):
    with pytest.raises(UnknownTherapist):
        await create(session, directory, rules, therapist_id=77)
    service.add(2, status="gesperrt")
    with pytest.raises(NotToBeCalled):
        await create(session, directory, rules, therapist_id=2)
    service.failing = unreachable
    with pytest.raises(DirectoryUnavailable):
        await create(session, directory, rules, therapist_id=3)
    assert (await list_calls(work_of(session), CallFilters(), PageRequest())).total == 0


async def test_calls_are_filtered_and_paged_earliest_first(session: AsyncSession):
    await store(session, make_email())
    await store(
        session,
        make_call(geplante_zeit=time(12)),
        make_call(geplante_zeit=time(9), therapist_id=2, email_id=1),
        make_call(geplantes_datum=THURSDAY, status="completed"),
    )

    async def ids(**values: object) -> list[int]:
        filters = CallFilters(**values)  # pyright: ignore[reportArgumentType]
        return [call.id for call in (await list_calls(work_of(session), filters, PageRequest())).rows]

    assert await ids() == [2, 1, 3]
    assert await ids(therapist_id=1) == [1, 3]
    assert await ids(status=CallStatus.SCHEDULED) == [2, 1]
    assert await ids(geplantes_datum=THURSDAY) == [3]
    assert await ids(geplantes_datum_von=THURSDAY) == [3]
    assert await ids(geplantes_datum_bis=NOW.date()) == [2, 1]
    assert await ids(email_id=1) == [2]
    page = await list_calls(work_of(session), CallFilters(), PageRequest(page=2, limit=2))
    assert ([call.id for call in page.rows], page.total) == ([3], 3)


async def test_a_call_is_moved_once_per_version(session: AsyncSession, rules: DeskRules):
    await store(session, make_therapist(), make_call())
    moved = await move_call(
        work_of(session, now=NOW, rules=rules, actor=API), 1, THURSDAY, time(10), version=1, dauer_minuten=30
    )
    assert (moved.geplantes_datum, moved.geplante_zeit, moved.dauer_minuten) == (THURSDAY, time(10), 30)
    assert moved.version == 2
    with pytest.raises(StaleVersion):
        await move_call(work_of(session, now=NOW, rules=rules, actor=API), 1, THURSDAY, time(11), version=1)
    unchanged = await get_call(work_of(session), 1)
    assert (unchanged.geplante_zeit, unchanged.version) == (time(10), 2)


async def test_a_finished_call_cannot_be_moved_but_its_notes_can_change(
    session: AsyncSession, rules: DeskRules
):
    await store(session, make_call(status="completed"))
    with pytest.raises(CallNotScheduled):
        await move_call(work_of(session, now=NOW, rules=rules, actor=API), 1, THURSDAY, time(11), version=1)
    notes = CallChanges(notizen="neu")
    call = await change_call(work_of(session, now=NOW, rules=rules, actor=API), 1, notes, version=1)
    assert (call.notizen, call.version) == ("neu", 2)
    with pytest.raises(StaleVersion):
        await change_call(work_of(session, now=NOW, rules=rules, actor=API), 1, notes, version=1)


async def test_a_call_whose_therapist_is_not_known_here_can_still_be_moved(
    session: AsyncSession, rules: DeskRules
):
    await store(session, make_call(ausserhalb_erreichbarkeit=True))
    moved = await move_call(
        work_of(session, now=NOW, rules=rules, actor=API), 1, THURSDAY, time(11), version=1
    )
    assert moved.ausserhalb_erreichbarkeit


async def test_an_id_without_a_call_is_not_found(session: AsyncSession):
    with pytest.raises(NotFound):
        await get_call(work_of(session), 1)
