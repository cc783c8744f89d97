"""Whether this process can serve: for load balancers and supervisors."""

import asyncio

import asyncpg
from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from msgspec import Struct

from migrations.revision import older_revisions
from shared.database_errors import UNREACHABLE

DEADLINE_SECONDS = 3
REVISION = "SELECT max(version_num) FROM communication_service.alembic_version"
TOO_OLD = older_revisions()


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
    responses={
        400: ResponseSpec(
            str, generate_examples=False, media_type=MediaType.TEXT, description="What came is not HTTP."
        ),
        503: ResponseSpec(Health, description="It can't: the database gives no answer, or is not migrated."),
    },
)
async def health(state: State) -> Response[Health]:
    """Answers 200 when the database answers and has the schema this code needs, else 503.

    It has a connection of its own, so that it answers while all others are busy.
    """
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            [[revision]] = await state.health.fetch(REVISION)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        revision = None
    except UNREACHABLE:
        return Response(Health("unavailable", "unreachable"), status_code=503)
    if revision is None or revision in TOO_OLD:
        return Response(Health("unavailable", "not migrated"), status_code=503)
    return Response(Health("ok", "ok"))
