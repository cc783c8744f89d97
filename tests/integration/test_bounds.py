"""What people and services leave behind is bounded: drafts, keys, names that turn a line around."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from services import housekeeping
from services.drafts import LARGEST_DRAFT_BYTES, NEW_EMAIL, REPLY, save_draft
from services.errors import InvalidInput
from services.housekeeping import KEYS_KEPT, Housekeeping
from services.models import Draft, IdempotencyKey, Staff
from services.work import Actor
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_email, make_therapist
from tests.integration.api.test_emails import NEW, api
from tests.integration.conftest import Client, submit
from tests.work import work_of, workplace_of
from webapp.templating import closed

__all__ = ["api"]

TURNED = ("\u202e", "\u202a", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\u2060", "\U000e0041")
KEPT_TOGETHER = "Dr. A\u00adB 👩\u200d⚕️ \u200c"


async def drafts(session: AsyncSession) -> list[tuple[str, int, dict[str, object]]]:
    async with session.begin():
        rows = await session.execute(select(Draft.gegenstand, Draft.gegenstand_id, Draft.felder))
        return [(subject, id_, fields) for subject, id_, fields in rows]


async def test_a_draft_holds_what_the_form_has_and_is_about_somebody_there_is(
    staff_client: Client, session: AsyncSession
):
    async with session.begin():
        session.add(make_therapist(id=1))
    form = {
        "betreff": "Anfrage",
        "v_anrede": "Guten Tag",
        "v_made_up": "x",
        "made_up": "x",
        "body_text": "Text",
    }
    for therapist in (1, 999_999):
        shown = await submit(staff_client, "/emails/new/preview", form | {"therapist_id": str(therapist)})
        assert shown.status_code == 200
    await submit(staff_client, "/emails/new/preview", form)
    kept = await drafts(session)
    assert sorted((subject, id_) for subject, id_, _ in kept) == [(NEW_EMAIL, 0), (NEW_EMAIL, 1)]
    assert all("x" not in fields.values() for _, _, fields in kept)
    assert all(fields["betreff"] == "Anfrage" for _, _, fields in kept)


async def test_a_draft_has_a_size(session: AsyncSession, staff_client: Client, anna: Staff):
    async with session.begin():
        session.add(make_email(id=1))
    largest = "ü" * (LARGEST_DRAFT_BYTES // 2)
    work = work_of(session, actor=Actor("staff", anna.id))
    await save_draft(work, REPLY, 1, {"inhalt": largest})
    with pytest.raises(InvalidInput):
        await save_draft(work, REPLY, 1, {"inhalt": largest + "x"})
    for path in ("/emails/1/reply/draft", "/emails/new/preview"):
        answer = await submit(
            staff_client, path, {"antwortinhalt": largest + "x", "body_text": largest + "x"}
        )
        assert answer.status_code == 413


async def test_idempotency_keys_end_after_three_months(
    session: AsyncSession, sessions: SessionFactory, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(housekeeping, "KEYS_AT_ONCE", 2)
    limit = clock() - KEYS_KEPT
    async with session.begin():
        for number in range(5):
            session.add(key(f"old-{number}", limit - timedelta(seconds=1)))
        session.add(key("young", limit))
    await Housekeeping(workplace_of(sessions, clock)).tidy()
    async with session.begin():
        assert list(await session.scalars(select(IdempotencyKey.key))) == ["young"]


def key(name: str, created_at: object) -> IdempotencyKey:
    return IdempotencyKey(
        scope="emails", key=name, request_hash=b"h" * 32, resource_id=1, created_at=created_at
    )


@pytest.mark.parametrize("field", ["betreff", "empfaenger_name", "absender_name"])
async def test_names_and_subjects_that_turn_or_hide_what_they_say_are_refused(api: Client, field: str):
    for sign in TURNED:
        answer = await api.post("/api/emails", json=NEW | {field: f"Rechnung{sign}fdp.exe"})
        assert answer.status_code == 422, hex(ord(sign))
        assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await api.post("/api/emails", json=NEW | {field: KEPT_TOGETHER})).status_code == 201
    changed = await api.put("/api/emails/1", json={field: "a\u202eb"})
    assert changed.status_code in (409, 422)


async def test_so_are_names_of_accounts_and_keys(staff_client: Client, session: AsyncSession):
    for sign in TURNED:
        account = {"name": f"An{sign}na", "password": "long enough 1"}
        assert (await submit(staff_client, "/system/staff", account)).status_code == 422
        assert (await submit(staff_client, "/system/keys", {"key_name": f"a{sign}"})).status_code == 422
    assert await session.scalar(select(func.count()).select_from(Staff)) == 1


async def test_what_is_stored_already_turns_nothing_beside_it(staff_client: Client, session: AsyncSession):
    async with session.begin():
        session.add(make_therapist(id=1, nachname="Sch\u202etdimhcS", ort="\u2067\u202aB"))
        session.add(make_email(id=1, betreff="A\u202eB", empfaenger_name="\u2066C"))
    for path, turned in (
        ("/therapists/1", "Sch\u202etdimhcS\u202c"),
        ("/therapists", "\u2067\u202aB\u202c\u2069"),
        ("/emails/1", "A\u202eB\u202c"),
        ("/emails", "\u2066C\u2069"),
    ):
        page = (await staff_client.get(path)).text
        assert turned in page
        assert page.count(turned[:-1]) == page.count(turned), path


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("plain", "plain"),
        ("a\u202eb\u202cc", "a\u202eb\u202cc"),
        ("\u202a\u2067x", "\u202a\u2067x\u2069\u202c"),
        ("\u2067\u202ax\u2069", "\u2067\u202ax\u2069"),
        ("\u202ax\u2069\u202c\u202c", "\u202ax\u2069\u202c\u202c"),
        (7, 7),
    ],
)
def test_a_text_ends_what_it_has_begun(text: object, ended: object):
    assert closed(text) == ended
