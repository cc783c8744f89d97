"""With a call in hand: looking at others lets go of nothing; taking one asks about what is not saved."""

import pytest

from services.models import CallStatus, PhoneCall, Staff
from shared.database import SessionFactory
from tests.factories import make_call, make_therapist
from tests.integration.conftest import Client, submit
from tests.integration.pages.conftest import group, load_call, stored

TYPED = {"version": 1, "ergebnis_art": "erreicht", "ergebnis": "Zwei Plätze ab Mai"}
TAKING = ["/calls/next", "/calls/8/claim", "/ring-backs/2", "/ring-backs/3"]


@pytest.fixture
async def in_hand(staff_client: Client, sessions: SessionFactory) -> int:
    """Anna's call, one to somebody else, and somebody without one who may ring back."""
    await stored(sessions, *(make_therapist(id=n, nachname=f"Nr{n}") for n in (1, 2, 3)))
    await stored(sessions, *(make_call(id=6 + n, therapist_id=n, leitung=n) for n in (1, 2)))
    await submit(staff_client, "/calls/7/claim", htmx=True)
    return 7


@pytest.mark.parametrize("htmx", [True, False])
async def test_looking_at_another_call_lets_go_of_none(
    staff_client: Client, anna: Staff, in_hand: int, sessions: SessionFactory, htmx: bool
):
    await submit(staff_client, "/calls/7/draft", TYPED, htmx=True)
    look = await staff_client.get("/calls/8", headers={"HX-Request": "true"} if htmx else {})
    assert (await load_call(sessions, in_hand)).bearbeitet_von == anna.id
    assert "Only looking" in look.text
    assert "Take this call" in look.text
    bar = look.text.split('class="banner in-hand"')[1].split("</div>")[0]
    assert "Dr. Jürgen Nr1" in bar
    assert "not saved yet" in bar
    assert 'href="/calls/7"' in bar
    assert 'hx-post="/calls/7/renew"' in bar
    back = (await staff_client.get("/calls/7")).text
    assert "Zwei Plätze ab Mai</textarea>" in back
    assert "in-hand" not in back


async def test_rows_only_look_and_say_apart_from_that_how_to_take(staff_client: Client, in_hand: int):
    rows = group((await staff_client.get("/")).text, "now").split("<li ")[1:]
    for call_id, row in zip((7, 8), rows, strict=True):
        assert f'<a class="row-take" href="/calls/{call_id}" hx-get="/calls/{call_id}">' in row
    assert "/claim" not in rows[0]
    assert 'formaction="/calls/8/claim" aria-label="Take the call to Dr. Jürgen Nr2"' in rows[1]


@pytest.mark.parametrize("path", TAKING)
@pytest.mark.parametrize("typed", [{"ergebnis_art": "erreicht"}, {"ergebnis": "Halber Satz"}])
@pytest.mark.parametrize("htmx", [True, False])
async def test_what_is_not_saved_is_asked_about_before_another_call_is_taken(
    staff_client: Client,
    anna: Staff,
    in_hand: int,
    sessions: SessionFactory,
    path: str,
    typed: dict[str, str],
    htmx: bool,
):
    answer = await submit(staff_client, path, {"version": 1, "in_hand": in_hand, **typed}, htmx=htmx)
    assert answer.status_code == 409
    assert "Dr. Jürgen Nr1: not saved yet" in answer.text
    assert ("Save and go on" in answer.text) is ("ergebnis_art" in typed)
    assert ("<html" in answer.text) is not htmx
    assert answer.headers.get("hx-retarget") == ("#dialog" if htmx else None)
    assert (await load_call(sessions, in_hand)).bearbeitet_von == anna.id
    assert (await load_call(sessions, 8)).bearbeitet_von is None
    async with sessions() as session:
        assert await session.get(PhoneCall, 1) is None
    for text in typed.values():
        assert text in (await staff_client.get("/calls/7")).text


async def test_a_draft_kept_before_is_asked_about_from_any_page(staff_client: Client, in_hand: int):
    await submit(staff_client, "/calls/7/draft", TYPED, htmx=True)
    asked = await submit(staff_client, "/calls/8/claim")
    assert asked.status_code == 409
    assert "Zwei Plätze ab Mai" in asked.text


async def test_the_call_in_hand_itself_is_taken_again_without_a_question(staff_client: Client, in_hand: int):
    await submit(staff_client, "/calls/7/draft", TYPED, htmx=True)
    assert (await submit(staff_client, "/calls/7/claim", htmx=True)).status_code == 200


@pytest.mark.parametrize("path", TAKING)
@pytest.mark.parametrize("htmx", [True, False])
async def test_saving_and_going_on_does_both(
    staff_client: Client, anna: Staff, in_hand: int, sessions: SessionFactory, path: str, htmx: bool
):
    form = {**TYPED, "in_hand": in_hand, "unsaved": "save"}
    answer = await submit(staff_client, path, form, htmx=htmx)
    taken = 1 if path.endswith("3") else 8
    if not htmx:
        assert answer.headers["location"] == f"/calls/{taken}?saved=7#panel"
        answer = await staff_client.get(f"/calls/{taken}?saved=7")
    assert "Reached, saved." in " ".join(answer.text.split())
    saved = await load_call(sessions, 7)
    assert (saved.status, saved.ergebnis) == (CallStatus.COMPLETED, "Zwei Plätze ab Mai")
    assert (await load_call(sessions, taken)).bearbeitet_von == anna.id


async def test_what_can_not_be_saved_keeps_the_call_in_hand(
    staff_client: Client, anna: Staff, in_hand: int, sessions: SessionFactory
):
    form = {"version": 1, "in_hand": 7, "unsaved": "save", "ergebnis_art": "verschoben", "wohin": "termin"}
    answer = await submit(staff_client, "/calls/next", form, htmx=True)
    assert answer.status_code == 422
    assert "Give the date as day, month and year." in answer.text
    assert (await load_call(sessions, 7)).bearbeitet_von == anna.id


async def test_without_scripts_the_form_itself_goes_on_to_the_next_call(staff_client: Client, in_hand: int):
    form = (await staff_client.get("/")).text.split('id="outcome"')[1].split("</form>")[0]
    assert 'formaction="/calls/next"' in form
    assert 'name="in_hand" value="7"' in form
