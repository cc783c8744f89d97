"""One odd record in the directory costs nobody else anything."""

import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from services.models import Therapist
from services.therapists.client import LARGEST_ANSWER, TherapistClient, UnreadableAnswer
from services.therapists.directory import TherapistDirectory, store
from services.therapists.record import Fields, read_therapist
from services.therapists.refresh import DirectoryRefresh
from shared.config import Settings
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_therapist
from tests.therapist_service import TherapistServiceDouble, therapist_json
from tests.work import tx_of, work_of, workplace_of

AN_HOUR = timedelta(hours=1)
CHUNK = 64 * 1024


@pytest.fixture
def service() -> TherapistServiceDouble:
    return TherapistServiceDouble()


@pytest.fixture
def directory(config: Settings, service: TherapistServiceDouble) -> TherapistDirectory:
    return TherapistDirectory(config, service.client())


async def stored_ids(sessions: SessionFactory) -> list[int]:
    async with sessions() as session:
        return list(await session.scalars(select(Therapist.id).order_by(Therapist.id)))


def fields(therapist_id: int, **values: object) -> Fields:
    read = read_therapist(therapist_json(therapist_id))
    assert not isinstance(read, str)
    return read | values


async def test_rows_the_database_refuses_are_left_out_and_named(
    sessions: SessionFactory, session: AsyncSession
):
    rows = [
        fields(1),
        fields(2, status="x" * 21),
        fields(3, nachname="a\0b"),
        fields(4, nachname=None),
        fields(5),
        fields(5, nachname="Zweite"),
    ]
    with capture_logs() as logs:
        async with session.begin():
            await store(tx_of(session), rows)
    assert await stored_ids(sessions) == [1, 5]
    named = [(entry["therapist_id"], entry["reason"]) for entry in logs]
    assert named == [(2, "22001"), (3, "22021"), (4, "23502")]


async def test_a_page_may_hold_more_rows_than_a_statement_takes_arguments(
    sessions: SessionFactory, directory: TherapistDirectory, service: TherapistServiceDouble
):
    small = [{"id": number, "nachname": "N"} for number in range(1, 3_501)]
    service.failing = lambda _: httpx.Response(200, json=small)
    await DirectoryRefresh(workplace_of(sessions, lambda: NOW), directory).turn()
    assert len(await stored_ids(sessions)) == 3_500


async def test_entries_of_a_page_that_make_no_sense_are_named_and_the_rest_is_stored(
    sessions: SessionFactory, directory: TherapistDirectory, service: TherapistServiceDouble
):
    odd: list[object] = [None, {"id": "7"}, {"id": 2**31}, {"id": True}, *[[]] * 50]
    rows = [therapist_json(1), *odd, therapist_json(2, status="\u0130" * 20), therapist_json(2)]
    service.failing = lambda _: httpx.Response(200, json=rows)
    with capture_logs() as logs:
        await DirectoryRefresh(workplace_of(sessions, lambda: NOW), directory).turn()
    assert await stored_ids(sessions) == [1, 2]
    named = [entry for entry in logs if entry["event"] == "therapist_left_out"]
    assert [(entry["row"], entry["reason"]) for entry in named[:3]] == [
        (2, "not an object"),
        (3, "no id that is a whole number"),
        (4, "an id that is not from 1 to 2147483647"),
    ]
    assert len(named) == 10
    assert logs[-1]["count"] == 54


DEEP = b'{"id": 42, "vorname": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
HUGE = json.dumps(therapist_json(42, notizen="x" * LARGEST_ANSWER)).encode()


def spoilt(service: TherapistServiceDouble, answer: Callable[[], httpx.Response]) -> None:
    """Have the service answer so whenever therapist 42 is among those asked for."""

    def respond(request: httpx.Request) -> httpx.Response:
        if "page" in request.url.params:
            page, limit = int(request.url.params["page"]), int(request.url.params["limit"])
            if (page - 1) * limit < 42 <= page * limit:
                return answer()
            return service._list(page, limit)
        number = int(request.url.path.rpartition("/")[2])
        return answer() if number == 42 else httpx.Response(200, json=service.therapists[number])

    service.failing = respond


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(200, content=DEEP),
        lambda: httpx.Response(200, content=HUGE),
        lambda: httpx.Response(200, content=b"[{"),
        lambda: httpx.Response(500),
    ],
    ids=["nested", "huge", "no JSON", "error"],
)
async def test_a_record_that_spoils_its_page_is_passed_over_and_all_others_are_read(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    service: TherapistServiceDouble,
    answer: Callable[[], httpx.Response],
):
    for number in range(1, 121):
        service.add(number, nachname="Neu")
    spoilt(service, answer)
    async with session.begin():
        session.add_all(
            make_therapist(id=number, abgerufen_at=NOW - 9 * AN_HOUR) for number in (42, *range(61, 111))
        )
    clock = FakeClock(NOW)
    refresh = DirectoryRefresh(workplace_of(sessions, clock), directory)
    for _ in range(40):
        await refresh.turn()
        clock.advance(seconds=15)
    assert await stored_ids(sessions) == list(range(1, 121))
    async with sessions() as other:
        old = await other.scalars(select(Therapist.id).where(Therapist.nachname != "Neu"))
        assert list(old) == [42]


async def test_one_unreadable_therapist_does_not_have_the_service_left_alone(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    service.add(1)
    service.therapists[42] = {"id": "?"}
    with pytest.raises(UnreadableAnswer):
        await directory.get(work_of(session), 42)
    assert (await directory.get(work_of(session), 1)).id == 1


async def test_a_number_longer_than_any_column_does_not_spoil_the_answer(
    session: AsyncSession, directory: TherapistDirectory, service: TherapistServiceDouble
):
    text = json.dumps(therapist_json(1)).replace('"10115"', "9" * 5_000)
    service.failing = lambda _: httpx.Response(200, content=text.encode())
    therapist = await directory.get(work_of(session), 1)
    assert (therapist.nachname, therapist.plz) == ("Schmidt", None)


class Body:
    """A body sent in chunks, which counts how many were taken."""

    def __init__(self, chunk: bytes, times: int) -> None:
        self.chunk = chunk
        self.times = times
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.times):
            self.taken += 1
            yield self.chunk


@pytest.mark.parametrize(
    ("encoding", "reason"), [("identity", "too large"), ("br", "packed as was not asked for")]
)
async def test_an_endless_answer_is_read_up_to_a_size(
    config: Settings, service: TherapistServiceDouble, encoding: str, reason: str
):
    body = Body(b" " * CHUNK, 10_000)
    service.failing = lambda _: httpx.Response(200, content=body, headers={"content-encoding": encoding})
    with capture_logs() as logs, pytest.raises(UnreadableAnswer):
        await TherapistClient(config, service.client()).fetch(1)
    assert body.taken <= LARGEST_ANSWER // CHUNK + 1
    assert logs[-1]["reason"] == reason


async def test_an_answer_that_unpacks_without_end_is_unpacked_up_to_a_size(
    config: Settings, service: TherapistServiceDouble
):
    packed = gzip.compress(b" " * 40 * LARGEST_ANSWER)
    body = Body(packed, 1)
    service.failing = lambda _: httpx.Response(200, content=body, headers={"content-encoding": "gzip"})
    with capture_logs() as logs, pytest.raises(UnreadableAnswer):
        await TherapistClient(config, service.client()).fetch(1)
    assert logs[-1]["reason"] == "too large once unpacked"


async def test_a_packed_answer_is_read(config: Settings, service: TherapistServiceDouble):
    packed = gzip.compress(json.dumps(therapist_json(1)).encode())
    halves = (packed[:100], packed[100:])

    async def body() -> AsyncIterator[bytes]:
        for half in halves:
            yield half

    service.failing = lambda _: httpx.Response(200, content=body(), headers={"content-encoding": "gzip"})
    read = await TherapistClient(config, service.client()).fetch(1)
    assert read is not None
    assert read["nachname"] == "Schmidt"


async def test_a_broken_packed_answer_is_unreadable(config: Settings, service: TherapistServiceDouble):
    body = Body(b"no gzip", 1)
    service.failing = lambda _: httpx.Response(200, content=body, headers={"content-encoding": "gzip"})
    with pytest.raises(UnreadableAnswer):
        await TherapistClient(config, service.client()).fetch(1)
