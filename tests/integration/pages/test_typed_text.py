"""What somebody typed is shown as they typed it: with its lines, and to its end."""

from datetime import timedelta

from services.models import EmailStatus
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client
from tests.integration.pages.conftest import stored

LINES = "Erste Zeile\nZweite Zeile"
LONG = "Lange Notiz. " * 30 + "Ihr letztes Wort."
CLOSED = {"status": "completed", "ergebnis_art": "erreicht", "abgeschlossen_at": NOW - timedelta(days=3)}


async def test_lines_are_kept_and_what_is_long_can_be_unfolded(
    staff_client: Client, sessions: SessionFactory
):
    await stored(
        sessions,
        make_therapist(anruf_hinweis=LINES),
        make_email(
            id=3,
            status=EmailStatus.SENT,
            sent_at=NOW - timedelta(days=5),
            antwortdatum=NOW - timedelta(days=4),
            antwort_art="antwort",
            antwortinhalt=LONG,
        ),
        make_call(id=7, notizen=LINES),
        make_call(id=8, ergebnis=LINES, notizen=LONG, **CLOSED),
    )
    call = (await staff_client.get("/calls/7")).text
    person = (await staff_client.get("/therapists/1")).text
    assert f'<span class="typed">{LINES}</span>' in call
    for page in (call, person):
        assert f'<p class="typed">{LINES}</p>' in page
        assert page.count(f'<p class="typed">{LONG}</p></details>') == 2
        assert page.count('<span class="unfold-more">Show all of it</span>') == 2
    assert f'<p class="typed">{LINES}</p>' in (await staff_client.get("/calls/8")).text
