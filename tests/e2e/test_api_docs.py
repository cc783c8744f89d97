"""The API's description in a browser: under its own policy, with nothing from elsewhere."""

from playwright.async_api import Page, Response, expect

from tests.e2e.accessibility import violations
from tests.e2e.app_process import RunningApp
from tests.e2e.browser import PHONE

FIRST_READ_MS = 30_000
"""The document is made when it is first asked for."""


async def use_key(page: Page, key: str) -> None:
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Use key").click()


async def read_description(page: Page, key: str) -> None:
    await use_key(page, key)
    title = page.get_by_role("heading", name="Communication service")
    await expect(title).to_be_visible(timeout=FIRST_READ_MS)


async def test_the_api_is_read_and_tried_with_a_key(page: Page, app: RunningApp) -> None:
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    await page.goto("/api/docs")
    assert await violations(page) == []
    await use_key(page, "wrong")
    await expect(page.get_by_role("status")).to_have_text("This API key is not valid, or has expired.")

    await read_description(page, app.api_key)

    await page.get_by_role("button", name="GET /api/stop-list", exact=False).first.click()
    operation = page.locator("#operations-Stop_list-listStopped")
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    await expect(operation.locator(".live-responses-table .response-col_status").last).to_contain_text("200")

    [tried] = [answer for answer in answers if answer.url.endswith("/api/stop-list?limit=20")]
    assert await tried.request.header_value("authorization") == f"Bearer {app.api_key}"
    assert {answer.url.split("/")[2] for answer in answers if not answer.url.startswith("data:")} == {
        f"127.0.0.1:{app.port}"
    }
    policy = await answers[0].header_value("content-security-policy")
    assert policy is not None
    assert "unsafe" not in policy
    assert "form-action 'none'" in policy


async def test_the_description_fits_a_phone(page: Page, app: RunningApp) -> None:
    await page.set_viewport_size(PHONE)
    await page.goto("/api/docs")
    await read_description(page, app.api_key)
    assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
