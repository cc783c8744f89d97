"""Therapists in the browser: found by any spelling of a number, their page, and what is noted about them."""

import re

from playwright.async_api import Page, expect

from tests.e2e.accessibility import violations


async def test_somebody_is_found_by_any_spelling_of_the_number(anna: Page) -> None:
    await anna.goto("/therapists")
    assert await violations(anna) == []
    await anna.locator("#q").press_sequentially("+49 (30) 23125-116")
    await expect(anna.locator("#therapists tbody tr")).to_have_count(1)
    await anna.get_by_role("link", name=re.compile("Dr. Ngozi Okafor")).click()
    await expect(anna.get_by_role("heading", level=1)).to_have_text("Dr. Ngozi Okafor")
    assert await violations(anna) == []


async def test_a_hint_is_noted_and_told_by_the_status_line(anna: Page) -> None:
    await anna.goto("/therapists/20")
    await anna.get_by_label("Hinweis zum Anruf").fill("Nur dienstags.")
    await anna.get_by_role("button", name="Hinweis speichern").click()
    await expect(anna.locator("#status")).to_contain_text("Der Hinweis ist gespeichert.")
    await expect(anna.get_by_role("heading", level=1)).to_be_focused()
    await expect(anna.locator("#therapist .banner")).to_contain_text("Nur dienstags.")
    assert await violations(anna) == []


async def test_who_does_not_want_to_be_called_is_planned_for_only_all_the_same(anna: Page) -> None:
    await anna.goto("/therapists/33")
    calls = anna.locator("section", has=anna.get_by_role("heading", name="Anrufe", exact=True))
    await expect(calls).to_contain_text("Sabine Krüger-Wolf möchte nicht angerufen werden")
    await expect(calls.get_by_role("button")).to_have_count(0)
    await calls.get_by_text("Trotzdem einen Anruf planen").click()
    assert await violations(anna) == []
    await calls.get_by_label("Datum").fill("2026-10-26")
    await calls.get_by_label("Uhrzeit").fill("14:10")
    await calls.get_by_role("button", name="Trotzdem planen").click()
    await expect(calls).to_contain_text("Mo 26.10. 14:10")
    await expect(calls.get_by_role("button", name="Trotzdem anrufen")).to_be_visible()


async def test_a_wrong_time_is_named_and_a_right_one_planned(anna: Page) -> None:
    await anna.goto("/therapists/19")
    plan = anna.locator("section", has=anna.get_by_role("heading", name="Anrufe", exact=True))
    await plan.get_by_role("button", name="Planen", exact=True).click()
    await expect(anna.locator(".error-summary")).to_be_focused()
    assert await violations(anna) == []
    await plan.get_by_label("Datum").fill("2026-10-19")
    await plan.get_by_label("Uhrzeit").fill("16:35")
    await plan.get_by_role("button", name="Planen", exact=True).click()
    await expect(plan).to_contain_text("Mo 19.10. 16:35")


async def test_who_is_away_says_so_on_their_page_and_on_the_board(anna: Page) -> None:
    await anna.goto("/therapists/2")
    await anna.get_by_label("Abwesend, wieder da am").fill("2026-10-26")
    await anna.get_by_role("button", name="Abwesenheit speichern").click()
    await expect(anna.locator("#status")).to_contain_text("Die Abwesenheit ist gespeichert.")
    await expect(anna.locator("#therapist .banner-warn")).to_contain_text("Vorher wird nicht angerufen.")
    assert await violations(anna) == []
    await anna.get_by_role("button", name="Ist wieder da").click()
    await expect(anna.locator("#status")).to_contain_text("ist wieder da")
    await expect(anna.get_by_text("von Hand eingetragen")).to_have_count(0)


async def test_an_absence_heard_on_the_phone_is_noted_beside_the_call(anna: Page) -> None:
    await anna.goto("/")
    await anna.locator(".group-now .row-claim").first.click()
    panel = anna.locator("#panel")
    await panel.get_by_text("Hinweis, Abwesenheit, Anrufsperre").click()
    await panel.get_by_label("Abwesend, wieder da am").fill("2026-10-26")
    await panel.get_by_role("button", name="Abwesenheit speichern").click()
    await expect(panel.locator(".call-outside")).to_contain_text("am Telefon erfahren")
    assert await violations(anna) == []
    await panel.get_by_role("button", name=re.compile("Freigeben")).click()
    await expect(anna.locator(".group-unreachable")).to_contain_text("Abwesend, wieder da am")
