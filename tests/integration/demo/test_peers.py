import smtplib
from collections.abc import Generator
from email import message_from_bytes
from pathlib import Path

import httpx
import pytest

from webapp.demo.servers.peers import Addresses, Peers

MAIL = b"Message-ID: <1@therapieplatz.example>\r\nSubject: Anfrage\r\n\r\n.Guten Tag\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="module")
def peers(folder: Path) -> Generator[Addresses]:
    peers = Peers(folder)
    peers.start(around=None, disposable=True)
    yield peers.addresses()
    peers.stop()


def test_every_mail_becomes_a_file_with_its_envelope(peers: Addresses, folder: Path):
    with smtplib.SMTP("127.0.0.1", peers.smtp_port) as smtp:
        smtp.sendmail("kontakt@therapieplatz.example", ["praxis@praxis-roth.example"], MAIL)
        smtp.sendmail("kontakt@therapieplatz.example", ["praxis@praxis-roth.example"], MAIL)

    first, second = sorted((folder / "mails").iterdir())
    assert first.read_bytes() == second.read_bytes()
    stored = message_from_bytes(first.read_bytes())
    assert stored["X-Envelope-To"] == "praxis@praxis-roth.example"
    assert stored.get_payload() == ".Guten Tag\r\n"


def test_an_unknown_mailbox_is_refused_for_good(peers: Addresses):
    with (
        smtplib.SMTP("127.0.0.1", peers.smtp_port) as smtp,
        pytest.raises(smtplib.SMTPRecipientsRefused, match=r"550"),
    ):
        smtp.sendmail("kontakt@therapieplatz.example", ["unbekannt@praxis-roth.example"], MAIL)


def test_therapist_service_pages_through_all_therapists(peers: Addresses):
    with httpx.Client(base_url=peers.therapist_service_url, trust_env=False) as client:
        pages = [client.get("/api/therapists", params={"page": page}).json() for page in (1, 2, 3, 4)]
    assert {page["total"] for page in pages} == {41}
    ids = [therapist["id"] for page in pages for therapist in page["data"]]
    assert ids == sorted({*range(1, 41), 123})


def test_therapist_service_knows_each_therapist_and_no_other(peers: Addresses):
    with httpx.Client(base_url=peers.therapist_service_url, trust_env=False) as client:
        known, unknown = client.get("/api/therapists/123"), client.get("/api/therapists/999")
    assert known.json()["telefonische_erreichbarkeit"]["monday"][0] == {"start": "09:00", "end": "12:00"}
    assert unknown.status_code == 404


@pytest.mark.parametrize("query", ["page=0", "page=x", "limit=0", "limit=101"])
def test_therapist_service_refuses_a_page_that_cannot_be(peers: Addresses, query: str):
    assert httpx.get(f"{peers.therapist_service_url}/api/therapists?{query}", trust_env=False).is_client_error
