"""Whether this process can serve: for load balancers and supervisors."""

import asyncio

from litestar import Response, get
from litestar.datastructures import State
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

DEADLINE_SECONDS = 3


@get("/health", opt={"public": True}, operation_id="getHealth", security=[{}])
async def health(state: State) -> Response[dict[str, str]]:
    """Answer 200 when the database answers, else 503."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), state.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, TimeoutError, SQLAlchemyError):
        return Response({"status": "unavailable", "database": "unreachable"}, status_code=503)
    return Response({"status": "ok", "database": "ok"})
