"""What somebody typed is shown as they typed it: with its lines, and to its end."""

import re
from datetime import time, timedelta

from services.models import EmailStatus
from shared.database import SessionFactory
from tests.factories import NOW, make_call, make_email, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import BenRecords, outcome, stored

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
    assert re.search(rf'Note:</span>\s*<p class="typed">{LINES}</p>', call)
    for page in (call, person):
        assert f'<p class="typed">{LINES}</p>' in page
        assert page.count(f'<p class="typed">{LONG}</p></details>') == 2
        assert page.count('<span class="unfold-more">Show all of it</span>') == 2
    assert f'<p class="typed">{LINES}</p>' in (await staff_client.get("/calls/8")).text


async def test_a_long_answer_and_a_long_note_are_folded_wherever_they_stand(
    staff_client: Client, sessions: SessionFactory
):
    very_long = LONG * 3
    came = NOW - timedelta(days=4)
    await stored(
        sessions,
        make_therapist(),
        make_email(
            id=3,
            status=EmailStatus.SENT,
            sent_at=NOW - timedelta(days=5),
            antwortdatum=came,
            antwort_erhalten=True,
            antwort_art="antwort",
            antwortinhalt=very_long,
        ),
        make_call(id=7, notizen=LONG),
    )
    for page, text in (("/calls/7", LONG), ("/emails/3", very_long)):
        assert f'<p class="typed">{text}</p></details>' in (await staff_client.get(page)).text, page


async def test_who_spoke_stands_in_history_timeline_and_conversation(
    staff_client: Client, sessions: SessionFactory, ben_records: BenRecords
):
    sent = {"status": EmailStatus.SENT, "sent_at": NOW - timedelta(days=5)}
    await stored(
        sessions,
        make_therapist(),
        make_email(id=3, **sent),
        make_call(id=7),
        make_call(id=8, leitung=2, geplante_zeit=time(15)),
    )
    await ben_records(3)
    await submit(staff_client, "/calls/7/claim", htmx=True)
    await outcome(staff_client, 7, ergebnis_art="erreicht", ergebnis="Ein Platz")
    in_panel = (await staff_client.get("/calls/8")).text
    assert re.search(r"Anna, <time[^>]*>Wed 14 Oct 10:42</time>", in_panel)
    assert "Anna, Wed 14 Oct 10:42" in (await staff_client.get("/calls/7")).text
    timeline = (await staff_client.get("/therapists/1")).text
    assert '<span class="muted">Anna</span>' in timeline
    assert "typed in by Ben" in timeline
    assert "typed in by Ben" in (await staff_client.get("/emails/3")).text
