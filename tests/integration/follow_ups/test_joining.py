"""A therapist has one open follow-up call: what is due joins it, what is answered leaves it."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from services.calls.claims import claim_call
from services.calls.decisions import call_again
from services.calls.lists import CallFilters, list_calls
from services.calls.next_attempt import preview_next_attempt
from services.calls.outcomes import Outcome, record_outcome
from services.calls.planning import FollowedUpAlready, FollowUpOpen, NewCall, create_call
from services.calls.undo import NextAttemptChanged, TooLateToUndo
from services.calls.wishes import set_do_not_call
from services.conversations.undo import undo_settlement
from services.desk.email_list import EmailView, email_overview
from services.desk.email_page import load_email_detail
from services.emails.changes import EmailChanges, update_email
from services.emails.lists import EmailFilters
from services.emails.reply_preview import preview_reply
from services.models import (
    CallReason,
    Email,
    FollowUpObstacle,
    NoRetry,
    OutcomeKind,
    PhoneCall,
    ReplyKind,
    Therapist,
)
from services.pagination import PageRequest
from services.work import Actor
from tests.factories import NOW, make_call
from tests.integration.follow_ups.conftest import FollowedUp

BEN = Actor("staff", 2)
BACK = date(2026, 10, 26)


async def test_what_is_due_joins_the_open_follow_up_call_and_other_services_hear_of_it(desk: FollowedUp):
    first, second, third = [await desk.due_email() for _ in range(3)]
    (call,) = await desk.calls()
    assert (call.grund, call.email_id, call.email_ids) == ("keine_antwort", first, [first, second, third])
    assert call.version == 1, "what somebody has typed for it stays good"
    assert [ids for _, ids in await desk.told()] == [[first], [first, second], [first, second, third]]
    assert await desk.look() == 0
    detail = await desk.does(load_email_detail, second)
    assert (detail.follow_up_at, detail.pending.id) == (None, call.id)
    assert [each.id for each in detail.calls] == [call.id]
    overview = await desk.does(email_overview, EmailView.ALL, EmailFilters(), PageRequest(1, 50))
    assert {row.call.id for row in overview.page.rows} == {call.id}
    found = await desk.does(list_calls, CallFilters(email_id=second), PageRequest(1, 50))
    assert [(each.id, each.email_ids) for each in found.rows] == [(call.id, [first, second, third])]


async def test_a_call_planned_by_a_person_or_of_another_therapist_is_not_joined(desk: FollowedUp):
    await desk.add(make_call(id=1000), make_call(id=1001, therapist_id=2, leitung=2, grund="keine_antwort"))
    email = await desk.due_email()
    assert (await desk.about())[1] == ("scheduled", [email])


async def test_a_follow_up_joins_a_call_that_has_no_email_yet(desk: FollowedUp):
    await desk.add(make_call(id=1000, grund="keine_antwort"))
    email = await desk.due_email()
    (call,) = await desk.calls()
    assert (call.email_id, call.email_ids) == (email, [email])


async def test_nothing_joins_the_call_of_a_therapist_who_is_not_to_be_called(desk: FollowedUp):
    first = await desk.due_email()
    async with desk.sessions.begin() as session:
        await session.execute(update(Therapist).values(nicht_anrufen=True))
    second = await desk.due_email()
    assert await desk.about() == {1: ("scheduled", [first])}
    assert (await desk.email(second)).nachverfolgung_hindernis == FollowUpObstacle.NOT_TO_BE_CALLED


async def test_the_database_holds_that_there_is_one_open_follow_up_call(desk: FollowedUp):
    await desk.due_email()
    with pytest.raises(IntegrityError, match="uq_phone_calls_open_follow_up"):
        await desk.add(make_call(id=1000, grund="keine_antwort", geplante_zeit=time(11, 30)))
    await desk.add(make_call(id=1000, grund="keine_antwort", geplante_zeit=time(11, 30), doppelt=True))


async def test_the_next_attempt_of_a_call_beside_another_stays_beside_it(desk: FollowedUp):
    email = await desk.due_email()
    await desk.add(make_call(id=1000, grund="keine_antwort", geplante_zeit=time(11, 30), doppelt=True))
    result = await desk.rang(1000)
    assert result.next_call is not None
    assert result.next_call.doppelt
    assert (await desk.about())[1] == ("scheduled", [email])


async def test_who_asks_for_a_follow_up_gets_the_open_one_or_is_told_of_it(desk: FollowedUp):
    first = await desk.due_email()
    second = await desk.due_email(sent_at=NOW - timedelta(days=1))
    wanted = NewCall(therapist_id=1, email_id=second, grund=CallReason.NO_REPLY)

    async def ask(**values: object):
        new = NewCall(**{name: getattr(wanted, name) for name in NewCall.__dataclass_fields__} | values)  # pyright: ignore[reportArgumentType]
        return await desk.does(create_call, new, directory=desk.directory)

    for own in (
        {"geplantes_datum": date(2026, 10, 15), "geplante_zeit": time(10)},
        {"notizen": "Bitte"},
        {"dauer_minuten": 10},
        {"email_id": None},
    ):
        with pytest.raises(FollowUpOpen):
            await ask(**own)
    assert (await ask()).row.email_ids == [first, second]
    with pytest.raises(FollowedUpAlready):
        await ask()
    assert await desk.about() == {1: ("scheduled", [first, second])}


async def test_an_answer_takes_its_email_out_and_the_last_one_cancels_the_call(desk: FollowedUp):
    first, second = [await desk.due_email() for _ in range(2)]
    preview = await desk.does(preview_reply, first, ReplyKind.REPLY)
    assert (preview.canceled, preview.left.id) == (None, 1)
    effect = await desk.answered(first)
    assert effect.left is not None
    assert effect.canceled is None
    (call,) = await desk.calls()
    assert (call.status, call.email_id, call.email_ids, call.version) == ("scheduled", second, [second], 1)
    assert (await desk.told())[-1] == ("call_scheduled", [second])
    effect = await desk.answered(second)
    assert effect.canceled is not None
    assert await desk.about() == {1: ("canceled", [second])}


async def test_put_takes_an_email_out_and_back_in(desk: FollowedUp):
    first, second = [await desk.due_email() for _ in range(2)]
    await desk.does(update_email, first, EmailChanges(antwort_erhalten=True))
    assert await desk.about() == {1: ("scheduled", [second])}
    await desk.does(update_email, first, EmailChanges(antwort_erhalten=False))
    assert await desk.about() == {1: ("scheduled", [first, second])}
    assert await desk.look() == 0


async def test_undeliverable_stays_in_the_call(desk: FollowedUp):
    emails = [await desk.due_email() for _ in range(2)]
    await desk.answered(emails[0], art=ReplyKind.UNDELIVERABLE)
    assert await desk.about() == {1: ("scheduled", emails)}


@pytest.mark.parametrize("attempts", [0, 1])
async def test_an_absence_takes_its_email_out_which_is_followed_up_again(desk: FollowedUp, attempts: int):
    first, second = [await desk.due_email() for _ in range(2)]
    if attempts:
        await desk.rang(1)
    *_, before = await desk.calls()
    preview = await desk.does(preview_reply, first, ReplyKind.OUT_OF_OFFICE)
    assert (preview.moved, preview.left.id) == (None, before.id)
    effect = await desk.answered(first, art=ReplyKind.OUT_OF_OFFICE)
    assert (effect.moved, effect.canceled, effect.left.id) == (None, None, before.id)  # pyright: ignore[reportOptionalMemberAccess]
    *_, call = await desk.calls()
    assert (call.email_ids, call.geplantes_datum) == ([second], before.geplantes_datum)
    assert await desk.look(NOW + timedelta(days=6)) == 0
    detail = await desk.does(load_email_detail, first)
    assert desk.rules.today(detail.follow_up_at) == date(2026, 10, 21)
    assert await desk.look(NOW + timedelta(days=7)) == 1
    assert (await desk.calls())[-1].email_ids == [first, second]


async def test_an_absence_until_a_day_moves_the_whole_call(desk: FollowedUp):
    emails = [await desk.due_email() for _ in range(2)]
    preview = await desk.does(preview_reply, emails[0], ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert (preview.moved.id, preview.left, preview.others_moved) == (1, None, 0)
    effect = await desk.answered(emails[0], art=ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert (effect.left, effect.absent_until) == (None, BACK)
    (call,) = await desk.calls()
    assert (call.email_ids, call.geplantes_datum) == (emails, BACK)


@pytest.mark.parametrize("which", [0, 1])
async def test_an_absence_does_to_all_calls_what_was_foreseen_for_a_joined_email(
    desk: FollowedUp, which: int
):
    """The call about two e-mails moves, one about none is another, and one behind the absence stays."""
    emails = [await desk.due_email() for _ in range(2)]
    await desk.add(make_call(id=1000, geplante_zeit=time(11, 30)), make_call(id=1001, geplantes_datum=BACK))
    preview = await desk.does(preview_reply, emails[which], ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert (preview.moved.id, preview.moves_from, preview.left, preview.others_moved) == (1, BACK, None, 1)
    effect = await desk.answered(emails[which], art=ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert effect.moved is not None
    assert (effect.moved.id, effect.moves_from, effect.left, effect.others_moved) == (1, BACK, None, 1)
    assert [call.geplantes_datum for call in await desk.calls()] == [BACK] * 3


@pytest.mark.parametrize("back_on", [date(2026, 10, 15), BACK])
async def test_a_call_an_absence_does_not_move_is_said_to_stay(desk: FollowedUp, back_on: date):
    """A short absence leaves the call where it is, one that is known already moves nothing."""
    first, second = [await desk.due_email() for _ in range(2)]
    planned = {"geplantes_datum": date(2026, 10, 19), "ausserhalb_erreichbarkeit": True}
    async with desk.sessions.begin() as session:
        await session.execute(update(PhoneCall).values(planned))
        await session.execute(update(Email).where(Email.id == first).values(sent_at=NOW))
        if back_on == BACK:
            await session.execute(
                update(Therapist).values(wieder_da_am=BACK, abwesend_laut="hand", abwesend_seit=NOW)
            )
    preview = await desk.does(preview_reply, first, ReplyKind.OUT_OF_OFFICE, rueckkehr=back_on)
    effect = await desk.answered(first, art=ReplyKind.OUT_OF_OFFICE, rueckkehr=back_on)
    (call,) = await desk.calls()
    assert (call.geplantes_datum, call.email_ids) == (date(2026, 10, 19), [second])
    for said in (preview, effect):
        assert (said.moved, said.left.id, said.others_moved) == (None, 1, 0)


async def test_a_shared_call_without_a_time_behind_the_absence_is_said_to_be_cancelled(desk: FollowedUp):
    emails = [await desk.due_email() for _ in range(2)]
    async with desk.sessions.begin() as session:
        await session.execute(update(Therapist).values(telefonische_erreichbarkeit={}))
    effect = await desk.answered(emails[1], art=ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert effect.canceled is not None
    assert (effect.canceled.id, effect.moved, effect.others_moved) == (1, None, 0)


async def test_the_next_attempt_is_about_all_that_still_waits(desk: FollowedUp):
    first, second, third = [await desk.due_email() for _ in range(3)]
    await desk.answered(first)
    result = await desk.rang(1)
    assert result.next_call is not None
    assert await desk.about() == {1: ("failed", [second, third]), 2: ("scheduled", [second, third])}
    assert (await desk.told())[-2:] == [("call_failed", [second, third]), ("call_scheduled", [second, third])]
    await desk.answered(second)
    await desk.answered(third)
    assert (await desk.about())[2] == ("canceled", [third])
    preview = await desk.does(preview_next_attempt, (await desk.calls())[1], OutcomeKind.BUSY)
    assert preview.reason == NoRetry.ANSWERED


async def test_undo_takes_back_what_joined_the_next_attempt(desk: FollowedUp):
    first = await desk.due_email()
    await desk.rang(1)
    second = await desk.due_email()
    assert await desk.about() == {1: ("failed", [first]), 2: ("scheduled", [first, second])}
    await desk.does(undo_settlement, 1)
    assert await desk.about() == {1: ("scheduled", [first, second])}
    assert await desk.told() == [("call_scheduled", [first]), ("call_scheduled", [first, second])]
    assert await desk.look() == 0


async def test_undo_takes_back_a_follow_up_call_made_since(desk: FollowedUp):
    first = await desk.due_email()
    await desk.rang(1, OutcomeKind.REACHED)
    second = await desk.due_email()
    assert await desk.about() == {1: ("completed", [first]), 2: ("scheduled", [second])}
    await desk.does(undo_settlement, 1)
    assert await desk.about() == {1: ("scheduled", [first, second]), 2: ("canceled", [])}
    assert (await desk.calls())[1].absage_grund == "zusammengelegt"
    assert (await desk.told())[-2:] == [("call_canceled", None), ("call_scheduled", [first, second])]


@pytest.mark.parametrize("art", [OutcomeKind.REACHED, OutcomeKind.BUSY])
async def test_undo_leaves_alone_what_somebody_has_in_hand(desk: FollowedUp, art: OutcomeKind):
    await desk.due_email()
    await desk.rang(1, art)
    await desk.due_email()
    before = await desk.about()
    await desk.does(claim_call, 2, actor=BEN)
    with pytest.raises(NextAttemptChanged):
        await desk.does(undo_settlement, 1)
    assert await desk.about() == before


async def test_what_was_answered_since_does_not_come_back_with_the_call(desk: FollowedUp):
    first = await desk.due_email()
    await desk.rang(1)
    second = await desk.due_email()
    await desk.answered(first)
    await desk.does(undo_settlement, 1)
    (call,) = await desk.calls()
    assert (call.status, call.email_id, call.email_ids) == ("scheduled", second, [second])
    await desk.rang(1)
    await desk.answered(second)
    with pytest.raises(TooLateToUndo):
        await desk.does(undo_settlement, 1)


async def test_an_email_that_joined_during_undo_is_not_lost_when_the_undo_ends(desk: FollowedUp):
    first = await desk.due_email()
    await desk.rang(1)
    second = await desk.due_email()
    desk.clock.advance(seconds=60)
    with pytest.raises(TooLateToUndo):
        await desk.does(undo_settlement, 1)
    assert (await desk.about())[2] == ("scheduled", [first, second])


async def test_calls_that_come_back_after_do_not_call_are_one(desk: FollowedUp):
    """Two follow-up calls were cancelled at different times because their therapist was not to be called."""
    first = await desk.due_email()

    async def wish(flag: bool, version: int) -> None:
        await desk.does(set_do_not_call, 1, flag, None, version=version)

    await wish(True, 1)
    async with desk.sessions.begin() as session:
        await session.execute(update(Therapist).values(nicht_anrufen=False))
    second = await desk.due_email()
    assert await desk.about() == {1: ("canceled", [first]), 2: ("scheduled", [second])}
    await wish(True, 2)
    await wish(False, 3)
    assert await desk.about() == {1: ("scheduled", [first, second]), 2: ("canceled", [])}


async def test_a_call_a_person_plans_in_its_place_is_about_all(desk: FollowedUp):
    emails = [await desk.due_email() for _ in range(2)]
    await desk.rang(1, OutcomeKind.WRONG_NUMBER)
    await desk.does(call_again, 1, None, version=None)
    assert (await desk.about())[2] == ("scheduled", emails)
    await desk.answered(emails[0])
    assert (await desk.about())[2] == ("scheduled", emails[1:])
    effect = await desk.answered(emails[1], art=ReplyKind.OUT_OF_OFFICE, rueckkehr=BACK)
    assert effect.moved is not None


async def test_postponed_a_call_keeps_what_joined_it(desk: FollowedUp):
    emails = [await desk.due_email()]
    await desk.does(
        record_outcome,
        1,
        Outcome(art=OutcomeKind.POSTPONED, neuer_termin=(date(2026, 10, 15), time(11))),
        version=None,
    )
    emails.append(await desk.due_email())
    await desk.does(undo_settlement, 1)
    assert await desk.about() == {1: ("scheduled", emails)}
