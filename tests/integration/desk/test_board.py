"""Today's board and the panel of a call, read from a real database."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.calls.claims import claim_call
from services.calls.outcomes import Outcome, record_outcome
from services.desk.board import load_board
from services.desk.history import ContactKind
from services.desk.open_calls import list_open_calls
from services.desk.panel import load_call_panel
from services.errors import NotFound
from services.models import EmailStatus, OutcomeKind
from services.pagination import PageRequest
from services.rules import DeskRules
from services.work import API, Actor
from tests.factories import NOW, make_call, make_email, make_staff, make_therapist
from tests.statements import noting
from tests.work import work_of

TODAY = date(2026, 10, 14)
ANNA = 1


@contextmanager
def queries(engine: AsyncEngine) -> Generator[list[str]]:
    """Collect the SELECTs sent inside the block."""
    seen: list[str] = []
    with noting(engine, seen.append):
        yield seen


async def save(session: AsyncSession, *rows: object) -> None:
    async with session.begin():
        session.add_all(rows)


def therapist(number: int, hours: str | None, **values: object):
    weekly = {"wednesday": hours} if hours else None
    return make_therapist(id=number, telefonische_erreichbarkeit=weekly, **values)


async def test_the_board_holds_today_and_what_was_missed(
    session: AsyncSession, engine: AsyncEngine, rules: DeskRules
):
    await save(
        session,
        make_staff(id=ANNA, name="Anna"),
        therapist(1, "10:00-11:00"),
        therapist(2, "11:15-12:00"),
        therapist(3, "15:00-16:00"),
        therapist(4, "08:00-09:00"),
        therapist(5, None, nachname="Weber"),
        *(make_call(id=number, therapist_id=number, leitung=number) for number in range(1, 7)),
        make_call(id=7, therapist_id=3, geplantes_datum=date(2026, 10, 9)),
        make_call(id=8, therapist_id=1, geplantes_datum=date(2026, 10, 15)),
        make_call(id=9, status="completed", ergebnis_art="erreicht", abgeschlossen_at=NOW),
        make_call(id=10, status="completed", abgeschlossen_at=NOW - timedelta(days=1)),
        make_call(id=11, status="failed", abgeschlossen_at=NOW - timedelta(days=3), klaerung_noetig=True),
    )
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    with queries(engine) as seen:
        board = await load_board(work_of(session, now=NOW, rules=rules))
    assert len(seen) == 6
    groups = [board.reachable_now, board.soon, board.later, board.overdue, board.unreachable]
    assert [[row.call.call_id for row in rows] for rows in groups] == [[1], [2], [], [7, 4], [5, 6]]
    assert [call.call_id for call in board.done] == [9]
    assert [call.call_id for call in board.needs_person] == [11]
    (held,) = board.reachable_now
    left = held.countdown(NOW)
    assert left is not None
    assert (held.holder_id, held.holder_name, left.minutes) == (ANNA, "Anna", 18)
    assert (board.counts.open, board.counts.reachable_now, board.counts.reachable_free) == (6, 1, 0)
    assert board.next_opening is not None
    assert board.next_opening.at == datetime(2026, 10, 14, 9, 15, tzinfo=UTC)


async def test_when_today_is_over_the_next_day_is_named(
    session: AsyncSession, engine: AsyncEngine, rules: DeskRules
):
    await save(session, make_therapist(), make_call(geplantes_datum=date(2026, 10, 16)))
    with queries(engine) as seen:
        board = await load_board(work_of(session, now=NOW, rules=rules))
    assert len(seen) == 5
    assert board.next_opening is not None
    assert (board.next_opening.name, board.next_opening.at) == (
        "Dr. Jürgen Schmidt",
        datetime(2026, 10, 16, 9, 0, tzinfo=UTC),
    )


async def test_an_empty_desk_has_an_empty_board(session: AsyncSession, rules: DeskRules):
    board = await load_board(work_of(session, now=NOW, rules=rules))
    assert (board.counts.open, board.counts.done, board.next_opening) == (0, 0, None)
    assert len(board.band) == 20


async def test_an_outcome_moves_a_call_to_done(session: AsyncSession, rules: DeskRules):
    await save(session, make_therapist(), make_call(id=100))
    result = await record_outcome(
        work_of(session, now=NOW, rules=rules, actor=API),
        100,
        Outcome(art=OutcomeKind.NOT_REACHED),
        version=1,
    )
    board = await load_board(work_of(session, now=NOW, rules=rules))
    [done] = board.done
    assert (done.call_id, done.ergebnis_art, board.undo_ends) == (100, "nicht_erreicht", result.undo_until)
    assert board.counts.open == 0


async def test_the_board_reads_today_only_whatever_the_table_holds(session: AsyncSession, rules: DeskRules):
    """500 open calls of today among many closed and future ones: no sequential scan of the table."""
    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.phone_calls
                    (therapist_id, geplantes_datum, geplante_zeit, status, abgeschlossen_at, leitung)
                SELECT n, date '2026-10-14' - (n % 700), '10:00', 'completed',
                       timestamptz '2026-10-13 12:00Z' - n * interval '1 hour', 1
                FROM generate_series(1, 20000) n
                """
            )
        )
        await session.execute(
            text(
                """
                INSERT INTO communication_service.phone_calls
                    (therapist_id, geplantes_datum, geplante_zeit, dauer_minuten, leitung)
                SELECT n, date '2026-10-14', '11:00', 5, n FROM generate_series(1, 500) n
                """
            )
        )
        await session.execute(text("ANALYZE communication_service.phone_calls"))
    board = await load_board(work_of(session, now=NOW, rules=rules))
    assert board.counts.open == 500
    async with session.begin():
        await session.execute(text("SET LOCAL random_page_cost = 1.1"))
        plan = "\n".join(
            await session.scalars(
                text(
                    "EXPLAIN SELECT * FROM communication_service.phone_calls "
                    "WHERE status <> 'scheduled' AND (abgeschlossen_at >= '2026-10-14' OR klaerung_noetig)"
                )
            )
        )
    assert "Seq Scan" not in plan


async def many_open_calls(session: AsyncSession, *, before: int, today: int = 0) -> None:
    """Open calls of yesterday and of today, each to a therapist, ids from the oldest on."""
    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.therapists
                    (id, vorname, nachname, telefon, abgerufen_at, telefonische_erreichbarkeit)
                SELECT n, 'Eva', 'Nr' || n, '030 1234567', now(), '{"wednesday": ["10:00-12:00"]}'
                FROM generate_series(1, :many) n
                """
            ),
            {"many": before + today},
        )
        await session.execute(
            text(
                """
                INSERT INTO communication_service.phone_calls
                    (id, therapist_id, geplantes_datum, geplante_zeit, leitung)
                SELECT n, n, date '2026-10-14' - greatest(0, (:before - n + 10) / 10), '11:00', n
                FROM generate_series(1, :many) n
                """
            ),
            {"before": before, "many": before + today},
        )


@pytest.mark.parametrize(("before", "today"), [(2_500, 0), (2_400, 100), (100, 2_400)])
async def test_however_many_calls_are_open_all_are_on_the_board_and_listed(
    session: AsyncSession, engine: AsyncEngine, rules: DeskRules, before: int, today: int
):
    await many_open_calls(session, before=before, today=today)
    with queries(engine) as seen:
        board = await load_board(work_of(session, now=NOW, rules=rules), most=50)
    assert len(seen) == 8
    assert (board.counts.open, board.counts.overdue) == (2_500, before)
    assert len(board.reachable_now) == 2_500
    listed: list[int] = []
    for number in range(1, 26):
        page = await list_open_calls(work_of(session, now=NOW, rules=rules), PageRequest(number, 100))
        assert page.total == 2_500
        listed += [row.call.call_id for row in page.rows]
    assert listed == list(range(1, 2_501))


async def test_closed_calls_beyond_what_is_read_are_counted(session: AsyncSession, rules: DeskRules):
    async with session.begin():
        await session.execute(
            text(
                """
                INSERT INTO communication_service.phone_calls
                    (therapist_id, geplantes_datum, geplante_zeit, status, abgeschlossen_at, klaerung_noetig)
                SELECT n, '2026-10-14', '10:00', 'failed', :now, n <= 1100 FROM generate_series(1, 1300) n
                """
            ),
            {"now": NOW},
        )
    board = await load_board(work_of(session, now=NOW, rules=rules))
    assert (board.counts.done, board.counts.needs_person) == (1_300, 1_100)


async def test_the_panel_brings_everything_together(session: AsyncSession, rules: DeskRules):
    mail = make_email(
        status=EmailStatus.SENT,
        sent_at=NOW - timedelta(days=7),
        created_at=NOW - timedelta(days=7),
        antwort_erhalten=True,
        antwortdatum=NOW - timedelta(days=1),
        antwortinhalt="Bin im Urlaub",
        antwort_art="abwesenheit",
    )
    await save(
        session, make_staff(id=ANNA, name="Anna"), make_therapist(anruf_hinweis="lange klingeln"), mail
    )
    await save(
        session,
        make_call(id=1, email_id=mail.id, grund="keine_antwort"),
        make_call(
            id=2,
            status="failed",
            ergebnis_art="nicht_erreicht",
            tatsaechliches_datum=date(2026, 10, 9),
            tatsaechliche_zeit=time(10, 30),
            abgeschlossen_at=NOW - timedelta(days=5),
        ),
        make_call(id=3, geplantes_datum=date(2026, 10, 20), vorheriger_anruf_id=1),
        make_call(id=4, therapist_id=2, leitung=2),
    )
    await claim_call(work_of(session, now=NOW, rules=rules, actor=Actor("staff", ANNA)), 1)
    panel = await load_call_panel(work_of(session, now=NOW, rules=rules), 1)
    assert panel.therapist is not None
    assert panel.therapist.anruf_hinweis == "lange klingeln"
    this, later = panel.matters.calls
    assert [email.id for email in this.emails] == [mail.id]
    assert (this.due, later.due, panel.matters.count) == (True, False, 1)
    assert (panel.holder_id, panel.holder_name) == (ANNA, "Anna")
    assert panel.windows_today == [panel.open_now]
    assert panel.next_attempt is not None
    assert panel.next_attempt.id == 3
    assert [(entry.kind, entry.record_id) for entry in panel.history] == [
        (ContactKind.CALL, 3),
        (ContactKind.CALL, 1),
        (ContactKind.REPLY, mail.id),
        (ContactKind.CALL, 2),
        (ContactKind.EMAIL, mail.id),
    ]
    assert panel.best == []


async def test_an_unknown_call_has_no_panel(session: AsyncSession, rules: DeskRules):
    with pytest.raises(NotFound):
        await load_call_panel(work_of(session, now=NOW, rules=rules), 77)


async def test_a_call_to_an_unknown_therapist_has_a_panel(session: AsyncSession, rules: DeskRules):
    await save(session, make_call(id=1))
    panel = await load_call_panel(work_of(session, now=NOW, rules=rules), 1)
    assert (panel.therapist, panel.windows_today, panel.open_now) == (None, [], None)


async def test_nobody_is_reachable_on_a_holiday_of_their_own_state(session: AsyncSession, rules: DeskRules):
    repentance = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
    await save(
        session,
        therapist(1, "10-12", plz="01067"),
        therapist(2, "10-12", plz="10115"),
        therapist(3, "10-12"),
        *(
            make_call(therapist_id=number, geplantes_datum=repentance.date(), leitung=number)
            for number in (1, 2, 3)
        ),
    )
    board = await load_board(work_of(session, now=repentance, rules=rules))
    assert [row.call.therapist_id for row in board.reachable_now] == [2, 3]
    assert [row.call.therapist_id for row in board.overdue] == [1]
    assert max(part.windows for part in board.band) == 2
