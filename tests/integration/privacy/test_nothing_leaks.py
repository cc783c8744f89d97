"""Names, numbers, addresses and texts are planted everywhere, and then looked for where they must not be.

Web and worker processes run with all that they log, over servers that quote what they are told; they work,
refuse and crash. What they wrote, their metrics, their events, where their pages lead to and what error pages
say is read afterwards.
"""

import asyncio
import re
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import KeyTerms, create_key
from services.accounts.staff import add_staff
from services.models import SCHEMA, Activity, Email, EmailStatus, Incoming, KeyScope, OutboxEvent, PhoneCall
from shared.config import Settings
from shared.database import SessionFactory
from tests.eventually import eventually
from tests.incoming_mail import mail, report
from tests.integration.conftest import CSRF_FIELD, PASSWORD
from tests.integration.privacy.planted import (
    ADDRESS,
    ANSWER,
    FILE,
    HINT,
    LOGIN,
    NOTE,
    NUMBER,
    REASON,
    REFERENCE,
    SEARCH,
    SURNAME,
    TEXT,
    addresses_on,
    leaks,
    therapist_service,
)
from tests.mailbox.embedded import EmbeddedServer
from tests.smtp_server import Say, ScriptedSmtp, scripted_smtp
from tests.work import work_of
from webapp.demo.application import Application, wait_until_healthy

pytestmark = pytest.mark.timeout(300)

PATIENCE = 120
ASKED_FOR = re.compile(r'<input type="hidden" name="next" value="[^"]*">')
"""What leads back, after a change of language, to the address somebody has asked for themselves."""
LEADING_HEADERS = ("location", "hx-push-url", "hx-redirect", "hx-location", "content-disposition")

NEW = {
    "therapist_id": 1,
    "empfaenger_email": ADDRESS,
    "empfaenger_name": SURNAME,
    "betreff": TEXT,
    "template": "initial_contact",
    "nachverfolgung_notizen": NOTE,
}
PLAIN = {name: value for name, value in NEW.items() if name != "template"} | {"body_text": f"{TEXT} {NUMBER}"}

BREAKING = f"""
    ALTER TABLE {SCHEMA}.therapists ADD CONSTRAINT planted CHECK (anruf_hinweis NOT LIKE '%zwei%');
    ALTER TABLE {SCHEMA}.emails ADD CONSTRAINT planted CHECK (status <> 'SENT' OR betreff NOT LIKE '%zwei%');
    ALTER TABLE {SCHEMA}.eingang ADD CONSTRAINT planted CHECK (betreff NOT LIKE '%zwei%');
    CREATE FUNCTION {SCHEMA}.planted() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no: %', NEW; END $$;
    CREATE TRIGGER planted BEFORE INSERT ON {SCHEMA}.phone_calls FOR EACH ROW WHEN (NEW.notizen LIKE '%zwei%')
        EXECUTE FUNCTION {SCHEMA}.planted();
"""
MENDING = f"""
    DROP TRIGGER planted ON {SCHEMA}.phone_calls;
    DROP FUNCTION {SCHEMA}.planted();
    ALTER TABLE {SCHEMA}.therapists DROP CONSTRAINT planted;
    ALTER TABLE {SCHEMA}.emails DROP CONSTRAINT planted;
    ALTER TABLE {SCHEMA}.eingang DROP CONSTRAINT planted;
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Desk:
    """A member of staff's browser and a service, and all the answers they got."""

    def __init__(self, base_url: str, key: str) -> None:
        self.browser = httpx.AsyncClient(base_url=base_url, timeout=60, headers={"Accept-Language": "de"})
        bearer = {"Authorization": f"Bearer {key}"}
        self.service = httpx.AsyncClient(base_url=base_url, timeout=60, headers=bearer)
        self.pages: dict[str, httpx.Response] = {}
        self.refused: dict[str, httpx.Response] = {}

    async def open(self, path: str, **headers: str) -> httpx.Response:
        self.pages[path] = await self.browser.get(path, headers=headers, follow_redirects=True)
        return self.pages[path]

    async def send(self, path: str, form: dict[str, str], *, page: str = "/system") -> httpx.Response:
        shown = await self.browser.get(page)
        token = CSRF_FIELD.search(shown.text)
        assert token, path
        answer = await self.browser.post(path, data={**form, "_csrf_token": token[1]})
        self.pages[f"POST {path} {list(form)} {answer.status_code}"] = answer
        return answer

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = await self.service.request(method, path, **options)
        if answer.status_code >= 400:
            self.refused[f"{method} {path} {answer.status_code} {len(self.refused)}"] = answer
        return answer

    async def close(self) -> None:
        await self.browser.aclose()
        await self.service.aclose()


class Scene:
    """Everything that runs."""

    def __init__(self, desk: Desk, smtp: ScriptedSmtp, mailbox: EmbeddedServer, logs: list[Path]) -> None:
        self.desk, self.smtp, self.mailbox, self.logs = desk, smtp, mailbox, logs

    def said(self) -> str:
        return "\n".join(log.read_text() for log in self.logs)

    async def until_said(self, what: str) -> None:
        async def said() -> bool:
            return what in self.said()

        await eventually(said, within=PATIENCE)


@pytest.fixture
async def scene(config: Settings, sessions: SessionFactory, tmp_path: Path) -> AsyncGenerator[Scene]:
    async with sessions() as session:
        key = await create_key(work_of(session), "matching", KeyTerms(scopes=list(KeyScope)))
        await add_staff(work_of(session), "Anna", PASSWORD, admin=True)
    mailbox = EmbeddedServer()
    await mailbox.start()
    port = free_port()
    web, worker = Application("serve", tmp_path / "web.log"), Application("worker", tmp_path / "worker.log")
    async with scripted_smtp() as smtp, therapist_service() as therapists:
        settings = {
            "APP_ENV": "testing",
            "LOG_LEVEL": "DEBUG",
            "DATABASE_URL": config.get_database_url().render_as_string(hide_password=False),
            "COMMUNICATION_SERVICE_PORT": str(port),
            "THERAPIST_SERVICE_URL": f"http://127.0.0.1:{therapists}",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp.port),
            "EMAIL_RETRY_BASE_SECONDS": "0.2",
            "QUEUE_PAUSE_BASE_SECONDS": "0.2",
            "QUEUE_PAUSE_CAP_SECONDS": "0.5",
            "WORKER_POLL_SECONDS": "0.2",
            "IMAP_HOST": "127.0.0.1",
            "IMAP_PORT": str(mailbox.port),
            "IMAP_USE_TLS": "none",
            "IMAP_USERNAME": mailbox.username,
            "IMAP_PASSWORD": mailbox.password,
            "IMAP_POLL_SECONDS": "0.5",
        }
        desk = Desk(f"http://127.0.0.1:{port}", key)
        for process in (web, worker):
            process.start(settings)
        try:
            assert await asyncio.to_thread(wait_until_healthy, web, str(desk.browser.base_url))
            yield Scene(desk, smtp, mailbox, [web.log_file, worker.log_file])
        finally:
            await desk.close()
            await asyncio.gather(*(asyncio.to_thread(process.stop) for process in (web, worker)))
            await mailbox.stop()


async def found(session: AsyncSession, query: Any) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        async with session.begin():
            return await session.scalar(query) is not None

    return look


async def work_as_usual(scene: Scene, session: AsyncSession) -> None:
    """Have mail written, sent, refused and answered, calls planned and made, and everything looked at."""
    desk = scene.desk
    scene.smtp.on(
        "rcpt",
        Say(f"450 4.2.1 <{ADDRESS}>: {SURNAME} is busy"),
        Say(f"550 5.1.1 <{ADDRESS}>: no {SURNAME} here"),
        Say(f"550 5.7.1 relaying denied for {ADDRESS}"),
    )
    scene.smtp.on("dot", Say(f"554 5.7.1 {TEXT} is spam"))
    data = {"anrede": "Herr", "nachname": SURNAME, "aktenzeichen": REFERENCE}
    for number in range(4):
        await desk.ask("POST", "/api/emails", json=PLAIN, headers={"Idempotency-Key": f"{SURNAME}-{number}"})
    await desk.ask("POST", "/api/emails", json=NEW | {"template_data": data})
    await desk.ask("POST", "/api/phone-calls", json={"therapist_id": 1, "notizen": f"{NOTE} {NUMBER}"})
    for therapist in (2, 3, 4):
        await desk.ask("POST", "/api/phone-calls", json={"therapist_id": therapist, "notizen": NOTE})
    await eventually(
        await found(session, select(Email.id).where(Email.status == EmailStatus.SENT)), within=PATIENCE
    )
    async with session.begin():
        sent = (await session.scalars(select(Email).where(Email.status == EmailStatus.SENT))).first()
    assert sent
    answering = {"In_Reply_To": sent.message_id, "References": sent.message_id}
    sender = f"{SURNAME} <{ADDRESS}>"
    attached = f"--x\n\n{ANSWER}\n--x\nContent-Disposition: attachment; filename={FILE}\n\nx\n--x--\n"
    kinds = {"Content_Type": 'multipart/mixed; boundary="x"'}
    await scene.mailbox.deliver(
        mail(attached, From=sender, Subject=TEXT, Message_ID="<1@q.example>", **answering, **kinds),
        mail(f"{ANSWER} {NUMBER}", From=sender, Subject=ANSWER, Message_ID="<2@q.example>",
             In_Reply_To="", References=""),
        report(f"Final-Recipient: rfc822; {ADDRESS}\nAction: failed\nStatus: 5.1.1\n"
               f"Diagnostic-Code: smtp; 550 5.1.1 <{ADDRESS}> no {SURNAME}"),
        f"From: {sender}\r\nSubject: =?{SURNAME}?q?{TEXT}?=\r\n"
        f"Content-Type: text/plain; charset={SURNAME}\r\n"
        f"Content-Transfer-Encoding: {SURNAME}\r\n\r\n{ANSWER}".encode() + b"\xff\x00",
    )  # fmt: skip
    three = select(Incoming.id).offset(3)
    await eventually(await found(session, three), within=PATIENCE)

    await desk.send("/login", {"name": LOGIN, "password": LOGIN}, page="/login")
    logged_in = await desk.send("/login", {"name": "Anna", "password": PASSWORD}, page="/login")
    assert logged_in.status_code == 303
    async with session.begin():
        call = await session.scalar(select(PhoneCall.id))
    forms = [
        ("/therapists/1", {"action": "hint", "version": "1", "anruf_hinweis": HINT}),
        ("/therapists/1", {"action": "do_not_call", "version": "2", "nicht_anrufen_grund": REASON}),
        (f"/emails/{sent.id}/reply", {"art": "antwort", "antwortinhalt": ANSWER, "antwortdatum": NOTE}),
        (
            "/emails/new",
            {"therapist_id": "1", "empfaenger_email": SURNAME, "betreff": TEXT, "action": "send"},
        ),
        ("/emails/new/preview", {"therapist_id": "1", "betreff": TEXT, "body_text": ANSWER}),
        (f"/calls/{call}/claim", {}),
        (f"/calls/{call}/draft", {"notizen": NOTE, "ergebnis": ANSWER}),
        (f"/calls/{call}/outcome", {"art": SURNAME, "notizen": NOTE}),
        ("/system/stop-list", {"adresse": f"{SURNAME}@", "grund": "unerwuenscht"}),
        ("/system/stop-list", {"adresse": f"x{ADDRESS}", "grund": "unerwuenscht"}),
        ("/system/keys", {"key_name": SURNAME * 30}),
        ("/system/privacy/preview", {"therapist": SURNAME}),
        ("/system/privacy/export", {"therapist": "1"}),
        ("/inbox/1", {"action": SURNAME, "q": SEARCH}),
        (f"/{SURNAME}", {"x": TEXT}),
    ]  # fmt: skip
    for path, form in forms:
        await desk.send(path, form)
    pages = [
        "/", "/open", "/week", "/statistics", "/system", "/system/privacy", "/emails", "/emails?show=failed",
        f"/emails/{sent.id}", f"/emails/{sent.id}?view=text", "/emails/new", "/emails/new?therapist=1",
        "/inbox", "/inbox?show=all", "/inbox/1?show=all", "/inbox/2", "/therapists", "/therapists/1",
        f"/calls/{call}",
    ]  # fmt: skip
    for path in pages:
        assert (await desk.open(path)).status_code == 200, path


async def ask_wrongly(desk: Desk) -> None:
    """Ask for what is not there, can't be read and is not allowed."""
    for path in (f"/therapists/{SURNAME}", f"/{ADDRESS}", f"/emails/9?q={SEARCH}", f"/calls/0?{TEXT}={NOTE}"):
        answer = await desk.browser.get(path)
        desk.refused[path] = answer
    desk.refused["no token"] = await desk.browser.post("/therapists/1", data={"anruf_hinweis": HINT})
    broken = {"content": f'{{"betreff": "{TEXT}"', "headers": {"Content-Type": "application/json"}}
    await desk.ask("POST", "/api/emails", **broken)
    await desk.ask("POST", "/api/emails", json=PLAIN | {"empfaenger_email": f"{SURNAME} {NUMBER}"})
    await desk.ask("POST", "/api/emails", json=PLAIN | {"therapist_id": SURNAME})
    await desk.ask("POST", "/api/emails", json=PLAIN | {"betreff": f"{TEXT}\n{SURNAME}"})
    await desk.ask("POST", "/api/emails", json=PLAIN, headers={"Idempotency-Key": f"{SURNAME}-0", "X": NOTE})
    await desk.ask(
        "POST", "/api/emails", json=PLAIN | {"betreff": ANSWER}, headers={"Idempotency-Key": f"{SURNAME}-0"}
    )
    await desk.ask("PUT", "/api/emails/999", json={"antwortinhalt": ANSWER})
    await desk.ask("PUT", "/api/emails/1", json={"antwort_erhalten": False, "antwortinhalt": ANSWER})
    await desk.ask("GET", f"/api/emails?created_from={SURNAME}")
    await desk.ask("GET", f"/api/emails?status={SURNAME}")
    await desk.ask("GET", f"/api/{SURNAME}")
    desk.refused["a wrong key"] = await desk.browser.get("/api/emails", headers={"Authorization": LOGIN})
    await desk.service.get("/api/emails", params={"q": SEARCH})
    for path in ("/emails", "/therapists", "/emails/new", "/search", "/inbox/2"):
        await desk.browser.get(path, params={"q": SEARCH})


async def crash(scene: Scene, session: AsyncSession) -> None:
    """Let the database refuse rows, and say which: in the web process and in the worker."""
    desk = scene.desk
    await run(session, BREAKING)
    version = re.search(r'name="version" value="(\d+)"', (await desk.browser.get("/therapists/1")).text)
    assert version
    next_week = datetime.now(UTC).date() + timedelta(days=7)
    answers = [
        await desk.send(
            "/therapists/1", {"action": "hint", "version": version[1], "anruf_hinweis": f"zwei {HINT}"}
        ),
        await desk.ask("POST", "/api/phone-calls", json={"therapist_id": 1, "notizen": f"zwei {NOTE}",
            "geplantes_datum": next_week.isoformat(), "geplante_zeit": "10:00"}),
    ]  # fmt: skip
    desk.refused |= {f"crash {number}": answer for number, answer in enumerate(answers)}
    new = PLAIN | {"betreff": f"zwei {TEXT}", "empfaenger_email": f"zwei.{ADDRESS}"}
    assert (await desk.ask("POST", "/api/emails", json=new)).status_code == 201
    await scene.until_said("ledger_entry_refused")
    await scene.mailbox.deliver(
        mail(ANSWER, From=f"{SURNAME} <{ADDRESS}>", Subject=f"zwei {TEXT}", Message_ID="<5@q.example>")
    )
    await scene.until_said("mailbox_lost_database")
    await run(session, MENDING)


async def run(session: AsyncSession, script: str) -> None:
    async with session.begin():
        raw = await (await session.connection()).get_raw_connection()
        assert raw.driver_connection
        await raw.driver_connection.execute(script)


async def test_nothing_planted_is_found_where_it_must_not_be(scene: Scene, session: AsyncSession):
    await work_as_usual(scene, session)
    await ask_wrongly(scene.desk)
    await crash(scene, session)
    desk = scene.desk
    metrics = (await desk.service.get("/metrics")).text
    async with session.begin():
        events = str((await session.execute(select(OutboxEvent.key, OutboxEvent.payload))).all())
        details = str((await session.scalars(select(Activity.details))).all())
    said = scene.said()

    read = {"logs": said, "metrics": metrics, "events": events, "activity": details}
    assert {where: leaks(words) for where, words in read.items() if leaks(words)} == {}
    shown = {path: ASKED_FOR.sub("", answer.text) for path, answer in desk.refused.items()}
    assert {path: leaks(page) for path, page in shown.items() if leaks(page)} == {}
    leading = {
        path: [
            *addresses_on(answer.text),
            *answer.headers.get_list("location"),
            *answer.headers.get_list("hx-push-url"),
        ]
        for path, answer in desk.pages.items()
    }
    assert {path: found for path, there in leading.items() if (found := [a for a in there if leaks(a)])} == {}
    assert "unexpected_error" in said
    assert "CheckViolation" in said
    assert "RaiseError" in said
    assert "email_attempt" in said
    assert "message_taken_in" in said
