"""Hints to open pages over server-sent events: what may have changed, never the data."""

import asyncio
from collections.abc import AsyncGenerator

from litestar import get
from litestar.datastructures import State
from litestar.response import ServerSentEvent, ServerSentEventMessage

from services import hints

QUIET_SECONDS = 20
"""After this long without a hint a sign of life keeps the connection, proxies and the page sure of it."""

THROTTLE_SECONDS = 0.7
STREAM_SECONDS = 600
"""A stream ends after this long; the browser opens the next one, and with it the session is checked again."""


@get("/live", media_type="text/event-stream", include_in_schema=False)
async def live(state: State) -> ServerSentEvent:
    """Stream `changed` events with the subjects that may have changed."""
    return ServerSentEvent(_hints(state))


async def _hints(state: State) -> AsyncGenerator[ServerSentEventMessage]:
    subscription = state.listener.subscribe(hints.CALLS, hints.EMAILS)
    ends = asyncio.get_running_loop().time() + STREAM_SECONDS
    try:
        yield ServerSentEventMessage(event="connected", data="", retry=2000)
        while not subscription.ended and asyncio.get_running_loop().time() < ends:
            subjects = await subscription.next(QUIET_SECONDS)
            if subjects:
                yield ServerSentEventMessage(event="changed", data=" ".join(sorted(subjects)))
                await asyncio.sleep(THROTTLE_SECONDS)
            else:
                yield ServerSentEventMessage(event="alive", data="")
    finally:
        state.listener.unsubscribe(subscription)
