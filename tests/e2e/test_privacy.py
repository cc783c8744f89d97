"""An administrator answers a therapist's request at the desk, with and without scripts."""

import json

import pytest
from playwright.async_api import expect

from tests.e2e.accessibility import violations
from tests.e2e.browser import DESK, PHONE
from tests.e2e.conftest import OpenBrowser


@pytest.mark.parametrize(
    ("therapist", "look"),
    [
        (11, {"viewport": DESK, "locale": "de-DE"}),
        (12, {"viewport": PHONE, "locale": "de-DE", "java_script_enabled": False}),
    ],
    ids=["scripts", "phone without scripts"],
)
async def test_what_is_held_is_downloaded_and_then_erased(
    therapist: int, look: dict[str, object], open_browser: OpenBrowser
) -> None:
    page = await open_browser("Anna", **look)
    await page.goto("/system")
    await page.get_by_role("link", name="Anfrage eines Therapeuten beantworten").click()
    scripts = look.get("java_script_enabled", True)
    assert not scripts or await violations(page) == []
    await page.get_by_label("Nummer des Therapeuten").fill(str(therapist))
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Alles Gespeicherte herunterladen").click()
    held = json.loads((await (await downloading.value).path()).read_text())
    assert held["therapist"]["id"] == therapist

    await page.get_by_role("button", name="Sehen, was gelöscht würde").click()
    await expect(page.get_by_text(f"Alles über Therapeut {therapist} löschen?")).to_be_visible()
    assert page.url.endswith("/system/privacy/preview")
    assert not scripts or await violations(page) == []
    await page.get_by_role("button", name="Endgültig löschen").click()
    await expect(page.get_by_role("status").filter(has_text="ist gelöscht")).to_be_visible()

    await page.goto(f"/therapists/{therapist}")
    await expect(page.get_by_text("auf Verlangen gelöscht").first).to_be_visible()
    await expect(page.get_by_text(held["therapist"]["nachname"])).to_have_count(0)
    assert not scripts or await violations(page) == []
