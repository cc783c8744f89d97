"""What stands on the pages before staff come to them."""

from collections.abc import Awaitable, Callable
from datetime import date, time, timedelta

import pytest
from sqlalchemy import func, select

from services.accounts.staff import add_staff
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.models import Activity, CallReason, Email, EmailStatus, PhoneCall, Staff
from services.rules import DeskRules
from services.work import Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.work import work_of

WEEK_AGO = NOW - timedelta(days=6)

Store = Callable[..., Awaitable[int]]
"""Stores rows, each flushed before the next; returns the id of the last."""

BenRecords = Callable[..., Awaitable[int]]
"""Has Ben record what came back for an e-mail; returns the id of the entry it leaves."""


async def stored(sessions: SessionFactory, *rows: object) -> None:
    async with sessions() as session, session.begin():
        for row in rows:
            session.add(row)
            await session.flush()


def group(page: str, key: str) -> str:
    """Return the part of the page that shows one group of the list."""
    return page.split(f'class="group group-{key}"')[1].split("</section>")[0]


@pytest.fixture
def store(sessions: SessionFactory) -> Store:
    async def store_rows(*rows: object) -> int:
        await stored(sessions, *rows)
        return rows[-1].id  # pyright: ignore[reportAttributeAccessIssue]

    return store_rows


@pytest.fixture
async def sent(store: Store) -> int:
    """An e-mail sent six days ago, with the automatic call already planned for tomorrow at ten."""
    email_id = await store(
        make_therapist(), make_email(status=EmailStatus.SENT, created_at=WEEK_AGO, sent_at=WEEK_AGO)
    )
    await store(
        make_call(
            email_id=email_id,
            grund=CallReason.NO_REPLY,
            geplantes_datum=date(2026, 10, 15),
            geplante_zeit=time(10, 0),
        )
    )
    return email_id


async def load_email(sessions: SessionFactory, email_id: int) -> Email:
    async with sessions() as session:
        return await session.get_one(Email, email_id)


@pytest.fixture
def ben_records(sessions: SessionFactory, rules: DeskRules) -> BenRecords:
    async def record(email_id: int, *, version: int = 1, **reply: object) -> int:
        async with sessions() as session:
            async with session.begin():
                ben = make_staff(name="Ben")
                session.add(ben)
            came = Reply(**({"inhalt": "Von Ben"} | reply))  # pyright: ignore[reportArgumentType]
            actor = Actor("staff", ben.id)
            await record_reply(
                work_of(session, now=NOW, rules=rules, actor=actor), email_id, came, version=version
            )
            entry = await session.scalar(select(func.max(Activity.id)))
            assert entry
            return entry

    return record


@pytest.fixture
async def call(sessions: SessionFactory) -> int:
    """A call to somebody who answers the phone right now, on each working day from ten to twelve."""
    await stored(sessions, make_therapist(), make_call(id=7))
    return 7


@pytest.fixture
async def ben(sessions: SessionFactory, clock: FakeClock) -> Staff:
    async with sessions() as session:
        return await add_staff(work_of(session, now=clock()), "Ben", PASSWORD, admin=False)


async def load_call(sessions: SessionFactory, call_id: int) -> PhoneCall:
    async with sessions() as session:
        return await session.get_one(PhoneCall, call_id)


async def outcome(client: Client, call: int, htmx: bool = True, **fields: object):
    return await submit(client, f"/calls/{call}/outcome", {"version": 1, **fields}, htmx=htmx)
