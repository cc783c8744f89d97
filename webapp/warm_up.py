"""What the first pages of Today after a start would wait for, done soon after it, beside other requests.

Texts are read, templates become Python, holidays are loaded, and the board is read once, which compiles its
statements and places every call: a third of a second, in steps between which requests are answered. Other
pages' templates are left to whoever looks first.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import structlog
from jinja2 import Environment
from jinja2.meta import find_referenced_templates
from litestar import Litestar

from services.desk.board import load_board
from services.scheduling.phone_hours import is_holiday
from services.work import Workplace
from shared.database_errors import UNREACHABLE
from webapp import i18n
from webapp.screens.desk import ROWS
from webapp.screens.rows import TEMPLATE

TEMPLATES = ("today/list_update.html", TEMPLATE, "today/page.html")
LATER_SECONDS = 1
"""What starts at the same time, and the first answer somebody waits for, have the processor until then."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def warming_up(app: Litestar) -> AsyncGenerator[None]:
    """Warm up while the block runs; part of an application's lifespan, after what it uses."""
    app.state.warm_up = task = asyncio.create_task(_warm_up(app))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _warm_up(app: Litestar) -> None:
    await asyncio.sleep(LATER_SECONDS)
    try:
        await _do_ahead(app)
    except Exception as error:
        log.warning("warm_up_failed", error=type(error).__name__)
        raise


async def _do_ahead(app: Litestar) -> None:
    workplace: Workplace = app.state.workplace
    moment = workplace.moment()
    is_holiday(moment.today, moment.rules.holiday_state)
    for code in i18n.LANGUAGES:
        await asyncio.sleep(0)
        i18n.catalog(code)
    assert app.template_engine is not None
    for _ in _compile(app.template_engine.engine):
        await asyncio.sleep(0)
    await _look_at_the_board(workplace)


def _compile(environment: Environment) -> Iterator[None]:
    """Compile the templates and all that they include or import, one with each step."""
    assert environment.loader is not None
    waiting: list[str] = list(TEMPLATES)
    done: set[str] = set()
    while waiting:
        name = waiting.pop(0)
        if name in done:
            continue
        done.add(name)
        environment.get_template(name)
        source, *_ = environment.loader.get_source(environment, name)
        waiting += filter(None, find_referenced_templates(environment.parse(source)))
        yield


async def _look_at_the_board(workplace: Workplace) -> None:
    """Read Today as a request does; a database that is away or not set up is somebody else's to report."""
    try:
        async with workplace.work() as work:
            await load_board(work, ROWS)
    except UNREACHABLE as error:
        log.info("board_not_warmed_up", error=type(error).__name__)
