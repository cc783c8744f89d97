"""How commands do their work: by the settings, over a connection of their own."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.work import Work


def with_work(use_case: "Callable[[Work], Awaitable[Any]]") -> Any:
    """Carry out a use case and return its result; what that takes is loaded now."""
    from services.rules import DeskRules
    from services.work import Workplace
    from shared.clock import get_clock
    from shared.config import get_config
    from shared.database import create_engine, create_session_factory

    async def run() -> Any:
        config = get_config()
        engine = create_engine(config, application_name="calldesk-cli")
        workplace = Workplace(
            sessions=create_session_factory(engine),
            clock=get_clock(config),
            rules=DeskRules.from_settings(config),
        )
        try:
            async with workplace.work() as work:
                return await use_case(work)
        finally:
            await engine.dispose()

    return asyncio.run(run())
