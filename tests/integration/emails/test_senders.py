"""With `EMAIL_SENDER_DOMAINS`, no e-mail is made or queued in the name of another domain."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from services.emails.changes import EmailChanges, update_email
from services.emails.create import NewEmail, create_email
from services.emails.states import decide_unclear, queue_email, retry_email, retry_failed
from services.errors import InvalidInput
from services.idempotency import RepeatableRequest
from services.models import Email, EmailStatus
from services.work import API
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.factories import NOW, make_email
from tests.mail import add_emails, claim, read_email
from tests.work import RULES, a_moment, work_of

STRICT = replace(RULES, sender_domains=frozenset({"xn--mller-kva.example", "therapieplatz.example"}))
NEW = NewEmail(
    therapist_id=1,
    empfaenger_email="praxis@example.org",
    empfaenger_name="Praxis",
    betreff="Anfrage",
    body_text="Guten Tag",
)
DRAFT = {"status": EmailStatus.DRAFT, "queued_at": None, "naechster_versuch_at": None}
FAILED = {"status": EmailStatus.FAILED}


async def made(statements: DirectPool, config: Settings, sender: str | None, **strict: object) -> Email:
    new = replace(NEW, absender_email=sender)
    email, _ = await create_email(
        statements,
        new,
        moment=a_moment(rules=STRICT),
        actor=API,
        sender=config.get_smtp_settings(),
        **strict,
    )
    return email


@pytest.mark.parametrize("sender", ["wir@MÜLLER.example", "wir@xn--mller-kva.example", None])
async def test_a_domain_is_the_same_however_it_is_spelt(
    statements: DirectPool, config: Settings, sender: str | None
):
    assert (await made(statements, config, sender)).id


@pytest.mark.parametrize("sender", ["wir@other.example", "wir@mail.therapieplatz.example", "wir@example"])
async def test_another_domain_and_a_subdomain_are_refused_by_name(
    statements: DirectPool, config: Settings, sessions: SessionFactory, sender: str
):
    with pytest.raises(InvalidInput) as refused:
        await made(statements, config, sender)
    assert [error.field for error in refused.value.fields] == ["absender_email"]
    async with sessions() as session:
        assert await session.scalar(select(func.count()).select_from(Email)) == 0


async def test_a_repeated_request_is_answered_as_before_the_setting_changed(
    statements: DirectPool, config: Settings
):
    new, key = replace(NEW, absender_email="wir@other.example"), RepeatableRequest("k", b"1" * 32)
    sender = config.get_smtp_settings()
    first, _ = await create_email(
        statements, new, moment=a_moment(), actor=API, sender=sender, repeatable=key
    )
    assert (await made(statements, config, "wir@other.example", repeatable=key)).id == first.id


async def test_nothing_is_queued_anew_from_elsewhere_and_what_is_queued_goes_out(
    sessions: SessionFactory, queue
):
    elsewhere = {"absender_email": "wir@other.example"}
    await add_emails(
        sessions,
        make_email(**DRAFT, **elsewhere),
        make_email(**FAILED, **elsewhere),
        make_email(**FAILED, absender_email="Wir@MÜLLER.example".lower()),
        make_email(**DRAFT),
        make_email(status=EmailStatus.SENDING, uebergabe_begonnen_at=NOW, **elsewhere),
        make_email(**elsewhere),
    )
    async with sessions() as session:
        work = work_of(session, rules=STRICT)
        queued = EmailChanges(status=EmailStatus.QUEUED)
        for queueing in (queue_email(work, 1), retry_email(work, 2), update_email(work, 1, queued)):
            with pytest.raises(InvalidInput):
                await queueing
        with pytest.raises(InvalidInput):
            await update_email(work, 4, EmailChanges(absender_email="wir@other.example"))
        both = EmailChanges(absender_email="wir@therapieplatz.example", status=EmailStatus.QUEUED)
        await update_email(work, 1, both)
        assert await retry_failed(work) == 1
        await decide_unclear(work, 5, "resend")
    assert (await read_email(sessions, 2)).status is EmailStatus.FAILED
    assert {email.id for email in await claim(queue)} == {1, 3, 5, 6}
