"""Whether this process can serve: for load balancers and supervisors."""

import asyncio

from litestar import Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from msgspec import Struct
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

DEADLINE_SECONDS = 3


class Health(Struct):
    """How this process is."""

    status: str
    database: str


@get(
    "/health",
    opt={"public": True},
    operation_id="getHealth",
    summary="Whether this process can serve",
    tags=["Operation"],
    security=[{}],
    responses={503: ResponseSpec(Health, description="It can't: the database gives no answer.")},
)
async def health(state: State) -> Response[Health]:
    """Answer 200 when the database answers, else 503."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS), state.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, TimeoutError, SQLAlchemyError):
        return Response(Health("unavailable", "unreachable"), status_code=503)
    return Response(Health("ok", "ok"))
