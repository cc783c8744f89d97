"""What the mail benchmarks share: a sink in its own process, settings, e-mails."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from benchmarks.harness import bench_settings
from services.models import Email, EmailStatus
from shared.clock import system_clock
from shared.config import Settings

PARAGRAPH = (
    "<p>Guten Tag Frau Dr. Müller, für unsere Patientinnen und Patienten suchen wir möglichst bald "
    "freie Plätze. Über eine kurze Rückmeldung, ob und ab wann Sie Kapazitäten hätten, würden wir uns "
    "sehr freuen.</p>\n"
)
BODY_HTML = PARAGRAPH * 13
BODY_TEXT = BODY_HTML.replace("<p>", "").replace("</p>", "")


@contextmanager
def sink(*options: str) -> Generator[tuple[int, subprocess.Popen[str]]]:
    """Run the sink; yields its port and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.smtp_sink", *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def mail_settings(database_url: str, port: int, **values: Any) -> Settings:
    return bench_settings(database_url, smtp_host="127.0.0.1", smtp_port=port, **values)


def email() -> Email:
    """Return a queued e-mail with about 4 KB in each of its two bodies."""
    now = system_clock()
    return Email(
        therapist_id=1,
        betreff="Anfrage für drei Patientinnen: freie Plätze ab Herbst?",
        body_html=BODY_HTML,
        body_text=BODY_TEXT,
        empfaenger_email="praxis@example.org",
        empfaenger_name="Dr. Jürgen Müller",
        absender_email="kontakt@therapieplatz.example",
        absender_name="Therapieplatz-Vermittlung",
        status=EmailStatus.QUEUED,
        message_id=f"<{uuid4()}@therapieplatz.example>",
        queued_at=now,
        naechster_versuch_at=now,
        created_at=now,
    )
