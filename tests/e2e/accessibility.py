"""axe-core on a page, under the page's own Content-Security-Policy."""

from pathlib import Path

import axe_playwright_python
from playwright.async_api import Page

SOURCE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
AXE = SOURCE.encode("ascii", "backslashreplace").decode("ascii")
"""In ASCII: a few other letters in its texts make the whole of it wide in the browser."""

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


async def violations(page: Page) -> list[str]:
    """Return what axe finds wrong: rule, advice and the elements concerned, one line each."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)  # not subject to the page's policy
    found = await page.evaluate(
        "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})"
        ".then(result => result.violations)",
        RULES,
    )
    return [
        f"{rule['id']}: {rule['help']}: {', '.join(str(node['target']) for node in rule['nodes'][:5])}"
        for rule in found
    ]
