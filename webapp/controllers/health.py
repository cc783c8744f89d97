"""How this process is: for load balancers and supervisors. Web and worker processes answer alike."""

from litestar import MediaType, Response, get
from litestar.datastructures import State
from litestar.openapi import ResponseSpec
from msgspec import Struct

from webapp.readiness import Obstacle, obstacles

UNAVAILABLE = 503

NOT_HTTP = ResponseSpec(
    str, generate_examples=False, media_type=MediaType.TEXT, description="What came is not HTTP."
)


class Health(Struct):
    """How this process is."""

    status: str
    database: str


class Liveness(Struct):
    """Whether this process turns; `hung` names the loops that don't."""

    status: str
    hung: list[str] = []


class Readiness(Struct):
    """Whether this process can do its work, why not, and whether sending is held."""

    status: str
    reasons: list[Obstacle]
    held: bool


@get(
    "/health",
    opt={"public": True},
    operation_id="getHealth",
    summary="Whether this process can serve",
    tags=["Operation"],
    security=[{}],
    responses={
        400: NOT_HTTP,
        503: ResponseSpec(Health, description="It can't: the database gives no answer, or is not migrated."),
    },
)
async def health(state: State) -> Response[Health]:
    """Answers 200 when the database answers and has the schema this code needs, else 503.

    `/health/ready` says the same with all reasons.
    """
    found = await obstacles(state.health)
    if Obstacle.NOT_MIGRATED in found:
        return Response(Health("unavailable", "not migrated"), status_code=UNAVAILABLE)
    if set(found) - {Obstacle.QUEUE_HELD}:
        return Response(Health("unavailable", "unreachable"), status_code=UNAVAILABLE)
    return Response(Health("ok", "ok"))


@get(
    "/health/live",
    opt={"public": True},
    operation_id="getLiveness",
    summary="Whether this process turns",
    tags=["Operation"],
    security=[{}],
    responses={
        400: NOT_HTTP,
        503: ResponseSpec(Liveness, description="A loop hangs: start the process anew."),
    },
)
async def live(state: State) -> Response[Liveness]:
    """Answers 200 while every loop turns, else 503. No other server is asked: a restart would not mend it."""
    hung: list[str] = state.heartbeats.hung()
    if hung:
        return Response(Liveness("hung", hung), status_code=UNAVAILABLE)
    return Response(Liveness("live"))


@get(
    "/health/ready",
    opt={"public": True},
    operation_id="getReadiness",
    summary="Whether this process can do its work",
    tags=["Operation"],
    security=[{}],
    responses={
        400: NOT_HTTP,
        503: ResponseSpec(Readiness, description="It can't, for the reasons named."),
    },
)
async def ready(state: State) -> Response[Readiness]:
    """Answers 200 when nothing stands in the way of what this process does, else 503 with the reasons.

    A held queue stops workers. Web processes go on: e-mails are accepted, and on *System* it is released.
    """
    found = await obstacles(state.health)
    reasons = [obstacle for obstacle in found if obstacle not in state.bearable]
    return Response(
        Readiness("not ready" if reasons else "ready", reasons, Obstacle.QUEUE_HELD in found),
        status_code=UNAVAILABLE if reasons else 200,
    )


HEALTH = [health, live, ready]
