"""Hints to open pages over server-sent events: what may have changed, never the data."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request, get
from litestar.datastructures import State
from litestar.params import FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from services.accounts.sessions import staff_of_session
from services.errors import TooManyRequests
from services.hints import CALLS, EMAILS, INCOMING, LOGINS, NOTES
from services.models import Staff
from shared.database_errors import UNREACHABLE
from shared.notifications import OWN
from webapp.auth import session_token
from webapp.open_page import named

QUIET_SECONDS = 20
"""After this long without a hint a sign of life keeps the connection, proxies and the page sure of it."""

THROTTLE_SECONDS = 0.7
STREAM_SECONDS = 600
"""A stream ends after this long; the browser opens the next one."""

STREAMS_EACH = 20
"""How many streams one person may have from one process: each visible tab holds one."""


class TooManyStreams(TooManyRequests):
    """Too many pages are open at once. Close some of them."""


@get("/live", media_type="text/event-stream", opt={"unasked": True}, include_in_schema=False)
async def live(request: Request[Staff, Any, Any], state: State, page: FromQuery[str] = "") -> ServerSentEvent:
    """Stream `changed` events with the subjects that may have changed, for as long as the login holds.

    `page` is what the page calls itself: subjects that begin with `own:` are its own doing.

    Raises:
        TooManyStreams: this person has `STREAMS_EACH` already.
    """
    if state.streams[request.user.id] >= STREAMS_EACH:
        raise TooManyStreams
    return ServerSentEvent(_hints(state, request.user.id, session_token(request) or "", named(page)))


async def _hints(
    state: State, staff_id: int, token: str, page: str
) -> AsyncGenerator[ServerSentEventMessage]:
    if state.streams[staff_id] >= STREAMS_EACH:
        return
    state.streams[staff_id] += 1
    subscription = state.listener.subscribe(CALLS, EMAILS, INCOMING, LOGINS, NOTES, own=page)
    ends = asyncio.get_running_loop().time() + STREAM_SECONDS
    try:
        yield ServerSentEventMessage(event="connected", data="", retry=2000)
        while not subscription.ended and asyncio.get_running_loop().time() < ends:
            subjects = await subscription.next(QUIET_SECONDS)
            logins = subjects & {LOGINS, OWN + LOGINS}
            if (not subjects or logins) and not await _login_holds(state, token):
                return
            changed = sorted(subjects - logins)
            if changed:
                yield ServerSentEventMessage(event="changed", data=" ".join(changed))
                await asyncio.sleep(THROTTLE_SECONDS)
            else:
                yield ServerSentEventMessage(event="alive", data="")
    finally:
        state.streams[staff_id] -= 1
        state.listener.unsubscribe(subscription)


async def _login_holds(state: State, token: str) -> bool:
    """Whether a session has neither ended nor been ended; not, where the database can't say."""
    try:
        moment = state.workplace.moment()
        return await staff_of_session(state.statements, moment, token) is not None
    except UNREACHABLE:
        return False
