"""`/api/emails` as another service of the platform sees it."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import URL, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.api_keys import create_key
from shared.config import Settings
from shared.database import SessionFactory
from shared.direct_connection import DirectPool
from tests.clock import FakeClock
from tests.factories import make_email
from tests.integration.conftest import Client
from tests.work import work_of

NEW = {
    "therapist_id": 123,
    "betreff": "Anfrage für drei Patientinnen",
    "body_html": "<p>Grüße</p>",
    "empfaenger_email": "praxis@example.org",
    "empfaenger_name": "Dr. Jürgen Schmidt",
}
COLUMNS = {
    "id", "therapist_id", "betreff", "empfaenger_email", "empfaenger_name", "absender_email", "absender_name",
    "antwort_erhalten", "antwortdatum", "antwort_art", "nachverfolgung_erforderlich",
    "nachverfolgung_notizen", "nachverfolgung_hindernis", "nachverfolgung_ab", "status",
    "zustellung_unklar", "queued_at", "sent_at",
    "naechster_versuch_at", "fehlermeldung", "wiederholungsanzahl", "message_id", "created_at",
    "updated_at", "version", "geloescht_at", "antwort_an", "extern_id", "send_at", "expires_at",
}  # fmt: skip
TEXTS = {"body_html", "body_text", "antwortinhalt"}


@pytest.fixture
async def api(client: Client, sessions: SessionFactory, clock: FakeClock) -> Client:
    """The Matching Service, with its key."""
    async with sessions() as session:
        key = await create_key(work_of(session, now=clock()), "matching")
    client.headers["Authorization"] = f"Bearer {key}"
    return client


async def test_an_email_is_queued_and_can_be_read(api: Client):
    created = await api.post("/api/emails", json=NEW)
    assert created.status_code == 201
    body = created.json()
    assert body.keys() == COLUMNS | TEXTS
    assert (body["status"], body["body_text"], body["created_at"]) == (
        "QUEUED",
        "Grüße",
        "2026-10-14T08:42:00Z",
    )
    assert created.headers["location"] == f"/api/emails/{body['id']}"
    read = await api.get(created.headers["location"])
    assert (read.status_code, read.json()) == (200, body)


WRONG_FIELDS: list[tuple[dict[str, object], str]] = [
    ({"bundle_id": 1}, "bundle_id"),
    ({"therapist_id": "abc"}, "therapist_id"),
    ({"therapist_id": 2**40}, "therapist_id"),
    ({"status": "SENT"}, "status"),
    ({"empfaenger_email": "praxis"}, "empfaenger_email"),
    ({"betreff": "a\nb"}, "betreff"),
    ({"betreff": "\u200b"}, "betreff"),
    ({"body_html": "\x00"}, "body_html"),
    ({"body_html": "<!-- -->"}, "body_html"),
    ({"body_html": "<p hidden>a</p>", "body_text": "a"}, "body_html"),
    ({"body_html": None, "body_text": "\u200b"}, "body_text"),
    (
        {"template": "base", "body_html": None, "template_data": {"anrede": "A", "absaetze": []}},
        "template_data.absaetze",
    ),
    (
        {"template": "initial_contact", "body_html": None, "template_data": {"anzahl": 1}},
        "template_data.anrede",
    ),
    ({"template": "base", "body_html": None, "template_data": {"anrede": "A", "x": 1}}, "template_data.x"),
]


async def test_a_refusal_names_its_field_and_nothing_is_stored(api: Client):
    for wrong, field in WRONG_FIELDS:
        answer = await api.post("/api/emails", json=NEW | wrong)
        assert answer.status_code == 422
        assert field in {error["field"] for error in answer.json()["errors"]}
    assert (await api.get("/api/emails")).json()["total"] == 0


async def test_a_missing_field_is_named(api: Client):
    answer = await api.post("/api/emails", json={k: v for k, v in NEW.items() if k != "empfaenger_name"})
    assert [error["field"] for error in answer.json()["errors"]] == ["empfaenger_name"]


async def test_two_large_bodies_fit_and_more_is_413(api: Client):
    largest = "x" * 1024 * 1024
    created = await api.post("/api/emails", json=NEW | {"body_html": largest, "body_text": largest})
    assert created.status_code == 201
    refused = await api.post("/api/emails", json=NEW | {"body_html": largest * 3})
    assert refused.status_code == 413
    assert [error["field"] for error in refused.json()["errors"]] == ["body_html"]
    escaped = json.dumps(NEW | {"body_html": "ü" * (512 * 1024), "body_text": "ß" * (512 * 1024)})
    kind = {"Content-Type": "application/json"}
    assert (await api.post("/api/emails", content=escaped, headers=kind)).status_code == 201
    assert (await api.post("/api/emails", content=b" " * 7_000_000, headers=kind)).status_code == 413


async def test_a_derived_body_that_is_too_large_is_refused_as_the_same_body_given_is(api: Client):
    for wrong, field in (
        ({"body_html": None, "body_text": "<" * 1024 * 1024}, "body_text"),
        ({"body_html": "<ul>" + "<li>x" * 200_000}, "body_html"),
    ):
        refused = await api.post("/api/emails", json=NEW | wrong)
        assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (413, [field])
    draft = (await api.post("/api/emails", json=NEW | {"status": "DRAFT"})).headers["location"]
    assert (await api.put(draft, json={"body_text": "<" * 1024 * 1024})).status_code == 413
    assert (await api.get("/api/emails")).json()["total"] == 1


async def test_lists_are_pages_newest_first_without_long_texts(api: Client):
    ids = [(await api.post("/api/emails", json=NEW)).json()["id"] for _ in range(3)]
    answer = (await api.get("/api/emails", params={"page": 2, "limit": 2})).json()
    assert (answer["page"], answer["limit"], answer["total"]) == (2, 2, 3)
    assert [email["id"] for email in answer["data"]] == ids[:1]
    assert answer["data"][0].keys() == COLUMNS


FILTERS = (
    ("", 2),
    ("therapist_id=7", 1),
    ("status=SENT", 1),
    ("status=SENT&therapist_id=1", 0),
    ("antwort_erhalten=true", 1),
    ("antwort_erhalten=false", 1),
    ("nachverfolgung_erforderlich=true", 0),
    ("zustellung_unklar=false", 2),
    ("zustellung_unklar=true", 0),
    ("q=schmidt", 2),
    ("q=prax+EXAMPLE", 2),
    ("q=Gr%C3%BC%C3%9F", 1),
    ("q=%00", 0),
    ("q=", 2),
    ("created_from=2026-10-14", 1),
    ("created_to=2026-10-13", 1),
    ("created_to=2026-10-12", 0),
    ("created_from=2026-10-13&created_to=2026-10-14", 2),
    ("sent_from=2026-10-14T10:42", 1),
    ("sent_from=2026-10-14T08:42:01Z", 0),
    ("sent_from=2026-10-14T10:42:00.000%2B02:00", 1),
    ("sent_to=2026-10-14T08:42:00Z", 0),
)


async def test_filters(api: Client, sessions: SessionFactory, clock: FakeClock):
    async with sessions.begin() as session:
        session.add(make_email(created_at=datetime(2026, 10, 13, 8, tzinfo=UTC)))
        session.add(
            make_email(
                therapist_id=7,
                betreff="Viele Grüße",
                status="SENT",
                sent_at=clock(),
                antwort_erhalten=True,
                antwortdatum=clock(),
            )
        )
    for query, found in FILTERS:
        answer = await api.get(f"/api/emails?{query}")
        assert (query, answer.status_code, answer.json()["total"]) == (query, 200, found)
        assert len(answer.json()["data"]) == found


WRONG_PARAMETERS = (
    ("bundle=1", "bundle"),
    ("email_id=1", "email_id"),
    ("page=0", "page"),
    ("page=1&page=2", "page"),
    ("limit=101", "limit"),
    ("limit=zehn", "limit"),
    ("therapist_id=0", "therapist_id"),
    ("status=sent", "status"),
    ("antwort_erhalten=vielleicht", "antwort_erhalten"),
    ("created_from=gestern", "created_from"),
    ("created_from=20250610", "created_from"),
    ("created_from=2025-W24-2", "created_from"),
    ("created_from=2025-6-1", "created_from"),
    ("created_to=2025-06-10T12", "created_to"),
    ("sent_from=20250610T1200", "sent_from"),
    ("sent_to=2026-13-01", "sent_to"),
)


async def test_unknown_and_wrong_parameters_are_named(api: Client):
    for query, field in WRONG_PARAMETERS:
        answer = await api.get(f"/api/emails?{query}")
        assert answer.status_code == 422
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_draft_can_change_until_it_is_queued(api: Client):
    draft = (await api.post("/api/emails", json=NEW | {"status": "DRAFT"})).json()
    url = f"/api/emails/{draft['id']}"
    changed = await api.put(url, json={"body_html": "<p>Neu</p>", "betreff": "Neu", "status": "QUEUED"})
    assert changed.status_code == 200
    assert (changed.json()["body_text"], changed.json()["status"], changed.json()["version"]) == (
        "Neu",
        "QUEUED",
        2,
    )
    refused = await api.put(url, json={"betreff": "Anders"})
    assert (refused.status_code, refused.json()["message"]) == (
        409,
        "This is not possible while the e-mail is QUEUED.",
    )
    assert (await api.get(url)).json() == changed.json()


async def test_an_answer_by_put_is_local_time_and_false_takes_it_back(api: Client):
    url = (await api.post("/api/emails", json=NEW)).headers["location"]
    answered = await api.put(
        url, json={"antwort_erhalten": True, "antwortdatum": "2026-10-14T10:42", "antwortinhalt": "Ja, gern."}
    )
    assert answered.status_code == 200, answered.text
    assert answered.json()["antwortdatum"] == "2026-10-14T08:42:00Z"
    withdrawn = (await api.put(url, json={"antwort_erhalten": False})).json()
    assert (withdrawn["antwort_erhalten"], withdrawn["antwortdatum"], withdrawn["antwortinhalt"]) == (
        False,
        None,
        None,
    )


async def test_a_stale_version_is_a_conflict(api: Client):
    url = (await api.post("/api/emails", json=NEW)).headers["location"]
    assert (await api.put(url, json={"status": "DRAFT", "version": 1})).status_code == 200
    assert (await api.put(url, json={"status": "QUEUED", "version": 1})).status_code == 409


async def test_an_email_that_is_not_there_is_404(api: Client):
    for email_id in ("1", "0", "99999999999999999999", "abc"):
        answer = await api.get(f"/api/emails/{email_id}")
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("application/problem+json")


async def test_an_instant_that_is_none_is_named(api: Client):
    url = (await api.post("/api/emails", json=NEW)).headers["location"]
    for wrong in ("gestern", "2026-10-14", "2026-10-14T25:00", ""):
        answer = await api.put(url, json={"antwort_erhalten": True, "antwortdatum": wrong})
        assert [error["field"] for error in answer.json()["errors"]] == ["antwortdatum"]


async def test_an_unclear_delivery_is_shown(api: Client, sessions: SessionFactory, clock: FakeClock):
    async with sessions.begin() as session:
        session.add(make_email(status="SENDING", uebergabe_begonnen_at=clock()))
    listed = (await api.get("/api/emails", params={"zustellung_unklar": "true"})).json()
    assert [email["zustellung_unklar"] for email in listed["data"]] == [True]


async def test_an_answer_by_put_settles_an_unclear_delivery(
    api: Client, sessions: SessionFactory, clock: FakeClock
):
    async with sessions.begin() as session:
        session.add(make_email(status="SENDING", uebergabe_begonnen_at=clock()))
    answered = await api.put("/api/emails/1", json={"antwort_erhalten": True, "antwortinhalt": "Ja, gern"})
    shown = answered.json()
    assert (shown["status"], shown["zustellung_unklar"], shown["antwort_erhalten"]) == ("SENT", False, True)
    assert shown["sent_at"] == "2026-10-14T08:42:00Z"
    assert shown["version"] == 2


NO_CALL = [
    ("nicht_anzurufen", "Kein automatischer Anruf: gesperrt, inaktiv oder nicht anrufen."),
    ("keine_telefonzeiten", "Kein automatischer Anruf: keine nutzbaren Telefonzeiten."),
    ("zeiten_zu_kurz", "Kein automatischer Anruf: die Telefonzeiten sind zu kurz für einen Anruf."),
    ("zeiten_unlesbar", "Kein automatischer Anruf: die Telefonzeiten sind nicht lesbar."),
    ("keine_zeit_frei", "Kein automatischer Anruf: in den Telefonzeiten ist keine Zeit frei."),
    ("therapeut_unbekannt", "Kein automatischer Anruf: Therapeut unbekannt."),
]


async def test_an_obstacle_is_a_code_and_below_the_notes_a_sentence(api: Client, session: AsyncSession):
    for code, sentence in NO_CALL:
        for own, answered in ((None, sentence), ("Zeile 1\nZeile 2", f"Zeile 1\nZeile 2\n{sentence}")):
            email = make_email(nachverfolgung_hindernis=code, nachverfolgung_notizen=own)
            async with session.begin():
                session.add(email)
            shown = (await api.get(f"/api/emails/{email.id}")).json()
            assert (shown["nachverfolgung_hindernis"], shown["nachverfolgung_notizen"]) == (code, answered)
            listed = (await api.get("/api/emails")).json()["data"][0]
            assert listed["nachverfolgung_notizen"] == answered


@pytest.mark.parametrize("own", [None, "Bitte beachten"])
@pytest.mark.parametrize(
    ("given", "answered", "stored"),
    [
        ("{shown}", "{shown}", ("{own}", "therapeut_unbekannt", 1)),
        ("Eilt!\n{shown}", "Eilt!\n{shown}", None),
        ("Erledigt", "Erledigt", ("Erledigt", None, 2)),
        ("", "", ("", None, 2)),
        (None, None, (None, None, 2)),
    ],
)
async def test_notes_put_are_the_notes_answered_and_our_words_never_become_the_staffs(
    api: Client,
    session: AsyncSession,
    own: str | None,
    given: str | None,
    answered: str | None,
    stored: tuple[str | None, str | None, int] | None,
):
    email = make_email(nachverfolgung_hindernis="therapeut_unbekannt", nachverfolgung_notizen=own)
    async with session.begin():
        session.add(email)
    path = f"/api/emails/{email.id}"
    shown = (await api.get(path)).json()["nachverfolgung_notizen"]
    body = {"nachverfolgung_notizen": given.format(shown=shown) if given is not None else None}
    changed = (await api.put(path, json=body)).json()
    assert changed["nachverfolgung_notizen"] == (answered.format(shown=shown) if answered else answered)
    async with session.begin():
        await session.refresh(email)
    kept = (email.nachverfolgung_notizen, email.nachverfolgung_hindernis, email.version)
    if stored is None:
        assert "Kein automatischer Anruf" not in (email.nachverfolgung_notizen or "")
        assert kept[1:] == ("therapeut_unbekannt", 2)
    else:
        assert kept == (own if stored[0] == "{own}" else stored[0], *stored[1:])


async def test_the_contract_is_documented(api: Client):
    schema = (await api.get("/api/docs/openapi.json")).json()
    emails = schema["paths"]["/api/emails"]
    assert emails["get"]["operationId"] == "listEmails"
    assert {"409", "413", "422"} <= emails["post"]["responses"].keys()
    create = schema["components"]["schemas"]["EmailCreate"]
    assert create["properties"]["betreff"]["maxLength"] == 255
    assert set(create["required"]) == {"therapist_id", "empfaenger_email", "empfaenger_name"}
    assert {p["name"] for p in emails["post"]["parameters"]} == {"Idempotency-Key"}


async def test_a_stored_email_is_exactly_what_was_asked_for(api: Client, sessions: SessionFactory):
    asked = NEW | {
        "body_text": "Grüße 🌻",
        "nachverfolgung_notizen": "2. Versuch",
        "absender_email": "a@example.org",
    }
    created = (await api.post("/api/emails", json=asked)).json()
    async with sessions() as session:
        row = (await session.execute(text("SELECT * FROM communication_service.emails"))).mappings().one()
    assert {field: row[field] for field in asked} == asked
    assert {field: created[field] for field in asked} == asked


async def test_without_database_nothing_is_accepted(api: Client, database: URL):
    await api.get("/api/emails")
    nowhere = database.set(query={}, host="127.0.0.1", port=1)
    api.app.state.statements = DirectPool(nowhere, application_name="test", size=1)
    refused = await api.post("/api/emails", json=NEW)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "5"
    assert refused.json()["message"] == "The database can't be reached right now."


async def test_other_letters_before_the_at_are_taken_where_the_mail_server_takes_them(
    api: Client, config: Settings
):
    strange = NEW | {"empfaenger_email": "jürgen@Praxis.example", "status": "DRAFT"}
    assert (await api.post("/api/emails", json=strange)).status_code == 422
    api.app.state.config = config.model_copy(update={"smtp_utf8": True})
    created = await api.post("/api/emails", json=strange)
    assert (created.status_code, created.json()["empfaenger_email"]) == (201, "jürgen@praxis.example")
    changed = await api.put(created.headers["location"], json={"empfaenger_email": "jörg@praxis.example"})
    assert (changed.status_code, changed.json()["empfaenger_email"]) == (200, "jörg@praxis.example")
