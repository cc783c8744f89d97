"""Several people at the desk at once: what each sees of the others, and that it disturbs nobody."""

import asyncio
import re
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, expect

from services.hints import CALLS
from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import DESK, log_in
from tests.e2e.conftest import OpenBrowser
from tests.e2e.desk import (
    NOTE,
    Held,
    at_the_desk,
    hear_a_hint,
    is_put_off,
    release,
    rows,
    send_hint,
    take_next,
    title,
)
from tests.eventually import eventually


async def test_two_people_never_get_the_same_call(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    names = await asyncio.gather(take_next(anna), take_next(ben))
    assert names[0] != names[1]

    await expect(ben.locator(".row-taken", has_text=names[0])).to_contain_text("bei Anna")
    await expect(anna.locator(".row-taken", has_text=names[1])).to_contain_text("bei Ben")
    await release(ben)
    await expect(anna.locator(".row-taken", has_text=names[1])).to_have_count(0)
    await release(anna)


async def test_a_contested_call_goes_to_one_and_the_other_is_told(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    address = await rows(anna).first.locator("button").get_attribute("formaction")
    for page in (anna, ben):
        await page.locator(f'button[formaction="{address}"]').focus()
    await asyncio.gather(*(page.keyboard.press("Enter") for page in (anna, ben)))

    told = re.compile("telefoniert gerade mit")
    for page in (anna, ben):
        await expect(page.locator(".call-mine").or_(page.get_by_role("alert"))).to_be_visible()
    winners = [page for page in (anna, ben) if await page.locator(".call-mine").count()]
    assert len(winners) == 1
    loser = ben if winners == [anna] else anna
    await expect(loser.get_by_role("alert")).to_have_text(told)
    assert await violations(loser) == []
    await release(winners[0])


async def test_typed_text_and_focus_survive_what_others_do(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    await take_next(anna)
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.click()
    await note.fill("")
    await anna.keyboard.type(NOTE[:20])
    taken = await take_next(ben)
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await anna.keyboard.type(NOTE[20:])
    await expect(note).to_have_value(NOTE)
    await expect(note).to_be_focused()
    await release(ben)
    await note.fill("")
    await release(anna)


async def test_nothing_moves_under_the_pointer(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    await rows(anna).first.locator("button").focus()
    taken = await take_next(ben)
    notice = anna.locator("[data-live-notice]")
    await expect(notice).to_contain_text("Änderung")
    await expect(anna.locator(".row-taken", has_text=taken)).to_have_count(0)
    await notice.get_by_role("button").click()
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)


async def test_nothing_moves_under_a_resting_mouse(open_browser: OpenBrowser) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    await expect(anna.locator(".row-taken")).to_have_count(0)
    row = rows(anna).last
    await row.hover()
    before = await row.bounding_box()
    taken = await take_next(ben)
    await expect(anna.locator("[data-live-notice]")).to_contain_text("1 Änderung")
    await expect(anna.locator("[data-live-refresh]")).to_be_visible()
    assert await row.bounding_box() == before
    await expect(anna.locator(".row-taken", has_text=taken)).to_have_count(0)
    await anna.locator("#panel").hover()
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await expect(anna.locator("[data-live-refresh]")).to_be_hidden()
    await release(ben)


async def test_a_hint_that_overtakes_the_answer_to_ones_own_action_is_no_news(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    action = Held()
    await anna.route("**/calls/next", action)
    await rows(anna).last.hover()
    await anna.keyboard.press("n")
    await eventually(lambda: is_put_off(anna, "list-frame"))
    action.through.set()
    await expect(anna.locator(".row-mine")).to_have_count(1)
    await hear_a_hint(anna, app, CALLS, asks="/$")
    await expect(anna.locator("[data-live-refresh]")).to_be_hidden()
    await release(anna)


async def test_what_the_answer_to_ones_own_action_shows_is_not_asked_for_again(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    asked: list[str] = []
    anna.on("request", lambda request: asked.append(f"{request.method} {urlsplit(request.url).path}"))
    await take_next(anna)
    await hear_a_hint(anna, app, CALLS, asks="shown=")
    assert asked.count("GET /") == 1, "for the hint of somebody else, not for one's own"
    await release(anna)


async def test_a_list_that_ones_own_action_has_overtaken_is_no_news(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    await rows(anna).last.hover()
    older = Held()
    await anna.route(re.compile("/$"), older, times=1)
    await send_hint(app, CALLS)
    await older.underway.wait()
    await take_next(anna)
    older.through.set()
    await hear_a_hint(anna, app, CALLS, asks="/$")
    await expect(anna.locator("[data-live-refresh]")).to_be_hidden()
    await expect(anna.locator(".row-mine")).to_have_count(1)
    await release(anna)


async def test_a_list_asked_for_before_another_call_was_looked_at_marks_that_one(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await expect(anna.get_by_text("Live", exact=True)).to_be_visible()
    await anna.keyboard.press("j")
    await expect(title(anna)).to_be_focused()
    older = Held()
    await anna.route(re.compile("shown="), older, times=1)
    await send_hint(app, CALLS)
    await older.underway.wait()
    looked_at = rows(anna).nth(1)
    name = await looked_at.locator(".row-name").inner_text()
    await anna.keyboard.press("j")
    await expect(title(anna)).to_have_text(name)
    await expect(title(anna)).to_be_focused()
    async with anna.expect_request_finished(lambda request: "shown=" in request.url):
        older.through.set()
    await anna.evaluate("() => new Promise(requestAnimationFrame)")
    await expect(looked_at).to_have_attribute("aria-current", "true")


async def test_a_call_only_looked_at_says_who_took_it_and_when_it_is_free_again(
    open_browser: OpenBrowser,
) -> None:
    anna, ben = await at_the_desk(open_browser, "Anna"), await at_the_desk(open_browser, "Ben")
    name = await rows(anna).last.locator(".row-name").inner_text()
    await rows(anna).last.locator(".row-take").click()
    await expect(title(anna)).to_have_text(name)
    take = anna.locator("#panel").get_by_role("button", name="Anruf übernehmen")
    await expect(take).to_be_visible()
    await expect(anna.locator('.row[aria-current="true"]')).to_contain_text(name)

    await rows(ben).filter(has_text=name).locator(".row-claim").click()
    await expect(anna.locator("#panel-change")).to_have_text(f"Ben telefoniert gerade mit {name}.")
    await expect(take).to_be_hidden()
    assert await violations(anna) == []
    await anna.locator("#panel").hover()
    await expect(anna.locator(".row-taken", has_text=name)).to_have_attribute("aria-current", "true")
    await release(ben)
    await expect(take).to_be_visible()
    await expect(anna.locator("#panel-change")).to_be_empty()


async def test_a_call_that_another_service_cancels_meanwhile_says_so_and_keeps_the_text(
    open_browser: OpenBrowser, app: RunningApp
) -> None:
    anna = await at_the_desk(open_browser, "Anna")
    await anna.goto("/search?q=Obermeier")
    await anna.get_by_role("button", name="Rückruf erfassen").click()
    await expect(anna.locator(".call-mine")).to_be_visible()
    note = anna.get_by_label("Notiz zum Gespräch")
    await note.fill(NOTE)
    call_id = (await anna.locator("#outcome").get_attribute("action") or "").split("/")[2]
    async with app.api() as api:
        assert (await api.delete(f"/api/phone-calls/{call_id}")).status_code == 200
    told = re.compile("Ein anderer Dienst hat diesen Anruf um .* abgesagt")
    await expect(anna.locator("#panel-change")).to_contain_text(told)
    await expect(note).to_have_value(NOTE)
    assert await violations(anna) == []
    await anna.get_by_role("radio", name="Erreicht 1").check()
    await note.press("Control+Enter")
    await expect(anna.get_by_role("alert")).to_contain_text(told)
    await expect(anna.locator("#panel").get_by_text(NOTE)).to_be_visible()
    assert await violations(anna) == []


async def without_hints(browser: Browser, app: RunningApp) -> Page:
    """Anna's page where no stream of hints can be had, in a browser whose console nobody watches."""
    context = await browser.new_context(base_url=app.base_url, locale="de-DE", viewport=DESK)
    await context.route("**/live?*", lambda route: route.abort())
    anna = await context.new_page()
    await anna.clock.install()
    await log_in(anna, "Anna")
    await expect(anna.get_by_text("Nicht live", exact=True)).to_be_visible()
    return anna


async def test_without_a_stream_of_hints_the_list_is_asked_for_again_and_again(
    browser: Browser, app: RunningApp, open_browser: OpenBrowser
) -> None:
    anna, ben = await without_hints(browser, app), await at_the_desk(open_browser, "Ben")
    taken = await take_next(ben)
    await anna.clock.fast_forward(31_000)
    await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)
    await anna.clock.fast_forward(31_000)
    await expect(anna.locator(".row-taken", has_text=taken)).to_have_count(0)
    await anna.context.close()


async def test_a_page_that_comes_back_into_view_asks_for_all_it_missed(
    browser: Browser, app: RunningApp, open_browser: OpenBrowser
) -> None:
    anna, ben = await without_hints(browser, app), await at_the_desk(open_browser, "Ben")
    for happens in (
        "document.dispatchEvent(new Event('visibilitychange'))",
        "window.dispatchEvent(new Event('online'))",
    ):
        taken = await take_next(ben)
        await anna.evaluate(happens)
        await expect(anna.locator(".row-taken", has_text=taken)).to_be_visible()
    await release(ben)
    await anna.context.close()
