"""Statistics of a period, read from a real database."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.desk.panel import best_hours, load_call_panel
from services.desk.statistics import HourRate, load_statistics
from services.errors import InvalidInput
from services.models import EmailStatus
from services.reach.estimate import Chances, Pattern, Strengths
from services.reach.tallies import Hour, Tally
from services.rules import DeskRules
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.work import work_of

TODAY = date(2026, 10, 14)


async def save(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


def rang(art: str, day: int, hour: int, number: int, therapist_id: int = 1):
    return make_call(
        therapist_id=therapist_id,
        status="completed" if art == "erreicht" else "failed",
        ergebnis_art=art,
        tatsaechliches_datum=date(2026, 10, day),
        tatsaechliche_zeit=time(hour, number),
        abgeschlossen_at=NOW,
    )


async def test_best_hours_come_from_the_outcomes_so_far(session: AsyncSession, rules: DeskRules):
    await save(
        session,
        make_therapist(),
        make_call(id=100),
        *(rang("erreicht", 6, 10, minute) for minute in range(4)),
        rang("besetzt", 6, 10, 5),
        rang("erreicht", 7, 11, 0),
        rang("nicht_erreicht", 8, 10, 0),
        rang("falsche_nummer", 6, 10, 9),
        rang("erreicht", 8, 10, 0, therapist_id=2),
    )
    panel = await load_call_panel(work_of(session, now=NOW, rules=rules), 100)
    assert panel.best == [HourRate(1, 10, 4, 5), HourRate(2, 11, 1, 1)]


@pytest.mark.parametrize("strengths", [Strengths(), Strengths(4, 4, 4)], ids=["nothing learnt", "learnt"])
def test_four_of_five_beat_one_lucky_call(strengths: Strengths):
    hours = [HourRate(0, 9, 1, 1), HourRate(1, 10, 4, 5), HourRate(2, 11, 0, 9), HourRate(3, 12, 9, 9)]
    history = {
        Hour(rate.weekday, rate.hour): Tally(rate.attempts, rate.reached, 0, rate.attempts, rate.reached)
        for rate in hours
    }
    chances = Chances(Pattern(therapists=strengths), history)
    assert best_hours(chances) == [hours[3], hours[1], hours[0]]


async def test_statistics_count_by_local_day(session: AsyncSession, rules: DeskRules):
    just_before_midnight = datetime(2026, 10, 12, 21, 59, tzinfo=UTC)
    await save(
        session,
        make_email(status=EmailStatus.SENT, sent_at=just_before_midnight),
        make_email(
            status=EmailStatus.SENT,
            sent_at=just_before_midnight + timedelta(minutes=1),
            antwort_erhalten=True,
            antwortdatum=NOW,
            antwort_art="antwort",
        ),
        make_email(status=EmailStatus.SENT, sent_at=NOW - timedelta(days=90)),
        make_email(status=EmailStatus.QUEUED),
        rang("erreicht", 12, 10, 0),
        rang("besetzt", 12, 10, 5),
        rang("nicht_erreicht", 13, 10, 5),
        rang("erreicht", 1, 10, 0),
    )
    numbers = await load_statistics(
        work_of(session, rules=rules), first=date(2026, 10, 12), last=date(2026, 10, 14)
    )
    counted = {
        day.day: (of_day.sent, of_day.answered, of_day.calls, of_day.reached)
        for day, of_day in numbers.days.items()
    }
    assert counted == {12: (1, 0, 2, 1), 13: (1, 1, 1, 0), 14: (0, 0, 0, 0)}
    assert (numbers.total.sent, numbers.total.answer_rate, numbers.total.calls) == (2, 0.5, 3)
    assert numbers.days[TODAY].answer_rate is None
    assert numbers.days[TODAY].reach_rate is None
    assert numbers.hours == [HourRate(0, 10, 1, 2), HourRate(1, 10, 0, 1)]


@pytest.mark.parametrize("last", [date(2026, 10, 11), date(2028, 1, 1)])
async def test_statistics_need_a_sensible_period(session: AsyncSession, rules: DeskRules, last: date):
    with pytest.raises(InvalidInput):
        await load_statistics(work_of(session, rules=rules), first=date(2026, 10, 12), last=last)


async def test_statistics_find_the_calls_of_a_period_by_an_index(
    session: AsyncSession, engine: AsyncEngine, rules: DeskRules
):
    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.phone_calls
                    (therapist_id, geplantes_datum, geplante_zeit, tatsaechliches_datum, tatsaechliche_zeit,
                     status, ergebnis_art, abgeschlossen_at, leitung)
                SELECT n, date '2026-10-14' - n / 30, '10:00', date '2026-10-14' - n / 30, '10:00',
                       'completed', 'erreicht', now(), 1
                FROM generate_series(1, 20000) n
                """
            )
        )
        await session.execute(text("ANALYZE communication_service.phone_calls"))
    sent: list[tuple[str, Any]] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, parameters, *_: sent.append((statement, parameters)),
    )
    await load_statistics(work_of(session, rules=rules), first=TODAY - timedelta(days=13), last=TODAY)
    [(query, parameters)] = [(query, values) for query, values in sent if "phone_calls" in query]
    async with session.begin():
        connection = await session.connection()
        plan = "\n".join((await connection.exec_driver_sql(f"EXPLAIN {query}", parameters)).scalars())
    assert "ix_phone_calls_made_at" in plan
    assert "Sort" not in plan
