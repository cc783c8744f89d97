"""What is typed about a reply: who sees it, and how long it is kept."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.drafts import REPLY, load_draft
from services.emails.replies import record_reply
from services.emails.reply import Reply
from services.emails.reply_drafts import discard_reply, keep_reply, others_typing
from services.models import Email, EmailStatus, Staff
from services.rules import DeskRules
from services.work import Actor
from shared.database import create_session_factory
from tests.clock import FakeClock
from tests.factories import make_email, make_staff
from tests.recording_notifier import RecordingNotifier
from tests.work import tx_of, work_of

TYPED = {"antwortinhalt": "Halber Satz"}


@dataclass
class Typing:
    """Anna and an e-mail she types a reply to."""

    session: AsyncSession
    clock: FakeClock
    rules: DeskRules
    anna: Staff
    ben: Staff
    email: Email

    async def types(self, who: Staff, version: int = 1) -> None:
        await keep_reply(
            work_of(self.session, now=self.clock(), actor=Actor("staff", who.id)),
            self.email.id,
            TYPED,
            version=version,
        )

    async def saves(self, who: Staff, version: int = 1) -> None:
        actor, reply = Actor("staff", who.id), Reply(inhalt=f"Gespeichert in {version}")
        await record_reply(
            work_of(self.session, now=self.clock(), rules=self.rules, actor=actor),
            self.email.id,
            reply,
            version=version,
        )

    async def draft(self, who: Staff) -> dict[str, str] | None:
        return await load_draft(work_of(self.session, actor=Actor("staff", who.id)), REPLY, self.email.id)

    async def seen_by(self, who: Staff) -> list[str]:
        async with self.session.begin():
            return await others_typing(
                tx_of(self.session, now=self.clock(), actor=Actor("staff", who.id)), self.email.id
            )


@pytest.fixture
def notifier() -> RecordingNotifier:
    return RecordingNotifier()


@pytest.fixture
async def desk(
    engine: AsyncEngine, notifier: RecordingNotifier, clock: FakeClock, rules: DeskRules
) -> AsyncGenerator[Typing]:
    async with create_session_factory(engine, notifier)() as session:
        async with session.begin():
            email = make_email(status=EmailStatus.SENT, sent_at=clock())
            anna, ben = make_staff(name="Anna"), make_staff(name="Ben")
            session.add_all([email, anna, ben])
        yield Typing(session, clock, rules, anna, ben, email)


async def test_open_pages_hear_when_somebody_begins_to_type_not_of_every_key(
    desk: Typing, notifier: RecordingNotifier
):
    for seconds in (0, 5, 50):
        desk.clock.advance(seconds=seconds)
        await desk.types(desk.anna)
    assert notifier.sent == [{"emails"}]
    assert await desk.seen_by(desk.ben) == ["Anna"]
    assert await desk.seen_by(desk.anna) == []
    await desk.types(desk.ben)
    assert notifier.sent == [{"emails"}] * 2
    desk.clock.advance(seconds=61)
    assert await desk.seen_by(desk.ben) == []
    await desk.types(desk.anna)
    assert notifier.sent == [{"emails"}] * 3


async def test_who_discards_is_not_seen_typing_any_more(desk: Typing, notifier: RecordingNotifier):
    await desk.types(desk.anna)
    await discard_reply(work_of(desk.session, actor=Actor("staff", desk.anna.id)), desk.email.id)
    assert notifier.sent == [{"emails"}] * 2
    assert await desk.seen_by(desk.ben) == []


async def test_saving_forgets_the_draft_and_what_was_on_its_way_before_it(desk: Typing):
    await desk.types(desk.anna)
    await desk.saves(desk.anna)
    assert await desk.draft(desk.anna) is None
    await desk.types(desk.anna, version=1)
    assert await desk.draft(desk.anna) is None


async def test_a_correction_of_what_one_saved_is_kept(desk: Typing):
    await desk.saves(desk.anna)
    await desk.types(desk.anna, version=2)
    assert await desk.draft(desk.anna) == TYPED


async def test_what_one_types_while_somebody_else_saves_is_kept(desk: Typing):
    await desk.saves(desk.ben)
    await desk.types(desk.anna, version=1)
    assert await desk.draft(desk.anna) == TYPED
