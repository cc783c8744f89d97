"""Ben logs in over Anna's page: it does nothing in his name, and says so."""

import pytest
from sqlalchemy import select

from services.models import Draft, Staff
from shared.database import SessionFactory
from tests.integration.conftest import PASSWORD, Client, csrf, submit
from tests.integration.pages.conftest import load_call

BEN: dict[str, object] = {"name": "Ben", "password": PASSWORD}
TYPED = {"version": 1, "ergebnis_art": "erreicht", "ergebnis": "Von Anna"}


def asked_by(staff: Staff) -> dict[str, str]:
    """What scripts on somebody's page send along."""
    return {
        "HX-Request": "true",
        "X-Staff": str(staff.id),
        "HX-Current-URL": "http://test/calls/7?saved=3#panel",
    }


@pytest.fixture
async def annas_token(staff_client: Client, call: int, ben: Staff) -> str:
    """What forms of Anna's page carry; meanwhile Ben has logged in with her browser."""
    await submit(staff_client, f"/calls/{call}/claim")
    token = await csrf(staff_client, "/")
    await submit(staff_client, "/login", BEN)
    return token


async def test_a_page_says_for_whom_it_was_made(staff_client: Client, anna: Staff):
    page = (await staff_client.get("/")).text
    assert f"""hx-headers='{{"X-Staff": "{anna.id}"}}'""" in page


@pytest.mark.parametrize(
    "path", ["/calls/7/outcome", "/calls/7/draft", "/calls/next", "/calls/7/hint", "/logout"]
)
async def test_forms_of_the_other_page_do_nothing(
    staff_client: Client, annas_token: str, anna: Staff, ben: Staff, sessions: SessionFactory, path: str
):
    form = {**TYPED, "_csrf_token": annas_token}
    plain = await staff_client.post(path, data=form, follow_redirects=False)
    assert plain.status_code == 403
    assert "You are now logged in as Ben." in plain.text
    by_script = await staff_client.post(path, data=form, headers=asked_by(anna))
    assert by_script.status_code == 403
    assert by_script.headers["hx-retarget"] == "#dialog"
    assert "You are now Ben" in by_script.text
    assert 'href="/calls/7?saved=3"' in by_script.text
    kept = await load_call(sessions, 7)
    assert (kept.status, kept.version, kept.bearbeitet_von) == ("scheduled", 1, None)
    async with sessions() as session:
        assert await session.scalar(select(Draft).where(Draft.staff_id == ben.id)) is None
    assert "Ben" in (await staff_client.get("/")).text


@pytest.mark.parametrize("path", ["/", "/calls/7/state?version=1", "/search?q=schmidt"])
async def test_the_other_page_hears_of_it_as_soon_as_it_looks_for_news(
    staff_client: Client, annas_token: str, anna: Staff, ben: Staff, path: str
):
    told = await staff_client.get(path, headers=asked_by(anna))
    assert (told.status_code, told.headers["hx-retarget"]) == (403, "#dialog")
    assert "You are now Ben" in told.text
    assert (await staff_client.get(path, headers=asked_by(ben))).status_code == 200


async def test_who_logs_in_over_somebody_elses_page_does_not_go_on_there(
    staff_client: Client, anna: Staff, ben: Staff
):
    await submit(staff_client, "/logout")
    form = {**BEN, "_csrf_token": await csrf(staff_client)}
    answer = await staff_client.post("/login", data=form, headers=asked_by(anna))
    assert "You are now Ben" in answer.text
    assert "hx-trigger-after-swap" not in answer.headers
    assert "Ben</summary>" in (await staff_client.get("/")).text


async def test_who_logs_in_over_their_own_page_goes_on(staff_client: Client, anna: Staff):
    await submit(staff_client, "/logout")
    form = {"name": "Anna", "password": PASSWORD, "_csrf_token": await csrf(staff_client)}
    answer = await staff_client.post("/login", data=form, headers=asked_by(anna))
    assert "You are logged in again." in answer.text


async def test_an_address_of_another_site_is_not_gone_on_to(
    staff_client: Client, annas_token: str, anna: Staff
):
    headers = asked_by(anna) | {"HX-Current-URL": "https://evil.example//evil.example/x"}
    told = await staff_client.get("/", headers=headers)
    assert 'class="button button-primary" href="/"' in told.text
