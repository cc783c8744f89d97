"""What staff see and dial of a therapist's phone field."""

import re

import pytest

from services.therapists.record import phone_columns
from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import group, stored

BERLIN = "tel:+493023125101"
SECOND = "tel:+493023125102"
MOBILE = "tel:+491712345678"


def links(page: str) -> list[str]:
    return re.findall(r'href="(tel:[^"]*)"', page)


async def with_field(sessions: SessionFactory, field: str | None) -> None:
    await stored(sessions, make_therapist(**phone_columns(field)), make_call(id=7))


@pytest.mark.parametrize(
    ("field", "uris", "shown"),
    [
        ("030/23125101", [BERLIN], "030 23125101"),
        ("030 23125 101 (Sekr.)", [BERLIN], "030 23125 101 (Sekr.)"),
        ("030 23125 101 / 102", [BERLIN, SECOND], "030 23125102"),
        ("030 23125101 oder 0171 2345678", [BERLIN, MOBILE], "0171 2345678"),
        ("030 23125101 Durchwahl 12", [f"{BERLIN};ext=12"], "030 23125101 ext. 12"),
        (f"030 23125101 ({'nur vormittags ' * 20}) 0171 2345678", [BERLIN, MOBILE], "nur vormittags"),
    ],
)
async def test_each_number_of_the_field_has_one_link_wherever_somebody_may_ring(
    staff_client: Client, sessions: SessionFactory, field: str, uris: list[str], shown: str
):
    await with_field(sessions, field)
    for address in ("/therapists", "/therapists/1", "/calls/7"):
        assert links((await staff_client.get(address)).text) == uris, address
    panel = await submit(staff_client, "/calls/7/claim", htmx=True)
    assert links(panel.text) == uris
    assert shown in panel.text


@pytest.mark.parametrize("field", ["k. A.", "-", "siehe Website", "0", "Fax 030 23125199", "23125101"])
async def test_whose_field_has_no_number_is_unreachable_and_not_handed_out(
    staff_client: Client, sessions: SessionFactory, field: str
):
    await with_field(sessions, field)
    assert "No phone number" in group((await staff_client.get("/")).text, "unreachable")
    assert "Nobody can be reached right now." in (await submit(staff_client, "/calls/next", htmx=True)).text
    page = (await staff_client.get("/therapists/1")).text
    assert links(page) == []
    assert "No phone number is known: a call could not be made." in page
    panel = (await staff_client.get("/calls/7")).text
    assert (links(panel), "No phone number" in panel) == ([], True)
    if re.search("[a-z0-9]", field):
        assert f'<q class="muted phone-field">{field}</q>' in panel


@pytest.mark.parametrize(
    "q",
    [
        "030 23125101",
        "030 23125102",
        "030\u00a023125\u2011102",
        "030 23125199",
        "+49 171 2345678",
        "0171/23",
        "004917123",
        "Tel. 0171 2345678 (privat)",
    ],
)
async def test_every_number_of_the_field_finds_whoever_rings_back(
    staff_client: Client, sessions: SessionFactory, q: str
):
    await stored(
        sessions,
        make_therapist(
            nachname="Roth", **phone_columns("030 23125 101 / 102, 0171 2345678, Fax 030 23125199")
        ),
        make_therapist(id=2, nachname="Wendt", **phone_columns("040 66969 201")),
    )
    for address in ("/search", "/therapists"):
        found = (await staff_client.get(address, params={"q": q})).text
        assert ("Roth" in found, "Wendt" in found) == (True, False), address


async def test_phone_hours_that_can_not_be_read_are_not_said_to_be_none(
    staff_client: Client, sessions: SessionFactory
):
    hours = {"monday": [{"start": "10", "end": "12", "valid_until": "2026-12-31"}]}
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=hours), make_call())
    assert "Phone hours can't be read" in group((await staff_client.get("/")).text, "unreachable")
    page = (await staff_client.get("/therapists/1")).text
    assert "No phone hours are known." not in page
    assert "The phone hours can't be read." in page
    assert "valid_until" in page
    assert "This says more than a start and an end" in page


async def test_fifty_thousand_days_make_no_large_page(staff_client: Client, sessions: SessionFactory):
    hours = {f"Tag {number}": "9-12" for number in range(50_000)}
    await stored(sessions, make_therapist(telefonische_erreichbarkeit=hours), make_call(id=7))
    for address in ("/", "/therapists", "/therapists/1", "/calls/7"):
        assert len((await staff_client.get(address)).text) < 100_000, address
