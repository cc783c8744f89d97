import asyncio
from datetime import time, timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.calls.wishes import CallsInVain, cancel_calls_in_vain, set_call_hint, set_do_not_call
from services.errors import NotFound, StaleVersion
from services.hours.reading import parse
from services.models import OutboxEvent, PhoneCall, Therapist
from services.models.therapists import may_be_called
from services.therapists.client import DirectoryUnavailable
from services.therapists.directory import TherapistDirectory, UnknownTherapist
from services.therapists.refresh import DirectoryRefresh
from services.therapists.search import get_therapist
from services.work import API
from shared.config import Settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_therapist
from tests.therapist_service import TherapistServiceDouble, unreachable
from tests.work import work_of, workplace_of

AN_HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> TherapistServiceDouble:
    return TherapistServiceDouble()


@pytest.fixture
def directory(config: Settings, service: TherapistServiceDouble) -> TherapistDirectory:
    return TherapistDirectory(config, service.client())


async def store(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


async def test_a_therapist_is_fetched_once_and_kept_while_fresh(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    service.add(1)
    therapist = await directory.get(work_of(session, now=NOW), 1)
    assert therapist.display_name == "Dr. Jürgen Schmidt"
    assert (therapist.telefon_e164, therapist.abgerufen_at, therapist.status) == (
        "+49301234567",
        NOW,
        "aktiv",
    )
    assert len(parse(therapist.telefonische_erreichbarkeit).windows) == 5
    service.add(1, nachname="Neu", status="Gesperrt")
    assert (await directory.get(work_of(session, now=NOW + AN_HOUR / 2), 1)).nachname == "Schmidt"
    later = await directory.get(work_of(session, now=NOW + AN_HOUR), 1)
    assert (later.nachname, later.status) == ("Neu", "gesperrt")
    assert len(service.requests) == 2


async def test_what_the_desk_knows_survives_a_refresh(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    await store(session, make_therapist(nicht_anrufen=True, anruf_hinweis="leise sprechen", version=4))
    service.add(1, nachname="Neu")
    therapist = await directory.get(work_of(session, now=NOW + AN_HOUR), 1)
    assert (therapist.nachname, therapist.nicht_anrufen, therapist.anruf_hinweis, therapist.version) == (
        "Neu",
        True,
        "leise sprechen",
        4,
    )


def status(code: int):
    return lambda _: httpx.Response(code, json={})


@pytest.mark.parametrize(
    "failing",
    [
        unreachable,
        status(500),
        status(401),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json=[1]),
        lambda _: httpx.Response(200, json={"id": 2}),
    ],
    ids=["refused", "500", "401", "no JSON", "a list", "somebody else"],
)
async def test_a_failing_service_means_the_copy_or_a_clear_error(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble, failing
):
    service.failing = failing
    await store(session, make_therapist(abgerufen_at=NOW - 9 * AN_HOUR))
    assert (await directory.get(work_of(session, now=NOW), 1)).nachname == "Schmidt"
    with pytest.raises(DirectoryUnavailable):
        await directory.get(work_of(session, now=NOW), 2)


async def test_a_read_is_tried_again_within_the_deadline(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    service.add(1)

    def once(request: httpx.Request) -> httpx.Response:
        service.failing = None
        return unreachable(request)

    service.failing = once
    assert (await directory.get(work_of(session, now=NOW), 1)).id == 1
    assert len(service.requests) == 2


async def test_a_hanging_service_is_given_up_after_the_deadline_and_left_alone_for_a_while(
    session: AsyncSession, config: Settings, service: TherapistServiceDouble
):
    hasty = config.model_copy(update={"therapist_deadline_seconds": 0.05})
    directory = TherapistDirectory(hasty, service.client())
    service.add(1)
    service.hanging = True
    with pytest.raises(DirectoryUnavailable):
        await directory.get(work_of(session, now=NOW), 1)
    asked = len(service.requests)
    service.hanging = False
    with pytest.raises(DirectoryUnavailable):
        await directory.get(work_of(session, now=NOW + timedelta(seconds=9)), 1)
    assert len(service.requests) == asked
    assert (await directory.get(work_of(session, now=NOW + timedelta(seconds=10)), 1)).id == 1


async def test_callers_asking_for_the_same_therapist_share_a_request(
    sessions: SessionFactory, directory: TherapistDirectory, service: TherapistServiceDouble
):
    service.add(1)

    async def ask() -> Therapist:
        async with sessions() as session:
            return await directory.get(work_of(session, now=NOW), 1)

    found = await asyncio.gather(*(ask() for _ in range(8)))
    assert {therapist.id for therapist in found} == {1}
    assert len(service.requests) < 8


async def test_who_is_gone_from_the_service_is_unknown_or_becomes_inactive(
    session: AsyncSession, directory: TherapistDirectory
):
    with pytest.raises(UnknownTherapist):
        await directory.get(work_of(session, now=NOW), 1)
    await store(session, make_therapist())
    therapist = await directory.get(work_of(session, now=NOW + AN_HOUR), 1)
    assert not may_be_called(therapist)


async def test_odd_fields_are_stored_as_far_as_possible(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    service.therapists[1] = {
        "id": 1,
        "nachname": "O\0ber" + "x" * 300,
        "plz": 10115,
        "telefon": "keins",
        "titel": ["Dr."],
        "status": None,
        "telefonische_erreichbarkeit": {
            "mo\0": [float("nan"), "9-12\ud800", {"a": {"b": {"c": {"d": [[]]}}}}]
        },
        "neu": True,
    }
    therapist = await directory.get(work_of(session, now=NOW), 1)
    assert therapist.nachname.startswith("Oberxxx")
    assert len(therapist.nachname) == 255
    assert (therapist.vorname, therapist.plz, therapist.titel) == ("", "10115", None)
    assert (therapist.telefon_e164, therapist.status) == (None, "aktiv")
    assert parse(therapist.telefonische_erreichbarkeit).problems


async def test_the_background_finds_new_therapists_page_by_page_and_refreshes_the_oldest(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    service: TherapistServiceDouble,
):
    clock = FakeClock(NOW)
    refresh = DirectoryRefresh(workplace_of(sessions, clock), directory)
    for number in range(1, 151):
        service.add(number)
    await refresh.turn()
    await refresh.turn()
    async with session.begin():
        assert len(list(await session.scalars(select(Therapist.id)))) == 150
    service.therapists.clear()
    service.requests.clear()
    service.add(1, nachname="Neu")
    clock.advance(hours=1)
    await refresh.turn()
    assert (await get_therapist(work_of(session), 1)).nachname == "Neu"
    assert (await get_therapist(work_of(session), 2)).status == "inaktiv"
    assert len(service.requests) == 1 + 5


async def test_calls_of_therapists_who_turn_out_blocked_are_cancelled_by_the_next_turn(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    service: TherapistServiceDouble,
):
    await store(session, make_therapist(), make_call(grund="nicht_zugestellt"))
    service.add(1, status="gesperrt")
    await DirectoryRefresh(workplace_of(sessions, lambda: NOW + AN_HOUR), directory).turn()
    await CallsInVain(workplace_of(sessions, lambda: NOW + AN_HOUR)).turn()
    async with session.begin():
        (call,) = await session.scalars(select(PhoneCall))
    assert (call.status, call.absage_grund, call.ergebnis) == ("canceled", "nicht_aktiv", None)


async def test_an_outage_does_not_end_the_background(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    service: TherapistServiceDouble,
):
    await store(session, make_therapist(abgerufen_at=NOW - 9 * AN_HOUR))
    service.failing = unreachable
    await DirectoryRefresh(workplace_of(sessions, lambda: NOW), directory).turn()
    assert (await get_therapist(work_of(session), 1)).status == "aktiv"


async def test_do_not_call_cancels_what_was_planned_automatically_and_nothing_else(session: AsyncSession):
    await store(
        session,
        make_therapist(),
        make_call(grund="nicht_zugestellt"),
        make_call(grund="manuell", leitung=2, geplante_zeit=time(12)),
        make_call(grund="keine_antwort", therapist_id=2, leitung=3),
    )
    await store(session, make_call(vorheriger_anruf_id=2, geplante_zeit=time(13), versuch=2))
    therapist = await set_do_not_call(work_of(session, now=NOW, actor=API), 1, True, "nur E-Mail", version=1)
    assert (therapist.nicht_anrufen, therapist.nicht_anrufen_grund, therapist.version) == (
        True,
        "nur E-Mail",
        2,
    )
    async with session.begin():
        calls = list(await session.scalars(select(PhoneCall).order_by(PhoneCall.id)))
        events = list(await session.scalars(select(OutboxEvent.event_type)))
    assert [call.status for call in calls] == ["canceled", "scheduled", "scheduled", "canceled"]
    assert (calls[0].absage_grund, calls[0].ergebnis) == ("nicht_anrufen", None)
    assert events == ["communication.call_canceled"] * 2
    with pytest.raises(StaleVersion):
        await set_do_not_call(work_of(session, now=NOW, actor=API), 1, False, None, version=1)
    lifted = await set_do_not_call(work_of(session, now=NOW, actor=API), 1, False, "egal", version=2)
    assert (lifted.nicht_anrufen, lifted.nicht_anrufen_grund) == (False, None)


async def test_a_call_somebody_is_changing_is_left_for_the_next_time(
    sessions: SessionFactory, session: AsyncSession
):
    await store(session, make_therapist(nicht_anrufen=True), make_call(grund="nicht_zugestellt"))
    async with sessions() as other, other.begin():
        await other.scalar(select(PhoneCall).with_for_update())
        assert await cancel_calls_in_vain(work_of(session, now=NOW)) == 0
    assert await cancel_calls_in_vain(work_of(session, now=NOW)) == 1


async def test_a_hint_is_kept_and_needs_the_current_version(session: AsyncSession):
    await store(session, make_therapist())
    therapist = await set_call_hint(work_of(session, now=NOW, actor=API), 1, "Durchwahl 12", version=1)
    assert (therapist.anruf_hinweis, therapist.version) == ("Durchwahl 12", 2)
    with pytest.raises(StaleVersion):
        await set_call_hint(work_of(session, now=NOW, actor=API), 1, None, version=1)
    with pytest.raises(NotFound):
        await set_call_hint(work_of(session, now=NOW, actor=API), 2, None, version=1)
    with pytest.raises(NotFound):
        await get_therapist(work_of(session), 2)
