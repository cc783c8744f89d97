"""Call guides on System and in the panel."""

from typing import Any

from services.models import Staff
from shared.database import SessionFactory
from tests.clock import FakeClock
from tests.factories import make_call, make_email, make_therapist
from tests.integration.conftest import PASSWORD, Client, submit
from tests.integration.pages.conftest import stored

GUIDE = "/system/call-guides/keine_antwort"


def guides(page: str) -> str:
    return page.split('aria-labelledby="guides-title"')[1].split("</section>")[0]


async def test_the_panel_says_what_to_say_filled_from_the_email(
    staff_client: Client, sessions: SessionFactory, clock: FakeClock
):
    mail = make_email(id=3, status="SENT", sent_at=clock.now.replace(day=7), betreff="Plätze im Mai?")
    await stored(sessions, make_therapist(), mail)
    await stored(sessions, make_call(id=7, email_id=3, grund="keine_antwort"))
    panel = (await staff_client.get("/calls/7")).text
    guide = panel.split("call-guide")[1].split("</details>")[0]
    assert "hier ist Anna" in guide
    assert "am 7. Oktober geschrieben: „Plätze im Mai?“" in guide
    assert 'lang="de"' in guide


async def test_an_administrator_tries_saves_and_takes_back_a_guide(
    staff_client: Client, call: int, sessions: SessionFactory
):
    form: dict[str, Any] = {"version": 0, "vorlage": "Hallo {{ anrede }}!"}
    preview = await submit(staff_client, GUIDE, form | {"action": "preview"})
    assert "Hallo Frau Dr. Falkenberg!" in guides(preview.text)
    assert "own words" not in guides(preview.text)
    await submit(staff_client, GUIDE, form | {"action": "save"})
    page = (await staff_client.get("/system?done=guide_saved")).text
    assert "The call guide is saved." in page
    assert "Hallo {{ anrede }}!</textarea>" in guides(page)
    stale = await submit(staff_client, GUIDE, form | {"action": "save", "vorlage": "Anders"})
    assert stale.status_code == 409
    assert "Anders</textarea>" in guides(stale.text)
    await submit(staff_client, GUIDE, {"version": 1, "action": "shipped"})
    assert "own words" not in guides((await staff_client.get("/system")).text)


async def test_what_is_wrong_is_said_by_line_and_kept(staff_client: Client):
    for action in ("preview", "save"):
        form = {"version": 0, "action": action, "vorlage": "Hallo\n{{ gibtsnicht }}"}
        answer = await submit(staff_client, GUIDE, form)
        assert answer.status_code == 422
        assert "Line 2: there is no variable gibtsnicht." in guides(answer.text)
        assert "{{ gibtsnicht }}</textarea>" in guides(answer.text)


async def test_only_administrators_edit(staff_client: Client, ben: Staff):
    await submit(staff_client, "/login", {"name": "Ben", "password": PASSWORD})
    assert "<textarea" not in guides((await staff_client.get("/system")).text)
    assert (await submit(staff_client, GUIDE, {"vorlage": "x", "action": "save"})).status_code == 403
