import asyncio
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.events.types import EventType
from services.follow_ups.automatic import create_due
from services.models import (
    CallEmail,
    Email,
    EmailStatus,
    FollowUpObstacle,
    ReplyKind,
    Therapist,
)
from services.rules import DeskRules
from services.therapists.directory import TherapistDirectory
from services.work import API
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_therapist
from tests.integration.follow_ups.conftest import A_WEEK_AGO, all_calls, events, reload, sent_email, store
from tests.therapist_service import TherapistServiceDouble, unreachable
from tests.work import work_of, workplace_of


async def due_calls(
    sessions: SessionFactory, directory: TherapistDirectory, rules: DeskRules, now: datetime = NOW
) -> int:
    async with workplace_of(sessions, lambda: now, rules).work() as work:
        return await create_due(work, directory)


async def test_an_unanswered_mail_becomes_one_call(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    email = sent_email()
    await store(session, make_therapist(), email)
    assert await due_calls(sessions, directory, rules) == 1
    assert await due_calls(sessions, directory, rules) == 0
    (call,) = await all_calls(session)
    assert (call.email_id, call.therapist_id, call.grund) == (email.id, 1, "keine_antwort")
    assert (call.geplantes_datum, call.geplante_zeit) == (date(2026, 10, 14), time(11, 15))
    assert call.notizen is None
    assert await events(session) == [EventType.CALL_SCHEDULED]


@pytest.mark.parametrize(
    "values",
    [
        {"sent_at": A_WEEK_AGO + timedelta(microseconds=1)},
        {"antwort_erhalten": True, "antwortdatum": NOW},
        {"status": EmailStatus.FAILED},
        {"status": EmailStatus.QUEUED, "sent_at": None},
        {"status": EmailStatus.SENDING, "uebergabe_begonnen_at": A_WEEK_AGO},
        {"nachverfolgung_ab": NOW + timedelta(seconds=1), "antwort_art": "abwesenheit"},
    ],
    ids=["too young", "answered", "failed", "queued", "unclear", "moved by an out-of-office note"],
)
async def test_other_mails_become_no_call(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    rules: DeskRules,
    values: dict[str, object],
):
    await store(session, make_therapist(), sent_email(**values))
    assert await due_calls(sessions, directory, rules) == 0
    assert await all_calls(session) == []


async def test_an_out_of_office_note_decides_when_the_call_is_due(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    await store(
        session, make_therapist(), sent_email(nachverfolgung_ab=NOW, sent_at=NOW - timedelta(days=30))
    )
    assert await due_calls(sessions, directory, rules) == 1
    assert len(await all_calls(session)) == 1


async def test_a_note_of_an_early_return_brings_no_call_forward(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    email = sent_email(sent_at=NOW - timedelta(days=1))
    await store(session, make_therapist(), email)
    note = Reply(art=ReplyKind.OUT_OF_OFFICE, rueckkehr=rules.today(NOW))
    effect = await record_reply(work_of(session, now=NOW, rules=rules, actor=API), email.id, note)
    assert effect.follow_up_from == rules.today(NOW + timedelta(days=6))
    assert await due_calls(sessions, directory, rules, NOW + timedelta(days=5)) == 0
    assert await due_calls(sessions, directory, rules, NOW + timedelta(days=6)) == 1


@pytest.mark.parametrize(
    ("call", "due"),
    [
        ({"grund": "manuell"}, 0),
        ({"grund": "manuell", "status": "completed"}, 0),
        ({"grund": "manuell", "status": "canceled"}, 1),
        ({"grund": "keine_antwort", "status": "canceled"}, 0),
    ],
)
async def test_a_mail_that_led_to_a_call_is_not_called_about_again(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    rules: DeskRules,
    call: dict[str, object],
    due: int,
):
    email = sent_email()
    await store(session, make_therapist(), email)
    await store(session, make_call(email_id=email.id, **call))
    assert await due_calls(sessions, directory, rules) == due


async def test_many_workers_at_once_let_each_mail_join_one_call_of_its_therapist(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    emails = [sent_email(therapist_id=1 + number % 3) for number in range(12)]
    await store(session, *(make_therapist(id=number) for number in (1, 2, 3)), *emails)
    await asyncio.gather(*(due_calls(sessions, directory, rules) for _ in range(8)))
    while await due_calls(sessions, directory, rules):
        pass
    assert sorted(call.therapist_id for call in await all_calls(session)) == [1, 2, 3]
    async with session.begin():
        links = list(await session.scalars(select(CallEmail.email_id).where(CallEmail.automatisch)))
    assert sorted(links) == sorted(email.id for email in emails)


async def test_a_mail_answered_while_workers_look_gets_no_call(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    """The answer is saved after the mail was found due, while its therapist is being fetched."""
    email = sent_email()
    await store(session, make_therapist(abgerufen_at=NOW - timedelta(days=9)), email)

    async def answer_meanwhile(*_: object, **__: object) -> Therapist:
        async with sessions() as other, other.begin():
            row = await other.get_one(Email, email.id)
            row.antwort_erhalten, row.antwortdatum = True, NOW
        return make_therapist()

    directory.get = answer_meanwhile  # pyright: ignore[reportAttributeAccessIssue]
    assert await due_calls(sessions, directory, rules) == 1
    assert await all_calls(session) == []


@pytest.mark.parametrize(
    ("therapist", "obstacle", "again_after"),
    [
        ({"status": "gesperrt"}, FollowUpObstacle.NOT_TO_BE_CALLED, timedelta(days=7)),
        ({"nicht_anrufen": True}, FollowUpObstacle.NOT_TO_BE_CALLED, timedelta(days=7)),
        ({"telefonische_erreichbarkeit": None}, FollowUpObstacle.NO_WINDOW, timedelta(days=7)),
        (
            {"telefonische_erreichbarkeit": {"mi": ["10-10:02"]}},
            FollowUpObstacle.HOURS_TOO_SHORT,
            timedelta(days=7),
        ),
        (
            {"telefonische_erreichbarkeit": {"mi": ["irgendwann"]}},
            FollowUpObstacle.UNREADABLE_HOURS,
            timedelta(days=7),
        ),
        (
            {"telefonische_erreichbarkeit": {"mi": ["9-9:05"]}},
            FollowUpObstacle.NO_FREE_SLOT,
            timedelta(days=1),
        ),
    ],
)
async def test_a_mail_whose_therapist_cannot_be_called_is_shown_to_the_staff_and_looked_at_later(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    service: TherapistServiceDouble,
    rules: DeskRules,
    therapist: dict[str, object],
    obstacle: FollowUpObstacle,
    again_after: timedelta,
):
    email = sent_email(nachverfolgung_notizen="Bitte beachten")
    await store(session, make_therapist(**therapist), email)
    service.failing = unreachable
    one_day = replace(rules, horizon_days=1)
    assert await due_calls(sessions, directory, one_day) == 1
    assert await due_calls(sessions, directory, one_day) == 0
    await reload(session, email)
    assert email.nachverfolgung_erforderlich
    assert (email.nachverfolgung_hindernis, email.nachverfolgung_notizen) == (obstacle, "Bitte beachten")
    assert email.nachverfolgung_ab == NOW + again_after
    version = email.version
    assert await due_calls(sessions, directory, one_day, NOW + again_after) == 1
    await reload(session, email)
    assert (email.nachverfolgung_hindernis, email.version) == (obstacle, version)
    assert await all_calls(session) == []


async def test_an_unknown_therapist_is_shown_to_the_staff(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    email = sent_email()
    await store(session, email)
    await due_calls(sessions, directory, rules)
    assert (await reload(session, email)).nachverfolgung_erforderlich
    assert email.nachverfolgung_hindernis == FollowUpObstacle.UNKNOWN_THERAPIST


async def test_another_obstacle_takes_the_place_of_the_last_and_none_outlives_the_call(
    sessions: SessionFactory, session: AsyncSession, directory: TherapistDirectory, rules: DeskRules
):
    email, therapist = sent_email(), make_therapist(nicht_anrufen=True)
    await store(session, therapist, email)
    hours = therapist.telefonische_erreichbarkeit

    async def looked_at_after(days: int, **changes: object) -> str | None:
        async with session.begin():
            await session.execute(update(Therapist).values(**changes))
        await due_calls(sessions, directory, rules, NOW + timedelta(days=days))
        return (await reload(session, email)).nachverfolgung_hindernis

    assert await looked_at_after(0, abgerufen_at=NOW) == FollowUpObstacle.NOT_TO_BE_CALLED
    unusable = {"nicht_anrufen": False, "telefonische_erreichbarkeit": None}
    assert await looked_at_after(7, **unusable, abgerufen_at=NOW + timedelta(days=7)) == "keine_telefonzeiten"
    assert email.version == 3
    usable = {"telefonische_erreichbarkeit": hours, "abgerufen_at": NOW + timedelta(days=14)}
    assert await looked_at_after(14, **usable) is None
    assert (email.nachgefasst, len(await all_calls(session))) == (True, 1)


async def test_while_the_directory_is_down_the_mail_waits_without_bothering_anybody(
    sessions: SessionFactory,
    session: AsyncSession,
    directory: TherapistDirectory,
    rules: DeskRules,
    service: TherapistServiceDouble,
):
    email = sent_email()
    await store(session, email)
    service.add(1)
    service.failing = unreachable
    await due_calls(sessions, directory, rules)
    assert not (await reload(session, email)).nachverfolgung_erforderlich
    assert await due_calls(sessions, directory, rules) == 0
    service.failing = None
    assert await due_calls(sessions, directory, rules, NOW + timedelta(minutes=15)) == 1
    assert len(await all_calls(session)) == 1
